package desk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
)

// RestoreBook is restoreBook, and the bytes that the result is stored as with the market m.
func RestoreBook(state []byte, m *market.Market) (*Book, []byte, error) {
	b, c, err := restoreBook(state)
	if err != nil {
		return nil, nil, err
	}
	return b, b.appendState(nil, c, m), nil
}

// AppendBook appends the state of a book with these prices.
func AppendBook(dst []byte, b *Book, fills []ledger.Price, m *market.Market) []byte {
	return b.appendState(dst, &course{fills: fills, newest: 7, script: ScriptPosition{Done: 3, Time: 5}}, m)
}

// AppendEntry appends the record of an entry that is no event.
func AppendEntry(dst []byte, e *Entry) []byte { return append(dst, e.record()...) }

// The limits of a journal record.
const (
	MaxCancelSize = maxCancelSize
	MaxSplit      = maxSplit
)

// NextOffer returns the book's next offer of one share to a side; ok is false without one.
func (d *Desk) NextOffer(id ledger.InstrumentID, side ledger.Side) (offer ledger.Offer, ok bool) {
	ob := d.orderBook(id)
	ob.mu.Lock()
	defer ob.mu.Unlock()
	offers := ob.book.Offers(nil, side, 0, ledger.MaxQuantity)
	if len(offers) == 0 {
		return ledger.Offer{}, false
	}
	return offers[0], true
}

// BetweenMatchAndApply makes a price step, and calls between after the step has assigned what it
// offers, before it is executed.
func (d *Desk) BetweenMatchAndApply(id ledger.InstrumentID, p ledger.Price, now int64, between func()) error {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	ob := d.orderBook(id)
	d.market.SetLast(id, p)
	ob.mu.Lock()
	ob.book.Step(p, d.market.Limits(id))
	d.matches = ob.book.Match(d.matches[:0])
	ob.mu.Unlock()
	between()
	return d.applyMatches(context.Background(), now)
}

// BetweenReadAndDo is one attempt of WithPast that calls between after the past was read. ok is
// false if it was not complete any more.
func (d *Desk) BetweenReadAndDo(a *Account, t *Turn, ids []ledger.ExecutionID, between func(), do func(*Turn, ledger.Past)) (ok bool, err error) {
	collected, err := d.collect(context.Background(), &Ranged{Account: a, Executions: ids})
	if err != nil {
		return false, err
	}
	between()
	err = a.Do(t, func(t *Turn) {
		var past ledger.Past
		if past, ok = collected.complete(t.Ledger()); ok {
			do(t, past)
		}
	})
	return ok, err
}

// CheckBooks compares all books with the working orders of the accounts: a book that is made of
// these must match the same orders in the same order at every price. The desk must be idle.
// Afterwards each step offers its whole depth again.
func (d *Desk) CheckBooks() error {
	orders := make([][]ledger.Order, d.market.Len())
	expire := 0
	next := int64(0)
	for _, a := range d.Accounts() {
		all, _ := a.ledger.OrdersFrom(nil, 0, ledger.MaxOrders)
		for _, o := range all {
			orders[o.Instrument] = append(orders[o.Instrument], o)
			if o.Expires != 0 {
				if expire++; next == 0 || o.Expires < next {
					next = o.Expires
				}
			}
		}
	}
	if at, _ := d.NextExpiry(); d.expiries.Len() != expire || at != next {
		return fmt.Errorf("%d orders expire, the next one at %d; want %d, %d", d.expiries.Len(), at, expire, next)
	}
	for n := range orders {
		if err := d.checkBook(d.market.At(ledger.InstrumentID(n)), orders[n]); err != nil {
			return fmt.Errorf("instrument %d: %w", n, err)
		}
	}
	return nil
}

func (d *Desk) checkBook(i *market.Instrument, orders []ledger.Order) error {
	book, twin := d.orderBook(i.ID).book, market.NewOrderBook(i.Tick, 0)
	ids := make(map[ledger.OrderID]bool)
	book.Each(func(id ledger.OrderID) bool {
		ids[id] = true
		return true
	})
	for n := range orders {
		twin.Put(&orders[n])
		if !ids[orders[n].ID] {
			return fmt.Errorf("order %s is not in the book", orders[n].ID)
		}
	}
	if book.Len() != twin.Len() {
		return fmt.Errorf("%d orders in the book, %d work", book.Len(), twin.Len())
	}
	book.SetDepth(0)
	for _, price := range []ledger.Price{1, ledger.MaxPrice} {
		for _, b := range []*market.OrderBook{book, twin} {
			b.Step(price, market.Span{Low: 0, High: ledger.MaxPrice})
		}
		got, want := book.Match(nil), twin.Match(nil)
		if !slices.Equal(got, want) {
			return fmt.Errorf("at %s the book matches\n%+v\nand the working orders\n%+v", price, got, want)
		}
	}
	book.SetDepth(i.Depth)
	book.Step(d.market.Last(i.ID), d.market.Limits(i.ID))
	for n := range orders {
		book.Put(&orders[n])
	}
	return nil
}

