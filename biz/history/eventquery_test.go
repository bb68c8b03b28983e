package history_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"holdfast/biz/history"
)

// eventOf is the event of the nth execution in the tests of events: there are events without
// an execution before, between and after them.
func eventOf(n uint32) uint64 { return uint64(n)*3 + uint64(n/10)*100 }

// projectEvents writes the executions from..to of a customer with the numbers of eventOf.
func projectEvents(t *testing.T, s *history.Store, batch uint64, customer, from, to uint32) {
	t.Helper()
	must(t, s.Begin(t.Context()))
	for n := from; n <= to; n++ {
		e := made(customer, n)
		e.Event = eventOf(n)
		must(t, s.Insert(&e.Fill))
	}
	must(t, s.Commit(batch, 0))
}

func TestExecutionsBetween(t *testing.T) {
	s := open(t, newPath(t))
	const rows = 2300
	projectEvents(t, s, 1, 6, 1, 5)
	projectEvents(t, s, 2, 7, 1, rows)
	projectEvents(t, s, 3, 1<<31, 1, 5)
	projectEvents(t, s, 4, math.MaxUint32, 1, 5)
	cases := map[string]struct {
		customer       uint32
		first, last    uint64
		wantFrom, want uint32 // 0: nothing
		more           bool
	}{
		"one":                    {7, eventOf(5), eventOf(5), 5, 5, false},
		"the first":              {7, 0, eventOf(1), 1, 1, false},
		"the last":               {7, eventOf(rows), math.MaxUint64, rows, rows, false},
		"some":                   {7, eventOf(5), eventOf(12), 5, 12, false},
		"both ends in gaps":      {7, eventOf(5) + 1, eventOf(12) + 1, 6, 12, false},
		"a gap":                  {7, eventOf(9) + 1, eventOf(10) - 1, 0, 0, false},
		"before all":             {7, 0, eventOf(1) - 1, 0, 0, false},
		"after all":              {7, eventOf(rows) + 1, math.MaxUint64, 0, 0, false},
		"a page":                 {7, 0, math.MaxUint64, 1, history.MaxLimit, true},
		"exactly a page":         {7, eventOf(11), eventOf(10 + history.MaxLimit), 11, 10 + history.MaxLimit, false},
		"the wrong way round":    {7, eventOf(12), eventOf(5), 0, 0, false},
		"nobody's":               {8, 0, math.MaxUint64, 0, 0, false},
		"customer over 2^31":     {1 << 31, eventOf(2), eventOf(4), 2, 4, false},
		"largest customer":       {math.MaxUint32, eventOf(2), math.MaxUint64, 2, 5, false},
		"of a customer with few": {6, eventOf(2), math.MaxUint64, 2, 5, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page, more, err := s.ExecutionsBetween(t.Context(), c.customer, c.first, c.last)
			var want []uint64
			for n := c.wantFrom; n <= c.want && n > 0; n++ {
				want = append(want, eventOf(n))
			}
			got := make([]uint64, 0, len(page))
			for _, e := range page {
				if customerOf(e) != c.customer {
					t.Fatalf("of another customer: %+v", e)
				}
				got = append(got, e.Event)
			}
			if err != nil || more != c.more || !slices.Equal(got, want) {
				t.Fatalf("%v, more %v, %v; want %v, %v", got, more, err, want, c.more)
			}
		})
	}
	t.Run("pages join", func(t *testing.T) {
		var list []history.Execution
		for from, more := uint64(0), true; more; {
			var page []history.Execution
			var err error
			page, more, err = s.ExecutionsBetween(t.Context(), 7, from, math.MaxUint64)
			must(t, err)
			list = append(list, page...)
			from = page[len(page)-1].Event + 1
		}
		for i, e := range list {
			if e.ID != id(7, uint32(i)+1) {
				t.Fatalf("%d at %d", uint32(e.ID), i)
			}
		}
		if len(list) != rows {
			t.Fatalf("%d executions, want %d", len(list), rows)
		}
	})
}

