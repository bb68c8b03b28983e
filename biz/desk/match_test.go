package desk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// depthSeed returns the test seed with a depth for Tin.
func depthSeed(t testing.TB) string {
	t.Helper()
	return edited(t, `"name": "Tin"`, `"name": "Tin", "depth": 100`)
}

// checkBooks compares the books with the accounts' working orders.
func (d *opened) checkBooks() {
	d.t.Helper()
	if err := d.CheckBooks(); err != nil {
		d.t.Error(err)
	}
}

// TestChangedBeforeItsExecution: between the moment when a step assigns what it offers and the
// execution, the owner changes the order. Whoever is applied first wins, nothing is executed
// twice, and the order is in the book as it is.
func TestChangedBeforeItsExecution(t *testing.T) {
	const first = ledger.OrderID(uint64(alice)<<32 | 1)
	replace := func(q ledger.Quantity, limit ledger.Price) func(*desk.Turn) error {
		return func(turn *desk.Turn) error {
			r := ledger.Replacement{Order: first, Quantity: q, Price: limit, TimeInForce: ledger.GoodTillCancelled}
			r.Terms.Time = timeOf(5)
			_, err := turn.Replace(&r)
			return err
		}
	}
	for _, tc := range []struct {
		name    string
		between func(*desk.Turn) error
		filled  ledger.Quantity // of the first order, with the step
		working bool            // afterwards
		later   ledger.Quantity // filled after one more step
		whole   ledger.Quantity // then filled wholly
	}{
		{"nothing", func(*desk.Turn) error { return nil }, 80, false, 80, 80},
		{"cancel", func(turn *desk.Turn) error { _, err := turn.Cancel(first, ledger.ByClient, timeOf(5)); return err }, 0, false, 0, 0},
		{"cancel all", func(turn *desk.Turn) error {
			_, err := turn.CancelAll(func(*ledger.Order) bool { return true }, ledger.ByClient, timeOf(5))
			return err
		}, 0, false, 0, 0},
		{"less", replace(50, 9_5000), 0, true, 50, 50},
		{"more, which loses the place", replace(90, 9_5000), 0, true, 60, 90},
		{"another price", replace(80, 9_4000), 0, true, 0, 80},
		{"the same", replace(80, 9_5000), 80, false, 80, 80},
		{"filled by hand", func(turn *desk.Turn) error {
			_, err := turn.Fill(first, ledger.Offer{Quantity: 30, Price: 9_4000}, timeOf(5))
			return err
		}, 30, true, 80, 80},
		{"filled wholly by hand", func(turn *desk.Turn) error {
			_, err := turn.Fill(first, ledger.Offer{Price: 9_4000}, timeOf(5))
			return err
		}, 80, false, 80, 80},
		{"reset", func(turn *desk.Turn) error { _, err := turn.Reset("", timeOf(5)); return err }, 0, false, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := open(t, setup{seed: depthSeed(t)})
			d.place(alice, limitOrder(ledger.Buy, tin, 80, 9_5000, 1))
			d.place(carol, limitOrder(ledger.Buy, tin, 60, 9_5000, 2))
			err := d.BetweenMatchAndApply(tin, 9_5000, timeOf(6), func() {
				d.at(alice, func(turn *desk.Turn) { must(t, tc.between(turn)) })
			})
			must(t, err)
			check := func(filled ledger.Quantity, working bool) {
				t.Helper()
				o, _, err := d.FindOrder(t.Context(), d.Account(alice), first)
				must(t, err)
				if o.Filled != filled || o.Working() != working {
					t.Errorf("filled %d, working %v; want %d, %v", o.Filled, o.Working(), filled, working)
				}
				d.checkBooks()
			}
			check(tc.filled, tc.working)
			if o := d.working(carol); len(o) != 1 || o[0].Filled != 20 {
				t.Errorf("the second order is %+v, want 20 filled", o)
			}
			d.price(tin, 9_5000, 7)
			check(tc.later, tc.working && tc.later != tc.whole)
		})
	}
}

