package history_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"

	"holdfast/biz/history"
)

func TestRoundTrip(t *testing.T) {
	longest := strings.Repeat("x", history.ClientOrderIDSize)
	cases := map[string]func(e *history.Execution){
		"buy":                   func(e *history.Execution) {},
		"sell":                  func(e *history.Execution) { e.Side, e.Cost = history.Sell, 12345 },
		"order of another id":   func(e *history.Execution) { e.OrderID = id(7, 99) },
		"order zero":            func(e *history.Execution) { e.OrderID = 0 },
		"empty client order id": func(e *history.Execution) { e.ClientOrderID = [36]byte{} },
		"longest client id":     func(e *history.Execution) { copy(e.ClientOrderID[:], longest) },
		"client id not text":    func(e *history.Execution) { copy(e.ClientOrderID[:], "\xff\xfe'\"\n") },
		"largest numbers": func(e *history.Execution) {
			e.Quantity, e.Price, e.Cost, e.Time, e.Event = math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxUint64
		},
		"negative price":     func(e *history.Execution) { e.Price, e.Cost, e.Time = -1, -2, -3 },
		"largest sell":       func(e *history.Execution) { e.Side, e.Quantity = history.Sell, math.MaxInt64 },
		"largest instrument": func(e *history.Execution) { e.Instrument = math.MaxUint32 },
		"largest customer":   func(e *history.Execution) { e.ID = id(math.MaxUint32, 1); e.OrderID = e.ID },
		"customer over 2^31": func(e *history.Execution) { e.ID = id(1<<31, 1) },
		"customer zero":      func(e *history.Execution) { e.ID = id(0, 1) },
		"fee":                func(e *history.Execution) { e.Fee = 1 },
		"fee in cost":        func(e *history.Execution) { e.FeeInCost = true },
		"settlement":         func(e *history.Execution) { e.Settlement = -1 },
		"corrects":           func(e *history.Execution) { e.Corrects = math.MaxUint32 },
		"place":              func(e *history.Execution) { e.Place = math.MaxUint32 },
		"largest fields of version 2": func(e *history.Execution) {
			e.Fee, e.Settlement, e.Corrects, e.Place, e.FeeInCost = math.MaxInt64, math.MaxInt64, math.MaxUint32, math.MaxUint32, true
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			s := open(t, newPath(t))
			want := made(7, 1)
			change(&want)
			must(t, s.Begin(t.Context()))
			must(t, s.Insert(&want.Fill))
			must(t, s.Commit(1, 0))

			got, ok, err := s.Execution(t.Context(), want.ID)
			if err != nil || !ok || got != want {
				t.Fatalf("Execution: %+v, %v, %v\nwant %+v", got, ok, err, want)
			}
			page := all(t, s, history.Query{Customer: customerOf(want)})
			if len(page) != 1 || page[0] != want {
				t.Fatalf("Executions: %+v\nwant %+v", page, want)
			}
		})
	}
}

func TestPages(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 6, 1, 5)
	project(t, s, 2, 7, 1, 1500)
	project(t, s, 3, 8, 1, 5)

	cases := map[string]struct {
		query       history.Query
		first, last uint32
		count       int
		more        bool
	}{
		"default size":               {history.Query{Customer: 7}, 1500, 1401, 100, true},
		"negative size":              {history.Query{Customer: 7, Limit: -1}, 1500, 1401, 100, true},
		"largest size":               {history.Query{Customer: 7, Limit: 5000}, 1500, 501, 1000, true},
		"one":                        {history.Query{Customer: 7, Limit: 1}, 1500, 1500, 1, true},
		"before is exclusive":        {history.Query{Customer: 7, Limit: 3, Before: id(7, 1000)}, 999, 997, 3, true},
		"before the newest":          {history.Query{Customer: 7, Limit: 3, Before: id(7, 9999)}, 1500, 1498, 3, true},
		"before another's":           {history.Query{Customer: 7, Limit: 3, Before: id(8, 3)}, 1500, 1498, 3, true},
		"exactly the rest":           {history.Query{Customer: 7, Limit: 10, Before: id(7, 11)}, 10, 1, 10, false},
		"less than a page":           {history.Query{Customer: 7, Limit: 10, Before: id(7, 3)}, 2, 1, 2, false},
		"before the oldest":          {history.Query{Customer: 7, Before: id(7, 1)}, 0, 0, 0, false},
		"before one's own":           {history.Query{Customer: 7, Before: id(6, 3)}, 0, 0, 0, false},
		"nobody's":                   {history.Query{Customer: 9}, 0, 0, 0, false},
		"of an instrument":           {history.Query{Customer: 7, Limit: 2, Filter: history.Filter{ByInstrument: true, Instrument: 1}}, 1498, 1495, 2, true},
		"of instrument zero":         {history.Query{Customer: 7, Limit: 2, Filter: history.Filter{ByInstrument: true}}, 1500, 1497, 2, true},
		"instrument without its say": {history.Query{Customer: 7, Limit: 2, Filter: history.Filter{Instrument: 1}}, 1500, 1499, 2, true},
		"of an unused instrument":    {history.Query{Customer: 7, Filter: history.Filter{ByInstrument: true, Instrument: 3}}, 0, 0, 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page, next, err := s.Executions(t.Context(), c.query)
			must(t, err)
			if len(page) != c.count || (next != 0) != c.more || c.more && next != page[len(page)-1].ID {
				t.Fatalf("%d executions, next %d; want %d, %v", len(page), next, c.count, c.more)
			}
			if c.count == 0 {
				return
			}
			if page[0] != made(7, c.first) || page[len(page)-1] != made(7, c.last) {
				t.Fatalf("from %d to %d, want %d to %d", page[0].Event, page[len(page)-1].Event, c.first, c.last)
			}
		})
	}
}

