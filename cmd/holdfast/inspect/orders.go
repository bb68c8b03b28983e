package inspect

import (
	"fmt"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// orders has the orders that later events change, and checks that each event of an order follows
// from the one before. An order costs some 250 bytes while it works, and always if it changes
// after its end.
type orders struct {
	of      map[ledger.OrderID]ledger.Order
	kept    map[ledger.OrderID]bool // those that change after their end
	partial bool                    // a checkpoint has earlier ones
}

func newOrders() *orders {
	return &orders{of: make(map[ledger.OrderID]ledger.Order), kept: make(map[ledger.OrderID]bool)}
}

// after adds the orders that work in the accounts of a checkpoint.
func (all *orders) after(accounts *desk.Replica, customers []seed.Customer) {
	all.partial = true
	var working []ledger.Order
	for i := range customers {
		working, _ = accounts.Account(customers[i].Number).OrdersFrom(working[:0], 0, ledger.MaxOrders)
		for _, o := range working {
			all.of[o.ID] = o
		}
	}
}

// adopt takes an order as it is.
func (all *orders) adopt(o *ledger.Order) {
	if o.Working() || all.kept[o.ID] {
		all.of[o.ID] = *o
	} else {
		delete(all.of, o.ID)
	}
}

// count notes the orders that an entry changes after their end.
func (all *orders) count(e *desk.Entry) {
	for i := range e.Events {
		if o := &e.Events[i].Order; rebuilds(&e.Events[i]) || e.Events[i].Kind == ledger.KindFill && ended(o) {
			all.kept[o.ID] = true
		}
	}
}

// ended reports whether the order has ended, unless it was filled.
func ended(o *ledger.Order) bool {
	return o.Status == ledger.Cancelled || o.Status == ledger.Expired
}

// apply compares the order of an event with what the event makes of the one before. old is the
// execution that a bust or a correction takes back.
func (all *orders) apply(e *ledger.Event, old *ledger.Execution) error {
	if !e.Kind.HasOrder() || e.Early && e.Kind == ledger.KindBust {
		return nil // an early bust has no order
	}
	o := &e.Order
	want, found := all.of[o.ID]
	if !found && !e.Named && all.partial { // it ended before the checkpoint
		all.adopt(o)
		return nil
	}
	if !found {
		want = *o
		want.Status, want.Filled, want.FilledValue, want.Triggered, want.Time = ledger.New, 0, 0, false, e.Time
	}
	follows := found && e.Kind != ledger.KindAccept || !found && e.Named &&
		(e.Kind == ledger.KindAccept || e.Kind == ledger.KindFill || e.Kind == ledger.KindCancel)
	if !follows || !follow(&want, e, old) || want != *o {
		return fmt.Errorf("%w: customer %d, event %d: order %s does not follow from its events before", ledger.ErrMismatch, e.Customer(), e.Number, o.ID)
	}
	all.adopt(o)
	return nil
}

// follow makes an order what it is after an event. It takes from the event what depends on the
// rules and prices of its time. It returns false if the order can't have such an event.
func follow(o *ledger.Order, e *ledger.Event, old *ledger.Execution) bool {
	worked, after := o.Working(), &e.Order
	o.Frozen = after.Frozen
	switch e.Kind {
	case ledger.KindAccept:
		return true
	case ledger.KindFill:
		if o.Priority == 0 {
			o.Priority = after.Priority
		}
		o.Filled += e.Execution.Quantity
		o.FilledValue += valueOf(&e.Execution)
		if worked {
			updateStatus(o)
		}
		return true
	case ledger.KindCancel:
		o.Status = ledger.Cancelled
	case ledger.KindExpire:
		o.Status = ledger.Expired
	case ledger.KindReplace:
		o.ClientOrderID, o.Quantity, o.Price, o.Stop = after.ClientOrderID, after.Quantity, after.Price, after.Stop
		o.TimeInForce, o.Expires, o.Priority = after.TimeInForce, after.Expires, after.Priority
		updateStatus(o)
	case ledger.KindTrigger:
		worked = worked && !o.Triggered && o.Type.HasStop()
		o.Triggered = true
	default:
		takeBack(o, e, old)
		return true
	}
	return worked
}

// takeBack makes an order what it is after a bust or a correction of old.
func takeBack(o *ledger.Order, e *ledger.Event, old *ledger.Execution) {
	worked, after, change := o.Working(), &e.Order, -old.Quantity
	o.FilledValue -= valueOf(old)
	if e.Kind == ledger.KindCorrect {
		change = e.QuantityChange
		o.FilledValue += valueOf(&e.Execution)
	}
	o.Filled += change
	reopened := e.Kind == ledger.KindBust && after.Working()
	switch {
	case worked:
		if !reopened || after.Quantity != o.Quantity {
			o.Quantity += min(0, change)
		}
		updateStatus(o)
	case o.Status == ledger.Filled && reopened:
		o.Priority = after.Priority
		updateStatus(o)
	case o.Status == ledger.Filled && o.Filled < o.Quantity:
		o.Status = ledger.Cancelled
	}
}

// updateStatus sets the status of an order that works by its quantities.
func updateStatus(o *ledger.Order) {
	switch {
	case o.Filled >= o.Quantity:
		o.Status = ledger.Filled
	case o.Filled > 0:
		o.Status = ledger.PartiallyFilled
	default:
		o.Status = ledger.New
	}
}

// valueOf returns quantity x price of an execution that an account has accepted.
func valueOf(x *ledger.Execution) ledger.Money {
	value, _ := ledger.Value(x.Quantity, x.Price)
	return value
}
