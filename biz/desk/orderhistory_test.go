package desk_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// record is all that has happened to an account. It is the account's desk.Watcher, so the account's
// lock guards it.
type record struct {
	executions []ledger.Execution // oldest first
	busted     map[ledger.ExecutionID]bool
	orders     map[ledger.OrderID][]orderStage
}

// orderStage is an order after an event.
type orderStage struct {
	event uint64
	desk.OrderState
}

// recorders makes each account have a record.
func recorders(records map[ledger.Customer]*record) func(*desk.Account) desk.Watcher {
	return func(a *desk.Account) desk.Watcher {
		r := records[a.Customer()]
		if r == nil {
			r = &record{busted: make(map[ledger.ExecutionID]bool), orders: make(map[ledger.OrderID][]orderStage)}
			records[a.Customer()] = r
		}
		return r
	}
}

// Changed implements desk.Watcher.
func (r *record) Changed(t *desk.Turn) {
	for i := range t.Events() {
		e := &t.Events()[i]
		switch e.Kind {
		case ledger.KindFill:
			r.executions = append(r.executions, e.Execution)
		case ledger.KindCorrect:
			r.executions = append(r.executions, e.Execution)
			r.busted[ledger.NewExecutionID(e.Customer(), e.Execution.Corrects)] = true
		case ledger.KindBust:
			r.busted[e.Execution.ID] = true
		}
		if e.Kind.HasOrder() {
			o := desk.OrderState{Order: e.Order, Cause: e.Cause}
			o.Frozen = 0 // the history does not have it
			r.orders[o.ID] = append(r.orders[o.ID], orderStage{e.Number, o})
		}
	}
}

// matches is what a filter means.
func matches(f *desk.Filter, id ledger.InstrumentID, side ledger.Side, at int64) bool {
	switch {
	case f.ByInstrument && f.Instrument != id, f.Side != 0 && f.Side != side:
		return false
	}
	return (f.From == 0 || f.From <= at) && (f.To == 0 || at < f.To)
}

// wantExecutions returns all that a query means, newest first.
func (r *record) wantExecutions(q *desk.Query) (list []ledger.Execution) {
	for _, x := range slices.Backward(r.executions) {
		inState := q.State == desk.AnyState || r.busted[x.ID] == (q.State == desk.Busted)
		if (q.Before == 0 || x.ID < q.Before) && inState && matches(&q.Filter, x.Instrument, x.Side, x.Time) {
			list = append(list, x)
		}
	}
	return list
}

