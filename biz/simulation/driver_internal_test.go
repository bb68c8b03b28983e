package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// TestAtOrder: calls have the order of their times, and at the same time that of At; each has its
// time as the trading time. What is past is called at once, what is added by a call in its place.
func TestAtOrder(t *testing.T) {
	p := open(t, seedText)
	d := newDriver(t, market.SteppedClock, 1, Config{})
	random := rand.New(rand.NewPCG(1, 1))
	var got, want []string
	type call struct{ second, n int }
	var calls []call
	for n := range 200 {
		calls = append(calls, call{random.IntN(20) - 5, n})
		c := calls[n]
		d.At(start+int64(c.second)*int64(time.Second), func() {
			now := (d.Now().UnixNano() - start) / int64(time.Second)
			got = append(got, fmt.Sprint(c.second, c.n, now))
		})
	}
	d.At(start+3_500_000_000, func() {
		d.At(start+3_500_000_000, func() { got = append(got, "added") })
		d.At(start, func() { got = append(got, "past") })
	})
	slices.SortStableFunc(calls, func(a, b call) int { return a.second - b.second })
	for i, c := range calls {
		if i > 0 && c.second > 3 && calls[i-1].second <= 3 {
			want = append(want, "past", "added")
		}
		want = append(want, fmt.Sprint(c.second, c.n, max(c.second, 0)))
	}
	stop := run(t, d, p.desk)
	for range 30 {
		must(t, d.Step(t.Context(), 500*time.Millisecond))
	}
	stop()
	if !slices.Equal(got, want) {
		t.Errorf("called\n%v\nwant\n%v", got, want)
	}
}

// TestStepWaits: a step ends when everything that is due until then was done, however long that
// takes, also what is due at its very end.
func TestStepWaits(t *testing.T) {
	p := open(t, seedText)
	d := newDriver(t, market.SteppedClock, 1, Config{})
	until := start + int64(time.Second)
	s := step{until, make(chan struct{})}
	done := 0
	for range 3 {
		d.At(until, func() {
			done++
			time.Sleep(oneRound + time.Millisecond) // more than one round of the driver
			select {
			case <-s.done:
				t.Error("the step has ended before")
			default:
			}
		})
	}
	d.At(until+1, func() { t.Error("that was not due") })
	run(t, d, p.desk)
	d.steps <- s // before the clock moves, so that the step waits during all calls
	_, err := d.clock.Step(int64(time.Second))
	must(t, err)
	<-s.done
	if done != 3 || d.Now().UnixNano() != until {
		t.Errorf("%d calls; it is %s", done, d.Now())
	}
}

