package desk_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// many executes orders in 100 parts each.
func (d *opened) many(c ledger.Customer, side ledger.Side, orders int) {
	d.t.Helper()
	for n := range orders {
		d.at(c, func(turn *desk.Turn) {
			turn.Parts = 100
			o := marketOrder(side, tin, 100, n)
			_, err := turn.Place(&o)
			turn.Parts = 0
			must(d.t, err)
		})
	}
}

// TestEventsWhileThePastIsRead: executions, busts and other events of the account between the
// reading of the past and the bust count; if they are no longer in memory, the past is read
// again.
func TestEventsWhileThePastIsRead(t *testing.T) {
	id := func(n uint32) ledger.ExecutionID { return ledger.NewExecutionID(carol, n) }
	for _, tc := range []struct {
		name     string
		between  func(*opened)
		complete bool
		left     ledger.Quantity // after the bust of the first of two buys of 10
	}{
		{"nothing", func(*opened) {}, true, 10},
		{"a buy", func(d *opened) { d.place(carol, marketOrder(ledger.Buy, tin, 5, 3)) }, true, 15},
		{"a bust", func(d *opened) { d.bust(carol, false, id(2)) }, true, 0},
		{"too many executions", func(d *opened) {
			for range 12 {
				d.place(carol, marketOrder(ledger.Buy, tin, 5, 3))
			}
		}, false, 70},
		{"too many other events", func(d *opened) {
			for n := range 6 {
				o := d.place(carol, limitOrder(ledger.Buy, rail, 1, 1_0000, n)).Order
				d.at(carol, func(turn *desk.Turn) { _, err := turn.Cancel(o.ID, ledger.ByClient, timeOf(n)); must(t, err) })
			}
		}, false, 10},
	} {
		for _, recent := range []int{10, 11} {
			t.Run(fmt.Sprint(tc.name, recent), func(t *testing.T) {
				d := open(t, setup{recent: recent})
				d.place(carol, limitOrder(ledger.Buy, tin, 10, 11_0000, 1))
				d.place(carol, marketOrder(ledger.Buy, tin, 10, 2))
				bust := func(turn *desk.Turn, past ledger.Past) {
					b := ledger.Bust{Executions: []ledger.ExecutionID{id(1)}, Past: past, Terms: ledger.Terms{Time: timeOf(9)}}
					_, err := turn.Bust(&b)
					must(t, err)
				}
				complete, err := d.BetweenReadAndDo(d.Account(carol), d.turn, []ledger.ExecutionID{id(1)}, func() { tc.between(d) }, bust)
				must(t, err)
				if complete != tc.complete {
					t.Errorf("complete: %v", complete)
				}
				if !complete {
					must(t, d.WithPast(t.Context(), d.Account(carol), d.turn, []ledger.ExecutionID{id(1)}, bust))
				}
				d.Account(carol).View(func(l *ledger.Account) {
					if p, _ := l.Position(tin); p.Quantity != tc.left {
						t.Errorf("%d are left, want %d", p.Quantity, tc.left)
					}
				})
				if o, _, err := d.FindOrder(t.Context(), d.Account(carol), ledger.NewOrderID(carol, 1)); err != nil || o.Type != ledger.Limit || o.Price != 11_0000 || o.Filled != 0 {
					t.Errorf("the order is %+v, %v", o, err)
				}
				d.checkAll(ways[2])
			})
		}
	}
}

// TestLongPast: a bust of the oldest of many executions, most of which are only in the history.
func TestLongPast(t *testing.T) {
	d := open(t, setup{recent: 100})
	d.place(carol, limitOrder(ledger.Buy, tin, 10, 11_0000, 1))
	d.many(carol, ledger.Buy, 25)
	d.place(carol, marketOrder(ledger.Buy, rail, 1, 1))
	d.many(carol, ledger.Sell, 24)
	d.bust(carol, false, ledger.NewExecutionID(carol, 1), ledger.NewExecutionID(carol, 700))
	d.checkAll(ways[0])
}

// TestTooManyBusts: a bust whose events would not fit in a journal record is refused, and changes
// nothing; as many as fit are busted.
func TestTooManyBusts(t *testing.T) {
	d := open(t, setup{recent: 100})
	d.many(carol, ledger.Buy, 21)
	d.catchUp()
	ranges, err := d.Range(t.Context(), nil, tin, 0, timeOf(1000))
	must(t, err)
	if len(ranges) != 1 || len(ranges[0].Executions) != 2100 {
		t.Fatalf("%d ranges", len(ranges))
	}
	state := d.StateHash()
	b := ledger.Bust{Executions: ranges[0].Executions, Reason: "all of it", Terms: ledger.Terms{Time: timeOf(100)}}
	if err := d.tryBust(carol, b); !errors.Is(err, ledger.ErrTooLarge) || d.StateHash() != state {
		t.Errorf("2100 executions: %v", err)
	}
	must(t, d.WithPast(t.Context(), d.Account(carol), d.turn, b.Executions, func(turn *desk.Turn, past ledger.Past) {
		b.Past = past
		if _, _, err := turn.PlanBust(&b); !errors.Is(err, ledger.ErrTooLarge) {
			t.Errorf("the plan of it: %v", err)
		}
	}))
	b.Executions = b.Executions[:2000]
	must(t, d.tryBust(carol, b))
	d.checkAll(ways[0])
}

