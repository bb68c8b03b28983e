package market

import (
	"fmt"
	"math"
	"math/bits"
	"sync/atomic"

	"holdfast/biz/ledger"
	"holdfast/biz/textfile"
)

// ClockMode says what makes the time of a simulation pass.
type ClockMode uint8

// The modes.
const (
	WallClock    ClockMode = iota // real time
	VirtualClock                  // real time, from a start and faster
	SteppedClock                  // calls of Step
)

const (
	// MaxSpeed is the highest speed of a virtual clock.
	MaxSpeed = 1000
	// Latest is when every clock stops: on 2240-01-01, in Unix nanoseconds.
	Latest = 8_520_336_000 * nanosPerSecond
)

var clockModes = [...]string{WallClock: "wall", VirtualClock: "virtual", SteppedClock: "stepped"}

// String returns the mode as ParseClockMode reads it.
func (m ClockMode) String() string {
	if int(m) < len(clockModes) {
		return clockModes[m]
	}
	return fmt.Sprintf("ClockMode(%d)", uint8(m))
}

// ParseClockMode parses "wall", "virtual" or "stepped". Other texts are ErrBadClock, with the
// nearest mode.
func ParseClockMode(s string) (ClockMode, error) {
	for m, name := range clockModes {
		if s == name {
			return ClockMode(m), nil
		}
	}
	return 0, fmt.Errorf("%w: want wall, virtual or stepped, got %q%s", ErrBadClock, s, textfile.Suggestion(s, clockModes[:]))
}

// Clock computes the time of a simulation. It reads no clock itself: its driver passes how much
// real time has elapsed since the start, executes everything that is due up to Target in
// order, and calls Reach with the time of each and at last with Target. So Now is never ahead
// of what has happened.
//
// Goroutine: any for Now, Step and Advance; one at a time for the rest.
type Clock struct {
	mode   ClockMode
	start  int64
	speed  int64
	now    atomic.Int64
	target atomic.Int64 // of a stepped clock
	ahead  atomic.Int64 // the latest time of Advance
}

// NewClock returns a clock that is at start. speed is how many nanoseconds pass in one of real
// time, 1 to MaxSpeed; it must be 1 unless the mode is VirtualClock. Errors are ErrBadClock.
func NewClock(mode ClockMode, start, speed int64) (*Clock, error) {
	switch {
	case int(mode) >= len(clockModes):
		return nil, fmt.Errorf("%w: mode %d does not exist", ErrBadClock, mode)
	case speed < 1 || speed > MaxSpeed:
		return nil, fmt.Errorf("%w: speed %d: want 1 to %d", ErrBadClock, speed, MaxSpeed)
	case speed != 1 && mode != VirtualClock:
		return nil, fmt.Errorf("%w: speed %d: only a virtual clock has a speed", ErrBadClock, speed)
	}
	c := &Clock{mode: mode, speed: speed}
	c.StartAt(start)
	return c, nil
}

// Mode returns the mode.
func (c *Clock) Mode() ClockMode { return c.mode }

// Speed returns the speed.
func (c *Clock) Speed() int64 { return c.speed }

// Now returns the time that the driver has reached. It never falls.
func (c *Clock) Now() int64 { return c.now.Load() }

// Target returns the time that the driver has to reach when this much real time, in
// nanoseconds, has elapsed since the start. It is at least Now, and otherwise at most Latest.
func (c *Clock) Target(elapsed int64) int64 {
	if c.mode == SteppedClock {
		return max(c.target.Load(), c.Now())
	}
	if ahead := c.ahead.Load() - after(c.start, c.passed(elapsed)); ahead > 0 {
		c.start += ahead
	}
	return max(after(c.start, c.passed(elapsed)), c.Now())
}

// passed returns how much time passes in a real time, at most the largest int64.
func (c *Clock) passed(elapsed int64) int64 {
	high, low := bits.Mul64(uint64(max(elapsed, 0)), uint64(c.speed))
	if high != 0 || low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(low)
}

// StartAt moves the start. It must be called before the clock is driven.
func (c *Clock) StartAt(t int64) {
	c.start = t
	c.ahead.Store(t)
	c.now.Store(t)
	c.target.Store(t)
}

// Advance makes the Target at least t, at most Latest. Time passes on from there.
func (c *Clock) Advance(t int64) {
	raise(&c.ahead, min(t, Latest))
	raise(&c.target, min(t, Latest))
}

// Reach makes t the time, unless the clock is past it.
func (c *Clock) Reach(t int64) { raise(&c.now, t) }

// Step moves the Target of a stepped clock, in nanoseconds, and returns it. A negative step
// moves nothing. The error is ledger.ErrNotStepped for every other clock.
func (c *Clock) Step(by int64) (int64, error) {
	if c.mode != SteppedClock {
		return 0, ledger.ErrNotStepped
	}
	for {
		now := c.target.Load()
		next := after(now, max(by, 0))
		if c.target.CompareAndSwap(now, next) {
			return next, nil
		}
	}
}

// raise stores t if it is higher.
func raise(to *atomic.Int64, t int64) {
	for now := to.Load(); t > now; now = to.Load() {
		if to.CompareAndSwap(now, t) {
			return
		}
	}
}

// after returns t+by, at most Latest, for by >= 0.
func after(t, by int64) int64 {
	if t > Latest-by {
		return max(t, Latest)
	}
	return t + by
}
