package desk

import (
	"context"
	"encoding/binary"
	"errors"

	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// pastBatches is how many of the newest batches PastEvents reads first in a search; while they do not reach
// back far enough, it reads four times as many.
const pastBatches = 256

// PastPlace is where PastEvents has ended, so that a call for the events after them need not search. The
// zero value is for the first call.
type PastPlace struct {
	to    uint64 // the last event that was asked for
	batch uint64 // the events after it are in this batch of the journal, or later
	read  uint64 // batches so far
}

// PastEvents returns the events of an account with the numbers from to to, as the journal has them. What
// was trimmed there is missing. Errors are those of the journal and of ctx.
//
// Goroutine: one that may block. A call that searches reads all that any account has done since then.
func (d *Desk) PastEvents(ctx context.Context, a *Account, from, to uint64, place *PastPlace) ([]ledger.Event, error) {
	if err := d.Durable(ctx); err != nil {
		return nil, err
	}
	p := pastRead{account: a.Customer(), from: from, to: to, place: place}
	start := max(d.journal.FirstBatch(), 1)
	if place.batch >= start && place.to < from {
		err := d.readPast(ctx, &p, place.batch)
		return p.events, err
	}
	for span := uint64(pastBatches); ; span *= 4 {
		first, last := start, d.journal.LastBatch()
		if last > span {
			first = max(first, last-span+1)
		}
		p.search = first > start
		if err := d.readPast(ctx, &p, first); err != nil || !p.search || p.oldest > 0 && p.oldest <= from {
			return p.events, err
		}
	}
}

// errEnough ends the reading of the journal.
var errEnough = errors.New("desk: enough was read")

// pastRead is a read of past events.
type pastRead struct {
	account  ledger.Customer
	from, to uint64
	place    *PastPlace
	search   bool // there are batches before: it ends if the first event comes too late
	event    ledger.Event

	events []ledger.Event
	oldest uint64 // the number of the account's first event in what was read; 0: it has no event there
}

// readPast reads the journal from a batch on.
func (d *Desk) readPast(ctx context.Context, p *pastRead, batch uint64) error {
	p.events, p.oldest = nil, 0
	err := d.journal.ReplayBatches(ctx, batch, func(b *journal.Batch) error {
		p.place.to, p.place.batch = p.to, b.Number
		p.place.read++
		for _, record := range b.Records() {
			if !isEventsOf(record, p.account) {
				continue
			}
			if err := eachEvent(record, &p.event, p.add); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil || errors.Is(err, errEnough) {
		return nil
	}
	*p.place = PastPlace{}
	return err
}

func (p *pastRead) add(e *ledger.Event) error {
	switch {
	case p.oldest == 0:
		if p.oldest = e.Number; p.oldest > p.from && p.search {
			return errEnough
		}
	case e.Number > p.to:
		return errEnough
	}
	if e.Number >= p.from && e.Number <= p.to {
		p.events = append(p.events, *e)
	}
	return nil
}

// isEventsOf reports whether a record has events of a customer.
func isEventsOf(record []byte, c ledger.Customer) bool {
	if len(record) < 4 || record[0] != recordEvents {
		return false
	}
	customer, _ := binary.Uvarint(record[3:]) // ledger.AppendEvent
	return ledger.Customer(customer) == c
}
