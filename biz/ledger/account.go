package ledger

import (
	"fmt"
	"slices"
)

// MaxRows is the most positions an account has at a time.
const MaxRows = 4096

// MaxOrders is the most working orders an account has at a time.
const MaxOrders = 4096

// Options are the settings of an account.
type Options struct {
	// Recent is how many of the newest events stay in memory, 1 to MaxRecent.
	Recent int
	// Orders is how many orders may work at a time, at most MaxOrders; 0 means MaxOrders.
	Orders int
	// ClientOrderIDs is how many client order ids may be remembered; 0 means
	// DefaultClientOrderIDs. An order above it is refused.
	ClientOrderIDs int
}

// Limits of Options.
const (
	// DefaultRecent is the usual number of recent events.
	DefaultRecent = 256
	// MaxRecent is the largest number of recent events.
	MaxRecent = 1<<15 - 1
	// DefaultClientOrderIDs is the usual number of client order ids.
	DefaultClientOrderIDs = 1_000_000
)

func (o Options) normal() Options {
	o.Recent = min(max(o.Recent, 1), MaxRecent)
	if o.Orders <= 0 {
		o.Orders = MaxOrders
	}
	o.Orders = min(o.Orders, MaxOrders)
	if o.ClientOrderIDs <= 0 {
		o.ClientOrderIDs = DefaultClientOrderIDs
	}
	return o
}

// Opening is what an account starts with, and has again after a reset. The account retains
// the slice and does not change it.
type Opening struct {
	Cash     Money
	Holdings []Holding
}

// Account is one customer's cash, positions, working orders and recent events.
//
// Goroutine: any, one at a time.
type Account struct {
	// What each order needs comes first, so that it is in few cache lines.
	customer      Customer
	lastOrder     uint32
	lastExecution uint32
	resetAt       uint32 // the last execution before the newest reset
	lastNumber    uint64
	lastPush      uint64
	digest        uint64

	cash     Money
	frozen   Money // sum over the working orders
	realised Money
	fees     Money // that are in no cost and in no profit

	rows     []row
	value    total // of the rows
	recent   recent
	ids      clientIDs
	lots     []lot    // shares that can't be sold yet
	proceeds []due    // cash that can't be spent yet
	orders   []*Order // that work, by id

	deposits Money // minus the withdrawals, since the opening or the reset
	busted   map[ExecutionID]Busted
	options  Options
	opening  Opening
}

// NewAccount opens an account. Holdings may be in any order. Two holdings of the same
// instrument, a quantity that is not positive, and amounts beyond the limits are
// ErrBadHolding.
func NewAccount(c Customer, opening Opening, o Options) (*Account, error) {
	a := &Account{customer: c, options: o.normal(), opening: opening, digest: mixSeed}
	a.recent.max = a.options.Recent
	if c == 0 || !withinMoney(opening.Cash) || len(opening.Holdings) > MaxRows {
		return nil, fmt.Errorf("%w: customer %d", ErrBadHolding, c)
	}
	for _, h := range opening.Holdings {
		at, held := find(a.rows, h.Instrument)
		r := row{instrument: h.Instrument, since: 1, quantity: h.Quantity, cost: h.Cost}
		if held || !r.valid() {
			return nil, fmt.Errorf("%w: customer %d, instrument %d", ErrBadHolding, c, h.Instrument)
		}
		if a.rows == nil {
			a.rows = make([]row, 0, len(opening.Holdings))
		}
		a.rows = slices.Insert(a.rows, at, r)
	}
	a.cash = opening.Cash
	return a, nil
}

func (r *row) valid() bool {
	return r.quantity > 0 && r.quantity <= MaxQuantity && r.frozen >= 0 && r.frozen <= r.quantity &&
		r.cost >= 0 && r.cost <= MaxMoney && withinMoney(r.realised)
}

// Customer returns the owner of the account.
func (a *Account) Customer() Customer { return a.customer }

// Cash returns the cash, with what is frozen or can't be spent yet. It may be negative after
// a bust.
func (a *Account) Cash() Money { return a.cash }

