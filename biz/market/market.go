package market

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"holdfast/biz/ledger"
)

// Market is a list of instruments with their last prices. It can grow.
//
// Goroutine: any, concurrently.
type Market struct {
	now atomic.Pointer[list]
	mu  sync.Mutex // held by Add
}

// list is the instruments at one moment. Only their prices change.
type list struct {
	instruments []Instrument
	last        []*atomic.Int64 // shared with later lists
	byKey       map[key]ledger.InstrumentID
}

type key struct{ market, code string }

// New returns a market with a copy of the instruments. Their ids must be 0, 1, 2... in
// order. It fails with ErrBadInstrument if Validate refuses an instrument, if two have the
// same market and code, if an id is out of order, or above MaxInstruments.
func New(instruments []Instrument) (*Market, error) {
	m := new(Market)
	m.now.Store(new(list))
	if err := m.Add(instruments); err != nil {
		return nil, err
	}
	return m, nil
}

// Add appends instruments; their ids continue the list. Errors are those of New; then
// nothing is added.
func (m *Market) Add(instruments []Instrument) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.now.Load()
	size := len(before.instruments) + len(instruments)
	if size > MaxInstruments {
		return fmt.Errorf("%w: %d instruments exceed the limit of %d", ErrBadInstrument, size, MaxInstruments)
	}
	l := &list{
		instruments: slices.Concat(before.instruments, instruments),
		last:        slices.Clone(before.last),
		byKey:       make(map[key]ledger.InstrumentID, size),
	}
	maps.Copy(l.byKey, before.byKey)
	for n := len(before.instruments); n < size; n++ {
		if err := l.add(n); err != nil {
			return fmt.Errorf("instrument %d: %w", n, err)
		}
	}
	m.now.Store(l)
	return nil
}

func (l *list) add(n int) error {
	i := &l.instruments[n]
	if err := i.Validate(); err != nil {
		return err
	}
	if i.ID != ledger.InstrumentID(n) {
		return i.bad("id", i.ID, "must be its place in the list")
	}
	k := key{i.Market, i.Code}
	if first, ok := l.byKey[k]; ok {
		return i.bad("code", i.Code, fmt.Sprintf("is that of instrument %d", first))
	}
	l.byKey[k] = i.ID
	price := new(atomic.Int64)
	price.Store(int64(i.Last))
	l.last = append(l.last, price)
	return nil
}

// Len returns how many instruments there are.
func (m *Market) Len() int { return len(m.now.Load().instruments) }

// At returns an instrument, or nil if the id has no instrument. The caller must not change
// it; its Last is the first price.
func (m *Market) At(id ledger.InstrumentID) *Instrument {
	l := m.now.Load()
	if int(id) >= len(l.instruments) {
		return nil
	}
	return &l.instruments[id]
}

// Find returns the id of the instrument with this market and code. It does not
// allocate.
func (m *Market) Find(market, code string) (ledger.InstrumentID, bool) {
	id, ok := m.now.Load().byKey[key{market, code}]
	return id, ok
}

// Last returns the last price, or 0 if the id has no instrument.
func (m *Market) Last(id ledger.InstrumentID) ledger.Price {
	l := m.now.Load()
	if int(id) >= len(l.last) {
		return 0
	}
	return ledger.Price(l.last[id].Load())
}

// SetLast sets the last price. It does nothing if the id has no instrument.
func (m *Market) SetLast(id ledger.InstrumentID, p ledger.Price) {
	l := m.now.Load()
	if int(id) < len(l.last) {
		l.last[id].Store(int64(p))
	}
}
