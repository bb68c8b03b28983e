package simulation

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// Driver makes the trading time pass. In one goroutine, and in the order of their times, it
// moves prices, places simulated orders, ends orders that expire, closes trading days, opens
// sessions and executes what others have asked for with At. Each of these has its due time as its time,
// so the same seed leads to the same events at any speed of the clock. It skips nothing: if
// the desk is too slow for the clock, the clock is late.
type Driver struct {
	config Config
	clock  *market.Clock // nil: the computer's
	log    *slog.Logger

	mu     sync.Mutex
	agenda agenda
	wake   chan struct{} // has a value if the agenda has changed
	steps  chan step
	ended  chan struct{} // closed at the end of Run
	feed   *feed         // of a follower, else nil

	// Of Run.
	desk    *desk.Desk
	trader  *trader
	days    []day
	now     int64        // time of what is being done
	done    atomic.Int64 // everything until then was done
	started time.Time
}

// ErrEnded means that Run has ended.
var ErrEnded = errors.New("simulation: the driver has ended")

// step is a wait until the clock has reached a time.
type step struct {
	until int64
	done  chan struct{}
}

// day is the trading day of a market: when it closes, and when the next session opens.
type day struct {
	rules       *market.Rules
	close, open int64
}

// NewDriver returns a driver; Run starts it. clock is nil for the computer's clock.
func NewDriver(clock *market.Clock, c Config, log *slog.Logger) *Driver {
	return &Driver{
		config: c, clock: clock, log: log,
		wake: make(chan struct{}, 1), steps: make(chan step), ended: make(chan struct{}),
	}
}

// Now returns the trading time. Goroutine: any.
func (d *Driver) Now() time.Time {
	if d.clock == nil {
		return time.Now()
	}
	return time.Unix(0, d.clock.Now())
}

// Reached returns the time (Unix nanoseconds) until which everything that was due was done.
// Goroutine: any.
func (d *Driver) Reached() int64 { return max(d.done.Load(), d.Now().UnixNano()-1) }

// Advance makes the trading time at least t, at most market.Latest, once what is due until then was
// done. It does nothing with the computer's clock. Goroutine: any.
func (d *Driver) Advance(t int64) {
	if d.clock == nil {
		return
	}
	d.clock.Advance(t)
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// At calls do at a time (Unix nanoseconds), or at once if that is past, in the goroutine of
// Run. Calls have the order of their times, and at the same time that of At. What is left
// when Run ends is not called. Goroutine: any.
func (d *Driver) At(at int64, do func()) {
	d.mu.Lock()
	d.agenda.add(at, do)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Step moves a stepped clock on. It returns when everything that is due until then was done.
// Errors are ledger.ErrNotStepped if the clock is not stepped or another driver's, the end of ctx, and ErrEnded.
// Goroutine: any but that of Run.
func (d *Driver) Step(ctx context.Context, by time.Duration) error {
	if d.clock == nil || d.feed != nil {
		return ledger.ErrNotStepped
	}
	until, err := d.clock.Step(by.Nanoseconds())
	if err != nil {
		return err
	}
	s := step{until, make(chan struct{})}
	select {
	case d.steps <- s:
	case <-ctx.Done():
		return ctx.Err()
	case <-d.ended:
		return ErrEnded
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-d.ended:
		return ErrEnded
	}
}

// Run drives the desk, which has started, until ctx ends. It must be called once.
func (d *Driver) Run(ctx context.Context, to *desk.Desk) {
	defer close(d.ended)
	d.desk, d.started = to, time.Now()
	if d.feed != nil {
		d.clock.Reach(to.NewestEvent())
	}
	d.now = d.Now().UnixNano()
	d.trader = newTrader(to, d.config, d.now)
	var waiting []step
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait := d.doDue(ctx)
		waiting = d.release(waiting)
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-d.wake:
		case s := <-d.steps:
			waiting = append(waiting, s)
		}
	}
}

// release ends the steps until whose time everything was done.
func (d *Driver) release(waiting []step) (left []step) {
	for _, s := range waiting {
		if d.done.Load() >= s.until {
			close(s.done)
		} else {
			left = append(left, s)
		}
	}
	return left
}

