package journal

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// VerifyOlder reads the files that Open did not read, oldest first. It checks every byte, that
// each batch continues the one before it, and that the newest of them leads up to the checked
// ones. Options.VerifyRate limits its speed. progress, which may be nil, is called after each file
// with the bytes read so far and in all.
//
// Errors: a *DamageError that names file and position, ErrClosed, those of the disk and of ctx.
// Files that Trim removes meanwhile are skipped. A second call reads only what the first did
// not. Goroutine: any.
func (j *Journal) VerifyOlder(ctx context.Context, progress func(done, total int64)) error {
	var todo []block
	for _, b := range j.blocks.all() {
		if !b.checked {
			todo = append(todo, b)
		}
	}
	done, total := int64(0), totalSize(todo)
	for i := range todo {
		if err := j.verify(ctx, todo[i].first); err != nil {
			return err
		}
		done += todo[i].stat.Size
		if progress != nil {
			progress(done, total)
		}
	}
	return nil
}

// verify checks the file that starts with a batch, unless that was done or the file is trimmed.
// After a check it waits as long as Options.VerifyRate demands.
func (j *Journal) verify(ctx context.Context, first uint64) error {
	b, _ := j.blocks.has(first)
	if b.checked {
		return nil
	}
	start := time.Now()
	if err := j.verifyNow(ctx, first); err != nil {
		return err
	}
	return j.pause(ctx, time.Duration(float64(b.stat.Size)/float64(j.verifyRate)*float64(time.Second))-time.Since(start))
}

func (j *Journal) pause(ctx context.Context, d time.Duration) error {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-j.quit:
		return ErrClosed
	}
}

// open returns why work on the journal must end, nil if it can go on.
func (j *Journal) open(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-j.quit:
		return ErrClosed
	default:
		return nil
	}
}

// verifyNow is verify without a pause.
func (j *Journal) verifyNow(ctx context.Context, first uint64) error {
	if err := j.open(ctx); err != nil {
		return err
	}
	b, after := j.blocks.has(first)
	if b.checked || after == nil || b.first != first {
		return nil
	}
	base := j.blocks.before()
	_, err := checkBlock(j.dir, b, *after, nil)
	if err == nil && first == base.Batch+1 && b.start != chainFrom(base) {
		err = damageIn(j.dir, first, errors.New("does not follow the last trimmed batch"))
	}
	switch {
	case err == nil:
		j.blocks.check(first)
	case first < j.FirstBatch() && errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	return err
}
