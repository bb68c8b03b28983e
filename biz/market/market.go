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

// list is the instruments at one moment. Only their states change.
type list struct {
	instruments []Instrument
	states      []*state // shared with later lists
	byKey       map[key]ledger.InstrumentID
	rules       []*Rules // of each market, in order of the first instruments
	byMarket    map[string]*Rules

	codes  map[string]coded // made by FindCode
	coding sync.Once
}

type key struct{ market, code string }

// state is what changes about an instrument.
type state struct {
	last   atomic.Int64
	halted atomic.Bool
	day    atomic.Pointer[day]
}

// day is what holds for a trading day of an instrument.
type day struct {
	previousClose ledger.Price
	closedAt      int64
	limits        Span
}

// New returns a market with a copy of the instruments. Their ids must be 0, 1, 2... in
// order. It fails with ErrBadInstrument if Validate refuses an instrument, if two have the
// same market and code, if two of a market have other Rules, if an id is out of order, or
// above MaxInstruments; with ErrBadRules if Validate refuses the rules of an instrument.
// Instruments of one market without Rules share the rules of the market, or the default rules
// with its name.
func New(instruments []Instrument) (*Market, error) {
	m := new(Market)
	m.now.Store(new(list))
	if err := m.Add(instruments); err != nil {
		return nil, err
	}
	return m, nil
}

// Add appends instruments; their ids continue the list. Errors are those of New; then
// nothing is added. Instruments of a market that is listed before the call get its rules,
// whatever theirs are.
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
		states:      slices.Clone(before.states),
		byKey:       make(map[key]ledger.InstrumentID, size),
		rules:       slices.Clone(before.rules),
		byMarket:    make(map[string]*Rules, len(before.byMarket)),
	}
	maps.Copy(l.byKey, before.byKey)
	maps.Copy(l.byMarket, before.byMarket)
	for n := len(before.instruments); n < size; n++ {
		i := &l.instruments[n]
		if r, ok := before.byMarket[i.Market]; ok {
			i.Rules = r
		}
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
	if err := l.shareRules(i); err != nil {
		return err
	}
	if i.ID != ledger.InstrumentID(n) {
		return badInstrument("id", i.ID, "must be its place in the list")
	}
	k := key{i.Market, i.Code}
	if first, ok := l.byKey[k]; ok {
		return badInstrument("code", i.Code, fmt.Sprintf("is that of instrument %d", first))
	}
	l.byKey[k] = i.ID
	s := new(state)
	s.last.Store(int64(i.Last))
	s.setPreviousClose(i, i.Last, 0)
	l.states = append(l.states, s)
	return nil
}

// shareRules makes the instrument share the rules of its market.
func (l *list) shareRules(i *Instrument) error {
	r, ok := l.byMarket[i.Market]
	switch {
	case ok && i.Rules == nil:
		i.Rules = r
	case ok && i.Rules != r:
		return badInstrument("market", i.Market, "has other rules than the instruments before it")
	case !ok:
		if i.Rules == nil {
			i.Rules = &Rules{Name: i.Market}
		}
		if err := i.Rules.Validate(); err != nil {
			return err
		}
		l.byMarket[i.Market] = i.Rules
		l.rules = append(l.rules, i.Rules)
	}
	i.SetRules(i.Rules)
	return nil
}

func (s *state) setPreviousClose(i *Instrument, p ledger.Price, at int64) {
	d := &day{previousClose: p, closedAt: at}
	d.limits.Low, d.limits.High = i.Rules.BandOf(p, i.Tick)
	s.day.Store(d)
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

// Rules returns the rules of each market, in the order of their first instruments. The caller
// must not change the slice.
func (m *Market) Rules() []*Rules { return m.now.Load().rules }

// Find returns the id of the instrument with this market and code. It does not
// allocate.
func (m *Market) Find(market, code string) (ledger.InstrumentID, bool) {
	id, ok := m.now.Load().byKey[key{market, code}]
	return id, ok
}

// coded is how many markets have a code, and the first instrument with it.
type coded struct {
	id      ledger.InstrumentID
	markets int
}

// FindCode returns how many markets have an instrument with this code, and the first one.
func (m *Market) FindCode(code string) (id ledger.InstrumentID, markets int) {
	l := m.now.Load()
	l.coding.Do(func() {
		l.codes = make(map[string]coded, len(l.instruments))
		for n := range l.instruments {
			i := &l.instruments[n]
			c, ok := l.codes[i.Code]
			if !ok {
				c.id = i.ID
			}
			c.markets++
			l.codes[i.Code] = c
		}
	})
	c := l.codes[code]
	return c.id, c.markets
}

// stateOf returns the state of an instrument, or nil if the id has no instrument.
func (m *Market) stateOf(id ledger.InstrumentID) *state {
	l := m.now.Load()
	if int(id) >= len(l.states) {
		return nil
	}
	return l.states[id]
}

// Last returns the last price, or 0 if the id has no instrument.
func (m *Market) Last(id ledger.InstrumentID) ledger.Price {
	if s := m.stateOf(id); s != nil {
		return ledger.Price(s.last.Load())
	}
	return 0
}

// SetLast sets the last price, which may be outside the band. It does nothing if the id has no
// instrument.
func (m *Market) SetLast(id ledger.InstrumentID, p ledger.Price) {
	if s := m.stateOf(id); s != nil {
		s.last.Store(int64(p))
	}
}

// Halted reports whether trading in an instrument is halted.
func (m *Market) Halted(id ledger.InstrumentID) bool {
	s := m.stateOf(id)
	return s != nil && s.halted.Load()
}

// SetHalted halts or resumes trading in an instrument. It reports whether that changed
// anything.
func (m *Market) SetHalted(id ledger.InstrumentID, halted bool) bool {
	s := m.stateOf(id)
	return s != nil && s.halted.Swap(halted) != halted
}

// PreviousClose returns the price on which Limits depend, and when it was set. At first it is the
// first price, and 0. It returns 0 and 0 if the id has no instrument.
func (m *Market) PreviousClose(id ledger.InstrumentID) (p ledger.Price, at int64) {
	if s := m.stateOf(id); s != nil {
		d := s.day.Load()
		return d.previousClose, d.closedAt
	}
	return 0, 0
}

// SetPreviousClose sets the previous close, at least one tick, and with it the band. at is when
// the day closed (Unix nanoseconds). It does nothing if the id has no instrument.
func (m *Market) SetPreviousClose(id ledger.InstrumentID, p ledger.Price, at int64) {
	l := m.now.Load()
	if int(id) < len(l.states) {
		l.states[id].setPreviousClose(&l.instruments[id], p, at)
	}
}

// Limits returns the lowest and the highest price of the day: 0 and MaxPrice if the market has
// no band, 0 and 0 if the id has no instrument.
func (m *Market) Limits(id ledger.InstrumentID) Span {
	if s := m.stateOf(id); s != nil {
		return s.day.Load().limits
	}
	return Span{}
}

// Phase returns the phase of an instrument's market at time t. There is such an instrument.
func (m *Market) Phase(id ledger.InstrumentID, t int64) Phase { return m.At(id).Rules.Phase(t) }

// Terms returns the rules for a command on an instrument at time t. There is such an
// instrument.
func (m *Market) Terms(id ledger.InstrumentID, t int64) (terms ledger.Terms) {
	m.At(id).SetTerms(&terms, t, m.Last(id), m.Limits(id).High)
	return terms
}