// TestTriggeredOrderChanges is TestChangedBeforeItsExecution for a stop order.
func TestTriggeredOrderChanges(t *testing.T) {
	d := open(t, setup{seed: depthSeed(t)})
	stop := limitOrder(ledger.Sell, tin, 60, 0, 1)
	stop.Type, stop.Stop = ledger.Stop, 9_5000
	d.place(bob, stop)
	id := d.working(bob)[0].ID
	must(t, d.BetweenMatchAndApply(tin, 9_5000, timeOf(6), func() {
		d.at(bob, func(turn *desk.Turn) {
			r := ledger.Replacement{Order: id, Quantity: 60, Stop: 9_0000, TimeInForce: ledger.GoodTillCancelled}
			r.Terms.Time = timeOf(5)
			_, err := turn.Replace(&r)
			must(t, err)
		})
	}))
	if o := d.working(bob); len(o) != 1 || o[0].Triggered || o[0].Stop != 9_0000 {
		t.Fatalf("the order is %+v", o)
	}
	d.checkBooks()
	d.price(tin, 9_1000, 7)
	d.price(tin, 8_9000, 8)
	if o := d.working(bob); len(o) != 0 {
		t.Errorf("at 8.90 it is %+v", o)
	}
	d.checkBooks()
}

// TestNewOrderBeforeTheExecution: what a step has assigned to resting orders is not offered to a
// new one.
func TestNewOrderBeforeTheExecution(t *testing.T) {
	d := open(t, setup{seed: depthSeed(t)})
	d.place(alice, limitOrder(ledger.Buy, tin, 80, 9_5000, 1))
	must(t, d.BetweenMatchAndApply(tin, 9_5000, timeOf(6), func() {
		e := d.place(carol, limitOrder(ledger.Buy, tin, 100, 9_5000, 5))
		if e.Order.Filled != 20 {
			t.Errorf("the new order has %d, want the 20 that are left", e.Order.Filled)
		}
	}))
	if o := d.working(alice); len(o) != 0 {
		t.Errorf("the resting order is %+v", o)
	}
	if offer, ok := d.NextOffer(tin, ledger.Buy); !ok || offer.Price != 9_5100 || offer.Quantity != 100 {
		t.Errorf("the next offer is %+v", offer)
	}
	d.checkBooks()
}

// TestPriorities: orders of one price are executed in the order in which they came; a restart
// does not change that, nor does a bust that reopens an order.
func TestPriorities(t *testing.T) {
	d := open(t, setup{seed: depthSeed(t)})
	d.place(carol, limitOrder(ledger.Buy, tin, 100, 9_5000, 1))
	d.place(alice, limitOrder(ledger.Buy, tin, 10, 9_5000, 2))
	d.price(tin, 9_5000, 3)
	d.place(carol, limitOrder(ledger.Buy, tin, 50, 9_4000, 4))
	d.place(alice, limitOrder(ledger.Buy, tin, 50, 9_4000, 5))
	d.bust(carol, true, ledger.NewExecutionID(carol, 1)) // it works again, as the last one at 9.50
	d.price(tin, 10_0000, 6)
	priority := func(c ledger.Customer, n int) uint64 { return d.working(c)[n].Priority }
	for range 2 {
		if got := []uint64{priority(alice, 0), priority(carol, 1), priority(alice, 1), priority(carol, 0)}; got[0] >= got[1] || got[1] >= got[2] || got[2] >= got[3] {
			t.Errorf("priorities %d", got)
		}
		d.checkBooks()
		d = d.crash()
	}
	d.price(tin, 9_5000, 7)
	if a, c := d.working(alice), d.working(carol); len(a) != 1 || c[0].Filled != 90 || len(c) != 2 {
		t.Errorf("after a step: %+v\n%+v", a, c)
	}
}

// TestReopenedTogether: orders that one bust reopens are executed in the order of their ids, after
// those that were there.
func TestReopenedTogether(t *testing.T) {
	d := open(t, setup{seed: depthSeed(t)})
	var ids []ledger.ExecutionID
	for n := range 3 {
		d.place(carol, limitOrder(ledger.Buy, tin, 30, 9_5000, n))
		ids = append(ids, ledger.NewExecutionID(carol, uint32(n+1)))
	}
	d.price(tin, 9_5000, 4)
	d.price(tin, 10_0000, 5)
	d.place(alice, limitOrder(ledger.Buy, tin, 60, 9_5000, 6))
	d.bust(carol, true, ids...)
	d.checkBooks()
	d.price(tin, 9_5000, 7)
	if o := d.working(carol); len(d.working(alice)) != 0 || len(o) != 2 || o[0].ID.Number() != 2 || o[0].Filled != 10 || o[1].Filled != 0 {
		t.Errorf("alice has %+v, carol %+v", d.working(alice), o)
	}
	d.checkBooks()
}

