package seed

import (
	"fmt"

	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// A Key identifies an instrument.
type Key struct{ Market, Code string }

// String returns the key for people, such as "ALFA/600100".
func (k Key) String() string { return k.Market + "/" + k.Code }

// KeyOf returns the key of an instrument.
func KeyOf(i *market.Instrument) Key { return Key{i.Market, i.Code} }

// Align returns the seed with its instruments in the given order; those that are not in
// order follow, as the seed has them. Instruments and holdings get the new ids. It returns
// s itself if nothing changes, and never changes s. A key that the seed lacks is
// ErrMissing.
func (s *Seed) Align(order []Key) (*Seed, error) {
	old := make(map[Key]ledger.InstrumentID, len(s.Instruments))
	for n := range s.Instruments {
		old[KeyOf(&s.Instruments[n])] = ledger.InstrumentID(n)
	}
	aligned := *s
	aligned.Instruments = make([]market.Instrument, 0, len(s.Instruments))
	renumbered := make([]ledger.InstrumentID, len(s.Instruments)) // old id to new
	same := true
	add := func(id ledger.InstrumentID) {
		i := s.Instruments[id]
		i.ID = ledger.InstrumentID(len(aligned.Instruments))
		renumbered[id] = i.ID
		same = same && i.ID == id
		aligned.Instruments = append(aligned.Instruments, i)
	}
	for _, key := range order {
		id, ok := old[key]
		if !ok {
			return nil, fmt.Errorf("instrument %s %w", key, ErrMissing)
		}
		delete(old, key)
		add(id)
	}
	for n := range s.Instruments {
		if _, left := old[KeyOf(&s.Instruments[n])]; left {
			add(ledger.InstrumentID(n))
		}
	}
	if same {
		return s, nil
	}
	aligned.Customers = make([]Customer, len(s.Customers))
	for n := range s.Customers {
		c := s.Customers[n]
		c.Holdings = make([]ledger.Holding, len(c.Holdings))
		for h, holding := range s.Customers[n].Holdings {
			holding.Instrument = renumbered[holding.Instrument]
			c.Holdings[h] = holding
		}
		aligned.Customers[n] = c
	}
	return &aligned, nil
}
