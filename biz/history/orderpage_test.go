package history_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"holdfast/biz/history"
)

// TestOrderPagesAgainstTwin: the pages of orders are those of a plain list in which every order
// has a state, be it simple or not.
func TestOrderPagesAgainstTwin(t *testing.T) {
	path := newPath(t)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		if n++; n > 20 { // each has many pages
			return
		}
		if err := history.Remove(path); err != nil {
			r.Fatal(err)
		}
		s, err := history.Open(context.Background(), history.Options{Path: path})
		if err != nil {
			r.Fatal(err)
		}
		defer s.Close()
		history.LimitScan(s, rapid.SampledFrom([]int{1, 2, 7, 30, 100_000}).Draw(r, "scan"))
		w := orderTwin{r: r, store: s, accounts: map[uint32]*twinAccount{1: {}, 2: {}}}
		r.Repeat(map[string]func(*rapid.T){
			"batch":   func(*rapid.T) { w.batch() },
			"pages":   func(*rapid.T) { w.pages() },
			"page":    func(*rapid.T) { w.page() },
			"walk":    func(*rapid.T) { w.walk() },
			"ofOrder": func(*rapid.T) { w.executionOfOrder() },
		})
	})
}

// orderTwin does to a store what a desk does, and to accounts in memory.
type orderTwin struct {
	r        *rapid.T
	store    *history.Store
	accounts map[uint32]*twinAccount
	done     uint64
}

type twinAccount struct {
	event      uint64
	executions []history.Execution // by number - 1
	orders     []history.Order     // by number - 1
}

func (w *orderTwin) check(err error) {
	if err != nil {
		w.r.Fatal(err)
	}
}

func (w *orderTwin) customer() uint32 { return rapid.Uint32Range(1, 2).Draw(w.r, "customer") }

func (w *orderTwin) batch() {
	w.check(w.store.Begin(context.Background()))
	for range rapid.IntRange(1, 30).Draw(w.r, "events") {
		c := w.customer()
		a := w.accounts[c]
		a.event++
		kind := rapid.IntRange(0, 9).Draw(w.r, "kind")
		switch n := len(a.executions); {
		case kind < 5:
			w.order(c, a, true)
		case kind < 7:
			w.order(c, a, false)
		case kind == 7 && len(a.orders) > 0:
			w.fill(c, a, rapid.IntRange(0, len(a.orders)-1).Draw(w.r, "order"), 0)
		case kind > 7 && n > 0:
			w.bust(c, a, rapid.IntRange(0, n-1).Draw(w.r, "busted"), kind == 9)
		}
	}
	w.done++
	w.check(w.store.Commit(w.done, 0))
}

// order places an order, which is simple or rests.
func (w *orderTwin) order(c uint32, a *twinAccount, simple bool) {
	number := uint32(len(a.orders) + 1)
	at := made(1, 1).Time + int64(rapid.IntRange(0, 50).Draw(w.r, "time")) // the clock may go back
	o := history.Order{
		ID: id(c, number), Event: a.event, FirstEvent: a.event, LastPlacingEvent: a.event, Quantity: 100, Time: at, Updated: at,
		Instrument: number % 3, Side: 1 + uint8(number%2), Type: 1, TimeInForce: 1, Status: 2,
	}
	copy(o.ClientOrderID[:], "order")
	o.PlacedAs, o.PlacedQuantity = o.ClientOrderID, o.Quantity
	a.orders = append(a.orders, o)
	if !simple {
		w.check(w.store.PutOrder(&o))
		return
	}
	w.execution(c, a, int(number)-1, history.Fill{Simple: true})
	last := &a.orders[number-1]
	last.Status, last.Filled, last.FilledValue = 1, 100, 100*100_000
}

