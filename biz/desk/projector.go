package desk

import (
	"context"
	"errors"
	"sync"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

const (
	// projectRows is the largest transaction. A transaction writes at least one chunk for each
	// customer in it, so that large ones are cheaper.
	projectRows = 262_144
	// projectLongest is how long a transaction stays open if more and more batches follow. It is
	// rarely reached.
	projectLongest = 5 * time.Second
	// projectPause is the shortest time between transactions.
	projectPause = 20 * time.Millisecond
	// Above a load of projectBusy records a second the projector rests projectShare times as
	// long as it has worked, at most projectRestMax, unless the history lags by projectLate. It
	// then takes up to a fifth of a processor, and its transactions become larger, until they are
	// cheap enough: with 10,000 customers and full transactions, some 190,000 rows a second.
	projectBusy    = 5_000
	projectShare   = 4
	projectRestMax = time.Second
	projectLate    = 10 * time.Second
	// Above projectMost records a second orders come first until the history lags by projectLag: the
	// projector rests projectShareMost times as long.
	projectMost      = 150_000
	projectShareMost = 49
	projectLag       = time.Minute
	// projectLook is the time after which a long rest looks at the load again.
	projectLook = time.Second
	// projectRetry is the pause after an error; it doubles up to projectRetryMax.
	projectRetry    = 250 * time.Millisecond
	projectRetryMax = time.Minute
)

// projector writes the journal's events into the history.
type projector struct {
	desk    *Desk
	open    bool         // a transaction is open
	started time.Time    // when it was opened
	rows    int          // in the transaction
	rested  time.Time    // when the last rest ended
	records uint64       // committed by the journal until then
	event   ledger.Event // memory for one
	events  []ledger.Event
}

// project writes the history until ctx ends. After an error, trading goes on and project
// tries again, with longer and longer pauses; queries answer that the history is catching
// up. A damaged history is left alone: the next start rebuilds it.
func (d *Desk) project(ctx context.Context) {
	pause := projectRetry
	for {
		before := d.projectedBatch.Load()
		err := d.projectOn(ctx)
		if ctx.Err() == nil && errors.Is(err, history.ErrGone) {
			if err = d.remakeHistory(ctx, err); err == nil {
				continue
			}
		}
		var damage *journal.DamageError
		switch {
		case ctx.Err() != nil || err == nil:
			return
		case errors.As(err, &damage): // what is after it never gets into the history
			d.olderDamaged(err)
		case errors.Is(err, history.ErrDamaged), errors.Is(err, ErrHistoryLacks):
			d.historyDamaged(err)
			return
		}
		if d.projectedBatch.Load() > before {
			pause = projectRetry
		}
		d.log.Error("could not write the history; trading goes on, and the history is tried again", "in", pause, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, projectRetryMax)
	}
}

// projectEarly runs project from now on, while New follows a shared journal. Desk.stop ends it.
func (d *Desk) projectEarly() {
	ctx, cancel := context.WithCancel(context.Background())
	d.stop = cancel
	d.running.Go(func() { d.project(ctx) })
}

// projectOn continues from where the history is, until an error or the end of ctx. The error
// is history.ErrGone once the history's files are not there any more, and errWentBack once the
// database lacks what was written.
func (d *Desk) projectOn(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { d.watchHistory(ctx, cancel) })
	defer watching.Wait()
	defer cancel(nil)
	progress, err := d.history.Progress(ctx)
	if err == nil {
		err = d.checkHistory(progress) // a database may have gone back
	}
	if err != nil {
		return err
	}
	d.projectedBatch.Store(progress)
	if err := d.readTimes(ctx, progress); err != nil {
		return err
	}
	if err := d.nameInstruments(ctx); err != nil {
		return err
	}
	p := &projector{desk: d, rested: d.config.Now(), records: d.Stats().Records}
	err = d.journal.Follow(ctx, progress+1, func(b *journal.Batch) error { return p.batch(ctx, b) })
	if p.open { // else an open transaction belongs to others
		err = errors.Join(err, d.history.Rollback())
	}
	if lost := context.Cause(ctx); errors.Is(lost, history.ErrGone) || errors.Is(lost, errWentBack) {
		return lost
	}
	return err
}

