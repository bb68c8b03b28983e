package desk

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// historyPoll is the time between two checks of a query that waits for the projection.
const historyPoll = 20 * time.Millisecond

// State selects executions by whether they were busted. A corrected one was busted, too.
type State uint8

// The states.
const (
	AnyState State = 0
	Standing State = 1 // neither busted nor corrected
	Busted   State = 2 // busted or corrected
)

// Query asks for executions of one account, newest first.
type Query struct {
	Before ledger.ExecutionID // older than this one; 0: from the newest on
	Limit  int                // 1 to history.MaxLimit; 0: history.DefaultLimit
	Filter
	State State
}

// Executions returns a page of an account's executions. The newest come from memory; older ones
// are read from the database once the projection has them. next is Query.Before of the next
// page, 0 after the last one: a call reads a bounded number of rows, so that a page can be
// short, or empty, and not the last one.
//
// Busts are not marked: ask the account. State agrees with the account as of the call. Errors
// are ErrCatchingUp if the projection does not have the executions before ctx ends,
// ErrHistoryDamaged, and those of the database.
func (d *Desk) Executions(ctx context.Context, a *Account, q Query) (page []ledger.Execution, next ledger.ExecutionID, err error) {
	q.Limit = pageSize(q.Limit)
	if q.State == Busted {
		return d.bustedExecutions(ctx, a, &q)
	}
	page, next, err = d.anyExecutions(ctx, a, &q)
	if q.State == Standing {
		page = a.standing(page)
	}
	return page, next, err
}

// anyExecutions is Executions; of those that were busted lately, some are in the page in any state.
func (d *Desk) anyExecutions(ctx context.Context, a *Account, q *Query) (page []ledger.Execution, next ledger.ExecutionID, err error) {
	recent, oldest := a.recentFills()
	for i := range recent {
		x := &recent[i]
		if q.Before != 0 && x.ID >= q.Before || !q.matches(x.Instrument, x.Side, x.Time) {
			continue
		}
		if len(page) == q.Limit {
			return page, page[len(page)-1].ID, nil
		}
		page = append(page, *x)
	}
	if oldest.Number() <= 1 { // all executions are in memory
		return page, 0, nil
	}
	if len(page) == q.Limit {
		return page, oldest, nil
	}
	d.historyUse.RLock()
	defer d.historyUse.RUnlock()
	if _, err := d.projected(ctx, oldest-1); err != nil {
		return nil, 0, d.historyError(err)
	}
	older := history.Query{Customer: uint32(a.Customer()), Before: uint64(oldest), Limit: q.Limit - len(page), Filter: q.row()}
	if q.Before != 0 && q.Before < oldest {
		older.Before = uint64(q.Before)
	}
	older.Busted = uint8(q.State) // those of history.Filter
	rows, before, err := d.history.Executions(ctx, older)
	for i := range rows {
		page = append(page, executionOf(&rows[i]))
	}
	return page, ledger.ExecutionID(before), d.historyError(err)
}

// standing removes from list what was busted.
func (a *Account) standing(list []ledger.Execution) []ledger.Execution {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(list, func(x ledger.Execution) bool {
		_, busted := a.ledger.FindBust(x.ID)
		return busted
	})
}

