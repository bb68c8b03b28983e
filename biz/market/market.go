package market

import (
	"fmt"
	"sync/atomic"

	"holdfast/biz/ledger"
)

// Market is a fixed list of instruments with their last prices.
//
// Goroutine: any, at the same time.
type Market struct {
	instruments []Instrument
	last        []atomic.Int64
	byKey       map[key]ledger.InstrumentID
}

type key struct{ market, code string }

// New makes a market of the instruments, whose ids must be 0, 1, 2... in order.
// Any that Validate refuses, two of one market and code, an id out of order and
// more than MaxInstruments are ErrBadInstrument. It copies the list.
func New(instruments []Instrument) (*Market, error) {
	if len(instruments) > MaxInstruments {
		return nil, fmt.Errorf("%w: %d are over the limit of %d", ErrBadInstrument, len(instruments), MaxInstruments)
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

// At returns an instrument, or nil for an id that is none. It must not be
// changed; its Last is the price to start with.
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

// Last returns the last price, or 0 for an id that is no instrument.
func (m *Market) Last(id ledger.InstrumentID) ledger.Price {
	if int(id) >= len(m.last) {
		return 0
	}
	return ledger.Price(m.last[id].Load())
}

// SetLast sets the last price. An id that is no instrument changes nothing.
func (m *Market) SetLast(id ledger.InstrumentID, p ledger.Price) {
	if int(id) < len(m.last) {
		m.last[id].Store(int64(p))
	}
}