// nameInstruments writes the names of all instruments to the history: those of a database that was
// made without names are in batches that it has.
func (d *Desk) nameInstruments(ctx context.Context) error {
	return d.history.NameInstruments(ctx, 0, func() []string {
		d.bookUse.Lock()
		defer d.bookUse.Unlock()
		return symbols(d.book.listings)
	})
}

func symbols(listings []Listing) []string {
	names := make([]string, len(listings))
	for i := range listings {
		names[i] = listings[i].Key.String()
	}
	return names
}

// batch adds one batch to the open transaction, and commits it if it is large or old, or the
// projection has caught up.
func (p *projector) batch(ctx context.Context, b *journal.Batch) error {
	if !p.open {
		if err := p.desk.waitForSpace(ctx); err != nil {
			return err
		}
		if err := p.desk.history.Begin(ctx); err != nil {
			return err
		}
		p.open, p.started = true, p.desk.config.Now()
	}
	for number, record := range b.Records() {
		if err := p.insert(ctx, number, record); err != nil {
			return err
		}
	}
	if !b.CaughtUp && !enough(p.rows, p.desk.config.Now().Sub(p.started)) {
		return nil
	}
	p.open = false
	if err := p.desk.history.Commit(b.Number, b.Checksum); err != nil {
		return err
	}
	p.desk.projectedTime.Store(b.Time)
	p.desk.projectedBatch.Store(b.Number)
	return p.rest(ctx)
}

// enough reports whether a transaction of that many rows, open for so long, is to be committed.
func enough(rows int, open time.Duration) bool { return rows >= projectRows || open >= projectLongest }

// insert adds the events of a record, or its audit.
func (p *projector) insert(ctx context.Context, number uint64, record []byte) error {
	if len(record) > 0 && record[0] == recordSequence { // one per order of a FIX client
		return nil
	}
	if !isEvents(record) {
		e, err := DecodeEntry(record)
		switch {
		case err != nil:
		case e.Audit != nil:
			row := auditRow(number, e.Audit)
			err = p.desk.history.InsertAudit(&row)
		case len(e.Listings) > 0:
			err = p.desk.history.NameInstruments(ctx, uint32(e.First), func() []string { return symbols(e.Listings) })
		}
		return err
	}
	p.events = p.events[:0]
	err := eachEvent(record, &p.event, func(e *ledger.Event) error {
		p.events = append(p.events, *e)
		return nil
	})
	if err != nil {
		return err
	}
	last := p.events[len(p.events)-1].Number
	for n := range p.events {
		if err := InsertEvent(p.desk.history, &p.events[n], last); err != nil {
			return err
		}
	}
	p.rows += len(p.events)
	return nil
}

// InsertEvent adds an event to the history's open transaction. last is the number of the last
// event of its command.
func InsertEvent(h *history.Store, e *ledger.Event, last uint64) error {
	x := &e.Execution
	if e.Kind == ledger.KindFill || e.Kind == ledger.KindCorrect {
		row := Row(e)
		if err := h.Insert(&row); err != nil {
			return err
		}
	}
	var err error
	busted := x.ID
	switch e.Kind {
	case ledger.KindBust:
		err = h.Bust(uint64(x.ID), e.Text, e.Time)
	case ledger.KindCorrect:
		busted = ledger.NewExecutionID(e.Customer(), x.Corrects)
		err = h.Correct(uint64(busted), uint64(x.ID), e.Text, e.Time)
	}
	if err != nil || !e.Kind.HasOrder() || e.Simple || e.Early && e.Kind == ledger.KindFill {
		return err
	}
	order := orderRow(e, last)
	if e.Kind == ledger.KindBust || e.Kind == ledger.KindCorrect { // if it has no row, it was simple
		if order.FirstEvent, err = h.ExecutionEvent(uint64(busted)); err != nil {
			return err
		}
		order.LastPlacingEvent = order.FirstEvent
	}
	return h.PutOrder(&order)
}

// rest limits the projector's share of the processor under load, and while the desk follows a shared
// journal. After projectPause, a query that waits for the history ends it.
func (p *projector) rest(ctx context.Context) error {
	worked := p.desk.config.Now().Sub(p.started)
	rested := projectPause
	wanted, err := pause(ctx, rested, nil)
	if err == nil && !p.desk.started.Load() {
		rested = projectRestMax
		wanted, err = pause(ctx, projectRestMax-projectPause, p.desk.historyWanted)
	}
	for err == nil && !wanted {
		step := p.desk.restAfter(worked, p.desk.Stats().Records-p.records, p.desk.config.Now().Sub(p.rested), p.desk.HistoryLag()) - rested
		if step = min(step, projectLook); step <= 0 {
			break
		}
		wanted, err = pause(ctx, step, p.desk.historyWanted)
		rested += step
	}
	if err != nil {
		return err
	}
	p.records, p.rows, p.rested = p.desk.Stats().Records, 0, p.desk.config.Now()
	return nil
}

