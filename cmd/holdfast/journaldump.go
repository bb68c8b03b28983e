package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

const journalDumpLong = `dump writes one line for each record of the journal, oldest first: batch and number
of the record, time, kind, execution and order, and for a bust its reason. --json
writes an object per line. With the seed file of the folder, instruments have their
names, otherwise their numbers. The journal is checked on the way.`

const journalDumpExample = `  holdfast journal dump
  holdfast journal dump --customer 100001 --json
  holdfast journal dump --from 1000 --to 1010`

// dumpFlags are the flags of "holdfast journal dump".
type dumpFlags struct {
	journalFlags
	from, to uint64
	customer uint32
}

// newJournalDumpCommand shows the records.
func newJournalDumpCommand(p *Program) *cobra.Command {
	var o dumpFlags
	cmd := &cobra.Command{
		Use: "dump", Short: "show the records of the journal, a line each",
		Long: journalDumpLong, Example: journalDumpExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.from > o.to {
				return usagef(cmd, "--from %d is behind --to %d", o.from, o.to)
			}
			return p.runJournalDump(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	o.add(f, p)
	f.Uint64Var(&o.from, "from", 1, "first `batch`")
	f.Uint64Var(&o.to, "to", math.MaxUint64, "last `batch`")
	f.Uint32Var(&o.customer, "customer", 0, "only records of this customer `number`; 0: of all")
	f.Lookup("to").DefValue = "the last one"
	return cmd
}

// errDumped ends the reading behind the last batch that is wanted.
var errDumped = errors.New("dumped")

func (p *Program) runJournalDump(ctx context.Context, o *dumpFlags) error {
	s, err := loadSeed(o.seedFile)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(p.Stdout, 1<<16)
	d := &dump{flags: o, seed: s, out: out}
	_, err = o.entries(ctx, nil, d.entry)
	if errors.Is(err, errDumped) {
		err = nil
	}
	return errors.Join(err, out.Flush())
}

// dump writes what is wanted.
type dump struct {
	flags *dumpFlags
	seed  *seed.Seed
	known bool // the seed is that of the folder
	out   io.Writer
}

func (d *dump) entry(b *journal.Batch, number uint64, e *desk.Entry) error {
	if number == 1 {
		d.known = fits(d.seed, e)
	}
	switch {
	case b.Number > d.flags.to:
		return errDumped
	case b.Number < d.flags.from,
		d.flags.customer != 0 && (e.Genesis || uint32(e.Event.Customer()) != d.flags.customer):
		return nil
	}
	line := d.line(b.Number, number, e)
	if d.flags.json {
		return json.NewEncoder(d.out).Encode(line)
	}
	_, err := fmt.Fprintln(d.out, line)
	return err
}

// A dumpLine is one record.
type dumpLine struct {
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

func (d *dump) line(batch, number uint64, e *desk.Entry) dumpLine {
	if e.Genesis {
		return dumpLine{Batch: batch, Record: number, Kind: "seed", Seed: hex.EncodeToString(e.Seed[:])}
	}
	x := &e.Event.Execution
	kind := "fill"
	if e.Event.Kind == ledger.KindBust {
		kind = "bust"
	}
	return dumpLine{
		Batch: batch, Record: number, Kind: kind,
		Time:     time.Unix(0, e.Event.Time).UTC().Format(time.RFC3339Nano),
		Customer: e.Event.Customer(), Event: e.Event.Number,
		Execution: x.ID.String(), Order: x.Order.String(), ClientOrderID: string(x.ClientOrderID.Bytes()),
		Side: x.Side.String(), Instrument: d.instrument(x.Instrument),
		Quantity: x.Quantity, Price: x.Price.String(), Reason: e.Reason,
	}
}

// instrument is its name, or its number where the seed is not that of the folder.
func (d *dump) instrument(id ledger.InstrumentID) string {
	if !d.known || int(id) >= len(d.seed.Instruments) {
		return fmt.Sprintf("#%d", id)
	}
	i := &d.seed.Instruments[id]
	return i.Market + "/" + i.Code
}

// String is the line for people.
func (l dumpLine) String() string {
	if l.Kind == "seed" {
		return fmt.Sprintf("%d %d seed %s", l.Batch, l.Record, l.Seed)
	}
	text := fmt.Sprintf("%d %d %s %s %s order %s %s %d %s at %s id %q", l.Batch, l.Record, l.Time, l.Kind,
		l.Execution, l.Order, l.Side, l.Quantity, l.Instrument, l.Price, l.ClientOrderID)
	if l.Kind == "bust" {
		text += fmt.Sprintf(" reason %q", l.Reason)
	}
	return text
}
