package inspect

import (
	"context"
	"errors"
	"fmt"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// Query selects the records that Dump returns.
type Query struct {
	From, To uint64 // batches, both included
	Customer uint32 // 0: all
}

// errDumped stops the reading after the last batch of the query.
var errDumped = errors.New("dumped")

// Dump calls each for every definition and event that q selects, in the order of the
// journal. Instruments have the names that the journal or, if it was trimmed, a checkpoint defines. If it defines none, since an
// earlier release wrote it, they have the names of s if that is the seed of the folder. Dump
// also checks the journal while it reads.
func Dump(ctx context.Context, data string, s *seed.Seed, q Query, each func(Record) error) error {
	_, book := bookOf(ctx, data)
	readBook(ctx, data, book, func(uint64, *desk.Entry) {})
	n := &naming{book: book, seed: s}
	_, err := entries(ctx, data, nil, func(b *journal.Batch, number uint64, e *desk.Entry) error {
		if number == 1 {
			n.matches = e.Genesis && e.Seed == s.SHA256
		}
		switch {
		case b.Number > q.To:
			return errDumped
		case b.Number < q.From:
			return nil
		case len(e.Events) > 0:
			return n.events(b.Number, number, e.Events, q.Customer, each)
		case q.Customer != 0 && !isOf(e, ledger.Customer(q.Customer)):
			return nil
		case e.Market != nil:
			return each(n.market(b.Number, number, e.Market))
		}
		return each(definition(b.Number, number, e))
	})
	if errors.Is(err, errDumped) {
		return nil
	}
	return err
}

// isOf reports whether an entry without events is about a customer.
func isOf(e *desk.Entry, c ledger.Customer) bool {
	return e.Audit != nil && e.Audit.Customer == c || e.Sequence != nil && e.Sequence.Customer == c
}

// naming finds the names of instruments, which records have as numbers.
type naming struct {
	book    *desk.Book
	seed    *seed.Seed
	matches bool // seed is the one of the first start
}

// events calls each for the events of one command, if they are those of the customer.
func (n *naming) events(batch, number uint64, events []ledger.Event, customer uint32, each func(Record) error) error {
	if customer != 0 && uint32(events[0].Customer()) != customer {
		return nil
	}
	for i := range events {
		r := n.event(&events[i])
		r.Batch, r.Record, r.Part, r.Parts = batch, number, i+1, len(events)
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// instrument returns the name of an instrument, or its number if nothing defines it.
func (n *naming) instrument(id ledger.InstrumentID) string {
	if key, ok := n.book.Key(id); ok {
		return key.String()
	}
	if !n.matches || int(id) >= len(n.seed.Instruments) {
		return fmt.Sprintf("#%d", id)
	}
	return seed.KeyOf(&n.seed.Instruments[id]).String()
}
