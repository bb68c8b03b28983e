package ledger

import (
	"cmp"
	"fmt"
	"slices"
)

// Busted is what an account stores about a bust or a correction.
type Busted struct {
	// Number is the event's number.
	Number uint64
	Time   int64
	Reason string
	// CorrectedBy is the number of the execution that replaces it; 0 for a bust.
	CorrectedBy uint32
}

// Bust is the command to take executions of one instrument back, as if they had never been.
type Bust struct {
	// Executions are those to bust. They are in Past, too.
	Executions []ExecutionID
	// Reopen lets an order work again for the quantity, if it was filled and may rest.
	Reopen bool
	// Cascade busts the later sells, too, that would lack shares.
	Cascade bool
	Reason  string
	Past    Past
	Terms   Terms
}

// BlockedError is why a bust or a correction is refused: these sells would lack shares. It
// wraps ErrBustBlocked.
type BlockedError struct {
	Sells []ExecutionID // oldest first
}

// maxNamed is how many sells a BlockedError names.
const maxNamed = 20

// Error names the first sells.
func (e *BlockedError) Error() string {
	text := fmt.Sprintf("%v: shares were sold by %v", ErrBustBlocked, e.Sells[:min(len(e.Sells), maxNamed)])
	if more := len(e.Sells) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// Unwrap returns ErrBustBlocked.
func (e *BlockedError) Unwrap() error { return ErrBustBlocked }

// Bust takes executions back and appends the events to dst. First the working sells that will
// lack shares that can be sold are cancelled, newest first; then there is an event for each
// execution.
// Position, cost and realised profit become those of the other executions alone; the cash
// flows and fees of the busted ones are undone. All bust events of the command have the
// final position.
//
// Executions that are busted already are skipped; if all are, nothing happens. Errors are a
// *BlockedError, ErrUnknownExecution, ErrBeforeReset, ErrBadReason, ErrTooLarge,
// ErrTooManyPositions, and ErrMismatch if Past is not that of the account; then nothing has
// changed.
func (a *Account) Bust(dst []Event, b *Bust) ([]Event, error) {
	list, f, err := a.toBust(b)
	if err != nil || len(list) == 0 {
		return dst, err
	}
	return a.takeBack(dst, b, list, f)
}

// PlanBust returns what Bust would bust, oldest first, and the position after it. Errors are
// those of Bust; nothing changes in any case.
func (a *Account) PlanBust(b *Bust) ([]Execution, Position, error) {
	list, f, err := a.toBust(b)
	if err != nil || len(list) == 0 {
		return nil, Position{}, err
	}
	slices.Reverse(list)
	return list, f.position(list[0].Instrument), nil
}

// toBust returns the executions to bust, newest first, and what the others make of the
// position. There is nothing to do if the list is empty.
func (a *Account) toBust(b *Bust) ([]Execution, *Fold, error) {
	taken := make(map[ExecutionID]bool, len(b.Executions))
	for _, id := range b.Executions {
		if _, done := a.busted[id]; done {
			continue
		}
		if err := a.checkBusted(id); err != nil {
			return nil, nil, err
		}
		taken[id] = true
	}
	switch {
	case len(taken) == 0:
		return nil, nil, nil
	case !ValidReason(b.Reason):
		return nil, nil, ErrBadReason
	}
	var list []Execution
	left := slices.DeleteFunc(slices.Clone(b.Past.Executions), func(x Execution) bool {
		if taken[x.ID] {
			list = append(list, x)
		}
		return taken[x.ID]
	})
	if len(list) != len(taken) {
		return nil, nil, ErrUnknownExecution
	}
	if err := a.checkPast(&b.Past); err != nil {
		return nil, nil, err
	}
	f, ok := Refold(b.Past.Start, left)
	switch {
	case !ok:
		return nil, nil, ErrTooLarge
	case len(f.Short) > 0 && !b.Cascade:
		return nil, nil, &BlockedError{f.Short}
	}
	short := f.Short // in the order of left
	for i := range left {
		if len(short) > 0 && left[i].ID == short[0] {
			list, short = append(list, left[i]), short[1:]
		}
	}
	slices.SortFunc(list, func(x, y Execution) int { return cmp.Compare(y.FoldPlace(), x.FoldPlace()) })
	clear(taken)
	for i := range list {
		taken[list[i].ID] = true
	}
	if len(taken) < len(list) {
		return nil, nil, fmt.Errorf("%w: the past has an execution twice", ErrMismatch)
	}
	return list, &f, a.checkSums(list, &f)
}

// takeBack busts the executions of list, which leaves the position f.
func (a *Account) takeBack(dst []Event, b *Bust, list []Execution, f *Fold) ([]Event, error) {
	instrument := list[0].Instrument
	orders, err := a.ordersOf(list, &b.Past)
	if err != nil {
		return dst, err
	}
	a.recent.trim()
	start := len(dst)
	position := f.position(instrument)
	unsettled := a.unsettledShares(instrument, b.Terms.Time)
	for i := range list {
		unsettled -= list[i].unsettledBuy(b.Terms.Time)
	}
	covered := f.Quantity - max(0, unsettled) // it is negative if the clock was set back
	dst = a.cancelUncovered(dst, a.uncovered(instrument, covered), b.Terms.Time)
	for i := range dst[start:] {
		orders[dst[start+i].Order.ID] = dst[start+i].Order
	}
	for i := range list {
		x := &list[i]
		dst = append(dst, Event{
			Kind: KindBust, Time: b.Terms.Time, Cause: ByBust, Execution: *x, Text: b.Reason,
			Order: orders[x.Order], Position: position,
			Amount: -x.CashFlow(), FeeChange: -x.feeApart(), More: i < len(list)-1,
		})
		e := &dst[len(dst)-1]
		e.Execution.ClientOrderID = e.Order.ClientOrderID
		if !b.Reopen || !a.reopenOrder(&e.Order, x, covered, &b.Terms) {
			limit := MaxMoney - (a.frozen - e.Order.Frozen)
			e.Order.takeBack(x, false, &b.Terms)
			frozen, err := frozenFor(&e.Order, &b.Terms)
			if err != nil {
				frozen = limit
			}
			e.Order.Frozen = min(frozen, limit)
		}
		a.mustApply(e)
		orders[x.Order] = e.Order
	}
	return dst, nil
}

// reopenOrder lets an order work for the quantity of a busted execution again. It returns
// false, and changes nothing, if the order can't rest, a limit forbids it, or there is too
// little to freeze for it. covered is how many shares can be sold after the bust.
func (a *Account) reopenOrder(o *Order, x *Execution, covered Quantity, t *Terms) bool {
	after := *o
	after.takeBack(x, true, t)
	works := a.Order(o.ID) != nil
	frozen, err := frozenFor(&after, t)
	switch {
	case after.Leaves() == o.Leaves(), !works && len(a.orders) >= a.options.Orders:
		return false
	case err != nil || frozen > MaxMoney-(a.frozen-o.Frozen):
		return false
	case o.Side == Buy && a.Free(t.Time)-x.CashFlow() < frozen-o.Frozen:
		return false
	case a.FrozenShares(o.Instrument)+after.freezesShares()-o.freezesShares() > covered && o.Side == Sell:
		return false
	}
	*o = after
	o.Frozen = frozen
	return true
}

func (f *Fold) position(id InstrumentID) Position {
	return Position{Instrument: id, Quantity: f.Quantity, Cost: f.Cost, Realised: f.Realised}
}

// checkSums refuses a bust whose sums exceed a limit at any of its events.
func (a *Account) checkSums(list []Execution, f *Fold) error {
	at, held := find(a.rows, list[0].Instrument)
	change := f.Cost // of the cost, at the first event
	if held {
		change -= a.rows[at].cost
	} else if f.Quantity > 0 && len(a.rows) == MaxRows {
		return ErrTooManyPositions
	}
	cash, fees, realised := a.cash, a.fees, a.realised
	for i := range list {
		amount, fee := -list[i].CashFlow(), -list[i].feeApart()
		if !withinMoney(amount) || !withinMoney(change+fee) || !withinMoney(change+fee+amount) {
			return ErrTooLarge
		}
		cash, fees, realised = cash+amount, fees+fee, realised+change+fee+amount
		if !withinMoney(cash) || !withinMoney(fees) || !withinMoney(realised) {
			return ErrTooLarge
		}
		change = 0
	}
	return nil
}

// uncovered returns the working sells for which there are too few shares that can be sold, newest
// first.
func (a *Account) uncovered(id InstrumentID, covered Quantity) (list []*Order) {
	frozen := a.FrozenShares(id)
	for i := len(a.orders) - 1; i >= 0 && frozen > covered; i-- {
		if o := a.orders[i]; o.Instrument == id && o.Side == Sell {
			frozen -= o.Leaves()
			list = append(list, o)
		}
	}
	return list
}

// cancelUncovered cancels working sells that lack shares. Further events of the command follow.
func (a *Account) cancelUncovered(dst []Event, list []*Order, now int64) []Event {
	for _, o := range list {
		dst = a.end(dst, o, KindCancel, ByShares, now, true)
	}
	return dst
}

// takeBack reduces what is filled by an execution. A working order loses the quantity, unless
// it may work on for it. One that was filled is then cancelled, unless it may work again.
func (o *Order) takeBack(x *Execution, reopen bool, t *Terms) {
	o.Filled -= x.Quantity
	o.FilledValue -= x.value()
	mayRest := o.rests() && (o.Expires == 0 || o.Expires > t.Time)
	switch {
	case o.Working():
		if !reopen || !mayRest {
			o.Quantity -= x.Quantity
		}
		o.updateStatus()
	case o.Status == Filled && reopen && mayRest:
		o.updateStatus()
		o.Priority = t.Priority
	case o.Status == Filled:
		o.Status = Cancelled
	}
}
