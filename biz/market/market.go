package market

import (
	"fmt"
	"sync/atomic"

	"holdfast/biz/ledger"
)

// Market is a fixed list of instruments with their last prices.
//
// Goroutine: any, concurrently.
type Market struct {
	instruments []Instrument
	last        []atomic.Int64
	byKey       map[key]ledger.InstrumentID
}

type key struct{ market, code string }

// New returns a market with a copy of the instruments. Their ids must be 0, 1, 2... in
// order. It fails with ErrBadInstrument if Validate refuses an instrument, if two have the
// same market and code, if an id is out of order, or above MaxInstruments.
func New(instruments []Instrument) (*Market, error) {
	if len(instruments) > MaxInstruments {
		return nil, fmt.Errorf("%w: %d instruments exceed the limit of %d", ErrBadInstrument, len(instruments), MaxInstruments)
	}
	m := &Market{
		instruments: append([]Instrument(nil), instruments...),
		last:        make([]atomic.Int64, len(instruments)),
		byKey:       make(map[key]ledger.InstrumentID, len(instruments)),
	}
	for n := range m.instruments {
		if err := m.add(n); err != nil {
			return nil, fmt.Errorf("instrument %d: %w", n, err)
		}
	}
	return m, nil
}

func (m *Market) add(n int) error {
	i := &m.instruments[n]
	if err := i.Validate(); err != nil {
		return err
	}
	if i.ID != ledger.InstrumentID(n) {
		return i.bad("id", i.ID, "must be its place in the list")
	}
	k := key{i.Market, i.Code}
	if first, ok := m.byKey[k]; ok {
		return i.bad("code", i.Code, fmt.Sprintf("is that of instrument %d", first))
	}
	m.byKey[k] = i.ID
	m.last[n].Store(int64(i.Last))
	return nil
}

// Len returns how many instruments there are.
func (m *Market) Len() int { return len(m.instruments) }

// At returns an instrument, or nil if the id has no instrument. The caller must not change
// it; its Last is the first price.
func (m *Market) At(id ledger.InstrumentID) *Instrument {
	if int(id) >= len(m.instruments) {
		return nil
	}
	return &m.instruments[id]
}

// Find returns the id of the instrument with this market and code. It does not
// allocate.
func (m *Market) Find(market, code string) (ledger.InstrumentID, bool) {
	id, ok := m.byKey[key{market, code}]
	return id, ok
}

// Last returns the last price, or 0 if the id has no instrument.
func (m *Market) Last(id ledger.InstrumentID) ledger.Price {
	if int(id) >= len(m.last) {
		return 0
	}
	return ledger.Price(m.last[id].Load())
}

// SetLast sets the last price. It does nothing if the id has no instrument.
func (m *Market) SetLast(id ledger.InstrumentID, p ledger.Price) {
	if int(id) < len(m.last) {
		m.last[id].Store(int64(p))
	}
}