const (
	// longestWait is how long the driver sleeps at most: orders that expire soon may come.
	longestWait = 10 * time.Millisecond
	// longestDelay is how late a simulated order can be by the computer's clock: after a pause
	// of the process, those of the pause are left out.
	longestDelay = time.Second
	// oneRound is how long it works before it looks for other things to do.
	oneRound = 50 * time.Millisecond
)

// doDue does what is due, and returns how long to wait for more.
func (d *Driver) doDue(ctx context.Context) time.Duration {
	d.addDays()
	target, end := d.target(), time.Now().Add(oneRound)
	for ctx.Err() == nil {
		at, do := d.next()
		if at > target {
			d.reach(target)
			d.done.Store(target)
			return longestWait
		}
		d.now = max(d.now, at)
		d.reach(d.now)
		if err := do(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("the simulation waits", "error", err)
			return time.Second
		}
		if time.Now().After(end) {
			return 0
		}
	}
	return 0
}

// addDays adds the trading days of markets that are new. The first one may be over: it closed
// while the server was not running. The first session opens now, for the orders of before.
func (d *Driver) addDays() {
	if d.feed != nil {
		return // they come with the events of the leader
	}
	rules := d.desk.Market().Rules()
	if len(rules) > len(d.days) { // the last thing that was due may be long ago
		d.now = max(d.now, d.done.Load())
	}
	for _, r := range rules[len(d.days):] {
		end := r.Phase(d.now).Close
		if last := r.LastClose(d.now); d.desk.ClosedAt(r) < last {
			end = last
		}
		d.days = append(d.days, day{r, end, d.now})
	}
}

// target returns the time until which things are due.
func (d *Driver) target() int64 {
	if d.clock == nil {
		now := time.Now().UnixNano()
		d.trader.skip(now - longestDelay.Nanoseconds())
		return now
	}
	return d.clock.Target(time.Since(d.started).Nanoseconds())
}

func (d *Driver) reach(t int64) {
	if d.clock != nil {
		d.clock.Reach(t)
	}
}

// next returns what is due next, and when: math.MaxInt64 if nothing ever is. At the same time,
// what was asked for comes first, then what expires, then closings and openings, then the random
// walk.
func (d *Driver) next() (at int64, do func(context.Context) error) {
	at = math.MaxInt64
	d.mu.Lock()
	if t, ok := d.agenda.next(); ok {
		at, do = t, d.doTask
	}
	d.mu.Unlock()
	if t, ok := d.desk.NextExpiry(); ok && t < at {
		at, do = t, func(ctx context.Context) error { return d.desk.ExpireDue(ctx, t) }
	}
	for n := range d.days {
		if day := &d.days[n]; day.close < at {
			at, do = day.close, func(ctx context.Context) error { return d.closeDay(ctx, day) }
		}
	}
	for n := range d.days {
		if day := &d.days[n]; day.open < at {
			at, do = day.open, func(ctx context.Context) error { return d.openSession(ctx, day) }
		}
	}
	if t := d.trader.next(); t < at {
		at, do = t, d.trader.do
	}
	if d.feed != nil {
		if t, ok := d.nextFollowed(at); ok {
			return t, d.doFollowed
		}
	}
	return at, do
}

func (d *Driver) doTask(context.Context) error {
	d.mu.Lock()
	do := d.agenda.take()
	d.mu.Unlock()
	do()
	return nil
}

// closeDay ends a trading day.
func (d *Driver) closeDay(ctx context.Context, of *day) error {
	if err := d.desk.CloseDay(ctx, of.rules, of.close); err != nil {
		return err
	}
	of.close = of.rules.Phase(of.close).Close
	return nil
}

// openSession starts a session.
func (d *Driver) openSession(ctx context.Context, of *day) error {
	if err := d.desk.OpenSession(ctx, of.rules, of.open); err != nil {
		return err
	}
	of.open = of.rules.Phase(of.open).NextOpen
	return nil
}
