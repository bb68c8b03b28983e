package desk_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// recorder is a Watcher that records the events of all accounts, in their order.
type recorder struct {
	mu     sync.Mutex
	events []byte
}

func (r *recorder) Changed(t *desk.Turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range t.Events() {
		r.events = ledger.AppendEvent(r.events, &t.Events()[i])
	}
}

// TestRestartGoesOn: after a restart the same prices and commands lead to the same events as
// without it, whatever the orders, wherever their state came from.
func TestRestartGoesOn(t *testing.T) {
	for _, way := range ways {
		for _, checkpoint := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, checkpoint %v", way.name, checkpoint), func(t *testing.T) {
				r := new(recorder)
				watcher := func(*desk.Account) desk.Watcher { return r }
				d := open(t, setup{seed: playSeed, recent: 30, watcher: watcher})
				d.busy(checkpoint)
				with := d.setup
				d.catchUp()
				with.dir = t.TempDir()
				must(t, os.CopyFS(with.dir, os.DirFS(d.setup.dir)))
				r.events = nil
				d.goOn()
				live := r.events
				again := open(t, way.do(open(t, with)))
				r.events = nil
				again.goOn()
				if len(live) < 1000 || !slices.Equal(live, r.events) {
					t.Errorf("%d and %d bytes of events", len(live), len(r.events))
				}
			})
		}
	}
}

// busy executes random commands, and leaves many orders and a halted instrument.
func (d *opened) busy(checkpoint bool) {
	d.t.Helper()
	t := d.t
	var clock atomic.Int64
	p := newPlayer(d, 5, &clock)
	for n := range 1500 {
		p.act()
		if n%4 == 0 {
			p.drive()
		}
		if checkpoint && n == 800 {
			must(t, d.SaveCheckpoint(t.Context()))
		}
	}
	must(t, d.Halt(t.Context(), []ledger.InstrumentID{0, 1, 2}, false, timeOf(4000)))
	for n := range 30 {
		id := ledger.InstrumentID(n % 3)
		last := d.Market().Last(id) / 100 * 100
		o := limitOrder(ledger.Buy, id, 40, last-ledger.Price(n/6)*100, 4000+n)
		if n%5 == 0 {
			o.Type, o.Stop = ledger.StopLimit, last+ledger.Price(n)*100+100
		}
		d.at(d.Accounts()[n%2*2].Customer(), func(turn *desk.Turn) { _, _ = turn.Place(&o) })
	}
	if len(d.working(alice))+len(d.working(carol)) < 15 {
		t.Errorf("%d and %d working orders", len(d.working(alice)), len(d.working(carol)))
	}
	for id := range ledger.InstrumentID(3) { // a restart forgets other prices, and what a step offers
		must(t, d.Jump(t.Context(), id, d.Market().Last(id), timeOf(4500)))
	}
	must(t, d.Halt(t.Context(), []ledger.InstrumentID{1}, true, timeOf(4500)))
}

// goOn moves prices and executes random commands.
func (d *opened) goOn() {
	d.t.Helper()
	t := d.t
	var clock atomic.Int64
	p := newPlayer(d, 6, &clock)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 600 {
		id, now := ledger.InstrumentID(n%3), timeOf(5000+n)
		must(t, d.SetPrice(t.Context(), id, 8_0000+ledger.Price(random.IntN(400))*100, now))
		d.at(d.Accounts()[n%3].Customer(), func(turn *desk.Turn) { _, _ = p.command(turn, now) })
		must(t, d.ExpireDue(t.Context(), now))
		if n == 300 {
			must(t, d.Halt(t.Context(), []ledger.InstrumentID{1}, false, now))
		}
	}
}