// TestStepEnds: a step ends with its context, and with the driver; only a stepped clock has steps.
func TestStepEnds(t *testing.T) {
	p := open(t, seedText)
	d := newDriver(t, market.SteppedClock, 1, Config{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Step(ended, time.Second); !errors.Is(err, context.Canceled) { // it does not run yet
		t.Errorf("with its context: %v", err)
	}
	started, goOn := make(chan struct{}), make(chan struct{})
	d.At(start, func() { close(started); <-goOn })
	ctx, end := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		d.Run(ctx, p.desk)
	}()
	<-started
	result := make(chan error)
	go func() { result <- d.Step(t.Context(), time.Second) }()
	end()
	close(goOn)
	<-over
	if err := <-result; !errors.Is(err, ErrEnded) {
		t.Errorf("with the driver: %v", err)
	}
	if err := d.Step(t.Context(), time.Second); !errors.Is(err, ErrEnded) {
		t.Errorf("after the driver: %v", err)
	}
	for _, d := range []*Driver{NewDriver(nil, Config{}, nil), newDriver(t, market.VirtualClock, 5, Config{})} {
		if err := d.Step(t.Context(), time.Second); !errors.Is(err, ledger.ErrNotStepped) {
			t.Errorf("a clock without steps: %v", err)
		}
	}
}

// TestVirtualClockSkipsNothing: at the highest speed every order and every move is made, with its
// time, and the clock is not ahead of them.
func TestVirtualClockSkipsNothing(t *testing.T) {
	c := Config{Orders: 40, PriceMoves: 60, Random: 7}
	want := simulate(t, c, 30*time.Second, 1)
	p := open(t, seedText)
	d := newDriver(t, market.VirtualClock, market.MaxSpeed, c)
	reached := make(chan struct{})
	d.At(start+30*int64(time.Second)+1, func() { close(reached) })
	stop := run(t, d, p.desk)
	<-reached
	stop()
	n := len(want.trades)
	if n < 500 || len(p.trades) < n || !slices.Equal(p.trades[:n], want.trades) {
		t.Errorf("%d trades by the clock, %d in a step; the first ones are equal: %v", len(p.trades), n, slices.Equal(p.trades[:min(n, len(p.trades))], want.trades))
	}
}

// TestComputersClock: without another clock trading time is real time. After a pause of the
// process, what was due in it is left out.
func TestComputersClock(t *testing.T) {
	p := open(t, seedText)
	d := NewDriver(nil, Config{PriceMoves: 1000}, nil)
	d.desk, d.trader = p.desk, newTrader(p.desk, d.config, time.Now().Add(-time.Hour).UnixNano())
	before := time.Now().Add(-longestDelay).UnixNano()
	target := d.target()
	if next := d.trader.next(); next < before || next > time.Now().UnixNano() || target < before {
		t.Errorf("the next move was due %s ago", time.Duration(target-next))
	}
	d = NewDriver(nil, Config{Orders: 2000}, nil)
	called := make(chan time.Time)
	stop := run(t, d, p.desk)
	at := time.Now().Add(20 * time.Millisecond)
	d.At(at.UnixNano(), func() { called <- time.Now() })
	if now := <-called; now.Before(at) {
		t.Error("called too early")
	}
	stop()
}

// TestWaitsForSpace: while the disk is nearly full, the driver stays at the first order that expires.
// With space it goes on from there: nothing is left out.
func TestWaitsForSpace(t *testing.T) {
	var low atomic.Bool
	on, _ := openDesk(t, seedText, nil, func(c *desk.Config) {
		c.DiskWatermark, c.FreeSpace = 100, func() (uint64, error) {
			if low.Load() {
				return 0, nil
			}
			return 1000, nil
		}
	})
	d := newDriver(t, market.SteppedClock, 1, Config{})
	a, turn := on.Account(100001), on.NewTurn()
	for n := range 3 {
		o := ledger.NewOrder{Side: ledger.Buy, Type: ledger.Limit, TimeInForce: ledger.GoodTillDate, Quantity: 1, Price: 1_0000, Expires: start + int64(n+1)*int64(time.Second)}
		o.Terms.Time = start
		must(t, a.Do(turn, func(turn *desk.Turn) {
			_, err := turn.Place(&o)
			must(t, err)
		}))
	}
	low.Store(true)
	on.CheckDisk()
	tried := make(chan struct{})
	var later atomic.Bool
	d.At(start+2*int64(time.Second), func() { later.Store(true) })
	d.At(start+int64(time.Second), func() { close(tried) }) // before the expiry at the same time
	stop := run(t, d, on)
	result := make(chan error)
	go func() { result <- d.Step(t.Context(), 3*time.Second) }()
	<-tried
	select {
	case err := <-result:
		t.Errorf("the step has ended: %v", err)
	case <-time.After(2 * oneRound): // if it does not wait, it ends at once
	}
	if later.Load() || d.Now().UnixNano() != start+int64(time.Second) {
		t.Errorf("it went on to %s", d.Now())
	}
	low.Store(false)
	on.CheckDisk()
	must(t, <-result)
	stop()
	a.View(func(l *ledger.Account) {
		if e := l.Recent(nil); l.WorkingOrders() != 0 || e[0].Time != start+3*int64(time.Second) || e[2].Time != start+int64(time.Second) {
			t.Errorf("%d orders work; events %+v", l.WorkingOrders(), e)
		}
	})
}

const hoursSeed = `{
  "format": 1,
  "markets": [
    {"market": "EAST", "band": "10%", "hours": ["09:30-11:30", "13:00-15:00"]},
    {"market": "NOVA", "band": "20%"}
  ],
  "instruments": [
    {"market": "EAST", "code": "1", "name": "Tin", "last": "10.00"},
    {"market": "NOVA", "code": "2", "name": "Rail", "last": "20.00"}
  ],
  "customers": [
    {"customer": 100001, "name": "1", "cash": "1000000.00"},
    {"customer": 100002, "name": "2", "cash": "1000000.00"}
  ]
}`

// TestCloseOfTheDay: at the same instant, first what was asked for, then what expires, then the
// close; each market at its time, day after day, also markets of a later reload.
func TestCloseOfTheDay(t *testing.T) {
	p := open(t, hoursSeed)
	d := newDriver(t, market.SteppedClock, 1, Config{})
	turn := p.desk.NewTurn()
	const tin, rail = 0, 1
	account := p.desk.Account(100001)
	place := func(id ledger.InstrumentID, now int64) {
		o := ledger.NewOrder{Side: ledger.Buy, Type: ledger.Limit, TimeInForce: ledger.Day, Instrument: id, Quantity: 1, Price: p.desk.Market().Limits(id).Low}
		o.Terms.Time = now
		must(t, account.Do(turn, func(turn *desk.Turn) {
			_, err := turn.Place(&o)
			must(t, err)
		}))
	}
	working := func() (n int) {
		account.View(func(l *ledger.Account) { n = l.WorkingOrders() })
		return n
	}
	var seen []string
	look := func() {
		m := p.desk.Market()
		seen = append(seen, fmt.Sprint(d.Now().UTC().Format("02 15:04"), " ", working(), " ", closeOf(m, tin), " ", closeOf(m, rail)))
	}
	at := func(day, hour int, do func(now int64)) {
		now := time.Date(2026, 1, day, hour, 0, 0, 0, time.UTC).UnixNano()
		d.At(now, func() { do(now) })
	}
	at(5, 10, func(now int64) {
		place(tin, now)
		place(rail, now)
		must(t, p.desk.SetPrice(t.Context(), tin, 10_5000, now))
		must(t, p.desk.SetPrice(t.Context(), rail, 21_0000, now))
	})
	for _, day := range []int{5, 6, 7} {
		at(day, 15, func(int64) { look() })
		at(day, 16, func(int64) { look() })
		at(day+1, 0, func(int64) { look() })
		at(day+1, 1, func(int64) { look() })
	}
	stop := run(t, d, p.desk)
	must(t, d.Step(t.Context(), 3*24*time.Hour+2*time.Hour))
	want := []string{
		"05 15:00 2 10.0000 20.0000", "05 16:00 1 10.5000 20.0000", "06 00:00 1 10.5000 20.0000", "06 01:00 0 10.5000 21.0000",
		"06 15:00 0 10.5000 21.0000", "06 16:00 0 10.5000 21.0000", "07 00:00 0 10.5000 21.0000", "07 01:00 0 10.5000 21.0000",
		"07 15:00 0 10.5000 21.0000", "07 16:00 0 10.5000 21.0000", "08 00:00 0 10.5000 21.0000", "08 01:00 0 10.5000 21.0000",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("seen\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	s, err := seed.Parse("test.json", []byte(strings.NewReplacer(`"markets": [`, `"markets": [{"market": "WEST", "band": "5%"},`,
		`"instruments": [`, `"instruments": [{"market": "WEST", "code": "3", "name": "Mills", "last": "5.00"},`).Replace(hoursSeed)))
	must(t, err)
	_, err = p.desk.Reload(s, func(*desk.Account) {})
	must(t, err)
	const mills = 2
	must(t, p.desk.SetPrice(t.Context(), mills, 5_1000, start))
	must(t, d.Step(t.Context(), time.Hour))
	must(t, d.Step(t.Context(), 24*time.Hour))
	stop()
	if c := closeOf(p.desk.Market(), mills); c != 5_1000 {
		t.Errorf("the previous close of a market that came later is %s", c)
	}
	expired := ledger.Event{}
	account.View(func(l *ledger.Account) { expired = l.Recent(nil)[1] })
	if expired.Kind != ledger.KindExpire || expired.Time != time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC).UnixNano() {
		t.Errorf("the order has expired with %+v", expired)
	}
}

