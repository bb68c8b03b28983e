package simulation

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// TestFollowInOrder: at the same time, halts and jumps come before what was asked for, moves after it. What
// is later than the leader's time waits; what is older than the own time is done now.
func TestFollowInOrder(t *testing.T) {
	p := open(t, seedText)
	d := NewFollower(slog.New(slog.DiscardHandler))
	m := p.desk.Market()
	second := func(n int) int64 { return start + int64(n)*int64(time.Second) }
	event := func(kind desk.MarketEventKind, n int, id ledger.InstrumentID, price ledger.Price) desk.MarketEvent {
		return desk.MarketEvent{Kind: kind, Time: second(n), Prices: []desk.InstrumentPrice{{Instrument: id, Price: price}}}
	}
	var got []string
	for n := range 5 {
		d.At(second(n), func() {
			got = append(got, fmt.Sprint(n, " ", m.Last(0), " ", m.Last(1), " ", m.Halted(2), " ", d.Now().UnixNano() == second(n)))
		})
	}
	d.Follow([]desk.MarketEvent{
		event(desk.MarketPriced, 1, 0, 11_0000), event(desk.MarketHalted, 1, 2, 0), event(desk.MarketMoved, 1, 1, 75_0000),
		event(desk.MarketPriced, 0, 0, 12_0000), event(desk.MarketResumed, 4, 2, 0), event(desk.MarketMoved, 9, 0, 9_0000),
	}, second(3), false)
	run(t, d, p.desk)
	eventually := func(now int64) {
		t.Helper()
		for wait := time.Now().Add(30 * time.Second); d.Reached() < now; time.Sleep(time.Millisecond) {
			if time.Now().After(wait) {
				t.Fatalf("it is only %s", d.Now())
			}
		}
	}
	eventually(second(3))
	want := []string{"0 10.0000 74.0000 false true", "1 11.0000 74.0000 true true", "2 12.0000 75.0000 true true", "3 12.0000 75.0000 true true"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	d.Follow(nil, second(4), false)
	eventually(second(4))
	if n := len(got); n != 5 || got[4] != "4 12.0000 75.0000 false true" || m.Last(0) != 12_0000 {
		t.Errorf("then %q, and the price is %s", got[4:], m.Last(0))
	}
	d.Follow([]desk.MarketEvent{event(desk.MarketMoved, 5, 1, 76_0000)}, second(3), true) // instead of what waits
	d.Follow(nil, second(10), false)
	eventually(second(10))
	if m.Last(0) != 12_0000 || m.Last(1) != 76_0000 {
		t.Errorf("in the end the prices are %s and %s", m.Last(0), m.Last(1))
	}
}

// TestFollowsAtMost: events that exceed the limit are refused, until the state of the leader replaces it.
func TestFollowsAtMost(t *testing.T) {
	p := open(t, seedText)
	d := NewFollower(slog.New(slog.DiscardHandler))
	move := []desk.MarketEvent{{Kind: desk.MarketMoved, Time: start, Prices: []desk.InstrumentPrice{{Price: 11_0000}}}}
	if !d.Follow(slices.Repeat(move, maxFollowed), start, false) || d.Follow(move, start, false) {
		t.Error("the limit is another one")
	}
	if move[0].Prices[0].Price = 12_0000; !d.Follow(move, start, true) || !d.Follow(nil, start, false) {
		t.Error("the state is refused")
	}
	d.desk, d.now = p.desk, start-1
	if at, ok := d.nextFollowed(market.Latest); !ok || at != start {
		t.Errorf("the next event is due at %d, %v", at, ok)
	}
	must(t, d.doFollowed(t.Context()))
	if m := p.desk.Market(); m.Last(0) != 10_0000 {
		t.Errorf("before it is due, the price is %s", m.Last(0))
	}
	d.now = start
	must(t, d.doFollowed(t.Context()))
	if _, ok := d.nextFollowed(market.Latest); ok || p.desk.Market().Last(0) != 12_0000 {
		t.Errorf("there is more; the price is %s", p.desk.Market().Last(0))
	}
}