// TestRecordSizes: the largest commands fit in a journal record: as many cancels as an account can
// have orders.
func TestRecordSizes(t *testing.T) {
	var name ledger.ClientOrderID
	for n := range name {
		name[n] = 'x'
	}
	e := ledger.Event{Kind: ledger.KindCancel, Number: 1<<64 - 1, Push: 1<<64 - 1, Time: -1, Cause: ledger.ByCorrection, More: true, Named: true}
	e.Order = ledger.Order{
		ID: 1<<64 - 1, ClientOrderID: name, Instrument: 1<<32 - 1, Side: ledger.Sell, Type: ledger.StopLimit, TimeInForce: ledger.GoodTillDate,
		Status: ledger.Cancelled, Triggered: true, Held: true, Quantity: ledger.MaxQuantity, Filled: ledger.MaxQuantity,
		FilledValue: ledger.MaxMoney, Price: ledger.MaxPrice, Stop: ledger.MaxPrice, Frozen: ledger.MaxMoney, Time: -1, Expires: -1, Priority: 1<<64 - 1,
	}
	size := len(ledger.AppendEvent(nil, &e))
	if size > desk.MaxCancelSize {
		t.Errorf("the event of a cancel can have %d bytes", size)
	}
	if n := 1 + ledger.MaxOrders*desk.MaxCancelSize + ledger.MaxEventSize; n > journal.MaxRecord {
		t.Errorf("a reset can have %d bytes", n)
	}
	if n := 1 + desk.MaxSplit*ledger.MaxEventSize; n > journal.MaxRecord {
		t.Errorf("an order can have %d bytes", n)
	}
}

// TestManyParts: an order that walks through many prices in many parts fits in a record.
func TestManyParts(t *testing.T) {
	d := open(t, setup{seed: edited(t, `"name": "Tin"`, `"name": "Tin", "depth": 200`)})
	d.at(carol, func(turn *desk.Turn) {
		turn.Parts = 100
		o := marketOrder(ledger.Buy, tin, 100_000, 1)
		events, err := turn.Place(&o)
		must(t, err)
		last := events[len(events)-1].Order
		if len(events) < 500 || len(events) > desk.MaxSplit+1 || last.Filled != 20_000 {
			t.Errorf("%d events, the order is %+v", len(events), last)
		}
	})
	d.checkAll(ways[0])
}

