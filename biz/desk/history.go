package desk

import (
	"context"
	"errors"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// historyPoll is the time between two checks of a query that waits for the projection.
const historyPoll = 20 * time.Millisecond

// Query asks for executions of one account, newest first.
type Query struct {
	Before       ledger.ExecutionID // older than this one; 0: from the newest on
	Limit        int                // 1 to history.MaxLimit; 0: history.DefaultLimit
	ByInstrument bool
	Instrument   ledger.InstrumentID
}

// Executions returns a page of an account's executions, and whether there are more. The
// newest come from memory; older ones are read from the database once the projection has
// them. Busts are not marked: ask the account. Errors are ErrCatchingUp if the projection
// does not have them before ctx ends, ErrHistoryDamaged, and those of the database.
func (d *Desk) Executions(ctx context.Context, a *Account, q Query) (page []ledger.Execution, more bool, err error) {
	if q.Limit <= 0 {
		q.Limit = history.DefaultLimit
	}
	q.Limit = min(q.Limit, history.MaxLimit)
	recent, oldest := a.recentFills()
	for i := range recent {
		x := &recent[i]
		if q.Before != 0 && x.ID >= q.Before || q.ByInstrument && x.Instrument != q.Instrument {
			continue
		}
		if len(page) == q.Limit {
			return page, true, nil
		}
		page = append(page, *x)
	}
	if oldest.Number() <= 1 { // all executions are in memory
		return page, false, nil
	}
	d.historyUse.RLock()
	defer d.historyUse.RUnlock()
	if err := d.projected(ctx, oldest-1); err != nil {
		return nil, false, d.historyError(err)
	}
	if q.Before == 0 || q.Before > oldest {
		q.Before = oldest
	}
	q.Limit -= len(page)
	if q.Limit == 0 { // there may be none; then the next page is empty
		return page, true, nil
	}
	rows, more, err := d.history.Executions(ctx, history.Query{
		Customer: uint32(a.Customer()), Before: uint64(q.Before), Limit: q.Limit,
		ByInstrument: q.ByInstrument, Instrument: uint32(q.Instrument),
	})
	for i := range rows {
		page = append(page, executionOf(&rows[i]))
	}
	return page, more, d.historyError(err)
}

// FindExecution returns an execution of the account, however old. Errors are
// ledger.ErrUnknownExecution and those of Executions.
func (d *Desk) FindExecution(ctx context.Context, a *Account, id ledger.ExecutionID) (ledger.Execution, error) {
	a.mu.Lock()
	x, recent := a.ledger.FindExecution(id)
	last := a.ledger.LastExecution()
	a.mu.Unlock()
	if recent {
		return x, nil
	}
	if id.Number() == 0 || id.Number() > last {
		return ledger.Execution{}, ledger.ErrUnknownExecution
	}
	d.historyUse.RLock()
	defer d.historyUse.RUnlock()
	if err := d.projected(ctx, id); err != nil {
		return ledger.Execution{}, d.historyError(err)
	}
	row, _, err := d.history.Execution(ctx, uint64(id))
	return executionOf(&row), d.historyError(err)
}

// FindOrder returns an order of the account, however old. Errors are ledger.ErrUnknownOrder and
// those of Executions.
func (d *Desk) FindOrder(ctx context.Context, a *Account, id ledger.OrderID) (ledger.Order, ledger.Cause, error) {
	a.mu.Lock()
	o, cause, recent := a.ledger.FindOrder(id)
	last := a.ledger.LastOrder()
	a.mu.Unlock()
	switch {
	case recent:
		return o, cause, nil
	case id.Customer() != a.Customer() || id.Number() == 0 || id.Number() > last:
		return o, 0, ledger.ErrUnknownOrder
	}
	if err := d.rlockHistory(ctx); err != nil {
		return o, 0, d.historyError(err)
	}
	defer d.historyUse.RUnlock()
	row, found, err := d.history.Order(ctx, uint64(id))
	if err == nil && !found { // it was filled at once: its execution says it all
		return d.simpleOrder(ctx, id)
	}
	return orderOf(&row), ledger.Cause(row.Cause), d.historyError(err)
}

// simpleOrder returns an order that has no row, since one execution has filled it.
func (d *Desk) simpleOrder(ctx context.Context, id ledger.OrderID) (ledger.Order, ledger.Cause, error) {
	row, found, err := d.history.ExecutionOfOrder(ctx, uint64(id))
	switch {
	case err != nil:
		return ledger.Order{}, 0, d.historyError(err)
	case !found:
		return ledger.Order{}, 0, ledger.ErrUnknownOrder
	}
	x := executionOf(&row)
	return ledger.SimpleOrder(&x), 0, nil
}

// NamedOrder is an order that the history has, with the executions of the command that has
// accepted it.
type NamedOrder struct {
	Order      ledger.Order
	Cause      ledger.Cause
	Executions []ledger.Execution
}

// FindNamed returns the order that was placed with a client order id, from the history. found is
// false if no order was: a replacement has used the id. (Or another id has the same hash:
// see ledger.Named.) Errors are those of Executions.
func (d *Desk) FindNamed(ctx context.Context, a *Account, id ledger.ClientOrderID, n ledger.Named) (o NamedOrder, found bool, err error) {
	if err := d.rlockHistory(ctx); err != nil {
		return o, false, d.historyError(err)
	}
	defer d.historyUse.RUnlock()
	customer := uint32(a.Customer())
	row, found, err := d.history.OrderNamed(ctx, customer, uint64(n.FirstOrder), uint64(n.LastOrder), id)
	if err == nil && found {
		o.Order, o.Cause = orderOf(&row), ledger.Cause(row.Cause)
		executions, _, err := d.history.ExecutionsBetween(ctx, customer, row.FirstEvent, row.LastPlacingEvent)
		for i := range executions {
			if executions[i].OrderID == row.ID {
				o.Executions = append(o.Executions, executionOf(&executions[i]))
			}
		}
		return o, true, d.historyError(err)
	}
	if err != nil {
		return o, false, d.historyError(err)
	}
	x, found, err := d.history.ExecutionNamed(ctx, customer, n.FirstEvent, n.LastEvent, id)
	if err != nil || !found {
		return o, false, d.historyError(err)
	}
	execution := executionOf(&x)
	o.Order, o.Executions = ledger.SimpleOrder(&execution), []ledger.Execution{execution}
	return o, true, nil
}

// recentFills returns the executions in memory, newest first, and the id of the oldest.
// If there are no executions in memory, that is one above the newest id ever.
func (a *Account) recentFills() (fills []ledger.Execution, oldest ledger.ExecutionID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.ledger.Recent(nil) {
		if e.Kind == ledger.KindFill || e.Kind == ledger.KindCorrect {
			fills = append(fills, e.Execution)
		}
	}
	if n := len(fills); n > 0 {
		return fills, fills[n-1].ID
	}
	return nil, ledger.NewExecutionID(a.Customer(), a.ledger.LastExecution()+1)
}

// projected returns when the history has that execution. The executions of a customer are
// numbered without gaps, so the history then has all older ones, too.
func (d *Desk) projected(ctx context.Context, id ledger.ExecutionID) error {
	for {
		_, ok, err := d.history.Execution(ctx, uint64(id))
		switch {
		case ok:
			return nil
		case err != nil && ctx.Err() == nil:
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ErrCatchingUp, ctx.Err())
		case <-time.After(historyPoll):
		}
	}
}

