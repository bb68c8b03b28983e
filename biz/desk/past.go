package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

const (
	// maxPast is how many executions of one position a bust reads at most: some 300 MB, and as
	// much again while they are folded.
	maxPast = 2_000_000
	// maxRangeBust is how many executions a bust of a span of time takes at most.
	maxRangeBust = 10_000
	// pastAttempts is how often a bust reads the past again because the account has had too
	// many executions meanwhile.
	pastAttempts = 5
)

// WithPast calls do in a turn of the account, with what a bust or correction of the executions
// needs of the past. They are of one instrument. Errors, instead of a call, are those of
// Executions, ledger.ErrTooLarge, and ErrOverloaded.
//
// Goroutine: one that may block.
func (d *Desk) WithPast(ctx context.Context, a *Account, t *Turn, ids []ledger.ExecutionID, do func(*Turn, ledger.Past)) error {
	return d.WithPastOf(ctx, t, &Ranged{Account: a, Executions: ids}, do)
}

// WithPastOf is WithPast for what Range has found. It waits only for what the account has done
// since then, so that the other accounts may go on trading.
func (d *Desk) WithPastOf(ctx context.Context, t *Turn, r *Ranged, do func(*Turn, ledger.Past)) error {
	for range pastAttempts {
		collected, err := d.collect(ctx, r)
		if err != nil {
			return err
		}
		complete := false
		err = r.Account.Do(t, func(t *Turn) {
			var past ledger.Past
			if past, complete = collected.complete(t.Ledger()); complete {
				do(t, past)
			}
		})
		if err != nil || complete {
			return err
		}
	}
	return ErrCatchingUp
}

// past is what was read of the executions of one instrument, without the account's lock.
type past struct {
	instrument ledger.InstrumentID
	ids        []ledger.ExecutionID // that are to change
	push       uint64               // the newest push when it was read
	last       uint32               // the newest execution then
	first      uint32               // the oldest that could be in it
	from       uint32               // the oldest place that is to change
	folded     int                  // how many executions enough has folded
	executions []ledger.Execution
	orders     map[ledger.OrderID]ledger.Order
}

// collect reads the executions that a bust of ids needs: those in memory, then older ones from
// the history, until the position was last opened at or before the oldest of ids. It also
// reads the orders that change, with those of the sells that a cascade would bust.
func (d *Desk) collect(ctx context.Context, r *Ranged) (*past, error) {
	a := r.Account
	p := &past{ids: r.Executions, orders: make(map[ledger.OrderID]ledger.Order)}
	a.mu.Lock()
	p.push, p.last = a.ledger.LastPush(), a.ledger.LastExecution()
	a.mu.Unlock()
	recent, oldest := a.recentFills()
	p.first = min(oldest.Number(), p.last+1)
	changed, err := d.executionsWith(ctx, p.ids, p.last, recent)
	if err != nil {
		return nil, err
	}
	for i := range changed {
		x := &changed[i]
		if i == 0 {
			p.instrument, p.from = x.Instrument, x.FoldPlace()
		}
		if x.Instrument != p.instrument {
			return nil, fmt.Errorf("%w: %s is of another instrument", ledger.ErrUnknownExecution, x.ID)
		}
		p.from = min(p.from, x.FoldPlace())
	}
	for i := range recent {
		if recent[i].Instrument == p.instrument && recent[i].ID.Number() <= p.last {
			p.executions = append(p.executions, recent[i])
		}
	}
	for !p.enough(a) {
		if err := d.collectPage(ctx, a, p); err != nil {
			return nil, err
		}
	}
	return p, d.collectOrders(ctx, r, p, append(changed, p.short(a)...))
}

// executionsWith returns the executions with these ids, in any order. last is the number of the
// account's newest one, recent are those in memory. It fails with ledger.ErrUnknownExecution if
// one does not exist.
func (d *Desk) executionsWith(ctx context.Context, ids []ledger.ExecutionID, last uint32, recent []ledger.Execution) (list []ledger.Execution, err error) {
	wanted := make(map[ledger.ExecutionID]bool, len(ids))
	for _, id := range ids {
		if id.Number() == 0 || id.Number() > last {
			return nil, ledger.ErrUnknownExecution
		}
		wanted[id] = true
	}
	for i := range recent {
		if wanted[recent[i].ID] {
			list = append(list, recent[i])
			delete(wanted, recent[i].ID)
		}
	}
	if len(wanted) == 0 {
		return list, nil
	}
	older := make([]uint64, 0, len(wanted))
	for id := range wanted {
		older = append(older, uint64(id))
	}
	slices.Sort(older)
	d.historyUse.RLock()
	defer d.historyUse.RUnlock()
	if _, err := d.projected(ctx, ledger.ExecutionID(older[len(older)-1])); err != nil {
		return nil, d.historyError(err)
	}
	rows, err := d.history.ExecutionsWith(ctx, older)
	for i := range rows {
		list = append(list, executionOf(&rows[i]))
	}
	if err == nil && len(rows) < len(older) {
		err = ledger.ErrUnknownExecution
	}
	return list, d.historyError(err)
}

