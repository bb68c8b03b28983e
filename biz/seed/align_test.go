package seed_test

import (
	"errors"
	"strings"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

const alignText = `{"format": 1, "instruments": [
  {"market": "A", "code": "1", "last": "1.00"}, {"market": "A", "code": "2", "last": "2.00"}, {"market": "B", "code": "1", "last": "3.00"}],
 "customers": [{"customer": 1, "cash": "0", "positions": [
  {"market": "A", "code": "1", "quantity": 10, "average_cost": "1.00"}, {"market": "B", "code": "1", "quantity": 30, "average_cost": "1.00"}]}]}`

func TestAlign(t *testing.T) {
	for _, tc := range []struct {
		name     string
		order    []seed.Key
		want     string
		holdings []ledger.InstrumentID
	}{
		{"nothing to align with", nil, "A/1 A/2 B/1", []ledger.InstrumentID{0, 2}},
		{"as it is", []seed.Key{{Market: "A", Code: "1"}, {Market: "A", Code: "2"}, {Market: "B", Code: "1"}}, "A/1 A/2 B/1", []ledger.InstrumentID{0, 2}},
		{"the beginning of it", []seed.Key{{Market: "A", Code: "1"}}, "A/1 A/2 B/1", []ledger.InstrumentID{0, 2}},
		{"the end of it", []seed.Key{{Market: "B", Code: "1"}}, "B/1 A/1 A/2", []ledger.InstrumentID{1, 0}},
		{"turned round", []seed.Key{{Market: "B", Code: "1"}, {Market: "A", Code: "2"}, {Market: "A", Code: "1"}}, "B/1 A/2 A/1", []ledger.InstrumentID{2, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := seed.Parse("s.json", []byte(alignText))
			if err != nil {
				t.Fatal(err)
			}
			aligned, err := s.Align(tc.order)
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for n := range aligned.Instruments {
				i := &aligned.Instruments[n]
				keys = append(keys, seed.KeyOf(i).String())
				if i.ID != ledger.InstrumentID(n) {
					t.Errorf("instrument %d has the id %d", n, i.ID)
				}
			}
			var holdings []ledger.InstrumentID
			for _, h := range aligned.Customers[0].Holdings {
				holdings = append(holdings, h.Instrument)
			}
			equal(t, strings.Join(keys, " "), tc.want)
			equal(t, holdings, tc.holdings)
			fresh, err := seed.Parse("s.json", []byte(alignText))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, s, fresh) // it was not changed
		})
	}
}

func TestAlignMissing(t *testing.T) {
	s, err := seed.Parse("s.json", []byte(alignText))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Align([]seed.Key{{Market: "A", Code: "1"}, {Market: "B", Code: "2"}})
	if !errors.Is(err, seed.ErrMissing) || err.Error() != "instrument B/2 is missing from the seed file" {
		t.Error(err)
	}
}
