package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName = "JOURNAL"
	subject    = "journal.batch"
)

// StreamConfig returns the settings of a journal's stream, for whoever creates that of a shared
// journal: nothing is deleted except by Trim, and a full stream refuses new batches. PersistMode has its default, since the other mode would turn
// the fsync off.
func StreamConfig(name, subject string, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        name,
		Subjects:    []string{subject},
		Storage:     jetstream.FileStorage,
		Replicas:    replicas,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		MaxMsgs:     -1,
		MaxBytes:    -1,
		DenyDelete:  true,
		AllowDirect: true,
	}
}

// openStream opens the stream, or creates it if it does not exist. A new stream of the
// embedded store has the batches of the block files that are there.
func openStream(ctx context.Context, nc *nats.Conn, want jetstream.StreamConfig) (*jetstream.StreamInfo, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	st, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		st, err = js.CreateStream(ctx, want)
	}
	if err != nil {
		return nil, fmt.Errorf("journal: stream: %w", err)
	}
	return st.CachedInfo(), nil
}