// rlockHistory waits until the history has everything that was durable at the call, and returns
// with d.historyUse locked to read. After an error it is not locked. While it waits, it does
// not keep the projection from making the history again.
func (d *Desk) rlockHistory(ctx context.Context) error {
	if err := d.Durable(ctx); err != nil {
		return err
	}
	return d.rlockHistoryAt(ctx, d.journal.LastBatch())
}

// rlockHistoryAt is rlockHistory for everything up to a batch.
func (d *Desk) rlockHistoryAt(ctx context.Context, batch uint64) error {
	for {
		d.historyUse.RLock()
		if d.projectedBatch.Load() >= batch {
			return nil
		}
		d.historyUse.RUnlock()
		if damage := d.historyDamage.Load(); damage != nil {
			return *damage
		}
		select {
		case <-ctx.Done():
			return errors.Join(ErrCatchingUp, ctx.Err())
		case <-time.After(historyPoll):
		}
	}
}

// historyError records a damaged history, and joins ErrHistoryDamaged to all errors from
// then on.
func (d *Desk) historyError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, history.ErrDamaged) {
		d.historyDamaged(err)
	}
	if d.historyDamage.Load() != nil {
		return errors.Join(ErrHistoryDamaged, err)
	}
	if errors.Is(err, history.ErrGone) { // it is made again
		return errors.Join(ErrCatchingUp, err)
	}
	return err
}