func closeOf(m *market.Market, id ledger.InstrumentID) ledger.Price {
	p, _ := m.PreviousClose(id)
	return p
}

// TestDaysOfANewMarket: the days of a market of a reload start at the time of the reload, also if
// nothing was due for long.
func TestDaysOfANewMarket(t *testing.T) {
	p := open(t, hoursSeed)
	d := newDriver(t, market.SteppedClock, 1, Config{})
	d.desk, d.now = p.desk, start
	d.addDays()
	d.done.Store(start + (3 * time.Hour).Nanoseconds())
	s, err := seed.Parse("test.json", []byte(strings.NewReplacer(`"markets": [`, `"markets": [{"market": "WEST"},`,
		`"instruments": [`, `"instruments": [{"market": "WEST", "code": "3", "name": "Mills", "last": "5.00"},`).Replace(hoursSeed)))
	must(t, err)
	_, err = p.desk.Reload(s, func(*desk.Account) {})
	must(t, err)
	d.addDays()
	if n := len(d.days); n != 3 || d.days[2].open != d.done.Load() {
		t.Errorf("%d markets; the days of the newest are %+v", n, d.days[n-1])
	}
}

// TestMissedClose: a close at which no driver ran is made up for, once, at its time. One that was
// not missed is not repeated.
func TestMissedClose(t *testing.T) {
	p := open(t, hoursSeed)
	const day = 24 * time.Hour
	for _, x := range []struct {
		from        time.Duration
		price, want ledger.Price
		closed      string
	}{
		{0, 10_5000, 10_0000, "02 15:00"}, // the Friday before
		{time.Hour, 10_6000, 10_0000, "02 15:00"},
		{day, 10_7000, 10_6000, "05 15:00"},
		{day + time.Hour, 10_8000, 10_6000, "05 15:00"},
	} {
		clock, err := market.NewClock(market.SteppedClock, start+x.from.Nanoseconds(), 1)
		must(t, err)
		d := NewDriver(clock, Config{}, slog.New(slog.DiscardHandler))
		stop := run(t, d, p.desk)
		must(t, d.Step(t.Context(), time.Minute))
		must(t, p.desk.SetPrice(t.Context(), 0, x.price, d.Now().UnixNano()))
		must(t, d.Step(t.Context(), time.Minute))
		stop()
		got, at := p.desk.Market().PreviousClose(0)
		if closed := time.Unix(0, at).UTC().Format("02 15:04"); got != x.want || closed != x.closed {
			t.Errorf("after %s: previous close %s of %s, want %s of %s", x.from, got, closed, x.want, x.closed)
		}
	}
}