// wantOrders returns all that a query means, newest first.
func (r *record) wantOrders(q *desk.OrderQuery) (list []desk.OrderState) {
	for id, stages := range r.orders {
		o := stages[len(stages)-1].OrderState
		if (q.Before == 0 || id < q.Before) && (q.Statuses == 0 || q.Statuses>>o.Status&1 == 1) && matches(&q.Filter, o.Instrument, o.Side, o.Time) {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(x, y desk.OrderState) int { return int(int64(y.ID) - int64(x.ID)) })
	return list
}

// executionsOf returns all pages of a query.
func (d *opened) executionsOf(a *desk.Account, q desk.Query) (list []ledger.Execution) {
	d.t.Helper()
	for {
		page, next, err := d.Executions(d.t.Context(), a, q)
		must(d.t, err)
		if q.Limit > 0 && len(page) > q.Limit || next != 0 && q.Before != 0 && next >= q.Before {
			d.t.Fatalf("%d executions of at most %d; the page before %s leads to %s", len(page), q.Limit, q.Before, next)
		}
		if list = append(list, page...); next == 0 {
			return list
		}
		q.Before = next
	}
}

// ordersOf returns all pages of a query, without the causes of orders that work: the history has
// them, and the account does not.
func (d *opened) ordersOf(a *desk.Account, q desk.OrderQuery) (list []desk.OrderState) {
	d.t.Helper()
	for {
		page, err := d.OrderHistory(d.t.Context(), a, q)
		must(d.t, err)
		if q.Limit > 0 && len(page.Orders) > q.Limit || page.Next != 0 && q.Before != 0 && page.Next >= q.Before {
			d.t.Fatalf("%d orders of at most %d; the page before %s leads to %s", len(page.Orders), q.Limit, q.Before, page.Next)
		}
		if list = append(list, page.Orders...); page.Next == 0 {
			break
		}
		q.Before = page.Next
	}
	plain(list)
	return list
}

// plain removes from the orders what is not the same in memory and in the history.
func plain(list []desk.OrderState) {
	for i := range list {
		list[i].Frozen = 0
		if list[i].Working() {
			list[i].Cause = 0
		}
	}
}

// randomFilter returns a filter of some of the fields.
func randomFilter(random *rand.Rand, times int) (f desk.Filter) {
	if random.IntN(3) == 0 {
		f.ByInstrument, f.Instrument = true, ledger.InstrumentID(random.IntN(3))
	}
	f.Side = ledger.Side(random.IntN(3))
	if random.IntN(2) == 0 {
		f.From = timeOf(random.IntN(times + 2))
	}
	if random.IntN(2) == 0 {
		f.To = max(timeOf(random.IntN(times+2)), f.From+1)
	}
	return f
}

// checkQueries compares random queries with a plain search in all that has happened.
func (d *opened) checkQueries(records map[ledger.Customer]*record, random *rand.Rand, times, queries int) (found int) {
	d.t.Helper()
	for range queries {
		a := d.Accounts()[random.IntN(3)]
		r := records[a.Customer()]
		// A page costs a search of all events in memory: the more there are, the fewer pages.
		limit := []int{0, 1 + random.IntN(max(40, d.setup.recent/10)), 1000}[random.IntN(3)]
		x := desk.Query{Limit: limit, Filter: randomFilter(random, times), State: desk.State(random.IntN(3))}
		o := desk.OrderQuery{Limit: limit, Filter: x.Filter, Statuses: uint32(random.IntN(64)) &^ 1}
		if random.IntN(2) == 0 {
			o.Statuses = 0
		}
		if random.IntN(3) == 0 {
			x.Before = ledger.NewExecutionID(a.Customer(), uint32(random.IntN(len(r.executions)+2)))
			o.Before = ledger.NewOrderID(a.Customer(), uint32(random.IntN(len(r.orders)+2)))
		}
		got, want := d.executionsOf(a, x), r.wantExecutions(&x)
		if !slices.Equal(got, want) {
			d.t.Fatalf("%+v: %d executions, want %d:\n%+v\n%+v", x, len(got), len(want), got, want)
		}
		orders, wantOrders := d.ordersOf(a, o), r.wantOrders(&o)
		plain(wantOrders)
		if !slices.Equal(orders, wantOrders) {
			d.t.Fatalf("%+v: %d orders, want %d\n%s", o, len(orders), len(wantOrders), firstDifference(orders, wantOrders))
		}
		found += len(got) + len(orders)
	}
	return found
}

func firstDifference(got, want []desk.OrderState) string {
	for n := range max(len(got), len(want)) {
		switch {
		case n >= len(got):
			return fmt.Sprintf("lacks %+v", want[n])
		case n >= len(want):
			return fmt.Sprintf("too much %+v", got[n])
		case got[n] != want[n]:
			return fmt.Sprintf("got %+v\nwant %+v", got[n], want[n])
		}
	}
	return ""
}

// TestQueriesAgreeWithEvents: whatever was traded, every query has what a search of all events
// finds: with nearly nothing in memory and with much, and after a restart.
func TestQueriesAgreeWithEvents(t *testing.T) {
	commands := 12_000
	if testing.Short() || raceDetector {
		commands = 3000
	}
	for _, recent := range []int{1, 40, 5000} {
		t.Run(fmt.Sprint(recent), func(t *testing.T) {
			records := make(map[ledger.Customer]*record)
			d := open(t, setup{seed: playSeed, recent: recent, watcher: recorders(records)})
			var clock atomic.Int64
			p := newPlayer(d, uint64(recent), &clock)
			random := rand.New(rand.NewPCG(1, uint64(recent)))
			for n := range commands {
				p.act()
				if n%3 == 0 {
					p.drive()
				}
				if n%500 == 0 { // the history may not have the newest yet
					d.checkQueries(records, random, int(clock.Load()), 5)
				}
			}
			found := d.checkQueries(records, random, int(clock.Load()), 150)
			t.Logf("%v; %d rows found", p.done, found)
			if p.done["bust"] == 0 || p.done["correct"] == 0 || found < 1000 {
				t.Error("the test is too weak")
			}
			d = d.restart()
			d.checkQueries(records, random, int(clock.Load()), 100)
		})
	}
}

// TestPagesWhileOrdersRun: pages that are read while orders run have no gaps and no doubles, and
// no order in them is older than it was when the page was asked for.
func TestPagesWhileOrdersRun(t *testing.T) {
	records := make(map[ledger.Customer]*record)
	d := open(t, setup{seed: playSeed, recent: 30, watcher: recorders(records)})
	var clock atomic.Int64
	var work sync.WaitGroup
	actions := make(chan struct{}, 1000)
	for n := range 3 {
		p := newPlayer(d, uint64(n), &clock)
		work.Go(func() {
			for range actions {
				p.act()
			}
		})
	}
	defer work.Wait()
	defer close(actions)
	act := func(n int) { // while pages are read
		for range n {
			actions <- struct{}{}
		}
	}
	act(600)
	random := rand.New(rand.NewPCG(2, 2))
	eventually(t, "the first orders", func() bool { return clock.Load() > 500 })
	for round := range 40 {
		a := d.Accounts()[round%3]
		limit := 5 + random.IntN(60)
		d.checkOrderPages(a, records[a.Customer()], limit, act)
		d.checkExecutionPages(a, limit, act)
	}
}

// checkOrderPages reads all orders of an account that goes on trading.
func (d *opened) checkOrderPages(a *desk.Account, r *record, limit int, act func(n int)) {
	d.t.Helper()
	var last uint32
	a.View(func(l *ledger.Account) { last = l.LastOrder() })
	q := desk.OrderQuery{Limit: limit}
	expected := ledger.OrderID(0)
	for {
		act(5)
		var event uint64
		a.View(func(l *ledger.Account) { event = l.LastNumber() })
		page, err := d.OrderHistory(d.t.Context(), a, q)
		if errors.Is(err, desk.ErrCatchingUp) {
			continue
		}
		must(d.t, err)
		plain(page.Orders)
		for _, o := range page.Orders {
			if expected == 0 && o.ID.Number() < last || expected != 0 && o.ID != expected {
				d.t.Fatalf("order %s, want %s; the newest was %d", o.ID, expected, last)
			}
			expected = o.ID - 1
			a.View(func(*ledger.Account) { d.checkStage(r.orders[o.ID], event, &o) })
		}
		if q.Before = page.Next; page.Next == 0 {
			break
		}
	}
	if expected.Number() != 0 {
		d.t.Fatalf("the last order is %s", expected+1)
	}
}

// checkStage checks that an order is in a stage that is not older than an event.
func (d *opened) checkStage(stages []orderStage, event uint64, o *desk.OrderState) {
	d.t.Helper()
	for _, s := range slices.Backward(stages) {
		if s.Working() {
			s.Cause = 0
		}
		if s.OrderState == *o {
			return
		}
		if s.event <= event {
			d.t.Errorf("%+v\nis older than that of event %d:\n%+v", o, s.event, s)
			return
		}
	}
	d.t.Errorf("%+v was never so", o)
}

// checkExecutionPages reads all executions of an account that goes on trading.
func (d *opened) checkExecutionPages(a *desk.Account, limit int, act func(n int)) {
	d.t.Helper()
	q := desk.Query{Limit: limit}
	expected := ledger.ExecutionID(0)
	for {
		act(5)
		page, next, err := d.Executions(d.t.Context(), a, q)
		must(d.t, err)
		for _, x := range page {
			if expected != 0 && x.ID != expected {
				d.t.Fatalf("execution %s, want %s", x.ID, expected)
			}
			expected = x.ID - 1
		}
		if q.Before = next; next == 0 {
			break
		}
	}
	if expected.Number() != 0 {
		d.t.Fatalf("the last execution is %s", expected+1)
	}
}
