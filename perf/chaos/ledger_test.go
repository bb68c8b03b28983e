package chaos_test

import (
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/perf/chaos"
)

const customer = client.Customer(7)

// execution is an execution of ten shares at 100: number n of order n.
func execution(number, order uint32, side client.Side) client.Execution {
	return client.Execution{
		ID: client.NewExecutionID(customer, number), Order: client.NewOrderID(customer, order), ClientOrderID: named(order),
		Side: side, Key: chaos.LedgerKey, Quantity: 10, Price: 100, Time: time.Unix(int64(number), 0),
	}
}

func named(n uint32) string { return "7/0000000" + string(rune('0'+n)) }

func busted(x client.Execution) client.Execution {
	x.Busted, x.BustReason = true, "chaos"
	return x
}

func marketOrder(side client.Side) client.Order {
	return client.Order{Side: side, Key: chaos.LedgerKey, Quantity: 10}
}

// held is the account after buys of ten shares each.
func held(quantity client.Quantity) client.Snapshot {
	return chaos.Account(quantity, chaos.LedgerCash-client.Value(quantity-100, 100))
}

// TestLedger compares a ledger with two acknowledged buys and a third order of unknown
// outcome with possible states of a server.
func TestLedger(t *testing.T) {
	first, second, third := execution(1, 1, client.Buy), execution(2, 2, client.Buy), execution(3, 3, client.Sell)
	dearer, foreign, late, again := second, third, third, third
	dearer.Price++
	foreign.ClientOrderID = ""
	late.ClientOrderID = named(4)
	again.ClientOrderID, again.Side = second.ClientOrderID, client.Buy
	twice := again
	twice.Order = second.Order
	cheaper := execution(3, 2, client.Buy)
	cheaper.Corrects, cheaper.Quantity = second.ID, 8
	corrected := busted(second)
	corrected.CorrectedBy = cheaper.ID
	cash := func(m client.Money) client.Snapshot {
		s := held(120)
		s.Account.Cash += m
		return s
	}
	bust := func(l *chaos.Ledger) { l.Undo(second, 0, 0); l.Undid(second.ID) }
	cases := []struct {
		name   string
		before func(*chaos.Ledger)
		has    client.Snapshot
		list   []client.Execution // newest first
		want   string             // a part; "" for nothing
	}{
		{"as it should be", nil, held(120), []client.Execution{second, first}, ""},
		{"the unknown one, too", nil, held(110), []client.Execution{third, second, first}, ""},
		{"the last one lost", nil, held(110), []client.Execution{first}, "the acknowledged execution 7-2 is lost"},
		{"all lost", nil, held(100), nil, "the acknowledged execution 7-1 is lost"},
		{"the first one lost", nil, held(110), []client.Execution{second}, "the history ends at 7-2"},
		{"an order twice", nil, held(130), []client.Execution{again, second, first}, "was accepted twice"},
		{"an execution twice", nil, held(130), []client.Execution{twice, second, first}, "is filled with 20 of 10 shares"},
		{"another price", nil, held(120), []client.Execution{dearer, first}, "7-2 has changed"},
		{"nobody's order", nil, held(130), []client.Execution{foreign, second, first}, "which nobody sent"},
		{"an order of later", nil, held(130), []client.Execution{late, second, first}, "which nobody sent"},
		{"positions without executions", nil, held(130), []client.Execution{second, first}, "holds 130"},
		{"cash without executions", nil, cash(1), []client.Execution{second, first}, "has the cash"},
		{"refused and executed", func(l *chaos.Ledger) { l.Refuse(3) }, held(110), []client.Execution{third, second, first}, "was refused, and has an effect"},
		{"acknowledged, then refused", func(l *chaos.Ledger) { l.Refuse(2) }, held(120), []client.Execution{second, first}, "was refused although it is order 7-2"},
		{"busted", bust, held(110), []client.Execution{busted(second), first}, ""},
		{"busted perhaps, and it was", func(l *chaos.Ledger) { l.Undo(second, 0, 0) }, held(110), []client.Execution{busted(second), first}, ""},
		{"busted perhaps, and it was not", func(l *chaos.Ledger) { l.Undo(second, 0, 0) }, held(120), []client.Execution{second, first}, ""},
		{"bust lost", bust, held(120), []client.Execution{second, first}, "the bust of 7-2 was acknowledged and is lost"},
		{"busted by nobody", nil, held(110), []client.Execution{busted(second), first}, "nobody requested"},
		{"bust pushed that nobody requested", func(l *chaos.Ledger) { l.Undid(first.ID) }, held(120), []client.Execution{second, first}, "nobody requested"},
		{"bust without effect", bust, held(120), []client.Execution{busted(second), first}, "holds 120"},
		{"corrected", func(l *chaos.Ledger) { l.Undo(second, 8, 100); l.Undid(second.ID) }, held(118), []client.Execution{cheaper, corrected, first}, ""},
		{"corrected otherwise", func(l *chaos.Ledger) { l.Undo(second, 9, 100) }, held(118), []client.Execution{cheaper, corrected, first}, "corrects 7-2 with 8"},
		{"corrected by nobody", nil, held(118), []client.Execution{cheaper, corrected, first}, "nobody requested"},
		{"busted in place of corrected", func(l *chaos.Ledger) { l.Undo(second, 8, 100) }, held(110), []client.Execution{busted(second), first}, "requested was another thing"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			l := chaos.NewLedger()
			for n, side := range []client.Side{client.Buy, client.Buy, client.Sell} {
				if got := l.Order(marketOrder(side)); got != named(uint32(n+1)) {
					t.Fatalf("order %q", got)
				}
			}
			l.Ack(first)
			l.Ack(second)
			if tc.before != nil {
				tc.before(l)
			}
			got := l.Verify(tc.has, tc.list, ordersOf(tc.list))
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// ordersOf returns the orders that executions make.
func ordersOf(list []client.Execution) (orders []client.OrderState) {
	filled := make(map[client.OrderID]client.Quantity)
	for _, x := range list {
		if !x.Busted {
			filled[x.Order] += x.Quantity
		}
	}
	for _, x := range list {
		o := client.OrderState{
			ID: x.Order, ClientOrderID: x.ClientOrderID, Side: x.Side, Key: x.Key, Quantity: 10, Status: client.StatusFilled, Filled: filled[x.Order],
		}
		if o.Filled < o.Quantity {
			o.Status, o.Cause = client.StatusCancelled, client.CauseBust
		}
		orders = append(orders, o)
	}
	return orders
}

// TestLedgerTwice: executions found at the first check must still be there at the second.
func TestLedgerTwice(t *testing.T) {
	l := chaos.NewLedger()
	l.Order(marketOrder(client.Buy))
	first := execution(1, 1, client.Buy)
	l.Ack(first)
	if got := l.Verify(held(110), []client.Execution{first}, nil); got != "" {
		t.Fatal(got)
	}
	if got := l.Verify(held(100), nil, nil); !strings.Contains(got, "7-1 is lost") || !strings.Contains(got, "holds 100") {
		t.Errorf("%q", got)
	}
}

// resting is a limit buy of ten shares at 90, order 1, with some of them executed.
func resting(filled client.Quantity) client.OrderState {
	o := client.OrderState{
		ID: client.NewOrderID(customer, 1), ClientOrderID: named(1), Side: client.Buy, Key: chaos.LedgerKey, Price: 90,
		Quantity: 10, Status: client.StatusNew, Filled: filled, Leaves: 10 - filled,
	}
	if filled > 0 {
		o.Status = client.StatusPartiallyFilled
	}
	return o
}

func cancelled(filled client.Quantity) client.OrderState {
	o := resting(filled)
	o.Status, o.Leaves, o.Cause = client.StatusCancelled, 0, client.CauseClient
	return o
}

// working is the account while shares of the resting order are open.
func working(open, bought client.Quantity) client.Snapshot {
	s := held(100 + bought)
	s.Account.FrozenCash = client.Value(open, 90)
	return s
}

// TestLedgerOfOrders compares a ledger with an acknowledged resting order with possible states
// of a server.
func TestLedgerOfOrders(t *testing.T) {
	type orders = []client.OrderState
	part := execution(1, 1, client.Buy)
	part.Quantity = 4
	filled := resting(10)
	filled.Status = client.StatusFilled
	wrongLeaves, smaller, replaced, other, reached := resting(0), resting(0), resting(0), resting(0), resting(0)
	reached.Price = 100
	wrongLeaves.Leaves = 9
	smaller.Quantity, smaller.Leaves = 8, 8
	replaced.ClientOrderID, replaced.Quantity, replaced.Leaves = named(2), 20, 20
	other.ID = client.NewOrderID(customer, 2)
	lost := cancelled(0)
	lost.Cause = client.CauseLiquidity
	cancel := func(l *chaos.Ledger) { l.Cancel(1); l.Observe(cancelled(0)) }
	replace := func(l *chaos.Ledger) { l.Replace(1, 20) }
	replaceAcked := func(l *chaos.Ledger) { l.Replace(1, 20); l.Observe(replaced) }
	cases := []struct {
		name   string
		before func(*chaos.Ledger)
		has    client.Snapshot
		list   []client.Execution
		orders orders
		want   string
	}{
		{"works", nil, working(10, 0), nil, orders{resting(0)}, ""},
		{"partly executed", nil, working(6, 4), []client.Execution{part}, orders{resting(4)}, ""},
		{"gone", nil, working(0, 0), nil, nil, "the acknowledged order 7-1 is lost"},
		{"executed without an execution", nil, working(6, 0), nil, orders{resting(4)}, "is filled with 4 shares, its executions make 0"},
		{"execution without effect on the order", nil, working(10, 4), []client.Execution{part}, orders{resting(0)}, "is filled with 0 shares, its executions make 4"},
		{"filled without executions", nil, working(0, 0), nil, orders{filled}, "is filled with 10 shares, its executions make 0"},
		{"does not add up", nil, working(9, 0), nil, orders{wrongLeaves}, "does not add up"},
		{"another quantity", nil, working(8, 0), nil, orders{smaller}, "has the quantity 8"},
		{"another id", nil, working(10, 0), nil, orders{other}, "was accepted twice"},
		{"twice in the list", nil, working(20, 0), nil, orders{resting(0), resting(0)}, "twice"},
		{"limit reached", nil, working(10, 0), nil, orders{reached}, "has reached its limit"},
		{"nothing frozen", nil, working(0, 0), nil, orders{resting(0)}, "frozen"},
		{"cancelled without a request", nil, working(0, 0), nil, orders{cancelled(0)}, "for which there is no reason"},
		{"ended without a reason", nil, working(0, 0), nil, orders{lost}, "for which there is no reason"},
		{"cancelled", cancel, working(0, 0), nil, nil, ""},
		{"cancelled perhaps", func(l *chaos.Ledger) { l.Cancel(1) }, working(0, 0), nil, orders{cancelled(0)}, ""},
		{"cancel lost", cancel, working(10, 0), nil, orders{resting(0)}, "works again after its end"},
		{"executed after the cancel", cancel, working(0, 4), []client.Execution{part}, orders{cancelled(4)}, "was executed after its end"},
		{"replaced", replaceAcked, working(20, 0), nil, orders{replaced}, ""},
		{"replaced perhaps, and it was", replace, working(20, 0), nil, orders{replaced}, ""},
		{"replaced perhaps, and it was not", replace, working(10, 0), nil, orders{resting(0)}, ""},
		{"replacement lost", replaceAcked, working(10, 0), nil, orders{resting(0)}, "has lost its replacement"},
		{"older push", func(l *chaos.Ledger) { replaceAcked(l); l.ObserveLate(resting(0)) }, working(20, 0), nil, orders{replaced}, ""},
		{"replacement refused, and done", func(l *chaos.Ledger) { replace(l); l.Refuse(2) }, working(20, 0), nil, orders{replaced}, "was refused, and has an effect"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			l := chaos.NewLedger()
			l.Order(client.Order{Side: client.Buy, Key: chaos.LedgerKey, Quantity: 10, Price: 90})
			l.Accept(1, client.NewOrderID(customer, 1))
			if tc.before != nil {
				tc.before(l)
			}
			got := l.Verify(tc.has, tc.list, tc.orders)
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
