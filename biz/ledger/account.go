package ledger

import (
	"fmt"
	"slices"
)

// MaxRows is the most positions an account has at a time.
const MaxRows = 4096

// DefaultRecent is the usual number of recent events that an account keeps in memory.
const DefaultRecent = 256

// MaxRecent is the largest number of recent events that an account keeps in memory.
const MaxRecent = 1<<15 - 1

// Account is one customer's cash, positions and recent events.
//
// Goroutine: any, one at a time.
type Account struct {
	customer      Customer
	lastExecution uint32
	lastNumber    uint64
	digest        uint64
	cash          Money
	realised      Money
	rows          []row
	value         total // of the rows
	recent        recent
	busted        map[ExecutionID]Busted
}

// NewAccount opens an account. Holdings may be in any order. Two holdings of the same
// instrument, a quantity that is not positive, and amounts beyond the limits are
// ErrBadHolding. The newest recentMax events (0 to MaxRecent) stay in memory; a repeated
// client order id is recognised only among them.
func NewAccount(c Customer, cash Money, holdings []Holding, recentMax int) (*Account, error) {
	a := &Account{customer: c, cash: cash, digest: mixSeed, recent: recent{max: clampRecent(recentMax)}}
	if c == 0 || !withinMoney(cash) || len(holdings) > MaxRows {
		return nil, fmt.Errorf("%w: customer %d", ErrBadHolding, c)
	}
	if len(holdings) > 0 {
		a.rows = make([]row, 0, len(holdings))
	}
	for _, h := range holdings {
		at, held := find(a.rows, h.Instrument)
		r := row{instrument: h.Instrument, since: 1, quantity: h.Quantity, cost: h.Cost}
		if held || !r.valid() {
			return nil, fmt.Errorf("%w: customer %d, instrument %d", ErrBadHolding, c, h.Instrument)
		}
		a.rows = slices.Insert(a.rows, at, r)
	}
	return a, nil
}

func clampRecent(n int) int { return min(max(n, 0), MaxRecent) }

func (r *row) valid() bool {
	return r.quantity > 0 && r.quantity <= MaxQuantity &&
		r.cost >= 0 && r.cost <= MaxMoney && withinMoney(r.realised)
}

// Customer returns the owner of the account.
func (a *Account) Customer() Customer { return a.customer }

// Cash returns the cash. It may be negative after a bust.
func (a *Account) Cash() Money { return a.cash }

// Realised returns the realised profit of the account.
func (a *Account) Realised() Money { return a.realised }

// LastNumber returns the number of the newest event, 0 before the first.
func (a *Account) LastNumber() uint64 { return a.lastNumber }

// LastExecution returns the number of the newest execution, 0 before the first.
func (a *Account) LastExecution() uint32 { return a.lastExecution }

// Rows returns how many positions there are.
func (a *Account) Rows() int { return len(a.rows) }

// Position returns the position in an instrument, and whether there is one.
func (a *Account) Position(id InstrumentID) (Position, bool) {
	at, held := find(a.rows, id)
	if !held {
		return Position{Instrument: id}, false
	}
	return a.rows[at].position(), true
}

// Positions appends all positions to dst, in the order of their instrument ids.
func (a *Account) Positions(dst []Position) []Position {
	dst, _ = a.PositionsFrom(dst, 0, len(a.rows))
	return dst
}

// PositionsFrom appends at most limit positions to dst, in the order of their instrument
// ids, from the one in first or the next one after it. more reports whether others follow.
func (a *Account) PositionsFrom(dst []Position, first InstrumentID, limit int) (page []Position, more bool) {
	at, _ := find(a.rows, first)
	end := min(at+limit, len(a.rows))
	for i := at; i < end; i++ {
		dst = append(dst, a.rows[i].position())
	}
	return dst, end < len(a.rows)
}

// Recent appends the events in memory to dst, newest first.
func (a *Account) Recent(dst []Event) []Event {
	for i := len(a.recent.events) - 1; i >= 0; i-- {
		dst = append(dst, *a.recent.at(i))
	}
	return dst
}

// EventsAfter appends the events after number to dst, oldest first. It appends nothing and
// returns false if some of them are no longer in memory, or if number is above LastNumber.
func (a *Account) EventsAfter(dst []Event, number uint64) ([]Event, bool) {
	if number > a.lastNumber || a.lastNumber-number > uint64(len(a.recent.events)) {
		return dst, false
	}
	n := len(a.recent.events)
	for i := n - int(a.lastNumber-number); i < n; i++ {
		dst = append(dst, *a.recent.at(i))
	}
	return dst, true
}

// FindExecution returns the fill of an execution, if it is in memory.
func (a *Account) FindExecution(id ExecutionID) (Event, bool) {
	for i := len(a.recent.events) - 1; i >= 0; i-- {
		if e := a.recent.at(i); e.Kind == KindFill && e.Execution.ID == id {
			return *e, true
		}
	}
	return Event{}, false
}

// FindBust returns the bust of an execution, if there is one, however old.
func (a *Account) FindBust(id ExecutionID) (Busted, bool) {
	b, ok := a.busted[id]
	return b, ok
}