// collectOrders reads the orders of executions.
func (d *Desk) collectOrders(ctx context.Context, r *Ranged, p *past, executions []ledger.Execution) error {
	missing := make(map[ledger.OrderID]ledger.Execution)
	for i := range executions {
		missing[executions[i].Order] = executions[i]
	}
	found := func(o *ledger.Order) {
		if _, wanted := missing[o.ID]; wanted {
			p.orders[o.ID] = *o
			delete(missing, o.ID)
		}
	}
	a := r.Account
	a.mu.Lock()
	oldest := a.ledger.LastNumber() + 1
	for _, e := range a.ledger.Recent(nil) { // newest first
		oldest = e.Number
		if e.Kind.HasOrder() {
			found(&e.Order)
		}
	}
	for id := range missing {
		if o := a.ledger.Order(id); o != nil {
			found(o)
		}
	}
	a.mu.Unlock()
	if len(missing) == 0 {
		return nil
	}
	ids := make([]uint64, 0, len(missing))
	for id := range missing {
		ids = append(ids, uint64(id))
	}
	slices.Sort(ids)
	var err error
	if oldest <= r.event+1 {
		err = d.rlockHistoryAt(ctx, r.batch)
	} else {
		err = d.rlockHistory(ctx)
	}
	if err != nil {
		return d.historyError(err)
	}
	defer d.historyUse.RUnlock()
	rows, err := d.history.OrdersWith(ctx, ids)
	for i := range rows {
		o := orderOf(&rows[i])
		found(&o)
	}
	for id, x := range missing { // filled at once: the execution says it all
		p.orders[id] = ledger.SimpleOrder(&x)
	}
	return d.historyError(err)
}

// enough reports whether p has all that a fold needs.
func (p *past) enough(a *Account) bool {
	a.mu.Lock()
	resetAt := a.ledger.ResetAt()
	a.mu.Unlock()
	switch {
	case p.first <= resetAt+1:
		return true
	case len(p.executions) < 2*p.folded: // a fold for each page would take too long
		return false
	}
	p.sort() // without the lock
	a.mu.Lock()
	defer a.mu.Unlock()
	_, opened := p.fold(a.ledger)
	p.folded = len(p.executions)
	return opened
}

// sort sorts the executions by their places.
func (p *past) sort() {
	slices.SortFunc(p.executions, func(x, y ledger.Execution) int { return cmp.Compare(x.FoldPlace(), y.FoldPlace()) })
}

// short returns the sells that would lack shares.
func (p *past) short(a *Account) []ledger.Execution {
	p.sort()
	a.mu.Lock()
	list, start, _ := p.since(a.ledger)
	a.mu.Unlock()
	return p.shortIn(list, start)
}

func (p *past) shortIn(list []ledger.Execution, start ledger.Holding) []ledger.Execution {
	taken := make(map[ledger.ExecutionID]bool, len(p.ids))
	for _, id := range p.ids {
		taken[id] = true
	}
	left := slices.DeleteFunc(slices.Clone(list), func(x ledger.Execution) bool { return taken[x.ID] })
	f, _ := ledger.Refold(start, left)
	clear(taken)
	for _, id := range f.Short {
		taken[id] = true
	}
	return slices.DeleteFunc(left, func(x ledger.Execution) bool { return !taken[x.ID] })
}

// collectPage reads the next older executions from the history.
func (d *Desk) collectPage(ctx context.Context, a *Account, p *past) error {
	d.historyUse.RLock()
	defer d.historyUse.RUnlock()
	if _, err := d.projected(ctx, ledger.NewExecutionID(a.Customer(), p.first-1)); err != nil {
		return d.historyError(err)
	}
	before := uint64(ledger.NewExecutionID(a.Customer(), p.first))
	rows, more, err := d.history.InstrumentExecutions(ctx, uint32(a.Customer()), uint32(p.instrument), before, history.MaxLimit)
	if err != nil {
		return d.historyError(err)
	}
	for i := range rows {
		p.executions = append(p.executions, executionOf(&rows[i]))
	}
	p.first = 1
	if more {
		p.first = ledger.ExecutionID(rows[len(rows)-1].ID).Number()
	}
	if len(p.executions) > maxPast {
		return fmt.Errorf("%w: the position has over %d executions", ledger.ErrTooLarge, maxPast)
	}
	return nil
}