// Frozen returns the cash that is frozen for working orders.
func (a *Account) Frozen() Money { return a.frozen }

// Unsettled returns the cash that can't be spent yet at a time.
func (a *Account) Unsettled(at int64) (m Money) {
	for i := range a.proceeds {
		if a.proceeds[i].from > at {
			m += a.proceeds[i].amount
		}
	}
	return m
}

// Free returns the cash that an order can spend at a time. It may be negative after a bust.
func (a *Account) Free(at int64) Money { return freeCash(a.cash, a.frozen, a.Unsettled(at)) }

// freeCash returns cash - frozen - unsettled. Cash - frozen counts as -MaxMoney at least, so that
// nothing overflows.
func freeCash(cash, frozen, unsettled Money) Money {
	return max(cash-frozen, -MaxMoney) - unsettled
}

// Realised returns the realised profit of the account.
func (a *Account) Realised() Money { return a.realised }

// Fees returns the fees that are in no cost and in no realised profit: those of buys, unless
// the market adds them to the cost.
func (a *Account) Fees() Money { return a.fees }

// Deposits returns the deposits minus the withdrawals since the opening or the last reset.
func (a *Account) Deposits() Money { return a.deposits }

// LastNumber returns the number of the newest event, 0 before the first.
func (a *Account) LastNumber() uint64 { return a.lastNumber }

// LastPush returns the number of the newest push, 0 before the first.
func (a *Account) LastPush() uint64 { return a.lastPush }

// LastExecution returns the number of the newest execution, 0 before the first.
func (a *Account) LastExecution() uint32 { return a.lastExecution }

// LastOrder returns the number of the newest order, 0 before the first.
func (a *Account) LastOrder() uint32 { return a.lastOrder }

// ResetAt returns the number of the last execution before the newest reset, 0 without one.
// Executions up to it can't be busted.
func (a *Account) ResetAt() uint32 { return a.resetAt }

// Opening returns what the account started with.
func (a *Account) Opening() Opening { return a.opening }

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

// FrozenShares returns how many shares are frozen for working sells.
func (a *Account) FrozenShares(id InstrumentID) Quantity {
	frozen, _ := a.Available(id, 0)
	return frozen
}

// Sellable returns how many shares a new order can sell at a time.
func (a *Account) Sellable(id InstrumentID, at int64) Quantity {
	_, sellable := a.Available(id, at)
	return sellable
}