// TestOneRecordPerCommand: the events of a command are one record of the journal, and no record has
// those of two.
func TestOneRecordPerCommand(t *testing.T) {
	d := open(t, setup{seed: depthSeed(t)})
	commands, events := 0, 0
	do := func(c ledger.Customer, command func(*desk.Turn) ([]ledger.Event, error)) {
		d.at(c, func(turn *desk.Turn) {
			all, err := command(turn)
			must(t, err)
			commands++
			events += len(all)
		})
	}
	place := func(o ledger.NewOrder) func(*desk.Turn) ([]ledger.Event, error) {
		return func(turn *desk.Turn) ([]ledger.Event, error) { return turn.Place(&o) }
	}
	do(carol, place(marketOrder(ledger.Buy, tin, 250, 1)))
	do(carol, place(limitOrder(ledger.Buy, tin, 250, 9_0000, 2)))
	do(carol, place(limitOrder(ledger.Sell, tin, 200, 10_0000, 3)))
	do(carol, func(turn *desk.Turn) ([]ledger.Event, error) {
		return turn.CancelAll(func(*ledger.Order) bool { return true }, ledger.ByClient, timeOf(4))
	})
	do(bob, place(limitOrder(ledger.Sell, tin, 50, 12_0000, 5)))
	do(bob, func(turn *desk.Turn) ([]ledger.Event, error) { return turn.Reset("", timeOf(6)) })
	do(bob, func(turn *desk.Turn) ([]ledger.Event, error) {
		return turn.CancelAll(func(*ledger.Order) bool { return true }, ledger.ByClient, timeOf(7)) // no event, no record
	})
	commands--
	d.at(alice, func(turn *desk.Turn) { // two commands in a turn
		for range 2 {
			o := marketOrder(ledger.Buy, rail, 1, 8)
			all, err := turn.Place(&o)
			must(t, err)
			commands++
			events += len(all)
		}
	})
	records, inRecords := 0, 0
	d.eachEntry(func(e *desk.Entry) error {
		if len(e.Events) > 0 {
			records++
			inRecords += len(e.Events)
		}
		return nil
	})
	if records != commands || inRecords != events || events <= commands {
		t.Errorf("%d records with %d events, want %d with %d", records, inRecords, commands, events)
	}
	if n := d.Stats().Records; n != uint64(commands) {
		t.Errorf("%d commands made durable", n)
	}
}

// TestMarketEventsInOrder: of halts, resumptions and jumps at the same time, the journal has the order
// in which they were applied: the last one counts in memory and after a restart.
func TestMarketEventsInOrder(t *testing.T) {
	d := open(t, setup{seed: playSeed})
	for round := range 200 {
		var work sync.WaitGroup
		start := make(chan struct{})
		for g := range 4 {
			work.Go(func() {
				<-start
				must(t, d.Halt(t.Context(), []ledger.InstrumentID{0}, g%2 == 0, timeOf(round)))
			})
			work.Go(func() {
				<-start
				must(t, d.Jump(t.Context(), 0, ledger.Price(9_0000+g*100), timeOf(round)))
			})
		}
		close(start)
		work.Wait()
		var halted bool
		var last ledger.Price
		d.eachEntry(func(e *desk.Entry) error {
			switch m := e.Market; {
			case m == nil:
			case m.Kind == desk.MarketPriced:
				last = m.Prices[0].Price
			default:
				halted = m.Kind == desk.MarketHalted
			}
			return nil
		})
		if halted != d.Market().Halted(0) || last != d.Market().Last(0) {
			t.Fatalf("round %d: the journal ends with halted %v, %s; in memory %v, %s", round, halted, last, d.Market().Halted(0), d.Market().Last(0))
		}
		if round == 100 {
			must(t, d.SaveCheckpoint(t.Context()))
		}
	}
	last := d.Market().Last(0)
	if d = d.checkAll(ways[1]); d.Market().Last(0) != last {
		t.Errorf("the last price is %s, was %s", d.Market().Last(0), last)
	}
}

// TestPriceAfterAnOperatorsExecution: an execution by an operator, at whatever price, does not change the
// last price, before and after a restart.
func TestPriceAfterAnOperatorsExecution(t *testing.T) {
	for _, way := range ways {
		d := open(t, setup{})
		before := d.Market().Last(tin)
		d.at(alice, func(turn *desk.Turn) {
			o := limitOrder(ledger.Buy, tin, 2, 1_0000, 1)
			events, err := turn.Place(&o)
			must(t, err)
			_, err = turn.Fill(events[0].Order.ID, ledger.Offer{Quantity: 1, Price: 77_0001}, timeOf(2))
			must(t, err)
			_, err = turn.Cancel(events[0].Order.ID, ledger.ByClient, timeOf(3))
			must(t, err)
			order := turn.Ledger().Recent(nil)[0].Order
			_, err = turn.FillLate(&order, ledger.Offer{Quantity: 1, Price: 88_0000}, timeOf(4))
			must(t, err)
		})
		if d = open(t, way.do(d)); d.Market().Last(tin) != before {
			t.Errorf("%s: the last price is %s, was %s", way.name, d.Market().Last(tin), before)
		}
	}
}

