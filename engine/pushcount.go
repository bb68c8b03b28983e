package engine

// PushesWaiting returns how many droppable pushes are in outboxes or posted, and not yet
// written or discarded. A carrier writes everything that is posted before it reads from
// its sockets again; so whoever pushes to many sessions should wait now and then until
// the count is 0. Goroutine: any.
func (c *Core) PushesWaiting() int { return int(c.pushesWaiting.Load()) }

// PushesDone receives a value when no droppable pushes wait any more. The value may be
// stale: check PushesWaiting. Goroutine: one receiver.
func (c *Core) PushesDone() <-chan struct{} { return c.pushesDone }

// pushesWritten counts n droppable pushes as written or discarded.
func (c *Core) pushesWritten(n int) {
	if c.pushesWaiting.Add(int64(-n)) > 0 {
		return
	}
	select {
	case c.pushesDone <- struct{}{}:
	default: // there is a value already
	}
}
