package ledger

import "fmt"

// Replay applies an event that was read back. An event that the account already has is
// skipped: applied is false. The event must be the next one (else ErrGap), of this customer
// (else ErrWrongAccount), and all its fields must follow from the state (else ErrMismatch).
// The position after a bust or a correction is an exception: Fold checks it.
func (a *Account) Replay(e *Event) (applied bool, err error) {
	switch {
	case e.Customer() != a.customer:
		return false, fmt.Errorf("%w: event %d of %d, account of %d", ErrWrongAccount, e.Number, e.Customer(), a.customer)
	case e.Number <= a.lastNumber:
		return false, nil
	case e.Number != a.lastNumber+1:
		return false, fmt.Errorf("%w: customer %d has %d, next is %d", ErrGap, a.customer, a.lastNumber, e.Number)
	}
	again := *e
	var out outcome
	if err := a.checkReplay(&again); err != nil {
		return false, a.mismatch(e, err)
	}
	if err := a.decide(&again, &out); err != nil {
		return false, a.mismatch(e, err)
	}
	if again != *e {
		return false, a.mismatch(e, nil)
	}
	a.recent.trim()
	a.commit(e, &out)
	return true, nil
}

// checkReplay refuses an event whose parts do not agree with each other and with the state.
func (a *Account) checkReplay(e *Event) error {
	o, x := &e.Order, &e.Execution
	switch {
	case !e.valid() || e.Push != a.lastPush+1, e.Early && !a.onlyEarly(), e.Early && e.Push != earlyPush(e.Number):
		return ErrMalformed
	case e.Kind.HasOrder() && !a.follows(e):
		return ErrMalformed
	case !e.Kind.HasExecution():
		return nil
	case x.Order != o.ID || x.ClientOrderID != o.ClientOrderID || x.Side != o.Side || x.Instrument != o.Instrument:
		return ErrMalformed
	}
	next := x.ID == NewExecutionID(a.customer, a.lastExecution+1) && a.lastExecution < maxExecutions
	switch {
	case e.Kind == KindFill && (x.Time != e.Time || !next || x.Corrects != 0), e.Kind == KindCorrect && (!next || x.Corrects == 0):
		return ErrMalformed
	case e.Kind == KindBust:
		return a.checkBusted(x.ID)
	case e.Kind == KindCorrect:
		return a.checkBusted(NewExecutionID(a.customer, x.Corrects))
	}
	return nil
}

// follows reports whether the order of an event can follow from the one that works.
func (a *Account) follows(e *Event) bool {
	o, before := &e.Order, a.Order(e.Order.ID)
	var filled Quantity
	var value Money
	switch {
	case !o.consistent():
		return false
	case before != nil:
		filled, value = before.Filled, before.FilledValue
		if before.Instrument != o.Instrument || before.Side != o.Side || before.Type != o.Type || before.Time != o.Time || before.Held != o.Held {
			return false
		}
	case o.ID.Number() <= a.lastOrder: // it no longer works: only an execution changes it
		return e.Kind == KindFill && !o.Working() || e.Kind == KindBust || e.Kind == KindCorrect
	}
	unchanged := o.Filled == filled && o.FilledValue == value
	switch e.Kind {
	case KindAccept:
		return before == nil && o.Status == New
	case KindCancel:
		return unchanged && o.Status == Cancelled
	case KindExpire:
		return unchanged && o.Status == Expired && before != nil
	case KindReplace, KindTrigger:
		return unchanged && o.Working() && before != nil
	case KindFill:
		added, _ := Value(e.Execution.Quantity, e.Execution.Price) // decide checks it
		return o.FilledValue-value == added
	}
	return before != nil
}

// checkBusted refuses an execution that can't be busted.
func (a *Account) checkBusted(id ExecutionID) error {
	n := id.Number()
	if id.Customer() != a.customer || n == 0 || n > a.lastExecution {
		return ErrUnknownExecution
	}
	if _, ok := a.busted[id]; ok {
		return ErrDuplicate
	}
	if n <= a.resetAt {
		return ErrBeforeReset
	}
	return nil
}

func (a *Account) mismatch(e *Event, err error) error {
	if err == nil {
		return fmt.Errorf("%w: customer %d, event %d", ErrMismatch, a.customer, e.Number)
	}
	return fmt.Errorf("%w: customer %d, event %d: %w", ErrMismatch, a.customer, e.Number, err)
}
