package desk_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// findNamed looks for an order by its client order id, in memory and then in the history.
func (d *opened) findNamed(c ledger.Customer, name string) (o desk.NamedOrder, remembered, found bool) {
	d.t.Helper()
	a, id := d.Account(c), named(d.t, name)
	var first ledger.Named
	a.View(func(l *ledger.Account) { first, remembered = l.FindNamed(&id) })
	if !remembered {
		return o, false, false
	}
	o, found, err := d.FindNamed(d.t.Context(), a, id, first)
	must(d.t, err)
	return o, true, found
}

// TestQueriesEndRests: a query that needs the history does not wait until a rest of the projector is
// over.
func TestQueriesEndRests(t *testing.T) {
	d := open(t, setup{recent: 1, rest: 10 * patience})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for n := range 3 {
		o := d.place(carol, marketOrder(ledger.Buy, rail, 1, 2*n)).Order
		x := d.place(carol, marketOrder(ledger.Buy, rail, 1, 2*n+1)).Execution
		if _, _, err := d.FindOrder(ctx, d.Account(carol), o.ID); err != nil {
			t.Fatalf("order %d: %v", n, err)
		}
		d.place(carol, marketOrder(ledger.Buy, rail, 1, 2*n+1))
		if _, err := d.FindExecution(ctx, d.Account(carol), x.ID); err != nil {
			t.Fatalf("execution %d: %v", n, err)
		}
	}
}

// TestFindOldOrders: orders whose events are no longer in memory are found with their last state, by
// their ids and by their client order ids with the executions of their first command.
func TestFindOldOrders(t *testing.T) {
	with := func(o ledger.NewOrder, name string) ledger.NewOrder {
		o.ClientOrderID = named(t, name)
		return o
	}
	for _, tc := range []struct {
		name       string
		do         func(*opened) // the first order of carol, named "it"
		status     ledger.OrderStatus
		cause      ledger.Cause
		kind       ledger.OrderType
		filled     ledger.Quantity
		executions int
	}{
		{"filled at once", func(d *opened) { d.place(carol, with(marketOrder(ledger.Buy, rail, 10, 1), "it")) }, ledger.Filled, 0, ledger.Market, 10, 1},
		{"filled at two prices", func(d *opened) { d.place(carol, with(marketOrder(ledger.Buy, tin, 150, 1), "it")) }, ledger.Filled, 0, ledger.Market, 150, 2},
		{"partly filled, then cancelled", func(d *opened) {
			d.place(carol, with(limitOrder(ledger.Buy, tin, 150, 10_0000, 1), "it"))
			d.price(tin, 9_9000, 2)
			d.place(carol, limitOrder(ledger.Buy, tin, 500, 9_0000, 3))
			d.at(carol, func(turn *desk.Turn) {
				_, err := turn.CancelAll(func(*ledger.Order) bool { return true }, ledger.ByOperator, timeOf(4))
				must(t, err)
			})
		}, ledger.Filled, 0, ledger.Limit, 150, 1},
		{"cancelled", func(d *opened) {
			o := d.place(carol, with(limitOrder(ledger.Buy, tin, 150, 9_0000, 1), "it")).Order
			d.at(carol, func(turn *desk.Turn) { _, err := turn.Cancel(o.ID, ledger.ByClient, timeOf(4)); must(t, err) })
		}, ledger.Cancelled, ledger.ByClient, ledger.Limit, 0, 0},
		{"fill or kill", func(d *opened) {
			o := limitOrder(ledger.Buy, tin, 150, 9_0000, 1)
			o.TimeInForce = ledger.FillOrKill
			d.place(carol, with(o, "it"))
		}, ledger.Cancelled, ledger.ByFillOrKill, ledger.Limit, 0, 0},
		{"busted", func(d *opened) {
			d.place(carol, with(marketOrder(ledger.Buy, rail, 10, 1), "it"))
			d.bust(carol, false, ledger.NewExecutionID(carol, 1))
		}, ledger.Cancelled, ledger.ByBust, ledger.Market, 0, 1},
		{"corrected", func(d *opened) {
			d.place(carol, with(marketOrder(ledger.Buy, rail, 10, 1), "it"))
			c := ledger.Correction{Execution: ledger.NewExecutionID(carol, 1), Quantity: 7, Price: 70_0000, Terms: ledger.Terms{Time: timeOf(5)}}
			must(t, d.WithPast(t.Context(), d.Account(carol), d.turn, []ledger.ExecutionID{c.Execution}, func(turn *desk.Turn, past ledger.Past) {
				c.Past = past
				_, err := turn.Correct(&c)
				must(t, err)
			}))
		}, ledger.Cancelled, ledger.ByCorrection, ledger.Market, 7, 1},
		{"still working", func(d *opened) { d.place(carol, with(limitOrder(ledger.Buy, tin, 150, 9_0000, 1), "it")) }, ledger.New, 0, ledger.Limit, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := open(t, setup{seed: depthSeed(t), recent: 2})
			tc.do(d)
			for n := range 5 {
				d.place(carol, with(marketOrder(ledger.Buy, rail, 1, 50+n), fmt.Sprint("later ", n)))
			}
			for range 2 {
				o, cause, err := d.FindOrder(t.Context(), d.Account(carol), ledger.NewOrderID(carol, 1))
				must(t, err)
				if o.Status != tc.status || cause != tc.cause || o.Type != tc.kind || o.Filled != tc.filled || o.ClientOrderID != named(t, "it") {
					t.Errorf("by its id: %+v, cause %d", o, cause)
				}
				n, remembered, found := d.findNamed(carol, "it")
				if !remembered || !found || n.Order.ID != o.ID || n.Order.Status != tc.status || len(n.Executions) != tc.executions {
					t.Errorf("by its name: %v, %+v with %d executions", remembered, n.Order, len(n.Executions))
				}
				if _, remembered, _ := d.findNamed(carol, "another"); remembered {
					t.Error("a name that was not used")
				}
				if _, _, err := d.FindOrder(t.Context(), d.Account(carol), ledger.NewOrderID(carol, 99)); !errors.Is(err, ledger.ErrUnknownOrder) {
					t.Errorf("an order that was not placed: %v", err)
				}
				if _, _, err := d.FindOrder(t.Context(), d.Account(carol), ledger.NewOrderID(alice, 1)); !errors.Is(err, ledger.ErrUnknownOrder) {
					t.Errorf("an order of somebody else: %v", err)
				}
				d = d.crash()
			}
		})
	}
}