// eventsOf returns the events of each account as the journal has them.
func eventsOf(t *testing.T, d *desk.Desk, j *journal.Journal) map[ledger.Customer][]byte {
	t.Helper()
	must(t, d.Durable(t.Context()))
	events := make(map[ledger.Customer][]byte)
	must(t, j.Replay(t.Context(), 1, func(_ journal.Position, record []byte) error {
		e, err := desk.DecodeEntry(record)
		for n := range e.Events {
			c := e.Events[n].Customer()
			events[c] = ledger.AppendEvent(events[c], &e.Events[n])
		}
		return err
	}))
	return events
}

// TestSameEventsAtAnySpeed: the same random seed and the same script lead to the same events of
// every account, byte for byte, at real time, a thousand times as fast, and in steps.
func TestSameEventsAtAnySpeed(t *testing.T) {
	const length = 1500 * time.Millisecond
	file := strings.NewReplacer(`"name": "Tin"`, `"name": "Tin", "depth": 50`, `"cash": "1000000.00"`, `"cash": "50000.00"`).Replace(seedText)
	play := func(mode market.ClockMode, speed int64, steps int) map[ledger.Customer][]byte {
		on, j := openDesk(t, file, nil, nil)
		d := newDriver(t, mode, speed, Config{Orders: 400, PriceMoves: 600, Random: 9})
		turn := on.NewTurn()
		script(t, d, on, turn)
		end := make(chan map[ledger.Customer][]byte, 1)
		d.At(start+length.Nanoseconds(), func() { end <- eventsOf(t, on, j) })
		stop := run(t, d, on)
		for range steps {
			must(t, d.Step(t.Context(), length/time.Duration(steps)))
		}
		events := <-end
		stop()
		return events
	}
	want := play(market.SteppedClock, 1, 1)
	for c := ledger.Customer(100001); c <= 100005; c++ {
		if len(want[c]) < 500 {
			t.Errorf("%d has events of %d bytes", c, len(want[c]))
		}
	}
	for _, tc := range []struct {
		name  string
		mode  market.ClockMode
		speed int64
		steps int
	}{
		{"once more", market.SteppedClock, 1, 1},
		{"in many steps", market.SteppedClock, 1, 500},
		{"real time", market.VirtualClock, 1, 0},
		{"1000 times as fast", market.VirtualClock, 1000, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := play(tc.mode, tc.speed, tc.steps)
			for c := range want {
				if !bytes.Equal(got[c], want[c]) {
					t.Errorf("%d has other events: %d and %d bytes", c, len(got[c]), len(want[c]))
				}
			}
		})
	}
}

