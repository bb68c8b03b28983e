package gateway

import (
	"context"
	"time"
)

// Clock is the trading clock. Goroutine: any.
type Clock interface {
	// Now returns the trading time.
	Now() time.Time
	// At calls do at a trading time (Unix nanoseconds), always in the same goroutine and in
	// the order of the times; at the same time, in the order of the calls of At.
	At(at int64, do func())
	// Step moves a stepped clock on and does everything that is due until then. It returns
	// when that is done, or with the end of ctx. The error is ledger.ErrNotStepped if the clock
	// runs by itself.
	Step(ctx context.Context, by time.Duration) error
}

// now returns the trading time in Unix nanoseconds.
func (g *Gateway) now() int64 { return g.config.Clock.Now().UnixNano() }

// wall returns the computer's time in Unix nanoseconds. The messages of a FIX session have it: its peer
// compares it with its own clock.
func (g *Gateway) wall() int64 { return g.config.Now().UnixNano() }

// after calls do after a time of the trading clock, in the goroutine of Clock.At.
func (g *Gateway) after(d time.Duration, do func()) {
	g.config.Clock.At(g.now()+d.Nanoseconds(), do)
}