// bustedExecutions returns a page of the executions that were busted. The account has the ids of
// all of them in memory, and so also those of which the history does not have the bust yet.
func (d *Desk) bustedExecutions(ctx context.Context, a *Account, q *Query) (page []ledger.Execution, next ledger.ExecutionID, err error) {
	a.mu.Lock()
	ids := a.ledger.Busts(nil, q.Before)
	last := a.ledger.LastExecution()
	a.mu.Unlock()
	slices.SortFunc(ids, func(x, y ledger.ExecutionID) int { return cmp.Compare(y, x) })
	if len(ids) > history.MaxLimit {
		ids = ids[:history.MaxLimit]
		next = ids[len(ids)-1]
	}
	recent, _ := a.recentFills()
	list, err := d.executionsWith(ctx, ids, last, recent)
	if err != nil {
		return nil, 0, err
	}
	slices.SortFunc(list, func(x, y ledger.Execution) int { return cmp.Compare(y.ID, x.ID) })
	for i := range list {
		x := &list[i]
		if !q.matches(x.Instrument, x.Side, x.Time) {
			continue
		}
		if len(page) == q.Limit {
			return page, page[len(page)-1].ID, nil
		}
		page = append(page, *x)
	}
	return page, next, nil
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
	row, err := d.projected(ctx, id)
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
	Order          ledger.Order
	Cause          ledger.Cause
	PlacedQuantity ledger.Quantity // before any replacement, bust or correction
	Executions     []ledger.Execution
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
		o.Order, o.Cause, o.PlacedQuantity = orderOf(&row), ledger.Cause(row.Cause), ledger.Quantity(cmp.Or(row.PlacedQuantity, row.Quantity))
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
	o.Order, o.PlacedQuantity, o.Executions = ledger.SimpleOrder(&execution), execution.Quantity, []ledger.Execution{execution}
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

// projected returns an execution as soon as the history has it. The executions of a customer are
// numbered without gaps, so the history then has all older ones, too.
func (d *Desk) projected(ctx context.Context, id ledger.ExecutionID) (history.Execution, error) {
	for {
		row, ok, err := d.history.Execution(ctx, uint64(id))
		switch {
		case ok:
			return row, nil
		case err != nil && ctx.Err() == nil:
			return row, err
		}
		if err := d.waitForHistory(ctx); err != nil {
			return row, err
		}
	}
}

// waitForHistory ends a rest of the projector, and waits until the history may have more. The error
// is ErrCatchingUp if ctx ends first.
func (d *Desk) waitForHistory(ctx context.Context) error {
	select {
	case d.historyWanted <- struct{}{}:
	default: // it does not rest, or another query waits, too
	}
	select {
	case <-ctx.Done():
		return errors.Join(ErrCatchingUp, ctx.Err())
	case <-time.After(historyPoll):
		return nil
	}
}

// rlockHistory waits until the history has everything that was durable at the call, and returns
// with d.historyUse locked to read. After an error it is not locked. While it waits, it does
// not keep the projection from making the history again.
func (d *Desk) rlockHistory(ctx context.Context) error {
	if d.commits != nil { // else the desk was not started, and everything is durable
		if err := d.Durable(ctx); err != nil {
			return err
		}
	}
	return d.rlockHistoryAt(ctx, d.journal.LastBatch())
}

// rlockHistoryAt is rlockHistory for everything up to a batch.
func (d *Desk) rlockHistoryAt(ctx context.Context, batch uint64) error {
	return d.rlockHistoryWhen(ctx, func() (bool, error) { return d.projectedBatch.Load() >= batch, nil })
}

// rlockHistoryWhen is rlockHistory until has returns true, which is called with the lock.
func (d *Desk) rlockHistoryWhen(ctx context.Context, has func() (bool, error)) error {
	for {
		d.historyUse.RLock()
		ok, err := has()
		if ok {
			return nil
		}
		d.historyUse.RUnlock()
		if err != nil && ctx.Err() == nil {
			return err
		}
		if damage := d.historyDamage.Load(); damage != nil {
			return *damage
		}
		if err := d.waitForHistory(ctx); err != nil {
			return err
		}
	}
}

// CatchUp brings the history up to date with the journal, for a desk that is not started: then
// everything in the data folder can be read. progress, which may be nil, is called now and then
// with how many batches of all the history has. Errors are those of the history and of ctx.
func (d *Desk) CatchUp(ctx context.Context, progress func(done, total uint64)) error {
	last := d.journal.LastBatch()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	projected := make(chan error, 1)
	var projecting sync.WaitGroup
	projecting.Go(func() { projected <- d.projectOn(ctx) })
	ticker := time.NewTicker(historyPoll)
	defer ticker.Stop()
	for {
		done := d.projectedBatch.Load()
		if progress != nil {
			progress(min(done, last), last)
		}
		if done >= last {
			cancel()
			projecting.Wait()
			return nil
		}
		select {
		case err := <-projected:
			return d.historyError(err)
		case <-ticker.C:
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
	if errors.Is(err, history.ErrGone) || errors.Is(err, history.ErrUnavailable) { // it is made again; it comes back
		return errors.Join(ErrCatchingUp, err)
	}
	return err
}
