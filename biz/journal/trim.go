package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// FirstBatch returns the number of the oldest batch that is there: 1 if nothing was trimmed,
// LastBatch+1 if there is no batch. Safe from any goroutine.
func (j *Journal) FirstBatch() uint64 { return j.blocks.before().Batch + 1 }

// Point returns the place and the checksum of a durable batch: two journals in which they are
// the same have the same batches up to that one. It also knows the last trimmed batch, or the
// zero Point of batch 0 if nothing was trimmed. Errors are those of Replay.
func (j *Journal) Point(ctx context.Context, batch uint64) (Point, error) {
	if p := j.blocks.before(); p.Batch == batch {
		return p, nil
	}
	w, err := j.walk(ctx, batch+1)
	if err != nil {
		return Point{}, err
	}
	w.close()
	return w.chain.point(), nil
}

// Trim removes the oldest block files: those whose batches are all at or before upTo. The
// newest file stays. It returns the new FirstBatch, also with an error. It first checks what it
// removes and the file after that, and removes nothing if it finds a *DamageError. While a Copy
// reads the journal it removes nothing more and returns ErrCopying. If the process dies
// meanwhile, the next Open removes the other files.
//
// An external journal is trimmed up to upTo, but not beyond the batch before the last. So is a shared
// one, by the process that leads it; the others must not need these batches any more. In others than
// that process the error is ErrFenced.
//
// Goroutine: any; a second call waits. Readers of batches that are removed end with ErrTrimmed.
func (j *Journal) Trim(ctx context.Context, upTo uint64) (first uint64, err error) {
	j.trimming.Lock()
	defer j.trimming.Unlock()
	select {
	case <-j.quit:
		return j.FirstBatch(), ErrClosed
	default:
	}
	switch {
	case j.shared != nil:
		err = j.trimShared(ctx, upTo)
	case j.external:
		err = j.trimExternal(ctx, upTo)
	default:
		err = j.trimFiles(ctx, upTo)
	}
	return j.FirstBatch(), err
}

func (j *Journal) trimFiles(ctx context.Context, upTo uint64) error {
	blocks := j.blocks.all()
	keep := 0 // index of the first one that stays
	for keep+1 < len(blocks) && blocks[keep+1].first-1 <= upTo {
		keep++
	}
	if keep == 0 {
		return nil
	}
	for i := range keep + 1 {
		if err := j.verify(ctx, blocks[i].first); err != nil {
			return err
		}
	}
	js, err := jetstream.New(j.readConn)
	if err != nil {
		return fmt.Errorf("journal: trim: %w", err)
	}
	stream, err := js.Stream(ctx, j.stream)
	if err != nil {
		return fmt.Errorf("journal: trim: %w", closedOr(err))
	}
	for i := range keep {
		start := time.Now()
		if err := j.trimFile(ctx, blocks[i], blocks[i+1], blocks[keep], stream); err != nil {
			return err
		}
		if err := j.pause(ctx, time.Since(start)); err != nil { // commits go first
			return err
		}
	}
	return syncDir(filepath.Dir(blocks[keep].path))
}

// trimFile removes the oldest file. next is the one after it, keep the first that stays.
func (j *Journal) trimFile(ctx context.Context, oldest, next, keep block, stream jetstream.Stream) error {
	unlock, err := lockMark(j.folder, syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := j.pointBefore(next)
	if err != nil {
		return err
	}
	if err := j.promise(keep); err != nil {
		return err
	}
	// The store reads a file before it removes it, and holds up commits meanwhile. This read
	// does not.
	if _, err := j.fetch(j.FirstBatch()); err != nil {
		return err
	}
	j.blocks.trim(before)
	if err := purge(ctx, stream, next.first); err != nil {
		return err
	}
	if _, err := os.Stat(oldest.path); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: trim: %s is still there", ErrRefused, oldest.path)
	}
	return nil
}

// pointBefore returns the last batch before a file, as its first entry has it. That entry may have
// been changed since it was checked.
func (j *Journal) pointBefore(b block) (Point, error) {
	now, err := readHead(b.path)
	if err != nil {
		return Point{}, fmt.Errorf("journal: trim: %w", err)
	}
	if now.first != b.first || now.start.record == 0 {
		return Point{}, &DamageError{Dir: j.dir, File: relative(j.dir, b.path), Batch: b.first, What: "the start of the file was changed"}
	}
	return now.start.point(), nil
}

// promise writes down that the journal starts with the file keep, unless that is written.
func (j *Journal) promise(keep block) error {
	before, err := j.pointBefore(keep)
	if err != nil {
		return err
	}
	if there, err := readTrimmed(j.folder); err != nil || there == before {
		return err
	}
	return writeTrimmed(j.folder, before)
}

// purge makes the store remove the batches before first.
func purge(ctx context.Context, stream jetstream.Stream, first uint64) error {
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(first)); err != nil {
		return fmt.Errorf("journal: trim: %w", closedOr(err))
	}
	return nil
}

// removeLeftover removes the files that Trim did not get to remove before the process died. The
// file after them must be the right one.
func removeLeftover(s *scan) error {
	if len(s.leftover) == 0 {
		return nil
	}
	there := slices.Concat(s.older, s.blocks)
	if there[0].start != chainFrom(s.base) {
		return damageIn(s.dir, s.base.Batch+1, errors.New("does not follow the last trimmed batch"))
	}
	if len(s.older) > 0 { // it was not read
		var err error
		if s.buf, err = checkBlock(s.dir, there[0], there[1], s.buf); err != nil {
			return err
		}
	}
	for _, b := range s.leftover {
		if err := os.Remove(b.path); err != nil {
			return fmt.Errorf("journal: trim: %w", err)
		}
	}
	return nil
}

// OlderThan returns the newest batch that Trim can remove with its whole file if everything
// before t may go, 0 if there is no such batch.
func (j *Journal) OlderThan(t time.Time) uint64 {
	if j.external {
		return j.externalOlderThan(t)
	}
	upTo := uint64(0)
	for i, b := range j.blocks.all() {
		if i > 0 && b.time < t.UnixNano() {
			upTo = b.first - 1
		}
	}
	return upTo
}

// OverSize returns the newest batch that must be trimmed so that the files have at most that
// many bytes, 0 if they have. The newest file counts but stays.
func (j *Journal) OverSize(bytes int64) uint64 {
	if j.external {
		return j.externalOverSize(bytes)
	}
	blocks, size, upTo := j.blocks.all(), j.SizeBytes(), uint64(0)
	for i := 0; i+1 < len(blocks) && size > bytes; i++ {
		size -= blocks[i].stat.Size
		upTo = blocks[i+1].first - 1
	}
	return upTo
}

// SizeBytes returns the size of all block files; 0 if an external store does not answer.
func (j *Journal) SizeBytes() int64 {
	if j.external {
		return int64(j.externalState().Bytes)
	}
	blocks := j.blocks.all()
	size := totalSize(blocks)
	if n := len(blocks); n > 0 {
		if now, err := os.Stat(blocks[n-1].path); err == nil { // the newest one grows
			size += now.Size() - blocks[n-1].stat.Size
		}
	}
	return size
}
