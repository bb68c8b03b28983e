package journal

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A Committer writes records in groups and releases what waits for them. It has two
// commits: one is always open, the other is being written or spare.
type Committer[H Held] struct {
	journal *Journal
	options CommitterOptions
	failed  atomic.Pointer[error]
	full    atomic.Bool   // the open commit is at its limits, as of the last End
	look    atomic.Bool   // the files of the journal are to be checked
	done    chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	wake    sync.Cond // the goroutine waits here for work
	idle    bool      // the goroutine waits and has not been signalled yet
	closing bool
	open    *Commit[H]
	spare   *Commit[H] // nil while it is being written

	statsMu sync.Mutex
	stats   Stats
}

// NewCommitter starts the only committer of a journal. It calls newHeld twice, and panics
// if the journal already has a committer.
func NewCommitter[H Held](j *Journal, newHeld func() H, o CommitterOptions) *Committer[H] {
	c := &Committer[H]{journal: j, options: o.withDefaults(), done: make(chan struct{})}
	c.wake.L = &c.mu
	c.open = newCommit(newHeld())
	c.spare = newCommit(newHeld())
	j.setCommitter(c)
	go c.run()
	go c.remind()
	return c
}

// Begin locks the committer and returns the open commit, valid until End. End must
// follow soon: all other callers wait.
func (c *Committer[H]) Begin() *Commit[H] {
	c.mu.Lock()
	return c.open
}

// End unlocks the committer. It wakes the goroutine if the open commit is not empty.
func (c *Committer[H]) End() {
	if full := !c.open.within(&c.options); full != c.full.Load() {
		c.full.Store(full)
	}
	wake := c.idle && c.open.used
	if wake {
		c.idle = false
	}
	c.mu.Unlock()
	if wake {
		c.wake.Signal()
	}
}

// Accepts reports whether the open commit is below its limits. If not, the disk does not
// keep up and the caller should refuse new work. Several callers may be accepted at the
// same time and then exceed the limits together. Safe from any goroutine.
func (c *Committer[H]) Accepts() bool { return !c.full.Load() }

// Failed returns why the committer writes nothing any more: a write whose outcome is
// unknown, or ErrClosed after Close. Between Begin and End, nil means that the committer
// will try to write what is recorded there.
func (c *Committer[H]) Failed() error {
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Stats returns the counters. Safe from any goroutine.
func (c *Committer[H]) Stats() Stats {
	c.statsMu.Lock()
	defer c.statsMu.Unlock()
	return c.stats
}

// Close commits what is waiting and stops the goroutine; then Failed returns ErrClosed.
// If ctx ends first, Close stops waiting for the current write and abandons the rest.
// It returns the reason if anything was abandoned.
func (c *Committer[H]) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closing, c.idle = true, false
	c.mu.Unlock()
	c.wake.Signal()
	var late error
	select {
	case <-c.done:
	case <-ctx.Done():
		c.journal.giveUp()
		<-c.done
		late = ctx.Err()
	}
	if err := c.Failed(); !errors.Is(err, ErrClosed) {
		return errors.Join(late, err)
	}
	return nil
}

// lookInterval is the time between two checks of all files, also while nothing is committed.
const lookInterval = 500 * time.Millisecond

// remind makes the committer's goroutine check the files at intervals.
func (c *Committer[H]) remind() {
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticker.C:
		}
		c.check()
	}
}

// check makes the committer's goroutine look whether it can still write.
func (c *Committer[H]) check() {
	c.look.Store(true)
	c.mu.Lock()
	wake := c.idle
	c.idle = false
	c.mu.Unlock()
	if wake {
		c.wake.Signal()
	}
}

// run finishes one commit after another. Goroutine: the committer's.
func (c *Committer[H]) run() {
	defer close(c.done)
	var done *Commit[H]
	for {
		next := c.swap(done)
		if next == nil {
			return
		}
		c.finish(next)
		next.reset()
		done = next
	}
}

// swap makes done the spare commit, waits for work and returns the open commit, which is
// empty if only the files are to be checked. It returns nil if the committer is closing and
// nothing is left.
func (c *Committer[H]) swap(done *Commit[H]) *Commit[H] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if done != nil {
		c.spare = done
	}
	for !c.open.used && (c.closing || !c.look.Load()) {
		if c.closing {
			c.fail(ErrClosed)
			return nil
		}
		c.idle = true
		c.wake.Wait()
	}
	c.idle = false
	next := c.open
	c.open, c.spare = c.spare, nil
	c.full.Store(false)
	return next
}

// finish writes and releases a commit, or abandons it.
func (c *Committer[H]) finish(g *Commit[H]) {
	if c.look.Swap(false) && c.Failed() == nil {
		err := c.journal.mayWrite()
		if err == nil {
			err = c.journal.watch.all()
		}
		if err != nil {
			c.fail(err)
			c.options.OnFailure(err)
		}
	}
	if c.Failed() != nil {
		g.held.Abandon()
		return
	}
	if releasesEarly {
		g.held.Release()
	}
	if g.draft.records > 0 {
		if err := c.write(&g.draft); err != nil {
			c.fail(err)
			g.held.Abandon()
			c.options.OnFailure(err)
			return
		}
	}
	g.held.Release()
}

// fail records the first error.
func (c *Committer[H]) fail(err error) { c.failed.CompareAndSwap(nil, &err) }

func (c *Committer[H]) write(d *draft) error {
	start := time.Now()
	if err := c.journal.store(d); err != nil {
		return err
	}
	c.statsMu.Lock()
	defer c.statsMu.Unlock()
	c.stats.add(d, time.Since(start))
	return nil
}

// setCommitter makes Close of the journal close c as well.
func (j *Journal) setCommitter(c writer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.committer != nil {
		panic("journal: second committer")
	}
	j.committer = c
}
