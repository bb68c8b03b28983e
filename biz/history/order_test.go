package history_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"holdfast/biz/history"
)

func TestOrderRoundTrip(t *testing.T) {
	cases := map[string]func(o *history.Order){
		"all fields": func(*history.Order) {},
		"least":      func(o *history.Order) { *o = history.Order{ID: o.ID, Side: history.Buy} },
		"largest numbers": func(o *history.Order) {
			*o = history.Order{
				ID: id(math.MaxUint32, math.MaxUint32), Event: math.MaxUint64, FirstEvent: math.MaxUint64, LastPlacingEvent: math.MaxUint64,
				Quantity: math.MaxInt64, Filled: math.MaxInt64, FilledValue: math.MaxInt64, Price: math.MaxInt64, Stop: math.MaxInt64,
				Priority: math.MaxUint64, Time: math.MaxInt64, Expires: math.MaxInt64, Updated: math.MaxInt64, Instrument: math.MaxUint32,
				Side: history.Sell, Type: 255, TimeInForce: 255, Status: 255, Cause: 255,
			}
			copy(o.ClientOrderID[:], strings.Repeat("x", history.ClientOrderIDSize))
		},
		"triggered":               func(o *history.Order) { o.Triggered, o.Held = true, false },
		"held":                    func(o *history.Order) { o.Triggered, o.Held = false, true },
		"client id not text":      func(o *history.Order) { copy(o.ClientOrderID[:], "\xff\xfe'\"\n") },
		"times before 1970":       func(o *history.Order) { o.Time, o.Expires, o.Updated = -1, -2, -3 },
		"customer over 2^31":      func(o *history.Order) { o.ID = id(1<<31, 1) },
		"of an event in the past": func(o *history.Order) { o.FirstEvent, o.LastPlacingEvent = 1, 2 },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			s := open(t, newPath(t))
			want := madeOrder(7, 1)
			change(&want)
			must(t, s.Begin(t.Context()))
			must(t, s.PutOrder(&want))
			must(t, s.Commit(1, 0))
			want.PlacedAs, want.PlacedQuantity = want.ClientOrderID, want.Quantity
			got, ok, err := s.Order(t.Context(), want.ID)
			if err != nil || !ok || got != want {
				t.Fatalf("%+v, %v, %v\nwant %+v", got, ok, err, want)
			}
			must(t, s.Verify(t.Context()))
		})
	}
}

// orderState returns the nth state of an order. FirstEvent, LastPlacingEvent, the client order id
// and the quantity of the first one count.
func orderState(number uint32, n uint64) history.Order {
	o := madeOrder(7, number)
	o.Event += n
	o.Filled += int64(n)
	o.Quantity += 3 * int64(n)
	o.PlacedQuantity = o.Quantity
	o.Status = uint8(1 + n%5)
	o.ClientOrderID[0] += byte(n)
	if n > 0 {
		o.FirstEvent, o.LastPlacingEvent = o.Event, o.Event
	}
	return o
}

// TestPutOrderAgain: the newest state is stored, with the first events of the first one,
// however the states are spread over transactions.
func TestPutOrderAgain(t *testing.T) {
	const orders, states = 7, 6
	for name, transactions := range map[string]int{"in one transaction": 1, "in two": 2, "in six": 6} {
		t.Run(name, func(t *testing.T) {
			s := open(t, newPath(t))
			for batch := range transactions {
				must(t, s.Begin(t.Context()))
				for n := batch * states / transactions; n < (batch+1)*states/transactions; n++ {
					for number := uint32(orders); number > 0; number-- {
						o := orderState(number, uint64(n))
						must(t, s.PutOrder(&o))
					}
				}
				must(t, s.Commit(uint64(batch)+1, 0))
			}
			for number := uint32(1); number <= orders; number++ {
				want := orderState(number, states-1)
				first := madeOrder(7, number)
				want.FirstEvent, want.LastPlacingEvent = first.FirstEvent, first.LastPlacingEvent
				want.PlacedAs, want.PlacedQuantity = first.ClientOrderID, first.Quantity
				if got, ok, err := s.Order(t.Context(), id(7, number)); err != nil || !ok || got != want {
					t.Fatalf("%+v, %v, %v\nwant %+v", got, ok, err, want)
				}
			}
			must(t, s.Verify(t.Context()))
		})
	}
}

