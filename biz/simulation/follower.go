package simulation

import (
	"context"
	"log/slog"

	"holdfast/biz/desk"
	"holdfast/biz/market"
)

// maxFollowed is how many events of the leader can wait.
const maxFollowed = 1 << 16

// feed is what a follower knows of its leader. Driver.mu guards events.
type feed struct {
	events  []desk.MarketEvent // in order; not done yet
	current *desk.MarketEvent  // of Run: the one that is being done, also after an error
}

// NewFollower returns a driver of a desk whose market is that of another desk, its leader. The
// driver has no clock and moves no prices: both come with Follow. It ends orders that expire and
// does what At has asked for, at the leader's time and in the order that these have at the leader.
func NewFollower(log *slog.Logger) *Driver {
	clock, _ := market.NewClock(market.SteppedClock, 0, 1) // these have no error; Follow moves it
	d := NewDriver(clock, Config{}, log)
	d.feed = new(feed)
	return d
}

// Follow adds events of the leader, in their order. now is the time until which they are complete
// (the leader's Reached, Unix nanoseconds); later ones wait for it. With instead, they replace those
// that wait. It reports false, and adds nothing, if too many wait: then call it with the leader's
// state instead. It keeps the events.
//
// The trading time never falls: an event that is older has the time of the driver, except for the
// close of a day.
//
// Goroutine: any, one at a time.
func (d *Driver) Follow(events []desk.MarketEvent, now int64, instead bool) bool {
	d.mu.Lock()
	if instead {
		d.feed.events = d.feed.events[:0]
	}
	if !instead && len(d.feed.events)+len(events) > maxFollowed {
		d.mu.Unlock()
		return false
	}
	d.feed.events = append(d.feed.events, events...)
	d.mu.Unlock()
	d.Advance(now)
	return true
}

// nextFollowed reports whether the leader's next event comes before what is due at a time, and when
// it is due. At the same time, the events of operators and scripts come first, those of the driver
// itself last: as at the leader.
func (d *Driver) nextFollowed(before int64) (at int64, ok bool) {
	e := d.feed.current
	if e == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.feed.events) == 0 {
			return 0, false
		}
		e = &d.feed.events[0]
	}
	switch e.Kind {
	case desk.MarketHalted, desk.MarketResumed, desk.MarketPriced:
		return e.Time, e.Time <= before
	case desk.MarketMoved, desk.MarketClosed, desk.MarketOpened:
	}
	return e.Time, e.Time < before
}

// doFollowed does the leader's next event, which is due, unless others have replaced it.
func (d *Driver) doFollowed(ctx context.Context) error {
	if d.feed.current == nil && !d.takeFollowed() {
		return nil
	}
	e := d.feed.current
	if e.Kind != desk.MarketClosed {
		e.Time = max(e.Time, d.clock.Now())
	}
	if err := d.desk.Follow(ctx, *e); err != nil {
		return err
	}
	d.feed.current = nil
	return nil
}

// takeFollowed makes the leader's next event the current one, if it is due.
func (d *Driver) takeFollowed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.feed.events) == 0 || d.feed.events[0].Time > d.now {
		return false
	}
	next := d.feed.events[0]
	d.feed.events = d.feed.events[1:]
	d.feed.current = &next
	return true
}
