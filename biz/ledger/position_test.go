package ledger_test

import (
	"slices"
	"testing"

	"holdfast/biz/ledger"
)

// TestPositionsFrom: pages of any size have all positions once, in order, from a position that
// is held or not.
func TestPositionsFrom(t *testing.T) {
	a := open(t, 0, ledger.Holding{Instrument: 2, Quantity: 1}, ledger.Holding{Instrument: 4, Quantity: 1}, ledger.Holding{Instrument: 7, Quantity: 1})
	cases := []struct {
		first ledger.InstrumentID
		limit int
		want  []ledger.InstrumentID
		more  bool
	}{
		{0, 3, []ledger.InstrumentID{2, 4, 7}, false},
		{0, 2, []ledger.InstrumentID{2, 4}, true},
		{3, 1, []ledger.InstrumentID{4}, true},
		{4, 1, []ledger.InstrumentID{4}, true},
		{5, 9, []ledger.InstrumentID{7}, false},
		{8, 9, nil, false},
		{0, 0, nil, true},
	}
	for _, c := range cases {
		page, more := a.PositionsFrom(nil, c.first, c.limit)
		var have []ledger.InstrumentID
		for _, p := range page {
			have = append(have, p.Instrument)
		}
		if !slices.Equal(have, c.want) || more != c.more {
			t.Errorf("%d from %d: %v, more %t", c.limit, c.first, have, more)
		}
	}
}
