package load

import (
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"

	"holdfast/codec"
)

const (
	maxSamples       = 8
	longestLatencyNs = int64(10 * 60 * 1e9)
)

// unanswered is the error kind of requests without a reply.
const unanswered = "unanswered"

// tally holds the counts of a run. Owner: the event loop.
type tally struct {
	// measuring is true within the window; the fields below count only then.
	measuring         bool
	requests          uint64
	bytesIn, bytesOut uint64
	pushes            [256]uint64
	latency, lag      *hdrhistogram.Histogram
	longest           int64 // latency of a chat message, of all, not only of those in latency

	// These cover the complete run.
	answered   uint64
	pushed     uint64
	errors     map[string]uint64
	errorTotal uint64
	results    [256]uint64
	samples    []string
}

func newTally() *tally {
	return &tally{
		latency: hdrhistogram.New(1, longestLatencyNs, 3),
		lag:     hdrhistogram.New(1, longestLatencyNs, 3),
		errors:  make(map[string]uint64),
	}
}

// record counts n latencies; values out of range count as the largest.
func record(h *hdrhistogram.Histogram, ns int64, n int) {
	ns = min(max(ns, 1), longestLatencyNs)
	_ = h.RecordValues(ns, int64(n)) // in range by the line above
}

// replies counts n replies.
func (t *tally) replies(n int) {
	t.answered += uint64(n)
	if t.measuring {
		t.requests += uint64(n)
	}
}

func (t *tally) push(c codec.Command) {
	t.pushed++
	if t.measuring {
		t.pushes[c]++
	}
}

// pushCount returns the pushes within the window.
func (t *tally) pushCount() (total uint64) {
	for _, n := range t.pushes {
		total += n
	}
	return total
}

func (t *tally) read(n int) {
	if t.measuring {
		t.bytesIn += uint64(n)
	}
}

func (t *tally) wrote(n int) {
	if t.measuring {
		t.bytesOut += uint64(n)
	}
}

// fault counts an error by its kind.
func (t *tally) fault(connection uint32, err error) {
	t.errors[Kind(err)]++
	t.errorTotal++
	t.sample("connection %d: %v", connection, err)
}

// refusal counts an answer other than OK; text explains it.
func (t *tally) refusal(r codec.Result, text string) {
	t.results[r]++
	if t.results[r] == 1 {
		t.sample("%s: %s", r, text)
	}
}

func (t *tally) sample(format string, args ...any) {
	if len(t.samples) < maxSamples {
		t.samples = append(t.samples, fmt.Sprintf(format, args...))
	}
}

// writeTo copies the counts to a report.
func (t *tally) writeTo(r *Report) {
	r.Requests, r.BytesIn, r.BytesOut = t.requests, t.bytesIn, t.bytesOut
	if r.Seconds > 0 {
		r.PerSecond = float64(t.requests) / r.Seconds
	}
	r.Errors, r.Samples = t.errors, t.samples
	r.Results, r.Pushes = make(map[string]uint64), make(map[string]uint64)
	for code, n := range t.results {
		addCount(r.Results, codec.Result(code).String(), n)
	}
	for command, n := range t.pushes {
		addCount(r.Pushes, codec.Command(command).String(), n)
	}
	if r.Seconds > 0 {
		r.PushesPerSecond = float64(r.PushCount()) / r.Seconds
	}
	r.Latency, r.Histogram = Summarize(t.latency), t.latency
	r.Latency.Max = max(r.Latency.Max, float64(t.longest)/1e3)
	if r.Rate > 0 {
		lag := Summarize(t.lag)
		r.SendLag = &lag
	}
}

func addCount(counts map[string]uint64, name string, n uint64) {
	if n > 0 {
		counts[name] += n
	}
}