// TestPriceAfterAWalk: an order that walks through the depth does not change the last price, before and
// after a restart.
func TestPriceAfterAWalk(t *testing.T) {
	for _, way := range ways {
		for _, resting := range []bool{false, true} {
			d := open(t, setup{seed: depthSeed(t)})
			before := d.Market().Last(tin)
			if resting {
				d.place(alice, limitOrder(ledger.Buy, tin, 250, before-100, 1))
				before -= 500
				d.price(tin, before, 2)
			} else {
				d.place(alice, marketOrder(ledger.Buy, tin, 250, 1))
			}
			if now := d.Market().Last(tin); now != before {
				t.Errorf("%s: the last price is %s, was %s", way.name, now, before)
			}
			if d = open(t, way.do(d)); d.Market().Last(tin) != before {
				t.Errorf("%s: after a restart the last price is %s, was %s", way.name, d.Market().Last(tin), before)
			}
		}
	}
}

// TestNewestEvent: events of the market count, too, and what a script has reached.
func TestNewestEvent(t *testing.T) {
	for _, way := range ways {
		for n, act := range []func(d *opened){
			func(d *opened) { must(t, d.Halt(t.Context(), []ledger.InstrumentID{tin}, true, timeOf(7))) },
			func(d *opened) { must(t, d.Jump(t.Context(), tin, 9_0000, timeOf(7))) },
			func(d *opened) {
				d.RecordScript(desk.ScriptPosition{Done: 3, Time: timeOf(7)})
				must(t, d.Durable(t.Context()))
			},
		} {
			d := open(t, setup{})
			act(d)
			script := d.ScriptPosition()
			if d = open(t, way.do(d)); d.NewestEvent() != timeOf(7) || d.ScriptPosition() != script {
				t.Errorf("%s, %d: the newest event is from %d, the script is at %+v", way.name, n, d.NewestEvent(), d.ScriptPosition())
			}
		}
	}
}

// TestExpiredWhileStopped: an order that expires while the desk is down ends at the first look
// after the start, at its time.
func TestExpiredWhileStopped(t *testing.T) {
	for _, way := range ways {
		d := open(t, setup{})
		var want []int64
		for n := range 5 {
			o := limitOrder(ledger.Buy, tin, 1, 9_0000, 1)
			o.TimeInForce, o.Expires = ledger.GoodTillDate, timeOf(100-n)
			d.place(alice, o)
			want = append([]int64{o.Expires}, want...)
		}
		d = open(t, way.do(d))
		if at, ok := d.NextExpiry(); !ok || at != timeOf(96) {
			t.Errorf("the next one expires at %d", at)
		}
		must(t, d.ExpireDue(t.Context(), timeOf(95)))
		if n := len(d.working(alice)); n != 5 {
			t.Errorf("%d orders work before", n)
		}
		must(t, d.ExpireDue(t.Context(), timeOf(1000)))
		var got []int64
		d.Account(alice).View(func(l *ledger.Account) {
			for _, e := range l.Recent(nil)[:5] {
				got = append([]int64{e.Time}, got...)
			}
		})
		if !slices.Equal(got, want) || len(d.working(alice)) != 0 {
			t.Errorf("expired at %v, want %v", got, want)
		}
		if _, ok := d.NextExpiry(); ok {
			t.Error("another one expires")
		}
		d.checkBooks()
	}
}

// TestScriptPositionIsInTheBatch: what an event of a script has caused is in one batch with the position
// after it, also where the batch before is full.
func TestScriptPositionIsInTheBatch(t *testing.T) {
	d := open(t, setup{})
	reached := desk.ScriptPosition{Done: 7}
	d.MarkBehind(journal.MaxBatchRecords-1, desk.MarketEvent{Kind: desk.MarketHalted, Prices: []desk.InstrumentPrice{{Instrument: tin}}}, reached)
	must(t, d.Durable(t.Context()))
	halted, marked := uint64(0), uint64(0)
	must(t, d.journal.Replay(t.Context(), 1, func(at journal.Position, record []byte) error {
		e, err := desk.DecodeEntry(record)
		switch {
		case e.Market != nil:
			halted = at.Batch
		case e.Script != nil && *e.Script == reached:
			marked = at.Batch
		}
		return err
	}))
	if halted == 0 || halted != marked {
		t.Errorf("the halt is in batch %d, the position in %d", halted, marked)
	}
}
