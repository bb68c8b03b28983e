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

// Dump calls each for every record that q selects, oldest first. Instruments have names
// if s is the seed of the folder. Dump also checks the journal while it reads.
func Dump(ctx context.Context, data string, s *seed.Seed, q Query, each func(Record) error) error {
	n := &naming{seed: s}
	_, err := entries(ctx, data, nil, func(b *journal.Batch, number uint64, e *desk.Entry) error {
		if number == 1 {
			n.matches = fits(s, e)
		}
		switch {
		case b.Number > q.To:
			return errDumped
		case b.Number < q.From, q.Customer != 0 && (e.Genesis || uint32(e.Event.Customer()) != q.Customer):
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
	seed    *seed.Seed
	matches bool // seed is the seed of the folder
}

// Record is one record of the journal.
type Record struct {
	Batch         uint64          `json:"batch"`
	Record        uint64          `json:"record"`
	Kind          string          `json:"kind"` // seed, fill or bust
	Seed          string          `json:"seed_sha256,omitempty"`
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

func (n *naming) record(batch, number uint64, e *desk.Entry) Record {
	if e.Genesis {
		return Record{Batch: batch, Record: number, Kind: "seed", Seed: hex.EncodeToString(e.Seed[:])}
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

// instrument returns the name of an instrument, or its number if the seed does not match.
func (n *naming) instrument(id ledger.InstrumentID) string {
	if !n.matches || int(id) >= len(n.seed.Instruments) {
		return fmt.Sprintf("#%d", id)
	}
	i := &n.seed.Instruments[id]
	return i.Market + "/" + i.Code
}

// String returns the record as a readable line.
func (r Record) String() string {
	if r.Kind == "seed" {
		return fmt.Sprintf("%d %d seed %s", r.Batch, r.Record, r.Seed)
	}
	text := fmt.Sprintf("%d %d %s %s %s order %s %s %d %s at %s id %q", r.Batch, r.Record, r.Time, r.Kind,
		r.Execution, r.Order, r.Side, r.Quantity, r.Instrument, r.Price, r.ClientOrderID)
	if r.Kind == "bust" {
		text += fmt.Sprintf(" reason %q", r.Reason)
	}
	return text
}
