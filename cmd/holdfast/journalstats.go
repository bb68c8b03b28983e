package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

const journalStatsLong = `stats reads the journal and says how much is in it: batches, records and bytes, from
when to when, how many bytes an order takes, and how many records the batches have,
which are those that one fsync made durable. The journal is checked on the way.`

const journalStatsExample = `  holdfast journal stats
  holdfast journal stats --data /srv/holdfast --json`

// newJournalStatsCommand measures a journal.
func newJournalStatsCommand(p *Program) *cobra.Command {
	var o journalFlags
	cmd := &cobra.Command{
		Use: "stats", Short: "say how much is in the journal",
		Long: journalStatsLong, Example: journalStatsExample, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.runJournalStats(cmd.Context(), &o)
		},
	}
	o.add(cmd.Flags(), p)
	return cmd
}

// journalStats is what a journal measures.
type journalStats struct {
	Journal        string     `json:"journal"`
	Batches        uint64     `json:"batches"`
	Records        uint64     `json:"records"`
	Bytes          uint64     `json:"bytes"`
	FileBytes      int64      `json:"file_bytes"`
	Fills          uint64     `json:"fills"`
	Busts          uint64     `json:"busts"`
	Customers      int        `json:"customers"`
	First          *time.Time `json:"first,omitempty"`
	Last           *time.Time `json:"last,omitempty"`
	BytesPerOrder  float64    `json:"bytes_per_order"`
	PerBatchMean   float64    `json:"records_per_batch"`
	PerBatchCounts []perBatch `json:"records_per_batch_counts"`
	customers      map[ledger.Customer]bool
	perBatch       [20]uint64 // by the length of the number of records in bits
}

// perBatch is how many batches have from From to To records.
type perBatch struct {
	From    int    `json:"from"`
	To      int    `json:"to"`
	Batches uint64 `json:"batches"`
}

func (p *Program) runJournalStats(ctx context.Context, o *journalFlags) error {
	s := &journalStats{Journal: o.dir(), customers: map[ledger.Customer]bool{}}
	bar := p.newProgressBar("KiB")
	report, err := o.entries(ctx, func(done, total int64) {
		s.FileBytes = total
		bar.show(int(done>>10), int(max(total>>10, 1)))
	}, s.entry)
	bar.close()
	if err != nil {
		return err
	}
	s.finish(report)
	if o.json {
		return p.printJSON(s)
	}
	s.print(p)
	return nil
}

func (s *journalStats) entry(b *journal.Batch, number uint64, e *desk.Entry) error {
	if number == b.First {
		s.perBatch[min(bits.Len(uint(b.Count)), len(s.perBatch))-1]++
	}
	if e.Genesis {
		return nil
	}
	if e.Event.Kind == ledger.KindBust {
		s.Busts++
	} else {
		s.Fills++
	}
	s.customers[e.Event.Customer()] = true
	at := time.Unix(0, e.Event.Time).UTC()
	if s.First == nil {
		s.First = &at
	}
	s.Last = &at
	return nil
}

func (s *journalStats) finish(r journal.Report) {
	s.Batches, s.Records, s.Bytes = r.Batches, r.Records, r.Bytes
	s.Customers = len(s.customers)
	if s.Fills > 0 {
		s.BytesPerOrder = float64(s.FileBytes) / float64(s.Fills)
	}
	if s.Batches > 0 {
		s.PerBatchMean = float64(s.Records) / float64(s.Batches)
	}
	for i, n := range s.perBatch {
		if n > 0 {
			s.PerBatchCounts = append(s.PerBatchCounts, perBatch{From: 1 << i, To: 1<<(i+1) - 1, Batches: n})
		}
	}
}

func (s *journalStats) print(p *Program) {
	var b strings.Builder
	row := func(name, format string, values ...any) {
		fmt.Fprintf(&b, "  %-18s "+format+"\n", append([]any{name}, values...)...)
	}
	fmt.Fprintln(&b, s.Journal)
	row("batches", "%d", s.Batches)
	row("records", "%d: %d fills, %d busts, of %d customers", s.Records, s.Fills, s.Busts, s.Customers)
	row("bytes", "%d in files, %d without what the store adds", s.FileBytes, s.Bytes)
	if s.First != nil {
		row("time", "%s to %s", s.First.Format(time.RFC3339Nano), s.Last.Format(time.RFC3339Nano))
	}
	if s.Fills > 0 {
		row("bytes per order", "%.1f", s.BytesPerOrder)
	}
	row("records per batch", "%.2f in the mean", s.PerBatchMean)
	for _, c := range s.PerBatchCounts {
		name := fmt.Sprint(c.From)
		if c.To > c.From {
			name = fmt.Sprintf("%d to %d", c.From, c.To)
		}
		marks := strings.Repeat("#", int((c.Batches*progressWidth+s.Batches-1)/s.Batches))
		row("  "+name, "%-10d %s", c.Batches, marks)
	}
	fmt.Fprint(p.Stdout, b.String())
}

// printJSON writes v to Stdout.
func (p *Program) printJSON(v any) error {
	e := json.NewEncoder(p.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