// script lets people trade: limit and stop orders, cancels, halts, jumps and expiries.
func script(t *testing.T, d *Driver, on *desk.Desk, turn *desk.Turn) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 3))
	for n := range 600 {
		now := start + int64(random.IntN(1400))*int64(time.Millisecond)
		a := on.Accounts()[n%3]
		o := ledger.NewOrder{
			Side: ledger.Side(1 + random.IntN(2)), Type: ledger.Limit, TimeInForce: ledger.GoodTillDate,
			Quantity: ledger.Quantity(1 + random.IntN(90)), Price: ledger.Price(9_5000 + random.IntN(100)*100), Expires: now + int64(1+random.IntN(300))*int64(time.Millisecond),
		}
		if n%5 == 0 {
			o.Type, o.Stop, o.TimeInForce = ledger.StopLimit, o.Price+100, ledger.Day
		}
		o.Terms.Time = now
		d.At(now, func() {
			switch n {
			case 7, 8:
				must(t, on.Halt(t.Context(), []ledger.InstrumentID{0}, true, now))
				d.At(now+int64(20*time.Millisecond), func() { must(t, on.Halt(t.Context(), []ledger.InstrumentID{0}, false, now)) })
				return
			case 20, 21:
				must(t, on.Jump(t.Context(), 0, o.Price, now))
				return
			}
			must(t, on.InTurn(t.Context(), a, turn, func(turn *desk.Turn) {
				if n%11 == 0 {
					_, _ = turn.Cancel(ledger.NewOrderID(a.Customer(), turn.Ledger().LastOrder()), ledger.ByClient, now)
					return
				}
				_, _ = turn.Place(&o)
			}))
		})
	}
}