// pause waits for some time, or until it receives from wanted.
func pause(ctx context.Context, d time.Duration, wanted <-chan struct{}) (received bool, err error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false, nil
	case <-wanted:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// restAfter returns how long the projector rests after it has worked. records is how many became durable
// since the end of the last rest, lag how far the history is behind.
func restAfter(worked time.Duration, records uint64, since, lag time.Duration) time.Duration {
	switch load := float64(records); {
	case load <= projectBusy*since.Seconds(), load <= projectMost*since.Seconds() && lag >= projectLate:
		return projectPause
	case load > projectMost*since.Seconds() && lag < projectLag:
		return min(max(projectPause, projectShareMost*worked), projectLag)
	default:
		return min(max(projectPause, projectShare*worked), projectRestMax)
	}
}

// Row returns the history's row for a fill or a correction.
func Row(e *ledger.Event) history.Fill {
	x := &e.Execution
	return history.Fill{
		ID: uint64(x.ID), OrderID: uint64(x.Order), Event: e.Number,
		ClientOrderID: x.ClientOrderID, Side: uint8(x.Side), Instrument: uint32(x.Instrument),
		Quantity: int64(x.Quantity), Price: int64(x.Price), Cost: int64(x.Cost), Time: x.Time,
		Fee: int64(x.Fee), FeeInCost: x.FeeInCost, Settlement: x.Settlement, Corrects: x.Corrects, Place: x.Place,
		Simple: e.Simple || e.Early, // an early one has no row either
	}
}

func executionOf(row *history.Execution) ledger.Execution {
	return ledger.Execution{
		ID: ledger.ExecutionID(row.ID), Order: ledger.OrderID(row.OrderID), Time: row.Time,
		Quantity: ledger.Quantity(row.Quantity), Price: ledger.Price(row.Price), Cost: ledger.Money(row.Cost),
		Instrument: ledger.InstrumentID(row.Instrument), ClientOrderID: row.ClientOrderID, Side: ledger.Side(row.Side),
		Fee: ledger.Money(row.Fee), FeeInCost: row.FeeInCost, Settlement: row.Settlement, Corrects: row.Corrects, Place: row.Place,
	}
}

// orderRow returns the history's row for the order of an event. last is the number of the last
// event of the command.
func orderRow(e *ledger.Event, last uint64) history.Order {
	o := &e.Order
	return history.Order{
		ID: uint64(o.ID), Event: e.Number, FirstEvent: e.Number, LastPlacingEvent: last,
		ClientOrderID: o.ClientOrderID, Instrument: uint32(o.Instrument), Side: uint8(o.Side), Type: uint8(o.Type),
		TimeInForce: uint8(o.TimeInForce), Status: uint8(o.Status), Cause: uint8(e.Cause), Triggered: o.Triggered, Held: o.Held,
		Quantity: int64(o.Quantity), Filled: int64(o.Filled), FilledValue: int64(o.FilledValue), Price: int64(o.Price),
		Stop: int64(o.Stop), Priority: o.Priority, Time: o.Time, Expires: o.Expires, Updated: e.Time,
	}
}

func orderOf(row *history.Order) ledger.Order {
	return ledger.Order{
		ID: ledger.OrderID(row.ID), ClientOrderID: row.ClientOrderID, Instrument: ledger.InstrumentID(row.Instrument),
		Side: ledger.Side(row.Side), Type: ledger.OrderType(row.Type), TimeInForce: ledger.TimeInForce(row.TimeInForce),
		Status: ledger.OrderStatus(row.Status), Triggered: row.Triggered, Held: row.Held,
		Quantity: ledger.Quantity(row.Quantity), Filled: ledger.Quantity(row.Filled), FilledValue: ledger.Money(row.FilledValue),
		Price: ledger.Price(row.Price), Stop: ledger.Price(row.Stop), Time: row.Time, Expires: row.Expires, Priority: row.Priority,
	}
}