// TestBetweenEveryPair compares all ranges of events with a plain search.
func TestBetweenEveryPair(t *testing.T) {
	for rows := range uint32(6) {
		s := open(t, newPath(t))
		projectEvents(t, s, 1, 7, 1, rows)
		for first := range eventOf(rows) + 3 {
			for last := range eventOf(rows) + 3 {
				want := 0
				for n := uint32(1); n <= rows; n++ {
					if eventOf(n) >= first && eventOf(n) <= last {
						want++
					}
				}
				page, more, err := s.ExecutionsBetween(t.Context(), 7, first, last)
				if len(page) != want || more || err != nil || want > 0 && page[0].Event < first {
					t.Fatalf("%d rows, events %d to %d: %d executions, %v, %v; want %d", rows, first, last, len(page), more, err, want)
				}
			}
		}
	}
}

func TestExecutionNamed(t *testing.T) {
	s := open(t, newPath(t))
	projectEvents(t, s, 1, 6, 1, 20)
	projectEvents(t, s, 2, 7, 1, 20)
	must(t, s.Begin(t.Context()))
	for _, number := range []uint32{21, 22} { // the name of execution 10 again
		e := made(7, number)
		e.Event, e.ClientOrderID = eventOf(number), made(7, 10).ClientOrderID
		must(t, s.Insert(&e.Fill))
	}
	must(t, s.Bust(id(7, 3), "r", 1))
	must(t, s.Commit(3, 0))
	cases := map[string]struct {
		customer    uint32
		first, last uint64
		name        string
		want        uint32
	}{
		"found, though busted":      {7, 0, math.MaxUint64, "order-3", 3},
		"the first one":             {7, eventOf(3), eventOf(20), "order-3", 3},
		"the last one":              {7, eventOf(1), eventOf(3), "order-3", 3},
		"before them":               {7, eventOf(4), eventOf(20), "order-3", 0},
		"after them":                {7, eventOf(1), eventOf(3) - 1, "order-3", 0},
		"the oldest of several":     {7, eventOf(1), eventOf(22), "order-10", 10},
		"the oldest of those after": {7, eventOf(11), eventOf(22), "order-10", 21},
		"unknown":                   {7, 0, math.MaxUint64, "order-", 0},
		"no name":                   {7, 0, math.MaxUint64, "", 0},
		"nobody's":                  {8, 0, math.MaxUint64, "order-3", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var clientOrderID [history.ClientOrderIDSize]byte
			copy(clientOrderID[:], c.name)
			e, ok, err := s.ExecutionNamed(t.Context(), c.customer, c.first, c.last, clientOrderID)
			if err != nil || ok != (c.want != 0) || e.ID&math.MaxUint32 != uint64(c.want) || ok && customerOf(e) != c.customer {
				t.Fatalf("%+v, %v, %v; want %d", e, ok, err, c.want)
			}
			if ok && e.Busted != (c.want == 3) {
				t.Fatalf("busted: %v", e.Busted)
			}
		})
	}
}

// An altered event number or name must not hide an execution.
func TestAlteredEvent(t *testing.T) {
	for name, text := range map[string]string{
		"event that the bisection reads": "UPDATE executions SET last = last - 1 WHERE previous = (SELECT max(previous) FROM executions)",
		"event in the range":             "UPDATE executions SET executions = CAST(substr(executions, 1, 100) || 'x' || substr(executions, 102) AS BLOB) WHERE previous = 0",
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			s := open(t, path)
			projectEvents(t, s, 1, 7, 1, 500)
			alter(t, path, text)
			_, _, betweenErr := s.ExecutionsBetween(t.Context(), 7, eventOf(11), eventOf(14))
			_, _, namedErr := s.ExecutionNamed(t.Context(), 7, eventOf(11), eventOf(14), made(7, 12).ClientOrderID)
			for call, err := range map[string]error{"ExecutionsBetween": betweenErr, "ExecutionNamed": namedErr} {
				if !errors.Is(err, history.ErrDamaged) {
					t.Errorf("%s: %v, want ErrDamaged", call, err)
				}
			}
		})
	}
}
