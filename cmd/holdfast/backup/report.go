package backup

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"holdfast/perf/table"
)

// Report is the result of a command, for people and as JSON.
type Report struct {
	Title  string `json:"-"` // the first line
	Backup string `json:"backup"`
	Data   string `json:"data,omitempty"`
	*Manifest
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

// Of completes the report with the manifest and how long it took.
func (r *Report) Of(m *Manifest, took time.Duration) *Report {
	r.Manifest, r.Bytes, r.Seconds = m, m.bytes(), took.Seconds()
	return r
}

// String returns the report as an aligned table.
func (r *Report) String() string {
	t := table.Table{Align: "l", Indent: "  "}
	t.Add("backup", r.Backup)
	if r.Data != "" {
		t.Add("data", r.Data)
	}
	t.Add("taken", r.Time.Format(time.RFC3339)+" by holdfast "+r.Holdfast)
	if r.First > 0 {
		t.Add("first", fmt.Sprintf("batch %d: those before it were trimmed", r.First))
	}
	t.Add("batches", fmt.Sprintf("%d, the last one with checksum %s", r.Batches, r.LastCRC))
	t.Add("events", fmt.Sprint(r.Events))
	if r.LastTime != nil {
		t.Add("last event", r.LastTime.Format(time.RFC3339Nano))
	}
	if r.Seed != "" {
		t.Add("seed", r.Seed)
	}
	if len(r.Checkpoints) > 0 {
		t.Add("checkpoints", "of batches "+strings.Trim(fmt.Sprint(r.Checkpoints), "[]"))
	}
	for _, why := range r.Unusable {
		t.Add("left out", why)
	}
	t.Add("history", r.history())
	t.Add("files", fmt.Sprintf("%d, %s", len(r.Files), humanize.IBytes(uint64(r.Bytes))))
	t.Add("took", fmt.Sprintf("%.3f s", r.Seconds))
	return r.Title + "\n" + string(t.AppendText(nil))
}

// history says where the history of a restored data folder comes from.
func (r *Report) history() string {
	switch {
	case r.ExternalHistory:
		return fmt.Sprintf("in PostgreSQL, not in this backup. A server on it needs a copy of that database with the "+
			"batches up to %d at least and %d at most: run pg_dump shortly before holdfast backup, and restore both", r.First-1, r.last())
	case r.First > 0:
		return fmt.Sprintf("up to batch %d; the next start adds the rest", r.History)
	}
	return "the next start rebuilds it from the journal"
}