// listener is a slog.Handler that counts the messages with a text.
type listener struct {
	slog.Handler
	text  string
	heard atomic.Int64
}

func (l *listener) Enabled(context.Context, slog.Level) bool { return true }

func (l *listener) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, l.text) {
		l.heard.Add(1)
	}
	return nil
}

// TestQueryWhileTheHistoryIsMadeAgain: a query that waits for the history does not keep it from
// being made again after its files were removed, and then gets its answer.
func TestQueryWhileTheHistoryIsMadeAgain(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 40)
	log := &listener{text: "the history is made again"}
	d := open(t, setup{seed: playSeed, recent: 1, watermark: 1 << 20, log: log, free: func() (uint64, error) { return free.Load(), nil }})
	id := d.place(carol, limitOrder(ledger.Buy, tin, 10, 11_0000, 1)).Order.ID
	d.place(carol, marketOrder(ledger.Buy, tin, 1, 1))
	d.catchUp()
	free.Store(0)
	d.CheckDisk()
	must(t, d.CloseDay(t.Context(), d.Market().At(tin).Rules, timeOf(2))) // the projection waits with it
	answer := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		o, _, err := d.FindOrder(ctx, d.Account(carol), id)
		if err == nil && o.Filled != 10 {
			err = fmt.Errorf("the order is %+v", o)
		}
		answer <- err
	}()
	must(t, history.Remove(filepath.Join(d.setup.dir, "history.db")))
	eventually(t, "the loss to be seen", func() bool { return log.heard.Load() > 0 })
	free.Store(1 << 40)
	d.CheckDisk()
	must(t, <-answer)
}