// TestReplaceAgain: a repeated replacement gets the first answer, also if the market would refuse
// it by now.
func TestReplaceAgain(t *testing.T) {
	d := open(t, setup{})
	stop := limitOrder(ledger.Sell, tin, 10, 0, 1)
	stop.Type, stop.Stop = ledger.Stop, 9_0000
	id := d.place(bob, stop).Order.ID
	replace := func(name string, price ledger.Price) (events []ledger.Event, err error) {
		d.at(bob, func(turn *desk.Turn) {
			r := ledger.Replacement{Order: id, ClientOrderID: named(t, name), Quantity: 10, Stop: price, TimeInForce: ledger.GoodTillCancelled}
			r.Terms.Time = timeOf(2)
			events, err = turn.Replace(&r)
		})
		return events, err
	}
	for _, step := range []struct {
		name  string
		price ledger.Price
	}{{"first", 9_5000}, {"second", 8_0000}} {
		if _, err := replace(step.name, step.price); err != nil {
			t.Fatal(err)
		}
	}
	d.price(tin, 9_2000, 3)
	if events, err := replace("first", 9_5000); !errors.Is(err, ledger.ErrDuplicate) || len(events) != 1 || events[0].Number != 2 {
		t.Errorf("%+v, %v", events, err)
	}
	if _, err := replace("third", 9_5000); !errors.Is(err, ledger.ErrBadPrice) {
		t.Errorf("a new one: %v", err)
	}
}

// depthFile returns testdata/depth.json, whose first instrument is Tin with depth, band and a tick of
// 0.10.
func depthFile(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "depth.json"))
	must(t, err)
	return string(text)
}

// TestReplaceTriggered: the stop price of an order that was triggered may be outside the band of a
// later day.
func TestReplaceTriggered(t *testing.T) {
	d := open(t, setup{seed: depthFile(t)})
	o := limitOrder(ledger.Sell, tin, 10, 10_9000, 1)
	o.Type, o.Stop = ledger.StopLimit, 9_5000
	id := d.place(bob, o).Order.ID
	d.price(tin, 9_4000, 2)
	d.price(tin, 10_8000, 3)
	must(t, d.CloseDay(t.Context(), d.Market().At(tin).Rules, timeOf(4)))
	d.at(bob, func(turn *desk.Turn) {
		r := ledger.Replacement{Order: id, Quantity: 5, Price: 10_9000, Stop: 9_5000, TimeInForce: ledger.GoodTillCancelled}
		r.Terms.Time = timeOf(5)
		if _, err := turn.Replace(&r); err != nil {
			t.Error(err)
		}
	})
	if limits := d.Market().Limits(tin); limits.Low <= 9_5000 {
		t.Errorf("the band is %v", limits)
	}
}

// TestHeldOrder: an order that waits for an operator has its cash frozen, and its expiry, after a
// replacement and after the bust of an execution.
func TestHeldOrder(t *testing.T) {
	d := open(t, setup{})
	stop := limitOrder(ledger.Buy, tin, 10, 0, 1)
	stop.Type, stop.TimeInForce, stop.Stop = ledger.Stop, ledger.Day, 50_0000
	for n, o := range []ledger.NewOrder{marketOrder(ledger.Buy, tin, 10, 1), stop} {
		o.Held = true
		placed := d.place(carol, o).Order
		var replaced ledger.Order
		d.at(carol, func(turn *desk.Turn) {
			r := ledger.Replacement{Order: placed.ID, Quantity: 20, Stop: o.Stop, TimeInForce: ledger.Day}
			r.Terms.Time = timeOf(2)
			events, err := turn.Replace(&r)
			must(t, err)
			replaced = events[0].Order
			_, err = turn.Fill(placed.ID, ledger.Offer{Quantity: 5, Price: 10_0000}, timeOf(3))
			must(t, err)
		})
		if replaced.Frozen != 2*placed.Frozen || replaced.Frozen == 0 || replaced.Expires != placed.Expires || replaced.Expires == 0 {
			t.Errorf("frozen %s, then %s; expires %d, then %d", placed.Frozen, replaced.Frozen, placed.Expires, replaced.Expires)
		}
		d.bust(carol, true, ledger.NewExecutionID(carol, uint32(n+1)))
		if now := d.working(carol)[n].Frozen; now != replaced.Frozen {
			t.Errorf("after the bust %s are frozen, before the execution %s", now, replaced.Frozen)
		}
	}
	d.checkBooks()
}

