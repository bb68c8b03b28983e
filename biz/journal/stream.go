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

// streamConfig is the stream: kept for ever, never thinned out, refused rather
// than overwritten when full. PersistMode stays at its default: the other one
// would switch the fsync off.
func streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        streamName,
		Subjects:    []string{subject},
		Storage:     jetstream.FileStorage,
		Replicas:    1,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		MaxMsgs:     -1,
		MaxBytes:    -1,
		DenyDelete:  true,
		AllowDirect: true,
	}
}

// openStream opens the stream, or makes it if the folder has no batches yet.
// last is the last batch found in the files.
func openStream(ctx context.Context, nc *nats.Conn, dir string, last uint64) error {
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	st, err := js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if last > 0 {
			return &DamageError{Dir: dir, What: fmt.Sprintf("the store does not know its %d batches", last)}
		}
		st, err = js.CreateStream(ctx, streamConfig())
	}
	if err != nil {
		return fmt.Errorf("journal: stream: %w", err)
	}
	return checkState(dir, st.CachedInfo().State, last)
}

// checkState compares what the store says about itself with what is in the
// files. It reads no batch.
func checkState(dir string, s jetstream.StreamState, last uint64) error {
	if s.LastSeq != last || s.Msgs != last {
		return &DamageError{Dir: dir, What: fmt.Sprintf("the store serves %d batches and ends with %d, the files end with %d",
			s.Msgs, s.LastSeq, last)}
	}
	return nil
}