// TestRange: the executions of a span of time, of one customer or of all, without busted ones and
// those from before a reset; too many are refused.
func TestRange(t *testing.T) {
	d := open(t, setup{})
	for n := range 6 {
		d.place(alice, marketOrder(ledger.Buy, tin, 1, n))
		d.place(carol, marketOrder(ledger.Buy, tin, 1, n))
		d.place(carol, marketOrder(ledger.Buy, rail, 1, n))
	}
	d.bust(carol, false, ledger.NewExecutionID(carol, 5)) // Tin, of second 2
	of := func(a *desk.Account, from, to int) map[ledger.Customer][]uint32 {
		list, err := d.Range(t.Context(), a, tin, timeOf(from), timeOf(to))
		must(t, err)
		all := make(map[ledger.Customer][]uint32)
		for n, r := range list {
			if n > 0 && list[n-1].Account.Customer() >= r.Account.Customer() {
				t.Errorf("accounts out of order: %d", r.Account.Customer())
			}
			for _, id := range r.Executions {
				all[r.Account.Customer()] = append(all[r.Account.Customer()], id.Number())
			}
		}
		return all
	}
	for _, tc := range []struct {
		name         string
		a            *desk.Account
		from, to     int
		alice, carol []uint32
	}{
		{"all", nil, 0, 6, []uint32{1, 2, 3, 4, 5, 6}, []uint32{1, 3, 7, 9, 11}},
		{"a span without its end", nil, 1, 4, []uint32{2, 3, 4}, []uint32{3, 7}},
		{"one customer", d.Account(alice), 0, 3, []uint32{1, 2, 3}, nil},
		{"nothing", nil, 6, 9, nil, nil},
	} {
		got := of(tc.a, tc.from, tc.to)
		if !slices.Equal(got[alice], tc.alice) || !slices.Equal(got[carol], tc.carol) {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	d.at(alice, func(turn *desk.Turn) { _, err := turn.Reset("", timeOf(6)); must(t, err) })
	d.place(alice, marketOrder(ledger.Buy, tin, 1, 7))
	if got := of(d.Account(alice), 0, 9)[alice]; !slices.Equal(got, []uint32{7}) {
		t.Errorf("%v after a reset", got)
	}
	d.many(carol, ledger.Buy, 101)
	if _, err := d.Range(t.Context(), nil, tin, 0, timeOf(1000)); !errors.Is(err, ledger.ErrTooLarge) {
		t.Errorf("over 10,000 executions: %v", err)
	}
	if got := of(d.Account(alice), 0, 1000); len(got[alice]) != 1 {
		t.Errorf("alice has %d among many of others", len(got[alice]))
	}
}

// TestRangeWhileTheHistoryIsBehind: busts of a span do not wait for what other accounts do since,
// but for what the account itself did that is no longer in memory.
func TestRangeWhileTheHistoryIsBehind(t *testing.T) {
	d := open(t, setup{recent: 2})
	rails := func(c ledger.Customer, n int) {
		for range n {
			d.place(c, marketOrder(ledger.Buy, rail, 1, 1))
		}
	}
	for _, c := range []ledger.Customer{alice, carol} {
		d.place(c, limitOrder(ledger.Buy, tin, 10, 11_0000, 1))
		rails(c, 3)
	}
	ranges, err := d.Range(t.Context(), nil, tin, 0, timeOf(2))
	must(t, err)
	if len(ranges) != 2 {
		t.Fatalf("%d accounts", len(ranges))
	}
	other, err := sqlite.OpenConn(filepath.Join(d.setup.dir, "history.db"), sqlite.OpenReadWrite)
	must(t, err)
	must(t, sqlitex.Execute(other, "BEGIN IMMEDIATE", nil)) // the projection waits for it
	find := func(n int, patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return d.WithPastOf(ctx, d.turn, &ranges[n], func(turn *desk.Turn, past ledger.Past) {
			id := ranges[n].Executions[0]
			if o, found := past.Order(ledger.NewOrderID(id.Customer(), 1)); !found || o.Type != ledger.Limit {
				t.Errorf("the order is %+v", o)
			}
			if len(past.Executions) != 1 || past.Executions[0].ID != id {
				t.Errorf("the past is %+v", past.Executions)
			}
		})
	}
	rests := func() { d.place(carol, limitOrder(ledger.Buy, rail, 1, 1_0000, 2)) } // an event without an execution
	rests()
	must(t, find(0, patience))
	must(t, find(1, patience))
	rests()
	rests()
	must(t, find(0, patience))
	if err := find(1, 50*time.Millisecond); !errors.Is(err, desk.ErrCatchingUp) {
		t.Errorf("an order whose events are in no memory: %v", err)
	}
	must(t, other.Close())
	must(t, find(1, patience))
}

// TestManyOldBusts: one command busts executions of market orders, which have no row in the
// history, of others, and of one that was corrected, most of which are no longer in memory.
func TestManyOldBusts(t *testing.T) {
	d := open(t, setup{recent: 10})
	var ids []ledger.ExecutionID
	for n := range 12 {
		d.place(carol, marketOrder(ledger.Buy, tin, 10, n))
		d.place(carol, limitOrder(ledger.Buy, tin, 10, 11_0000, n))
	}
	must(t, d.WithPast(t.Context(), d.Account(carol), d.turn, []ledger.ExecutionID{ledger.NewExecutionID(carol, 3)}, func(turn *desk.Turn, past ledger.Past) {
		_, err := turn.Correct(&ledger.Correction{
			Execution: ledger.NewExecutionID(carol, 3), Quantity: 10, Price: 9_0000, Reason: "price", Past: past, Terms: ledger.Terms{Time: timeOf(20)},
		})
		must(t, err)
	}))
	for n := range uint32(25) {
		if n != 2 {
			ids = append(ids, ledger.NewExecutionID(carol, n+1))
		}
	}
	ids = append(ids, ids[0]) // twice does no harm
	d.bust(carol, false, ids...)
	d.Account(carol).View(func(l *ledger.Account) {
		if p, _ := l.Position(tin); p.Quantity != 0 || l.Cash() != 1_000_000_000_0000 {
			t.Errorf("%+v, cash %s", p, l.Cash())
		}
	})
	d.catchUp()
	for n := range uint32(24) {
		want := ledger.Market
		if n%2 == 1 {
			want = ledger.Limit
		}
		o, _, err := d.FindOrder(t.Context(), d.Account(carol), ledger.NewOrderID(carol, n+1))
		if err != nil || o.Type != want || o.Filled != 0 || o.Status != ledger.Cancelled {
			t.Errorf("%+v, %v", o, err)
		}
	}
	d.checkAll(ways[0])
}