// TestOrdersThatThePriceReachesWhileClosed: an opening, a resumption, a new day of a market that stays
// open, and a start are price steps for the orders that wait.
func TestOrdersThatThePriceReachesWhileClosed(t *testing.T) {
	file := strings.NewReplacer(`"last": "20.00"`, `"last": "20.00", "depth": 10`).Replace(hoursSeed)
	p := open(t, file)
	const tin, rail = 0, 1
	account, turn := p.desk.Account(100001), p.desk.NewTurn()
	place := func(o ledger.NewOrder, now int64) {
		t.Helper()
		o.Side, o.TimeInForce, o.Terms.Time = ledger.Buy, ledger.GoodTillCancelled, now
		must(t, account.Do(turn, func(turn *desk.Turn) {
			_, err := turn.Place(&o)
			must(t, err)
		}))
	}
	newest := func() (text string) {
		account.View(func(l *ledger.Account) {
			if n := l.LastNumber(); n > 0 {
				e := l.Recent(nil)[0]
				text = fmt.Sprint(e.Kind, " ", e.Order.Filled, " ", time.Unix(0, e.Time).UTC().Format("02 15:04"))
			}
		})
		return text
	}
	now := func(day, hour, minute int) int64 {
		return time.Date(2026, 1, day, hour, minute, 0, 0, time.UTC).UnixNano()
	}
	drive := func(from, until int64, do func(d *Driver)) {
		clock, err := market.NewClock(market.SteppedClock, from, 1)
		must(t, err)
		d := NewDriver(clock, Config{}, slog.New(slog.DiscardHandler))
		do(d)
		stop := run(t, d, p.desk)
		must(t, d.Step(t.Context(), time.Duration(until-from)))
		stop()
	}
	check := func(what string, kind ledger.Kind, filled int, at string) {
		t.Helper()
		if want := fmt.Sprint(kind, " ", filled, " ", at); newest() != want {
			t.Errorf("%s: %q, want %q", what, newest(), want)
		}
	}
	drive(now(5, 10, 0), now(6, 10, 0), func(d *Driver) {
		d.At(now(5, 11, 0), func() {
			place(ledger.NewOrder{Type: ledger.Limit, Instrument: tin, Quantity: 5, Price: 9_5000}, now(5, 11, 0))
			place(ledger.NewOrder{Type: ledger.StopLimit, Instrument: tin, Quantity: 7, Stop: 10_9000, Price: 10_9500}, now(5, 11, 0))
		})
		d.At(now(5, 12, 0), func() { must(t, p.desk.Jump(t.Context(), tin, 9_4000, now(5, 12, 0))) })
		d.At(now(5, 12, 30), func() { check("in the break", ledger.KindAccept, 0, "05 11:00") })
		d.At(now(5, 14, 0), func() { check("after the break", ledger.KindFill, 5, "05 13:00") })
		d.At(now(5, 14, 1), func() {
			must(t, p.desk.Halt(t.Context(), []ledger.InstrumentID{tin}, true, now(5, 14, 1)))
			must(t, p.desk.Jump(t.Context(), tin, 10_9000, now(5, 14, 2)))
			check("during a halt", ledger.KindFill, 5, "05 13:00")
			must(t, p.desk.Halt(t.Context(), []ledger.InstrumentID{tin}, false, now(5, 14, 3)))
			check("after a halt", ledger.KindFill, 7, "05 14:03")
		})
	})
	drive(now(6, 10, 0), now(7, 1, 0), func(d *Driver) {
		d.At(now(6, 11, 0), func() {
			place(ledger.NewOrder{Type: ledger.Limit, Instrument: rail, Quantity: 25, Price: 20_0000}, now(6, 11, 0))
			check("more than is offered", ledger.KindFill, 10, "06 11:00")
		})
	})
	check("the next day of a market that stays open", ledger.KindFill, 20, "07 00:00")
	drive(now(7, 2, 0), now(7, 3, 0), func(*Driver) {})
	check("a start", ledger.KindFill, 25, "07 02:00")
}

// TestEndOfTime: at the end of the clock nothing happens any more, and days end before.
func TestEndOfTime(t *testing.T) {
	p := open(t, hoursSeed)
	clock, err := market.NewClock(market.SteppedClock, market.Latest-(30*24*time.Hour).Nanoseconds(), 1)
	must(t, err)
	d := NewDriver(clock, Config{Orders: 1e-10, PriceMoves: 1e-12}, slog.New(slog.DiscardHandler))
	run(t, d, p.desk)
	for range 3 {
		must(t, d.Step(t.Context(), 365*24*time.Hour))
	}
	if now := d.Now().UnixNano(); now != market.Latest {
		t.Errorf("it is %s", d.Now())
	}
	if _, at := p.desk.Market().PreviousClose(0); at < market.Latest-(4*24*time.Hour).Nanoseconds() {
		t.Errorf("the last close was at %s", time.Unix(0, at))
	}
}