// execution inserts one of an order, with fields of f.
func (w *orderTwin) execution(c uint32, a *twinAccount, order int, f history.Fill) {
	o := &a.orders[order]
	f.ID, f.OrderID, f.Event, f.Time = id(c, uint32(len(a.executions)+1)), o.ID, a.event, o.Time
	f.Quantity, f.Price, f.Side, f.Instrument, f.ClientOrderID = 100, 100_000, o.Side, o.Instrument, o.ClientOrderID
	w.check(w.store.Insert(&f))
	a.executions = append(a.executions, history.Execution{Fill: f})
}

// fill executes a part of an order that has a row.
func (w *orderTwin) fill(c uint32, a *twinAccount, order int, corrects uint32) {
	o := &a.orders[order]
	if o.Status == 1 {
		return
	}
	w.execution(c, a, order, history.Fill{Corrects: corrects, Place: corrects})
	o.Filled, o.Event = o.Filled+1, a.event
	w.put(o)
}

func (w *orderTwin) put(o *history.Order) {
	state := *o
	state.FirstEvent, state.LastPlacingEvent = state.Event, state.Event+9 // those of the row remain
	w.check(w.store.PutOrder(&state))
}

// bust busts or corrects an execution, and changes its order.
func (w *orderTwin) bust(c uint32, a *twinAccount, n int, correct bool) {
	e := &a.executions[n]
	if e.Busted {
		return
	}
	order := int(uint32(e.OrderID)) - 1
	o := &a.orders[order]
	if correct {
		w.execution(c, a, order, history.Fill{Corrects: uint32(n + 1), Place: 1})
		w.check(w.store.Correct(e.ID, a.executions[len(a.executions)-1].ID, "r", 1))
	} else {
		w.check(w.store.Bust(e.ID, "r", 1))
	}
	a.executions[n].Busted = true
	first := *o
	o.Event, o.Status, o.Cause = a.event, uint8(3+order%3), 8
	if first.Status != 1 { // it has a row
		w.put(o)
		return
	}
	event, err := w.store.ExecutionEvent(e.ID)
	w.check(err)
	state := *o
	state.FirstEvent, state.LastPlacingEvent = event, event
	w.check(w.store.PutOrder(&state))
}

func (w *orderTwin) filter() history.Filter {
	f := (&twinWork{r: w.r}).filter()
	f.Statuses = rapid.SampledFrom([]uint32{0, 1 << 1, 1<<2 | 1<<4, 1 << 3, 1 << 31}).Draw(w.r, "statuses")
	return f
}

// expected returns the orders that match, newest first.
func (w *orderTwin) expected(q *history.Query) (list []history.Order) {
	for _, o := range slices.Backward(w.accounts[q.Customer].orders) {
		f := &q.Filter
		switch {
		case q.Before != 0 && o.ID >= q.Before:
		case f.ByInstrument && o.Instrument != f.Instrument, f.Side != 0 && o.Side != f.Side:
		case f.From != 0 && o.Time < f.From, f.To != 0 && o.Time >= f.To:
		case f.Statuses != 0 && f.Statuses>>o.Status&1 == 0:
		default:
			list = append(list, o)
		}
	}
	return list
}

func (w *orderTwin) query() history.Query {
	q := history.Query{Customer: w.customer(), Limit: rapid.IntRange(1, 12).Draw(w.r, "limit")}
	if rapid.Bool().Draw(w.r, "filtered") {
		q.Filter = w.filter()
	}
	if n := rapid.Uint32Range(0, 60).Draw(w.r, "before"); n > 0 {
		q.Before = id(q.Customer, n)
	}
	return q
}

// page checks one page: all orders down to its next, at most the limit.
func (w *orderTwin) page() {
	q := w.query()
	got, next, err := w.store.Orders(context.Background(), q)
	w.check(err)
	if len(got) > q.Limit {
		w.r.Fatalf("%d orders, limit %d", len(got), q.Limit)
	}
	var want []history.Order
	for _, o := range w.expected(&q) {
		if o.ID >= next {
			want = append(want, o)
		}
	}
	if !slices.Equal(got, want) {
		w.r.Fatalf("%+v\nwant %+v\nnext %d", got, want, uint32(next))
	}
}

