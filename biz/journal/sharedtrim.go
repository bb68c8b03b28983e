package journal

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The process that leads a shared journal trims it, up to where no other process needs it: that is
// for the caller of Trim to know. Where the journal starts is in the metadata of the stream, which
// have no expected value: a process that has just lost the lead may write an older one after a newer one.
// So a process never goes back, and the one that leads writes the newer one again.

// trimWindow is how many batches are checked at a time before they are removed.
const trimWindow = 4 * windowBatches

// Refresh reads where a shared journal starts, which another process may have trimmed. FirstBatch has it
// then. It does nothing to others. Errors are ErrClosed, and those of the store. Goroutine: any.
func (j *Journal) Refresh(ctx context.Context) error {
	if j.shared == nil {
		return nil
	}
	stream, err := j.readStream(ctx)
	if err != nil {
		return err
	}
	there, err := j.baseIn(stream.CachedInfo().Config)
	if err != nil {
		return err
	}
	switch ours := j.blocks.before(); {
	case there.Batch > ours.Batch:
		j.blocks.trim(there)
	case there.Batch < ours.Batch && j.mayTrim() == nil:
		_, err = j.writeBase(ctx, stream, ours)
	}
	return err
}

// readStream asks the leader of the stream for its settings.
func (j *Journal) readStream(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, monitorTimeout)
	defer cancel()
	js, err := jetstream.New(j.readConn)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	stream, err := js.Stream(ctx, j.stream)
	if err != nil {
		return nil, fmt.Errorf("journal: stream %s: %w", j.stream, closedOr(err))
	}
	return stream, nil
}

// mayTrim returns why this process must not trim, or nil.
func (j *Journal) mayTrim() error {
	if err := j.mayWrite(); err != nil {
		return err
	}
	if !j.shared.Leads() {
		return fmt.Errorf("%w: %w", ErrFenced, errNotLeading)
	}
	return nil
}

// trimShared removes the batches up to upTo, but not the last one.
func (j *Journal) trimShared(ctx context.Context, upTo uint64) error {
	err := j.mayTrim()
	if err == nil {
		err = j.Refresh(ctx)
	}
	if err != nil {
		return err
	}
	last := j.LastBatch()
	if last == 0 || min(upTo, last-1) < j.FirstBatch() {
		return nil
	}
	base, err := j.checkTrimmed(ctx, min(upTo, last-1))
	if err != nil || base.Batch < j.FirstBatch() {
		return err
	}
	stream, err := j.readStream(ctx)
	if err == nil {
		err = j.mayTrim()
	}
	if err != nil {
		return err
	}
	if stream, err = j.writeBase(ctx, stream, base); err != nil {
		return err
	}
	j.blocks.trim(base)
	return purge(ctx, stream, base.Batch+1)
}

// checkTrimmed reads the batches up to upTo and the one after it, and returns the last one that may be
// removed: the one after it is not void, since nobody could tell that any more.
func (j *Journal) checkTrimmed(ctx context.Context, upTo uint64) (base Point, err error) {
	w, err := j.walk(ctx, j.FirstBatch())
	if err != nil {
		return base, err
	}
	defer w.close()
	base = j.blocks.before()
	before := base // the last one that is not void
	for w.next() <= upTo+1 {
		start := time.Now()
		err := w.to(ctx, min(w.next()+trimWindow-1, upTo+1), func(b *Batch) error {
			base = Point{Batch: b.Number - 1, Record: before.Record, Checksum: before.Checksum}
			before = Point{Batch: b.Number, Record: b.First + uint64(b.Count) - 1, Checksum: b.Checksum}
			return nil
		})
		if err == nil {
			err = j.pause(ctx, time.Since(start)) // commits go first
		}
		if err != nil {
			return base, err
		}
	}
	return base, nil
}

// writeBase writes into the metadata of the stream that the journal starts after p.
func (j *Journal) writeBase(ctx context.Context, stream jetstream.Stream, p Point) (jetstream.Stream, error) {
	js, err := jetstream.New(j.readConn)
	if err != nil {
		return nil, fmt.Errorf("journal: trim: %w", err)
	}
	config := stream.CachedInfo().Config
	config.Metadata = maps.Clone(config.Metadata)
	if config.Metadata == nil {
		config.Metadata = make(map[string]string)
	}
	config.Metadata[trimmedKey] = hex.EncodeToString(appendTrimmed(nil, p))
	if stream, err = js.UpdateStream(ctx, config); err != nil {
		return nil, fmt.Errorf("journal: trim: %w", closedOr(err))
	}
	return stream, nil
}

// refreshed is trimmedOr after a look where a shared journal starts now.
func (j *Journal) refreshed(batch uint64, err error) error {
	var damage *DamageError
	if j.shared != nil && errors.As(err, &damage) {
		_ = j.Refresh(context.Background()) // err is returned then
	}
	return j.trimmedOr(batch, err)
}