// MarkBehind adds n records to the open commit, and then what a turn has of a halt and of what it
// reaches of a script.
func (d *Desk) MarkBehind(n int, halt MarketEvent, reached ScriptPosition) {
	commit := d.group.committer.Begin()
	defer d.group.committer.End()
	other := (&Entry{Script: &ScriptPosition{}}).record()
	for range n {
		commit.Record(other)
	}
	record := (&Entry{Market: &halt}).record()
	d.group.appendTo(commit, &Turn{desk: d, Out: nobody{}, records: record, ends: []int{len(record)}, script: &reached})
}

// BetweenMarketAndJournal makes a market event durable as changeMarket does, and calls between after
// the market has changed, before the journal gets the event.
func (d *Desk) BetweenMarketAndJournal(ctx context.Context, m MarketEvent, between func()) error {
	d.stepping.Lock()
	d.applyMarket(&m)
	between()
	durable := d.group.add([]Entry{{Market: &m}})
	d.stepping.Unlock()
	return durable(ctx)
}

// AddBulk adds about that many bytes to the journal that change nothing.
func (d *Desk) AddBulk(ctx context.Context, bytes int) error {
	var e Entry
	d.bookUse.Lock()
	for _, o := range d.book.openings {
		e.Openings = append(e.Openings, o)
	}
	d.bookUse.Unlock()
	e.Openings = slices.Repeat(e.Openings, openingsPerRecord/len(e.Openings))
	record := e.record() // once: it is slow with the race detector
	for ; bytes > 0; bytes -= len(record) {
		d.group.committer.Begin().Record(record)
		d.group.defined.Add(1)
		d.group.committer.End()
	}
	return d.Durable(ctx)
}

// Trim trims the journal as it is done while the desk runs.
func (d *Desk) Trim(ctx context.Context) { d.trim(ctx) }

// Freeze keeps the checkpoints and the files of the journal in dir as they are until the function
// that it returns is called: a copy then has what a kill leaves.
func (d *Desk) Freeze(ctx context.Context, dir string) (resume func(), err error) {
	d.savingCheckpoint.Lock()
	_, trim, err := journal.PauseTrim(ctx, dir)
	if err != nil {
		d.savingCheckpoint.Unlock()
		return nil, err
	}
	return func() { trim(); d.savingCheckpoint.Unlock() }, nil
}

// WriteCheckpoint is writeCheckpoint.
func (d *Desk) WriteCheckpoint(ctx context.Context, rest func(time.Duration) error) error {
	return d.writeCheckpoint(ctx, rest)
}

// ReadBack is readBack.
func (d *Desk) ReadBack(c *checkpoint.Checkpoint) error { return d.readBack(c, nil) }

// CheckpointDue is checkpointDue.
func (d *Desk) CheckpointDue(records uint64, passed time.Duration) bool {
	return d.checkpointDue(records, passed)
}

// SetHistoryDamage makes the history damaged.
func (d *Desk) SetHistoryDamage(err error) { d.historyDamaged(err) }

// Enough is enough.
func Enough(rows int, open time.Duration) bool { return enough(rows, open) }

// RestFor makes the projector rest that long after each transaction.
func (d *Desk) RestFor(rest time.Duration) {
	d.restAfter = func(time.Duration, uint64, time.Duration, time.Duration) time.Duration { return rest }
}

// RestAfter is restAfter.
func RestAfter(worked time.Duration, records uint64, since, lag time.Duration) time.Duration {
	return restAfter(worked, records, since, lag)
}

// ReplayTogether is how many records of a batch several goroutines replay.
const ReplayTogether = replayTogether

// StoredLogs returns how many logs of checkpoints are remembered.
func (d *Desk) StoredLogs() int { return len(d.storedIDs) }

// Read returns how many batches were read.
func (p *PastPlace) Read() uint64 { return p.read }
