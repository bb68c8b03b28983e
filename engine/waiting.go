package engine

// PushesWaiting returns how many droppable pushes were added to outboxes and are
// neither written nor discarded. Who pushes to many sessions waits from time to
// time until there are none: a carrier writes all that is posted before it reads
// from its sockets again. Goroutine: any.
func (c *Core) PushesWaiting() int { return int(c.pushesWaiting.Load()) }

// PushesDone gets a word when no droppable pushes wait any more. The word may be an
// old one: look at PushesWaiting. Goroutine: one waits.
func (c *Core) PushesDone() <-chan struct{} { return c.pushesDone }

// pushesWritten says that n droppable pushes are written or discarded.
func (c *Core) pushesWritten(n int) {
	if c.pushesWaiting.Add(int64(-n)) > 0 {
		return
	}
	select {
	case c.pushesDone <- struct{}{}:
	default: // a word is there already
	}
}