// fold returns the executions that are not busted and are not older than where the position
// was last opened at or before p.from, in the order of their places. opened is false if that
// is not among those that were read. The list is a part of p.executions, which fold sorts.
func (p *past) fold(l *ledger.Account) (list []ledger.Execution, opened bool) {
	p.executions = slices.DeleteFunc(p.executions, func(x ledger.Execution) bool {
		_, busted := l.FindBust(x.ID)
		return busted || x.ID.Number() <= l.ResetAt()
	})
	p.sort()
	held, _ := l.Position(p.instrument)
	// A correction is newer than its place: between the two there may be some that were not
	// read yet.
	whole := p.executions
	for len(whole) > 0 && whole[0].FoldPlace() < p.first {
		whole = whole[1:]
	}
	n, opened := ledger.Since(whole, p.from, held.Quantity)
	if opened {
		return whole[len(whole)-n:], true
	}
	return p.executions, false
}

// since returns the executions that a fold needs, and the position before them. ok is false if
// they were not read yet.
func (p *past) since(l *ledger.Account) (list []ledger.Execution, start ledger.Holding, ok bool) {
	list, opened := p.fold(l)
	if opened {
		return list, start, true
	}
	for _, h := range l.Opening().Holdings {
		if h.Instrument == p.instrument {
			start = h
		}
	}
	return list, start, p.first <= 1 || p.first <= l.ResetAt()+1
}

// complete returns the past as it is in a turn of the account. It returns false if events since
// it was read are no longer in memory, or if it lacks an order; then p is of no more use.
func (p *past) complete(l *ledger.Account) (ledger.Past, bool) {
	newer, ok := l.EventsAfter(nil, p.push)
	if !ok {
		return ledger.Past{}, false
	}
	for i := range newer {
		e := &newer[i]
		if (e.Kind == ledger.KindFill || e.Kind == ledger.KindCorrect) && e.Execution.Instrument == p.instrument {
			p.executions = append(p.executions, e.Execution)
		}
	}
	list, start, ok := p.since(l)
	if !ok {
		return ledger.Past{}, false
	}
	for _, x := range p.shortIn(list, start) {
		if _, found := p.orders[x.Order]; !found && x.ID.Number() <= p.last {
			return ledger.Past{}, false // a newer one is in memory
		}
	}
	return ledger.Past{Executions: list, Start: start, Order: func(id ledger.OrderID) (ledger.Order, bool) {
		o, found := p.orders[id]
		return o, found
	}}, true
}

// Ranged is an account's executions in a span of time.
type Ranged struct {
	Account    *Account
	Executions []ledger.ExecutionID
	// The account's events up to this number are in the journal's batches up to this one.
	event, batch uint64
}

// Range returns the executions of an instrument from a time until before another that are not
// busted, of one account or of all (nil), without those from before a reset of their account.
// Errors are those of Executions, and ledger.ErrTooLarge if there are over 10,000.
func (d *Desk) Range(ctx context.Context, a *Account, id ledger.InstrumentID, from, to int64) ([]Ranged, error) {
	among := d.Accounts()
	if a != nil {
		among = []*Account{a}
	}
	type seen struct {
		event   uint64
		resetAt uint32
	}
	accounts := make(map[*Account]seen, len(among))
	for _, a := range among {
		a.View(func(l *ledger.Account) { accounts[a] = seen{l.LastNumber(), l.ResetAt()} })
	}
	if err := d.rlockHistory(ctx); err != nil {
		return nil, d.historyError(err)
	}
	defer d.historyUse.RUnlock()
	batch := d.projectedBatch.Load()
	query := history.RangeQuery{Instrument: uint32(id), From: from, To: to, Limit: history.MaxLimit}
	if a != nil {
		query.Customer = uint32(a.Customer())
	}
	var list []Ranged
	count := 0
	for more := true; more; {
		var page []history.Execution
		var err error
		if page, more, err = d.history.RangeExecutions(ctx, query); err != nil {
			return nil, d.historyError(err)
		}
		for i := range page {
			x := ledger.ExecutionID(page[i].ID)
			query.After = page[i].ID
			of := d.Account(x.Customer())
			at, found := accounts[of]
			if page[i].Busted || !found || x.Number() <= at.resetAt {
				continue
			}
			if n := len(list); n == 0 || list[n-1].Account != of { // customer by customer
				list = append(list, Ranged{Account: of, event: at.event, batch: batch})
			}
			last := &list[len(list)-1]
			last.Executions = append(last.Executions, x)
			if count++; count > maxRangeBust {
				return nil, fmt.Errorf("%w: over %d executions; choose a shorter time", ledger.ErrTooLarge, maxRangeBust)
			}
		}
	}
	return list, nil
}
