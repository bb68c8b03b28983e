package inspect

import (
	"cmp"
	"fmt"
	"slices"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// holding is an account's position in one instrument.
type holding struct {
	customer   ledger.Customer
	instrument ledger.InstrumentID
}

func holdingOf(e *ledger.Event) holding { return holding{e.Customer(), e.Order.Instrument} }

// rebuilds reports whether the event's position was folded from executions. That of an early
// bust was not.
func rebuilds(e *ledger.Event) bool {
	return !e.Early && (e.Kind == ledger.KindBust || e.Kind == ledger.KindCorrect)
}

// pasts has the executions of holdings with busts or corrections, and checks what those make of
// them. An execution costs some 150 bytes until the last bust or correction of its holding, and
// 120 more while the holding is folded.
type pasts struct {
	of     map[holding]*past
	orders *orders
	// checked counts busts and corrections. Those whose positions can't be checked: early was
	// decided by an earlier release, unknown depends on executions before the checkpoint.
	checked, early, unknown uint64
}

// past is what a holding consists of.
type past struct {
	opening    ledger.Holding
	quantity   ledger.Quantity
	executions []ledger.Execution // not busted, by FoldPlace
	partial    bool               // there are executions before these, in a checkpoint
	ahead      int                // busts and corrections that are not checked yet
}

// newPasts returns the pasts of holdings, with how many busts and corrections each has, before
// the first event, or after the checkpoint that accounts has.
func newPasts(holdings map[holding]int, o *orders, accounts *desk.Replica) *pasts {
	all := &pasts{of: make(map[holding]*past, len(holdings)), orders: o}
	for h, ahead := range holdings {
		a := accounts.Account(h.customer)
		if a == nil {
			continue // the replica will refuse its first event
		}
		p := &past{ahead: ahead}
		for _, held := range a.Opening().Holdings {
			if held.Instrument == h.instrument {
				p.opening = held
			}
		}
		p.reset()
		if p.partial = a.LastExecution() > a.ResetAt(); p.partial {
			at, _ := a.Position(h.instrument)
			p.quantity = at.Quantity
		}
		all.of[h] = p
	}
	return all
}

func (p *past) reset() { p.quantity, p.executions, p.partial = p.opening.Quantity, nil, false }

// apply applies the events of one command, which the accounts have accepted.
func (all *pasts) apply(events []ledger.Event) error {
	for i := range events {
		e := &events[i]
		if e.Kind == ledger.KindReset {
			for h, p := range all.of {
				if h.customer == e.Customer() {
					p.reset()
				}
			}
		}
		if e.Kind == ledger.KindBust && e.Early {
			all.early++
		}
		p := all.of[holdingOf(e)]
		if rebuilds(e) {
			// All busts of a command have the position after the last one.
			rebuilt := len(events) - i
			if p.ahead -= rebuilt; p.ahead <= 0 {
				delete(all.of, holdingOf(e))
			}
			folded, err := p.rebuild(events[i:], all.orders)
			if folded {
				all.checked += uint64(rebuilt)
			} else {
				all.unknown += uint64(rebuilt)
			}
			return err
		}
		if err := all.orders.apply(e, nil); err != nil {
			return err
		}
		if p == nil || !e.Kind.HasExecution() {
			continue
		}
		if _, err := p.change(e); err != nil {
			return err
		}
	}
	return nil
}

// rebuild applies the busts of a command, or a correction, and compares their positions with
// that of the executions that are left. folded is false if that needs executions that are not
// known.
func (p *past) rebuild(events []ledger.Event, o *orders) (folded bool, err error) {
	from := events[0].Execution.FoldPlace()
	for i := range events {
		if !rebuilds(&events[i]) || holdingOf(&events[i]) != holdingOf(&events[0]) {
			return false, fmt.Errorf("%w: event %d after a bust", ledger.ErrMalformed, events[i].Number)
		}
		from = min(from, events[i].Execution.FoldPlace())
	}
	n, complete := ledger.Since(p.executions, from, p.quantity)
	older, foldable := len(p.executions)-n, complete || !p.partial
	for i := range events {
		e := &events[i]
		if _, found := p.find(e); !found && p.partial {
			foldable = false
			o.adopt(&e.Order)
			continue
		}
		old, err := p.change(e)
		if err == nil {
			err = o.apply(e, &old)
		}
		if err != nil {
			return false, err
		}
	}
	if !foldable {
		p.quantity = events[len(events)-1].Position.Quantity
		return false, nil
	}
	return true, p.fold(events, older, complete)
}

// fold compares the positions of events with that of the executions from index older on.
func (p *past) fold(events []ledger.Event, older int, complete bool) error {
	start := ledger.Holding{}
	if !complete {
		start = p.opening
	}
	left := slices.Clone(p.executions[older:])
	fold, ok := ledger.Refold(start, left)
	if !ok || len(fold.Short) > 0 {
		return fmt.Errorf("%w: without what event %d takes back, other sells lack shares", ledger.ErrMismatch, events[0].Number)
	}
	for i := range events {
		at := events[i].Position
		if len(left) == 0 && fold.Quantity == 0 {
			at.Realised = fold.Realised // the position of before is closed, or there was none
		}
		if at.Quantity != fold.Quantity || at.Cost != fold.Cost || at.Realised != fold.Realised {
			return fmt.Errorf("%w: customer %d, event %d: the position is %d shares, cost %s, realised %s; the executions make %d shares, cost %s, realised %s",
				ledger.ErrMismatch, events[i].Customer(), events[i].Number, at.Quantity, at.Cost, at.Realised, fold.Quantity, fold.Cost, fold.Realised)
		}
	}
	return nil
}

// change changes the executions by those of an event. old is what a bust or a correction takes
// back.
func (p *past) change(e *ledger.Event) (old ledger.Execution, err error) {
	x := e.Execution
	if e.Kind == ledger.KindFill {
		p.executions = append(p.executions, x)
		p.quantity += shares(&x)
		return old, nil
	}
	at, found := p.find(e)
	if !found {
		return old, fmt.Errorf("%w: customer %d, event %d: there is no execution %d", ledger.ErrMismatch, e.Customer(), e.Number, takenBack(e))
	}
	old = p.executions[at]
	p.quantity -= shares(&old)
	if e.Kind == ledger.KindBust {
		p.executions = slices.Delete(p.executions, at, at+1)
		if !e.Early {
			err = checkBust(e, &old)
		}
		return old, err
	}
	p.executions[at] = x
	p.quantity += shares(&x)
	return old, checkCorrection(e, &old)
}

// find returns the index of the execution that a bust or a correction takes back.
func (p *past) find(e *ledger.Event) (at int, found bool) {
	at, found = slices.BinarySearchFunc(p.executions, e.Execution.FoldPlace(), func(x ledger.Execution, place uint32) int {
		return cmp.Compare(x.FoldPlace(), place)
	})
	return at, found && p.executions[at].ID.Number() == takenBack(e)
}

// takenBack returns the number of the execution that a bust or a correction takes back.
func takenBack(e *ledger.Event) uint32 {
	if e.Kind == ledger.KindCorrect {
		return e.Execution.Corrects
	}
	return e.Execution.ID.Number()
}

// checkBust compares a bust with the execution that it takes back.
func checkBust(e *ledger.Event, old *ledger.Execution) error {
	busted := e.Execution
	// The order may have another client order id now, and a bust may have changed the cost.
	busted.ClientOrderID, busted.Cost = old.ClientOrderID, old.Cost
	if busted != *old || e.Amount != -old.CashFlow() || e.FeeChange != -feeApart(old) {
		return fmt.Errorf("%w: customer %d, event %d does not take back execution %s as it was", ledger.ErrMismatch, e.Customer(), e.Number, old.ID)
	}
	return nil
}

// checkCorrection compares a correction with the execution that it replaces.
func checkCorrection(e *ledger.Event, old *ledger.Execution) error {
	x := &e.Execution
	if x.Order != old.Order || x.Side != old.Side || x.Instrument != old.Instrument || e.Amount != x.CashFlow()-old.CashFlow() ||
		e.FeeChange != feeApart(x)-feeApart(old) || e.QuantityChange != x.Quantity-old.Quantity {
		return fmt.Errorf("%w: customer %d, event %d does not follow from execution %s", ledger.ErrMismatch, e.Customer(), e.Number, old.ID)
	}
	return nil
}

// shares returns what an execution adds to the quantity of its position.
func shares(x *ledger.Execution) ledger.Quantity {
	if x.Side == ledger.Sell {
		return -x.Quantity
	}
	return x.Quantity
}

// feeApart returns the part of the fee that is in no cost and in no profit.
func feeApart(x *ledger.Execution) ledger.Money {
	if x.Side == ledger.Buy && !x.FeeInCost {
		return x.Fee
	}
	return 0
}

// count adds the busts and corrections of an entry that need the past of their holding.
func count(holdings map[holding]int, e *desk.Entry) {
	for i := range e.Events {
		if rebuilds(&e.Events[i]) {
			holdings[holdingOf(&e.Events[i])]++
		}
	}
}