func (w *orderTwin) pages() {
	q := w.query()
	want := w.expected(&q)
	var got []history.Order
	w.eachPage(q, func(page []history.Order) { got = append(got, page...) })
	if !slices.Equal(got, want) {
		w.r.Fatalf("%+v\nwant %+v", got, want)
	}
}

func (w *orderTwin) eachPage(q history.Query, fn func([]history.Order)) {
	for {
		page, next, err := w.store.Orders(context.Background(), q)
		w.check(err)
		fn(page)
		if next == 0 {
			return
		}
		if q.Before != 0 && next >= q.Before {
			w.r.Fatalf("next %d after %d", next, q.Before)
		}
		q.Before = next
	}
}

// walk reads pages while the writer commits between them: each order that was there at the
// beginning is in them once.
func (w *orderTwin) walk() {
	q := history.Query{Customer: w.customer(), Limit: rapid.IntRange(1, 12).Draw(w.r, "limit")}
	want := w.expected(&q)
	seen := map[uint64]int{}
	batches := 0
	w.eachPage(q, func(page []history.Order) {
		for _, o := range page {
			seen[o.ID]++
		}
		if batches++; batches <= 3 {
			w.batch()
		}
	})
	if len(seen) != len(want) {
		w.r.Fatalf("%d orders, want %d", len(seen), len(want))
	}
	for _, o := range want {
		if seen[o.ID] != 1 {
			w.r.Fatalf("order %d is there %d times: %v", uint32(o.ID), seen[o.ID], slices.Sorted(maps.Keys(seen)))
		}
	}
}

func (w *orderTwin) executionOfOrder() {
	c := w.customer()
	order := id(c, rapid.Uint32Range(0, 60).Draw(w.r, "order"))
	var want history.Fill
	for _, e := range w.accounts[c].executions {
		if e.OrderID == order {
			want = e.Fill
			break
		}
	}
	got, found, err := w.store.ExecutionOfOrder(context.Background(), order)
	if w.check(err); found != (want.ID != 0) || got.Fill != want {
		w.r.Fatalf("%+v, %v\nwant %+v", got, found, want)
	}
}

// TestOrderPagesOfMany: pages are found in a long history, whatever kind of order is frequent.
func TestOrderPagesOfMany(t *testing.T) {
	for name, simple := range map[string]func(n uint32) bool{
		"all simple":       func(uint32) bool { return true },
		"one in a hundred": func(n uint32) bool { return n%100 == 0 },
		"one has a row":    func(n uint32) bool { return n != 1700 },
		"none":             func(uint32) bool { return false },
	} {
		t.Run(name, func(t *testing.T) {
			const orders = 3000
			s := open(t, newPath(t))
			must(t, s.Begin(t.Context()))
			for n := uint32(1); n <= orders; n++ {
				e := made(7, n)
				e.OrderID, e.Simple = e.ID, simple(n)
				must(t, s.Insert(&e.Fill))
				if !e.Simple {
					o := madeOrder(7, n)
					o.Event, o.FirstEvent = e.Event, e.Event
					must(t, s.PutOrder(&o))
				}
			}
			must(t, s.Commit(1, 0))
			for n := uint32(orders + 1); n > 1; n -= 37 {
				page, next, err := s.Orders(t.Context(), history.Query{Customer: 7, Before: id(7, n), Limit: 40})
				if want := min(int(n)-1, 40); err != nil || len(page) != want || page[0].ID != id(7, n-1) || page[want-1].ID != id(7, n-uint32(want)) {
					t.Fatalf("before %d: %d orders, next %d, %v", n, len(page), uint32(next), err)
				}
				if e, found, err := s.ExecutionOfOrder(t.Context(), id(7, n-1)); !found || err != nil || e.ID != id(7, n-1) {
					t.Fatalf("execution of order %d: %d, %v, %v", n-1, uint32(e.ID), found, err)
				}
				if n < 38 {
					break
				}
			}
		})
	}
}
