package inspect

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

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

// Dump calls each for every record that q selects, in the order of the journal.
// Instruments have the names that the journal defines. If it defines none, since an earlier
// release wrote it, they have the names of s if that is the seed of the folder. Dump also
// checks the journal while it reads.
func Dump(ctx context.Context, data string, s *seed.Seed, q Query, each func(Record) error) error {
	n := &naming{book: readBook(ctx, data), seed: s}
	_, err := entries(ctx, data, nil, func(b *journal.Batch, number uint64, e *desk.Entry) error {
		if number == 1 {
			n.matches = e.Genesis && e.Seed == s.SHA256
		}
		switch {
		case b.Number > q.To:
			return errDumped
		case b.Number < q.From, q.Customer != 0 && uint32(e.Event.Customer()) != q.Customer:
			return nil
		}
		return each(n.record(b.Number, number, e))
	})
	if errors.Is(err, errDumped) {
		return nil
	}
	return err
}

// naming finds the names of instruments, which records have as numbers.
type naming struct {
	book    *desk.Book
	seed    *seed.Seed
	matches bool // seed is the one of the first start
}

// Record is one record of the journal.
type Record struct {
	Batch         uint64          `json:"batch"`
	Record        uint64          `json:"record"`
	Kind          string          `json:"kind"` // seed, instruments, customers, history, fill or bust
	Seed          string          `json:"seed_sha256,omitempty"`
	History       string          `json:"history_id,omitempty"`
	Instruments   []Listing       `json:"instruments,omitempty"`
	Customers     []Opening       `json:"customers,omitempty"`
	Time          string          `json:"time,omitempty"`
	Customer      ledger.Customer `json:"customer,omitempty"`
	Event         uint64          `json:"event,omitempty"`
	Execution     string          `json:"execution,omitempty"`
	Order         string          `json:"order,omitempty"`
	ClientOrderID string          `json:"client_order_id,omitempty"`
	Side          string          `json:"side,omitempty"`
	Instrument    string          `json:"instrument,omitempty"`
	Quantity      ledger.Quantity `json:"quantity,omitempty"`
	Price         string          `json:"price,omitempty"`
	Reason        string          `json:"reason,omitempty"`
}

// Listing is an instrument that a record defines.
type Listing struct {
	Number     ledger.InstrumentID `json:"number"`
	Instrument string              `json:"instrument"`
	Tick       string              `json:"tick"`
}

// Opening is a customer that a record defines. Positions is a digest.
type Opening struct {
	Customer  ledger.Customer `json:"customer"`
	Cash      string          `json:"cash"`
	Positions string          `json:"positions_digest"`
}

// definition returns the record of an entry that is no event.
func definition(batch, number uint64, e *desk.Entry) Record {
	r := Record{Batch: batch, Record: number}
	switch {
	case e.Genesis:
		r.Kind, r.Seed = "seed", hex.EncodeToString(e.Seed[:])
	case len(e.Listings) > 0:
		r.Kind = "instruments"
	case len(e.Openings) > 0:
		r.Kind = "customers"
	default:
		r.Kind, r.History = "history", hex.EncodeToString(e.History[:])
	}
	for i, l := range e.Listings {
		r.Instruments = append(r.Instruments, Listing{e.First + ledger.InstrumentID(i), l.Key.String(), l.Tick.String()})
	}
	for _, o := range e.Openings {
		r.Customers = append(r.Customers, Opening{o.Customer, o.Cash.String(), fmt.Sprintf("%016x", o.Holdings)})
	}
	return r
}

func (n *naming) record(batch, number uint64, e *desk.Entry) Record {
	if !e.IsEvent() {
		return definition(batch, number, e)
	}
	x := &e.Event.Execution
	kind := "fill"
	if e.Event.Kind == ledger.KindBust {
		kind = "bust"
	}
	return Record{
		Batch: batch, Record: number, Kind: kind,
		Time:     time.Unix(0, e.Event.Time).UTC().Format(time.RFC3339Nano),
		Customer: e.Event.Customer(), Event: e.Event.Number,
		Execution: x.ID.String(), Order: x.Order.String(), ClientOrderID: string(x.ClientOrderID.Bytes()),
		Side: x.Side.String(), Instrument: n.instrument(x.Instrument),
		Quantity: x.Quantity, Price: x.Price.String(), Reason: e.Reason,
	}
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

// String returns the record as a readable line.
func (r Record) String() string {
	switch r.Kind {
	case "seed":
		return fmt.Sprintf("%d %d seed %s", r.Batch, r.Record, r.Seed)
	case "history":
		return fmt.Sprintf("%d %d history %s", r.Batch, r.Record, r.History)
	case "instruments":
		first, last := r.Instruments[0], r.Instruments[len(r.Instruments)-1]
		return fmt.Sprintf("%d %d instruments %d, #%d %s to #%d %s", r.Batch, r.Record, len(r.Instruments), first.Number, first.Instrument, last.Number, last.Instrument)
	case "customers":
		first, last := r.Customers[0], r.Customers[len(r.Customers)-1]
		return fmt.Sprintf("%d %d customers %d, %d to %d", r.Batch, r.Record, len(r.Customers), first.Customer, last.Customer)
	}
	text := fmt.Sprintf("%d %d %s %s %s order %s %s %d %s at %s id %q", r.Batch, r.Record, r.Time, r.Kind,
		r.Execution, r.Order, r.Side, r.Quantity, r.Instrument, r.Price, r.ClientOrderID)
	if r.Kind == "bust" {
		text += fmt.Sprintf(" reason %q", r.Reason)
	}
	return text
}
