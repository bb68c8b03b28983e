package history_test

import (
	"testing"

	"holdfast/biz/history"
)

// TestScanIsBounded: a call that finds nothing reads only some rows, and the next one goes on
// from there without leaving any out. Rows that were not in the time span at all cost less.
func TestScanIsBounded(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 6, 1, 10)
	project(t, s, 2, 7, 1, 3000)
	must(t, s.Begin(t.Context()))
	must(t, s.Bust(id(7, 3), "r", 9))
	must(t, s.Commit(3, 0))
	history.LimitScan(s, 300)
	at := func(n uint32) int64 { return made(7, n).Time }
	for name, c := range map[string]struct {
		filter      history.Filter
		want        int
		least, most int // calls
	}{
		"all":             {history.Filter{}, 3000, 3, 10},
		"sells":           {history.Filter{Side: history.Sell}, 1500, 8, 11},
		"no instrument":   {history.Filter{ByInstrument: true, Instrument: 9}, 0, 8, 11},
		"standing":        {history.Filter{Busted: history.StateStanding}, 2999, 3, 11},
		"busted":          {history.Filter{Busted: history.StateBusted}, 1, 1, 2},
		"oldest":          {history.Filter{To: at(3)}, 2, 1, 2},
		"from on":         {history.Filter{From: at(2990)}, 11, 1, 2},
		"span":            {history.Filter{From: at(100), To: at(110)}, 10, 1, 2},
		"after everybody": {history.Filter{From: at(4000)}, 0, 1, 2},
	} {
		calls, found := 0, 0
		q := history.Query{Customer: 7, Limit: history.MaxLimit, Filter: c.filter}
		for more := true; more; {
			page, next, err := s.Executions(t.Context(), q)
			must(t, err)
			calls, found, more, q.Before = calls+1, found+len(page), next != 0, next
		}
		if found != c.want || calls < c.least || calls > c.most {
			t.Errorf("%s: %d executions in %d calls, want %d in %d to %d", name, found, calls, c.want, c.least, c.most)
		}
	}
}

// TestScanStopsAtItsCustomer: the walk over the oldest chunk ends there, also if the next one in
// the file is that of a customer over 2^31, which SQLite sorts before all others.
func TestScanStopsAtItsCustomer(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 10)
	project(t, s, 2, 1<<31+9, 1, 100)
	history.LimitScan(s, 1)
	for _, c := range []uint32{7, 1<<31 + 9} {
		q := history.Query{Customer: c, Limit: 5, Before: id(c, 6)}
		if page, next, err := s.Executions(t.Context(), q); len(page) != 5 || next != 0 || err != nil {
			t.Errorf("customer %d: %d executions, next %d, %v", c, len(page), next, err)
		}
	}
}
