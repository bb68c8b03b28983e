package script

import (
	"context"
	"fmt"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec/pb"
)

// What the commands do. Errors are refusals, and those of the desk.

func (r *Runner) halt(ctx context.Context, e *Event) error {
	m := r.desk.Market()
	var ids []ledger.InstrumentID
	for n := range m.Len() {
		i := m.At(ledger.InstrumentID(n))
		if i.Market == e.instrument.Market && (e.instrument.Code == "" || i.Code == e.instrument.Code) {
			ids = append(ids, i.ID)
		}
	}
	return r.desk.Halt(ctx, ids, e.Do == "halt", e.At.UnixNano())
}

func (r *Runner) jump(ctx context.Context, e *Event) error {
	id, err := r.instrument(e)
	if err != nil {
		return err
	}
	if err := r.desk.Jump(ctx, id, e.price, e.At.UnixNano(), r.position); err != nil {
		return err
	}
	r.recorded = true
	return nil
}

func (r *Runner) place(ctx context.Context, e *Event) error {
	id, err := r.instrument(e)
	if err != nil {
		return err
	}
	order := ledger.NewOrder{
		ClientOrderID: e.clientOrderID, Side: e.side, Type: e.orderType(), TimeInForce: ledger.Day, Instrument: id,
		Quantity: e.quantity, Price: e.price, Stop: e.stop, Held: e.held,
		Terms: ledger.Terms{Time: e.At.UnixNano()},
	}
	if e.given["time_in_force"] {
		order.TimeInForce = e.timeInForce
	}
	if e.given["expires"] {
		order.Expires = e.expires.UnixNano()
	}
	return r.inTurn(ctx, e, func(t *desk.Turn) error {
		_, err := t.Place(&order)
		return err
	})
}

func (e *Event) orderType() ledger.OrderType {
	switch {
	case e.price != 0 && e.stop != 0:
		return ledger.StopLimit
	case e.stop != 0:
		return ledger.Stop
	case e.price != 0:
		return ledger.Limit
	}
	return ledger.Market
}

func (r *Runner) cancel(ctx context.Context, e *Event) error {
	match := func(*ledger.Order) bool { return true }
	if e.given["code"] {
		id, err := r.instrument(e)
		if err != nil {
			return err
		}
		match = func(o *ledger.Order) bool { return o.Instrument == id }
	}
	return r.inTurn(ctx, e, func(t *desk.Turn) (err error) {
		if e.all {
			_, err = t.CancelAll(match, ledger.ByOperator, e.At.UnixNano())
		} else {
			_, err = t.Cancel(orderOf(t.Ledger(), e), ledger.ByOperator, e.At.UnixNano())
		}
		return err
	})
}

func (r *Runner) fill(ctx context.Context, e *Event) error {
	a, err := r.account(e)
	if err != nil {
		return err
	}
	var id ledger.OrderID
	a.View(func(l *ledger.Account) { id = orderOf(l, e) })
	order, _, err := r.desk.FindOrder(ctx, a, id)
	if err != nil {
		return err
	}
	offer := ledger.Offer{Quantity: e.quantity, Price: e.price}
	if offer.Price == 0 {
		offer.Price = r.desk.Market().Last(order.Instrument)
	}
	return r.inTurn(ctx, e, func(t *desk.Turn) (err error) {
		if !e.late {
			_, err = t.Fill(id, offer, e.At.UnixNano())
			return err
		}
		if offer.Quantity == 0 {
			offer.Quantity = order.Quantity - order.Filled
		}
		_, err = t.FillLate(&order, offer, e.At.UnixNano())
		return err
	})
}

func (r *Runner) reject(_ context.Context, e *Event) error {
	reason := ledger.ErrSimulated
	if e.refusal != 0 {
		reason = e.refusal
	}
	r.sessions.RejectNext(e.customer, e.count, reason)
	return nil
}

func (r *Runner) bust(ctx context.Context, e *Event) error {
	return r.withPast(ctx, e, func(t *desk.Turn, id ledger.ExecutionID, past ledger.Past) error {
		events, err := t.Bust(&ledger.Bust{
			Executions: []ledger.ExecutionID{id}, Reopen: e.reopen, Cascade: e.cascade, Reason: e.text, Past: past,
			Terms: ledger.Terms{Time: e.At.UnixNano()},
		})
		if err == nil && len(events) == 0 {
			err = fmt.Errorf("%w: %s", ledger.ErrBusted, id)
		}
		return err
	})
}

func (r *Runner) correct(ctx context.Context, e *Event) error {
	return r.withPast(ctx, e, func(t *desk.Turn, id ledger.ExecutionID, past ledger.Past) error {
		_, err := t.Correct(&ledger.Correction{
			Execution: id, Quantity: e.quantity, Price: e.price, Reason: e.text, Past: past,
			Terms: ledger.Terms{Time: e.At.UnixNano()},
		})
		return err
	})
}

func (r *Runner) moveCash(ctx context.Context, e *Event) error {
	amount := e.amount
	if e.Do == "withdraw" {
		amount = -amount
	}
	return r.inTurn(ctx, e, func(t *desk.Turn) error {
		_, err := t.Deposit(amount, e.text, e.At.UnixNano())
		return err
	})
}

func (r *Runner) reset(ctx context.Context, e *Event) error {
	return r.inTurn(ctx, e, func(t *desk.Turn) error {
		_, err := t.Reset(e.text, e.At.UnixNano())
		return err
	})
}

func (r *Runner) disconnect(_ context.Context, e *Event) error {
	r.sessions.Disconnect(e.customer, e.afterPush)
	return nil
}

func (r *Runner) hold(_ context.Context, e *Event) error {
	r.sessions.Hold(e.customer, e.duration)
	return nil
}

func (r *Runner) fault(_ context.Context, e *Event) error {
	f := pb.FixFaultCommand{Customer: uint32(e.customer), Session: e.session, Fault: e.fault, Count: 1, Delay: int64(e.duration)}
	if e.given["count"] {
		f.Count = e.count
	}
	if r.sessions.SpoilFIX(&f) == 0 {
		return fmt.Errorf("%w: customer %d has no such FIX session so far", ledger.ErrBadDirective, e.customer)
	}
	return nil
}
