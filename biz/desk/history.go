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
	e, recent := a.ledger.FindExecution(id)
	last := a.ledger.LastExecution()
	a.mu.Unlock()
	if recent {
		return e.Execution, nil
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

// SellsSince returns at most limit unbusted sells of x's instrument after x, oldest first.
// With an error, those that are not in memory are missing.
func (d *Desk) SellsSince(ctx context.Context, a *Account, x *ledger.Execution, limit int) ([]ledger.ExecutionID, error) {
	recent, oldest := a.recentFills()
	var ids []ledger.ExecutionID
	var err error
	if x.ID+1 < oldest {
		d.historyUse.RLock()
		defer d.historyUse.RUnlock()
		err = d.projected(ctx, oldest-1)
		rows, queryErr := d.history.SellsSince(ctx, uint32(a.Customer()), uint32(x.Instrument), uint64(x.ID), limit)
		err = errors.Join(err, queryErr)
		for i := range rows {
			if ledger.ExecutionID(rows[i].ID) < oldest {
				ids = append(ids, ledger.ExecutionID(rows[i].ID))
			}
		}
	}
	for i := len(recent) - 1; i >= 0; i-- {
		if r := &recent[i]; r.Side == ledger.Sell && r.Instrument == x.Instrument && r.ID > x.ID {
			ids = append(ids, r.ID)
		}
	}
	return a.notBusted(ids, limit), err
}

// notBusted returns the ids that are not busted, at most limit.
func (a *Account) notBusted(ids []ledger.ExecutionID, limit int) []ledger.ExecutionID {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := ids[:0]
	for _, id := range ids {
		if _, busted := a.ledger.FindBust(id); !busted && len(kept) < limit {
			kept = append(kept, id)
		}
	}
	return kept
}

// recentFills returns the executions in memory, newest first, and the id of the oldest.
// If there are no executions in memory, that is one above the newest id ever.
func (a *Account) recentFills() (fills []ledger.Execution, oldest ledger.ExecutionID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.ledger.Recent(nil) {
		if e.Kind == ledger.KindFill {
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