// TestBandOfANewDay: the close moves the prices at which the next order finds offers, before the next
// step.
func TestBandOfANewDay(t *testing.T) {
	d := open(t, setup{seed: depthFile(t)})
	d.price(tin, 10_8000, 1)
	must(t, d.CloseDay(t.Context(), d.Market().At(tin).Rules, timeOf(2)))
	o := d.place(carol, marketOrder(ledger.Buy, tin, 10_000, 3)).Order
	if o.Filled != 1100 { // 10.80 to 11.80
		t.Errorf("%d filled", o.Filled)
	}
}

// TestLateTwice: a late execution counts from the newest state of the order, not from the one that
// the caller has.
func TestLateTwice(t *testing.T) {
	d := open(t, setup{})
	o := d.place(carol, limitOrder(ledger.Buy, tin, 100, 9_0000, 1)).Order
	d.at(carol, func(turn *desk.Turn) {
		events, err := turn.Cancel(o.ID, ledger.ByClient, timeOf(2))
		must(t, err)
		o = events[0].Order
		for n, want := range []error{nil, ledger.ErrBadQuantity} {
			if _, err := turn.FillLate(&o, ledger.Offer{Quantity: 60, Price: 9_0000}, timeOf(3)); !errors.Is(err, want) {
				t.Errorf("late execution %d: %v", n, err)
			}
		}
	})
	d.checkAll(ways[0])
}

// bust busts executions of one instrument.
func (d *opened) bust(c ledger.Customer, reopen bool, ids ...ledger.ExecutionID) {
	d.t.Helper()
	must(d.t, d.tryBust(c, ledger.Bust{Executions: ids, Reopen: reopen, Reason: "a test", Terms: ledger.Terms{Time: timeOf(100)}}))
}

// tryBust executes b with the past.
func (d *opened) tryBust(c ledger.Customer, b ledger.Bust) error {
	d.t.Helper()
	var refused error
	err := d.WithPast(d.t.Context(), d.Account(c), d.turn, b.Executions, func(turn *desk.Turn, past ledger.Past) {
		b.Past = past
		_, refused = turn.Bust(&b)
	})
	return errors.Join(err, refused)
}

// TestStepWaitsForTheDisk: while the commit log takes nothing, a step waits. No match is lost, and
// if the wait is given up, the orders are back in the book.
func TestStepWaitsForTheDisk(t *testing.T) {
	for _, giveUp := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		d, log := withCommitLog(t, new(post))
		var ids []ledger.OrderID
		for n := range 3 {
			ids = append(ids, d.place(alice, limitOrder(ledger.Buy, tin, 10, 9_5000, n)).Order.ID)
		}
		log.full.Store(true)
		done := make(chan error)
		go func() { done <- d.SetPrice(ctx, tin, 9_5000, timeOf(4)) }()
		eventually(t, "the price to move", func() bool { return d.Market().Last(tin) == 9_5000 })
		select {
		case err := <-done:
			t.Fatalf("the step has not waited: %v", err)
		default:
		}
		if giveUp {
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			d.checkBooks()
			if n := len(d.working(alice)); n != 3 {
				t.Errorf("%d orders work, want 3", n)
			}
			log.full.Store(false)
			d.price(tin, 9_4000, 5)
		} else {
			log.full.Store(false)
			must(t, <-done)
		}
		for _, id := range ids {
			if o, _, err := d.FindOrder(t.Context(), d.Account(alice), id); err != nil || o.Filled != 10 {
				t.Errorf("%s has %d, %v", id, o.Filled, err)
			}
		}
		d.checkBooks()
		cancel()
	}
}

// TestUnknownInstrument: an id without an instrument, and an instrument that is not traded yet,
// are refused.
func TestUnknownInstrument(t *testing.T) {
	d := open(t, setup{})
	must(t, d.Account(alice).Do(d.turn, func(turn *desk.Turn) {
		order := marketOrder(ledger.Buy, 3, 1, 1)
		if _, err := turn.Place(&order); !errors.Is(err, ledger.ErrUnknownInstrument) {
			t.Errorf("an order: %v", err)
		}
	}))
	for _, err := range []error{d.SetPrice(t.Context(), 3, 1, 1), d.Jump(t.Context(), 3, 1, 1)} {
		if !errors.Is(err, ledger.ErrUnknownInstrument) {
			t.Errorf("a price: %v", err)
		}
	}
}