// TestPutOrderWritesOnce: of many states in one transaction only the newest is written.
func TestPutOrderWritesOnce(t *testing.T) {
	s := open(t, newPath(t))
	before, err := s.Written()
	must(t, err)
	must(t, s.Begin(t.Context()))
	for n := range uint64(50) {
		for number := uint32(1); number <= 3; number++ {
			o := orderState(number, n)
			must(t, s.PutOrder(&o))
		}
	}
	must(t, s.Commit(1, 0))
	after, err := s.Written()
	must(t, err)
	if got := after - before - 2; got != 3 { // without the progress
		t.Fatalf("%d rows of 3 orders were written", got)
	}
}

func TestPutOrderUndone(t *testing.T) {
	s := open(t, newPath(t))
	put(t, s, 1, 7, 1, 1)
	must(t, s.Begin(t.Context()))
	for n := range uint64(3) {
		o := orderState(uint32(n)+1, n)
		must(t, s.PutOrder(&o))
	}
	must(t, s.Rollback())
	must(t, s.Begin(t.Context())) // nothing of it is left here either
	must(t, s.Commit(2, 0))
	list, err := s.OrderRows(t.Context(), 7)
	if want := []history.Order{madeOrder(7, 1)}; err != nil || !slices.Equal(list, want) {
		t.Fatalf("%+v, %v\nwant %+v", list, err, want)
	}
}

func TestPutOrderInvalid(t *testing.T) {
	s := open(t, newPath(t))
	must(t, s.Begin(t.Context()))
	for name, change := range map[string]func(o *history.Order){
		"no side":           func(o *history.Order) { o.Side = 0 },
		"unknown side":      func(o *history.Order) { o.Side = 3 },
		"negative quantity": func(o *history.Order) { o.Quantity = -1 },
	} {
		o := madeOrder(7, 1)
		change(&o)
		if err := s.PutOrder(&o); !errors.Is(err, history.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	must(t, s.Rollback())
}

// In the steady state an order costs no allocation, be it new or not.
func TestPutOrderAllocations(t *testing.T) {
	s := open(t, newPath(t))
	const orders = 500
	number := uint64(0)
	batch := func() {
		must(t, s.Begin(context.Background()))
		number++
		for n := range uint32(orders) {
			o := history.Order{ID: id(7, n+1), Event: number, FirstEvent: 1, Side: history.Buy}
			must(t, s.PutOrder(&o))
		}
		must(t, s.Commit(number, 0))
	}
	batch()
	if n := testing.AllocsPerRun(10, batch); n > 10 {
		t.Fatalf("%v allocations in a batch of %d orders", n, orders)
	}
}

func TestAlteredOrder(t *testing.T) {
	columns := strings.Fields(`id event first_event last_placing_event instrument side type time_in_force status cause quantity
		filled filled_value price stop priority time expires updated checksum`)
	changes := map[string]string{
		"triggered": "triggered = 0", "held": "held = NULL", "client order id": "client_order_id = x'41'",
		"client id too long": "client_order_id = CAST(client_order_id || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' AS BLOB)",
	}
	for _, column := range columns {
		changes[column] = column + " = " + column + " + 100"
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			put(t, s, 1, 7, 1, 10)
			must(t, s.Verify(t.Context()))
			alter(t, path, "UPDATE orders SET "+change+" WHERE id & 4294967295 = 5")
			_, listErr := s.OrdersWith(t.Context(), []uint64{id(7, 4), id(7, 5), id(7, 105)})
			_, _, namedErr := s.OrderNamed(t.Context(), 7, id(7, 1), id(7, 200), madeOrder(7, 300).ClientOrderID)
			for call, err := range map[string]error{"OrdersWith": listErr, "OrderNamed": namedErr, "Verify": s.Verify(t.Context())} {
				if !errors.Is(err, history.ErrDamaged) {
					t.Errorf("%s: %v, want ErrDamaged", call, err)
				}
			}
			// A new state must not make it right.
			must(t, s.Begin(t.Context()))
			o := orderState(5, 1)
			if name == "id" {
				o.ID = id(7, 105)
			}
			must(t, s.PutOrder(&o))
			if err := s.Commit(2, 0); !errors.Is(err, history.ErrDamaged) {
				t.Errorf("Commit: %v, want ErrDamaged", err)
			}
		})
	}
}

func TestUnknownOrder(t *testing.T) {
	s := open(t, newPath(t))
	put(t, s, 1, 7, 1, 3)
	for _, missing := range []uint64{0, id(7, 0), id(7, 4), id(8, 1), math.MaxUint64} {
		if o, ok, err := s.Order(t.Context(), missing); ok || err != nil || o != (history.Order{}) {
			t.Errorf("%d: %+v, %v, %v", missing, o, ok, err)
		}
	}
}

