package inspect

import (
	"context"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/perf/table"
)

// Stats are the measurements of a journal.
type Stats struct {
	Journal        string     `json:"journal"`
	Batches        uint64     `json:"batches"`
	Records        uint64     `json:"records"`
	Bytes          uint64     `json:"bytes"`
	FileBytes      int64      `json:"file_bytes"`
	Fills          uint64     `json:"fills"`
	Busts          uint64     `json:"busts"`
	Definitions    uint64     `json:"definitions"` // records that are no events
	Customers      int        `json:"customers"`
	First          *time.Time `json:"first,omitempty"`
	Last           *time.Time `json:"last,omitempty"`
	BytesPerOrder  float64    `json:"bytes_per_order"`
	PerBatchMean   float64    `json:"records_per_batch"`
	PerBatchCounts []PerBatch `json:"records_per_batch_counts"`
	customers      map[ledger.Customer]bool
	perBatch       [20]uint64 // index: bit length of the number of records, minus 1
}

// PerBatch is the number of batches that have From to To records.
type PerBatch struct {
	From    int    `json:"from"`
	To      int    `json:"to"`
	Batches uint64 `json:"batches"`
}

// Measure returns how much is in a journal. It also checks the journal while it reads.
func Measure(ctx context.Context, data string, seen Progress) (*Stats, error) {
	s := &Stats{Journal: journalOf(data), customers: map[ledger.Customer]bool{}}
	report, err := entries(ctx, data, func(done, total int64) {
		s.FileBytes = total
		seen(done, total)
	}, s.entry)
	if err != nil {
		return nil, err
	}
	s.finish(report)
	return s, nil
}

func (s *Stats) entry(b *journal.Batch, number uint64, e *desk.Entry) error {
	if number == b.First {
		s.perBatch[min(bits.Len(uint(b.Count)), len(s.perBatch))-1]++
	}
	if !e.IsEvent() {
		s.Definitions++
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

func (s *Stats) finish(r journal.Report) {
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
			s.PerBatchCounts = append(s.PerBatchCounts, PerBatch{From: 1 << i, To: 1<<(i+1) - 1, Batches: n})
		}
	}
}

// marksWidth is the number of marks for all batches together.
const marksWidth = 30

// String returns the measurements as readable lines.
func (s *Stats) String() string {
	t := table.Table{Align: "l", Indent: "  "}
	row := func(name, format string, values ...any) { t.Add(name, fmt.Sprintf(format, values...)) }
	row("batches", "%d", s.Batches)
	row("records", "%d: %d fills, %d busts, of %d customers, and %d that are no events", s.Records, s.Fills, s.Busts, s.Customers, s.Definitions)
	row("bytes", "%d in files, %d without the overhead of the store", s.FileBytes, s.Bytes)
	if s.First != nil {
		row("time", "%s to %s", s.First.Format(time.RFC3339Nano), s.Last.Format(time.RFC3339Nano))
	}
	if s.Fills > 0 {
		row("bytes per order", "%.1f", s.BytesPerOrder)
	}
	row("records per batch", "%.2f on average", s.PerBatchMean)
	for _, c := range s.PerBatchCounts {
		name := fmt.Sprint(c.From)
		if c.To > c.From {
			name = fmt.Sprintf("%d to %d", c.From, c.To)
		}
		marks := strings.Repeat("#", int((c.Batches*marksWidth+s.Batches-1)/s.Batches))
		row("  "+name, "%-10d %s", c.Batches, marks)
	}
	return table.Escape(s.Journal) + "\n" + string(t.AppendText(nil))
}
