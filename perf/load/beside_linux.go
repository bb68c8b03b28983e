package load

import (
	"context"
	"fmt"
)

// beside is work that is done while the load goes on. Owner: the event loop.
type beside struct {
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // valid when ended is closed
}

// startDuring starts the hook that runs beside the window; nil if there is none.
func (l *loop) startDuring(ctx context.Context) *beside {
	during := l.options.hooks.during
	if during == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &beside{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(b.ended)
		b.err = during(ctx)
	}()
	return b
}

// await keeps the load up until b has ended; a run that is over ends it.
func (l *loop) await(b *beside) {
	if b == nil {
		return
	}
	for running := true; running && !l.over(); {
		select {
		case <-b.ended:
			running = false
		default:
			l.until(l.clock() + longestWait)
		}
	}
	b.cancel()
	<-b.ended
	if b.err != nil && !l.over() {
		l.err = fmt.Errorf("load: beside the run: %w", b.err)
	}
}
