package journal

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// A Committer writes records in groups and releases what waited for them. Of
// its two commits one is always open; the other is on its way to the disk, or
// spare.
type Committer[R Release] struct {
	journal *Journal
	options CommitterOptions
	failed  atomic.Pointer[error]
	stats   counters
	full    atomic.Bool   // the open commit has no room, as of the last End
	done    chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	wake    sync.Cond // the goroutine waits here for work
	idle    bool      // the goroutine waits and nobody has signalled yet
	closing bool
	open    *Commit[R]
	spare   *Commit[R] // nil while it is on its way
}

// NewCommitter starts the one committer of a journal. newRelease is called
// twice. It panics if the journal has a committer already.
func NewCommitter[R Release](j *Journal, newRelease func() R, o CommitterOptions) *Committer[R] {
	c := &Committer[R]{journal: j, options: o.withDefaults(), done: make(chan struct{})}
	c.wake.L = &c.mu
	c.open = newCommit(c, newRelease())
	c.spare = newCommit(c, newRelease())
	j.setCommitter(c)
	go c.run()
	return c
}

// Begin locks the committer and returns the open commit. It may be used until
// End, which must follow soon: everybody else waits.
func (c *Committer[R]) Begin() *Commit[R] {
	c.mu.Lock()
	return c.open
}

// End unlocks what Begin locked. If anything was put into the open commit, it
// is on its way from here on.
func (c *Committer[R]) End() {
	if full := !c.open.room(); full != c.full.Load() {
		c.full.Store(full)
	}
	wake := c.idle && c.open.filled
	if wake {
		c.idle = false
	}
	c.mu.Unlock()
	if wake {
		c.wake.Signal()
	}
}

// Room reports whether the open commit may take more. If not, the caller refuses
// what it was asked: the disk does not keep up. Those who ask at the same time may all
// be told yes, so that the limits are passed by what as many add. Safe from any
// goroutine.
func (c *Committer[R]) Room() bool { return !c.full.Load() }

// Failed is the reason why nothing is made durable any more, or nil: a write
// whose outcome is not known, or ErrClosed after Close. Between Begin and End,
// nil means that what is recorded there will be tried.
func (c *Committer[R]) Failed() error {
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Stats reads the counters. Each is exact, but they are not read at one
// instant. Safe from any goroutine.
func (c *Committer[R]) Stats() Stats { return c.stats.read() }

// Close commits what is waiting and stops the goroutine; afterwards Failed is
// ErrClosed. If ctx ends first, a write that is under way is given up and what is
// still waiting is abandoned. It returns the reason if anything was abandoned.
func (c *Committer[R]) Close(ctx context.Context) error {
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

// run brings one commit after the other to its end.
func (c *Committer[R]) run() {
	defer close(c.done)
	var done *Commit[R]
	for {
		next := c.swap(done)
		if next == nil {
			return
		}
		c.settle(next)
		next.reset()
		done = next
	}
}

// swap gives back the commit that is done, waits for work and takes the open
// commit. It returns nil when the committer is closing and nothing is left.
func (c *Committer[R]) swap(done *Commit[R]) *Commit[R] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if done != nil {
		c.spare = done
	}
	for !c.open.filled {
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

// settle ends one commit: durable and released, or abandoned.
func (c *Committer[R]) settle(g *Commit[R]) {
	if c.Failed() != nil {
		g.release.Abandon()
		return
	}
	if releasesEarly {
		g.release.Release()
	}
	if g.draft.records > 0 {
		if err := c.write(&g.draft); err != nil {
			c.fail(err)
			g.release.Abandon()
			c.options.OnFailure(err)
			return
		}
	}
	g.release.Release()
}

// fail sets the reason, if there is none yet.
func (c *Committer[R]) fail(err error) { c.failed.CompareAndSwap(nil, &err) }

func (c *Committer[R]) write(d *draft) error {
	start := c.options.Now()
	if err := c.journal.commit(d); err != nil {
		return err
	}
	took := c.options.Now().Sub(start)
	c.stats.add(d, took)
	c.options.OnCommit(d.records, took)
	return nil
}

// setCommitter makes Close of the journal close c as well.
func (j *Journal) setCommitter(c interface{ Close(context.Context) error }) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.committer != nil {
		panic("journal: second committer")
	}
	j.committer = c
}