func TestPagesJoin(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 250)
	for _, size := range []int{1, 7, 125, 249, 250, 251} {
		list := all(t, s, history.Query{Customer: 7, Limit: size})
		if len(list) != 250 {
			t.Fatalf("%d executions in pages of %d, want 250", len(list), size)
		}
		for i, e := range list {
			if e != made(7, uint32(250-i)) {
				t.Fatalf("pages of %d: %+v at %d", size, e, i)
			}
		}
	}
}

func TestUnknownExecution(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 3)
	for _, missing := range []uint64{0, id(7, 0), id(7, 4), id(8, 1), math.MaxUint64} {
		e, ok, err := s.Execution(t.Context(), missing)
		if ok || err != nil || e != (history.Execution{}) {
			t.Errorf("%d: %+v, %v, %v", missing, e, ok, err)
		}
	}
}

// Every page must be a range of the primary key: no sort, and no scan but for a range of time.
func TestPlans(t *testing.T) {
	path := newPath(t)
	open(t, path)
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	must(t, err)
	defer conn.Close()
	check := func(name, query string, want ...string) {
		t.Run(name, func(t *testing.T) {
			stmt, _, err := conn.PrepareTransient("EXPLAIN QUERY PLAN " + query)
			must(t, err)
			defer stmt.Finalize()
			var plan []string
			for {
				more, err := stmt.Step()
				must(t, err)
				if !more {
					break
				}
				plan = append(plan, stmt.GetText("detail"))
			}
			if !reflect.DeepEqual(plan, want) {
				t.Fatalf("plan\n%s\nwant\n%s", strings.Join(plan, "\n"), strings.Join(want, "\n"))
			}
		})
	}
	for name, query := range history.Queries() {
		want := []string{"SEARCH " + map[byte]string{'n': "executions", 'c': "executions", 'b': "bust", 'o': "orders"}[name[0]] +
			" USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"}
		switch name {
		case "chunks down":
			want[0] = "SEARCH executions USING INTEGER PRIMARY KEY (rowid<?)"
		case "chunks up":
			want = append(want, "SCALAR SUBQUERY 1", "SEARCH executions USING INTEGER PRIMARY KEY (rowid<?)")
		}
		check(name, query, want...)
	}
}

func TestQueryStops(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 10)
	why := errors.New("why")

	t.Run("before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		if _, _, err := s.Executions(ctx, history.Query{Customer: 7}); !errors.Is(err, why) {
			t.Fatalf("%v, want the cause", err)
		}
	})
	t.Run("between rows", func(t *testing.T) {
		project(t, s, 2, 7, 11, 1000) // several chunks
		ctx, cancel := context.WithCancelCause(t.Context())
		seen := 0
		err := s.EachExecution(ctx, 7, func(*history.Execution) error { seen++; cancel(why); return nil })
		if !errors.Is(err, why) || seen == 0 || seen == 1000 {
			t.Fatalf("%v after %d executions, want the cause after some", err, seen)
		}
	})
	t.Run("and the connection goes on", func(t *testing.T) {
		if n := len(all(t, s, history.Query{Customer: 7})); n != 1000 {
			t.Fatalf("%d executions, want 1000", n)
		}
	})
}
