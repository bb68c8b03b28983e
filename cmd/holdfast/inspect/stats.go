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
	Journal    string `json:"journal"`
	FirstBatch uint64 `json:"first_batch"` // above 1 if the journal was trimmed
	Batches    uint64 `json:"batches"`
	Records    uint64 `json:"records"`
	Bytes      uint64 `json:"bytes"`
	FileBytes  int64  `json:"file_bytes"`
	// Each record is a command of a customer, an event of the market, or a definition (the
	// position of a script, too), an audit, or a change of a client's message numbers.
	Commands     uint64 `json:"commands"`
	MarketEvents uint64 `json:"market_events"`
	Definitions  uint64 `json:"definitions"`
	Audits       uint64 `json:"audits,omitempty"`
	Sequences    uint64 `json:"sequences,omitempty"` // changes of message numbers
	Fences       uint64 `json:"fences,omitempty"`    // times that a node of a cluster has taken over
	// Orders counts accepted orders, Executions the fills and the corrections.
	Orders     uint64 `json:"orders"`
	Executions uint64 `json:"executions"`
	// The events of commands, by kind.
	Fills       uint64     `json:"fills"`
	Busts       uint64     `json:"busts"`
	Corrections uint64     `json:"corrections"`
	Accepted    uint64     `json:"accepted"`
	Cancelled   uint64     `json:"cancelled"`
	Expired     uint64     `json:"expired"`
	Replaced    uint64     `json:"replaced"`
	Triggered   uint64     `json:"triggered"`
	Deposits    uint64     `json:"deposits"`
	Withdrawals uint64     `json:"withdrawals"`
	Resets      uint64     `json:"resets"`
	Customers   int        `json:"customers"`
	First       *time.Time `json:"first,omitempty"`
	Last        *time.Time `json:"last,omitempty"`
	// BytesPerExecution is FileBytes / Executions. BytesPerOrder is the same under the name of
	// releases that executed each order at once.
	BytesPerExecution float64    `json:"bytes_per_execution"`
	BytesPerOrder     float64    `json:"bytes_per_order"`
	PerBatchMean      float64    `json:"records_per_batch"`
	PerBatchCounts    []PerBatch `json:"records_per_batch_counts"`
	customers         map[ledger.Customer]bool
	perBatch          [20]uint64 // index: bit length of the number of records, minus 1
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
	switch {
	case len(e.Events) > 0:
		s.Commands++
	case e.Market != nil:
		s.MarketEvents++
		s.seen(e.Market.Time)
	case e.Audit != nil:
		s.Audits++
		s.seen(e.Audit.Time)
	case e.Sequence != nil:
		s.Sequences++
	case e.Fence != nil:
		s.Fences++
	case e.Script != nil:
		s.Definitions++
		s.seen(e.Script.Time)
	default:
		s.Definitions++
	}
	for n := range e.Events {
		s.event(&e.Events[n])
	}
	return nil
}

func (s *Stats) event(e *ledger.Event) {
	*s.count(e.Kind)++
	if e.Kind == ledger.KindFill || e.Kind == ledger.KindCorrect {
		s.Executions++
	}
	if e.Named && e.Kind != ledger.KindReplace { // a replacement may have another client order id
		s.Orders++
	}
	s.customers[e.Customer()] = true
	s.seen(e.Time)
}

func (s *Stats) count(k ledger.Kind) *uint64 {
	return [...]*uint64{
		&s.Fills, &s.Busts, &s.Accepted, &s.Cancelled, &s.Expired, &s.Replaced, &s.Triggered, &s.Corrections,
		&s.Deposits, &s.Withdrawals, &s.Resets,
	}[k-ledger.KindFill]
}

// seen counts the time of an event.
func (s *Stats) seen(nanoseconds int64) {
	at := time.Unix(0, nanoseconds).UTC()
	if s.First == nil {
		s.First = &at
	}
	s.Last = &at
}

func (s *Stats) finish(r journal.Report) {
	s.FirstBatch, s.Batches, s.Records, s.Bytes = r.First, r.Batches, r.Records, r.Bytes
	s.Customers = len(s.customers)
	if s.Executions > 0 {
		s.BytesPerExecution = float64(s.FileBytes) / float64(s.Executions)
		s.BytesPerOrder = s.BytesPerExecution
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

// counted returns a number with separators: 12,000.
func counted[N int | int64 | uint64](n N) string { return table.Count(float64(n)) }

// marksWidth is the number of marks for all batches together.
const marksWidth = 30

// String returns the measurements as readable lines.
func (s *Stats) String() string {
	t := table.Table{Align: "l", Indent: "  "}
	row := func(name, format string, values ...any) { t.Add(name, fmt.Sprintf(format, values...)) }
	if s.FirstBatch > 1 {
		row("first", "batch %d: those before it were trimmed", s.FirstBatch)
	}
	row("batches", "%s", counted(s.Batches))
	row("records", "%s: %s commands of %s customers, %s events of the market, %s definitions",
		counted(s.Records), counted(s.Commands), counted(s.Customers), counted(s.MarketEvents), counted(s.Definitions))
	if s.Audits > 0 {
		row("audits", "%s", counted(s.Audits))
	}
	if s.Fences > 0 {
		row("takeovers", "%s", counted(s.Fences))
	}
	if s.Sequences > 0 {
		row("message numbers", "%s records", counted(s.Sequences))
	}
	row("orders", "%s", counted(s.Orders))
	row("executions", "%s", counted(s.Executions))
	for n, name := range eventKinds {
		if count := *s.count(ledger.Kind(n + 1)); count > 0 {
			row("  "+name, "%s", counted(count))
		}
	}
	row("bytes", "%s in files, %s without the overhead of the store", counted(s.FileBytes), counted(s.Bytes))
	if s.First != nil {
		row("time", "%s to %s", s.First.Format(time.RFC3339Nano), s.Last.Format(time.RFC3339Nano))
	}
	if s.Executions > 0 {
		row("bytes per execution", "%.1f", s.BytesPerExecution)
	}
	row("records per batch", "%.2f on average", s.PerBatchMean)
	for _, c := range s.PerBatchCounts {
		name := counted(c.From)
		if c.To > c.From {
			name += " to " + counted(c.To)
		}
		marks := strings.Repeat("#", int((c.Batches*marksWidth+s.Batches-1)/s.Batches))
		row("  "+name, "%-10s %s", counted(c.Batches), marks)
	}
	return table.Escape(s.Journal) + "\n" + string(t.AppendText(nil))
}