// An order is found by the client order id that it was placed with, not by a later one.
func TestOrderNamedBeforeReplacement(t *testing.T) {
	s := open(t, newPath(t))
	o := madeOrder(7, 1)
	placed := o.ClientOrderID
	for batch := range uint64(3) {
		must(t, s.Begin(t.Context()))
		o.Event++
		o.ClientOrderID[0]++
		if batch == 0 {
			o.ClientOrderID = placed
		}
		must(t, s.PutOrder(&o))
		must(t, s.Commit(batch+1, 0))
	}
	found, ok, err := s.OrderNamed(t.Context(), 7, o.ID, o.ID, placed)
	if err != nil || !ok || found.ClientOrderID != o.ClientOrderID || found.PlacedAs != placed {
		t.Errorf("placed as %q: %+v, %v, %v", placed, found, ok, err)
	}
	if _, ok, err = s.OrderNamed(t.Context(), 7, o.ID, o.ID, o.ClientOrderID); ok || err != nil {
		t.Errorf("found by its new name: %v, %v", ok, err)
	}
}

func TestOrderNamed(t *testing.T) {
	s := open(t, newPath(t))
	put(t, s, 1, 6, 1, 20)
	put(t, s, 2, 7, 1, 20)
	must(t, s.Begin(t.Context()))
	for _, number := range []uint32{21, 22} { // the name of order 10 again
		o := madeOrder(7, number)
		o.ClientOrderID = madeOrder(7, 10).ClientOrderID
		must(t, s.PutOrder(&o))
	}
	must(t, s.Commit(3, 0))
	cases := map[string]struct {
		customer    uint32
		first, last uint64
		name        string
		want        uint64
	}{
		"the only one":              {7, id(7, 1), id(7, 20), "order-3", id(7, 3)},
		"the first one":             {7, id(7, 3), id(7, 20), "order-3", id(7, 3)},
		"the last one":              {7, id(7, 1), id(7, 3), "order-3", id(7, 3)},
		"before them":               {7, id(7, 4), id(7, 20), "order-3", 0},
		"after them":                {7, id(7, 1), id(7, 2), "order-3", 0},
		"the oldest of several":     {7, id(7, 1), id(7, 22), "order-10", id(7, 10)},
		"the oldest of those after": {7, id(7, 11), id(7, 22), "order-10", id(7, 21)},
		"a longer name":             {7, id(7, 1), id(7, 22), "order-1", id(7, 1)},
		"unknown":                   {7, id(7, 1), id(7, 22), "order-", 0},
		"no name":                   {7, id(7, 1), id(7, 22), "", 0},
		"of a customer only":        {7, 0, math.MaxUint64, "order-3", id(7, 3)},
		"nobody's":                  {8, 0, math.MaxUint64, "order-3", 0},
		"no range":                  {7, id(7, 20), id(7, 1), "order-3", 0},
		"ids of another":            {7, id(6, 1), id(6, 20), "order-3", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var clientOrderID [history.ClientOrderIDSize]byte
			copy(clientOrderID[:], c.name)
			o, ok, err := s.OrderNamed(t.Context(), c.customer, c.first, c.last, clientOrderID)
			if err != nil || ok != (c.want != 0) || o.ID != c.want {
				t.Fatalf("%+v, %v, %v; want %d", o, ok, err, c.want)
			}
		})
	}
}

// TestRowsWithIDs: the executions and orders of a list of ids, in its order, without those that
// have no row.
func TestRowsWithIDs(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	project(t, s, 1, 7, 1, 20)
	must(t, s.Begin(t.Context()))
	for n := uint32(1); n <= 20; n += 2 {
		o := madeOrder(7, n)
		must(t, s.PutOrder(&o))
	}
	must(t, s.Bust(id(7, 3), "r", 5))
	must(t, s.Commit(2, 0))
	ids := []uint64{id(7, 5), id(7, 3), id(7, 4), id(8, 1), id(7, 21), id(7, 5)}
	executions, err := s.ExecutionsWith(t.Context(), ids)
	if got := numbersOf(executions); err != nil || !slices.Equal(got, []int{5, -3, 4, 5}) {
		t.Errorf("%v, %v", got, err)
	}
	var numbers []uint32
	orders, err := s.OrdersWith(t.Context(), ids)
	for i := range orders {
		numbers = append(numbers, uint32(orders[i].ID))
	}
	if err != nil || !slices.Equal(numbers, []uint32{5, 3, 5}) {
		t.Errorf("%v, %v", numbers, err)
	}
	alter(t, path, "UPDATE orders SET filled = filled + 1 WHERE id & 4294967295 = 5")
	if _, err := s.OrdersWith(t.Context(), ids); !errors.Is(err, history.ErrDamaged) {
		t.Errorf("an altered order: %v", err)
	}
}