// Available returns how many shares are frozen for working sells, and how many a new order
// can sell at a time.
func (a *Account) Available(id InstrumentID, at int64) (frozen, sellable Quantity) {
	place, held := find(a.rows, id)
	if !held {
		return 0, 0
	}
	r := &a.rows[place]
	return r.frozen, max(0, r.quantity-r.frozen-a.unsettledShares(id, at))
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

// WorkingOrders returns how many orders work.
func (a *Account) WorkingOrders() int { return len(a.orders) }

// Order returns a working order, or nil. The caller must not change it; it changes with the
// next command.
func (a *Account) Order(id OrderID) *Order {
	at, found := a.orderIndex(id)
	if !found {
		return nil
	}
	return a.orders[at]
}

// OrdersFrom appends at most limit working orders to dst, in the order of their ids, those
// after an id. more reports whether others follow.
func (a *Account) OrdersFrom(dst []Order, after OrderID, limit int) (page []Order, more bool) {
	at, _ := a.orderIndex(after + 1)
	end := min(at+limit, len(a.orders))
	for i := at; i < end; i++ {
		dst = append(dst, *a.orders[i])
	}
	return dst, end < len(a.orders)
}

func (a *Account) orderIndex(id OrderID) (at int, found bool) {
	return slices.BinarySearchFunc(a.orders, id, func(o *Order, id OrderID) int {
		switch {
		case o.ID < id:
			return -1
		case o.ID > id:
			return 1
		}
		return 0
	})
}

// OrderNamed returns the working order with a client order id, or nil.
func (a *Account) OrderNamed(id *ClientOrderID) *Order {
	if id.IsZero() {
		return nil
	}
	for _, o := range a.orders {
		if o.ClientOrderID == *id {
			return o
		}
	}
	return nil
}

// Recent appends the events in memory to dst, newest first.
func (a *Account) Recent(dst []Event) []Event {
	for e := range a.newestFirst {
		dst = append(dst, e)
	}
	return dst
}

// firstRecent returns the number of the oldest event in memory, lastNumber + 1 without any.
func (a *Account) firstRecent() uint64 { return a.lastNumber + 1 - uint64(a.recent.len()) }

// newestFirst calls yield with the events in memory until it returns false. It passes them as
// values: one whose address it passes is allocated.
func (a *Account) newestFirst(yield func(Event) bool) {
	at := len(a.recent.bytes)
	for range a.recent.len() {
		end := at
		at = a.recent.before(at)
		if !yield(mustDecode(a.recent.bytes[at:end])) {
			return
		}
	}
}

// mustDecode decodes an event in memory.
func mustDecode(b []byte) Event {
	e, _, err := DecodeEvent(b)
	if err != nil {
		panic(fmt.Sprintf("ledger: event in memory: %v", err))
	}
	return e
}

// EventsAfter appends the events with pushes after a push to dst, oldest first; of the first
// one the client may have seen some pushes. It appends nothing and returns false if some of
// them are no longer in memory, or if push is above LastPush.
func (a *Account) EventsAfter(dst []Event, push uint64) ([]Event, bool) {
	if push > a.lastPush {
		return dst, false
	}
	start := len(dst)
	next := a.lastPush + 1 // the number of the first push that is covered
	for e := range a.newestFirst {
		if next <= push+1 {
			break
		}
		next = e.Push
		dst = append(dst, e)
	}
	if next > push+1 {
		return dst[:start], false
	}
	slices.Reverse(dst[start:])
	return dst, true
}

// FindExecution returns an execution, if its event is in memory.
func (a *Account) FindExecution(id ExecutionID) (Execution, bool) {
	for e := range a.newestFirst {
		if e.Execution.ID == id && (e.Kind == KindFill || e.Kind == KindCorrect) {
			return e.Execution, true
		}
	}
	return Execution{}, false
}

// ExecutionsAfter appends the executions with numbers above n to dst, newest first, busted ones
// included. It returns false if some of them are no longer in memory.
func (a *Account) ExecutionsAfter(dst []Execution, n uint32) ([]Execution, bool) {
	if n >= a.lastExecution {
		return dst, true
	}
	for e := range a.newestFirst {
		if e.Kind != KindFill && e.Kind != KindCorrect {
			continue
		}
		if e.Execution.ID.Number() <= n {
			return dst, true
		}
		if dst = append(dst, e.Execution); e.Execution.ID.Number() == n+1 {
			return dst, true
		}
	}
	return dst, false
}

// FindOrder returns an order that works, or the newest state of one whose last event is in
// memory, and why it is in that state.
func (a *Account) FindOrder(id OrderID) (o Order, cause Cause, found bool) {
	for e := range a.newestFirst {
		if e.Kind.HasOrder() && e.Order.ID == id {
			return e.Order, e.Cause, true
		}
	}
	if o := a.Order(id); o != nil {
		return *o, 0, true
	}
	return Order{}, 0, false
}

// FindBust returns the bust of an execution, if there is one, however old.
func (a *Account) FindBust(id ExecutionID) (Busted, bool) {
	b, ok := a.busted[id]
	return b, ok
}

// Busts appends the ids of the executions that were busted or corrected to dst, in no order:
// those before an id, or all if it is 0.
func (a *Account) Busts(dst []ExecutionID, before ExecutionID) []ExecutionID {
	for id := range a.busted {
		if before == 0 || id < before {
			dst = append(dst, id)
		}
	}
	return dst
}

// AppendNewest appends the newest n events, all of which are in memory, as AppendEvent does,
// oldest first.
func (a *Account) AppendNewest(dst []byte, n int) []byte { return a.recent.appendNewest(dst, n) }
