package backup

import (
	"fmt"
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
	t.Add("batches", fmt.Sprintf("%d, the last one with checksum %s", r.Batches, r.LastCRC))
	t.Add("events", fmt.Sprint(r.Events))
	if r.LastTime != nil {
		t.Add("last event", r.LastTime.Format(time.RFC3339Nano))
	}
	t.Add("seed", r.Seed)
	t.Add("files", fmt.Sprintf("%d, %s", len(r.Files), humanize.IBytes(uint64(r.Bytes))))
	t.Add("took", fmt.Sprintf("%.3f s", r.Seconds))
	return r.Title + "\n" + string(t.AppendText(nil))
}
