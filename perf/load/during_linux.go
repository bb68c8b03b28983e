package load

import (
	"context"
	"fmt"
)

// startDuring starts Options.During, if set. await continues the load until During
// returns; if the run ends first, During's context ends.
func (l *loop) startDuring() (await func()) {
	if l.options.During == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(l.ctx)
	var err error // valid after ended is closed
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = l.options.During(ctx)
	}()
	return func() {
		for running := true; running && !l.over(); {
			select {
			case <-ended:
				running = false
			default:
				l.until(l.clock() + longestWait)
			}
		}
		cancel()
		<-ended
		if err != nil && !l.over() {
			l.err = fmt.Errorf("load: during the run: %w", err)
		}
	}
}
