package load

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"holdfast/perf/table"
)

// Report is the result of one run. It marshals to JSON.
type Report struct {
	Addr        string   `json:"addr"`
	Dialect     Dialect  `json:"dialect"`
	TLS         bool     `json:"tls,omitempty"`
	Workload    Workload `json:"workload"`
	Connections int      `json:"connections"`
	Depth       int      `json:"depth"`
	// Rate is the offered load in requests a second; 0 in a closed loop.
	Rate float64 `json:"rate,omitempty"`
	// Interval is the think time.
	Interval Interval `json:"interval,omitzero"`
	Sources  int      `json:"sources"`
	// ConnectSeconds is the time until every connection had its first answer.
	ConnectSeconds float64 `json:"connect_seconds"`

	// Seconds is the length of the window; Requests is the number answered within it.
	Seconds   float64 `json:"seconds"`
	Requests  uint64  `json:"requests"`
	PerSecond float64 `json:"requests_per_second"`
	Latency   Latency `json:"latency_us"`
	// SendLag, open loop only: how late requests were sent, because the generator was
	// busy or Depth requests were already open.
	SendLag *Latency `json:"send_lag_us,omitempty"`

	// Errors counts errors by kind (see Kind), Results counts answers other than OK by
	// the name of their result code. Both cover the complete run, warm-up included.
	Errors  map[string]uint64 `json:"errors,omitempty"`
	Results map[string]uint64 `json:"results,omitempty"`
	// Samples are the texts of the first errors and refusals.
	Samples []string `json:"samples,omitempty"`

	// Pushes counts by name, within the window.
	Pushes          map[string]uint64 `json:"pushes,omitempty"`
	PushesPerSecond float64           `json:"pushes_per_second,omitempty"`
	BytesIn         uint64            `json:"bytes_in"`
	BytesOut        uint64            `json:"bytes_out"`

	Server *ServerUse `json:"server,omitempty"`
	// Own is the CPU use of the generator's event loop.
	Own CPUUse `json:"generator"`
	// GeneratorBound: the generator's core was the limit (95 % busy or more) and the
	// server's was not, so the figures show the generator's speed.
	GeneratorBound bool `json:"generator_bound"`
	// Ended says why the run ended early; "" if it did not.
	Ended string `json:"ended,omitempty"`
	// Notes say what could not be measured, and why.
	Notes []string `json:"notes,omitempty"`

	// Histogram has every latency of the window in nanoseconds.
	Histogram *hdrhistogram.Histogram `json:"-"`
}

// Latency is a summary in microseconds.
type Latency struct {
	Count uint64  `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

// CPUUse is CPU time within the window.
type CPUUse struct {
	// Busy is CPU seconds per second: 1.0 is one core.
	Busy float64 `json:"busy_cores"`
	// CPUPerRequest in microseconds.
	CPUPerRequest    float64 `json:"cpu_us_per_request"`
	UserPerRequest   float64 `json:"user_us_per_request"`
	SystemPerRequest float64 `json:"system_us_per_request"`
}

func (c CPUUse) cpuText() string {
	return fmt.Sprintf("%.3f us/request (user %.3f, system %.3f), %.0f %% of a core",
		c.CPUPerRequest, c.UserPerRequest, c.SystemPerRequest, 100*c.Busy)
}

// ServerUse is the use of the server's process within the window.
type ServerUse struct {
	PID int `json:"pid"`
	CPUUse
	// CPUPerPush is the same CPU time divided by the pushes; 0 without pushes.
	CPUPerPush float64 `json:"cpu_us_per_push,omitempty"`
	// SyscallsPerRequest is counted right after the window, by the kernel's
	// tracepoint raw_syscalls:sys_enter. nil: not counted.
	SyscallsPerRequest *float64 `json:"syscalls_per_request,omitempty"`
	// AllocsPerRequest is the number of heap objects allocated from the start of
	// the warm-up until the last reply, divided by the replies of that time. nil:
	// not counted.
	AllocsPerRequest *float64 `json:"allocs_per_request,omitempty"`
	// Context switches of all threads.
	VoluntarySwitches   uint64 `json:"voluntary_switches"`
	InvoluntarySwitches uint64 `json:"involuntary_switches"`
	// Memory before the first connect, with all connections open, and at the end of the
	// window.
	Before    Memory `json:"before"`
	Connected Memory `json:"connected"`
	After     Memory `json:"after"`
	// IdleBytesPerConnection is (Connected.RSS - Before.RSS) / Connections.
	IdleBytesPerConnection float64 `json:"idle_bytes_per_connection"`
}

// Memory of a process in bytes. PSS and Private are 0 where the kernel doesn't
// report them.
type Memory struct {
	RSS     uint64 `json:"rss"`
	PSS     uint64 `json:"pss,omitempty"`
	Private uint64 `json:"private,omitempty"`
}

// boundAt is the share of a core at which a process counts as saturated.
const boundAt = 0.95

func (r *Report) judgeBound() {
	r.GeneratorBound = r.Own.Busy >= boundAt && (r.Server == nil || r.Server.Busy < boundAt)
}

// ErrorCount returns the sum of Errors.
func (r *Report) ErrorCount() uint64 { return sum(r.Errors) }

// PushCount returns the sum of Pushes.
func (r *Report) PushCount() uint64 { return sum(r.Pushes) }

func sum(counts map[string]uint64) (total uint64) {
	for _, n := range counts {
		total += n
	}
	return total
}

func (r *Report) warn(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Summarize returns the figures of latencies in nanoseconds.
func Summarize(h *hdrhistogram.Histogram) Latency {
	us := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1e3 }
	return Latency{
		Count: uint64(h.TotalCount()), Mean: h.Mean() / 1e3,
		P50: us(50), P90: us(90), P99: us(99), P999: us(99.9), Max: float64(h.Max()) / 1e3,
	}
}

// String returns the report as an aligned table, one figure per line.
func (r *Report) String() string {
	t := table.Table{Align: "l"}
	row := func(name, format string, args ...any) { t.Add(name, fmt.Sprintf(format, args...)) }
	r.rowsOfLoad(row)
	r.rowsOfTrouble(row)
	r.rowsOfUse(row)
	return string(t.AppendText(nil))
}

type rowFunc func(name, format string, args ...any)

func (r *Report) rowsOfLoad(row rowFunc) {
	encrypted := ""
	if r.TLS {
		encrypted = ", TLS"
	}
	row("server", "%s, %s%s", r.Addr, r.Dialect, encrypted)
	row("workload", "%s, %d connections x depth %d%s", r.Workload, r.Connections, r.Depth, r.loopText())
	row("connected", "in %.2f s from %s", r.ConnectSeconds, plural(r.Sources, "address"))
	row("requests", "%s in %.2f s", comma(r.Requests), r.Seconds)
	row("rate", "%s requests/s", comma(uint64(math.Round(r.PerSecond))))
	row("latency", "%s", r.Latency)
	if r.SendLag != nil {
		row("sent late by", "%s", *r.SendLag)
	}
	row("bytes", "%s in, %s out", comma(r.BytesIn), comma(r.BytesOut))
	if r.PushCount() > 0 {
		row("pushes", "%s/s, %s (%s)", comma(uint64(math.Round(r.PushesPerSecond))), comma(r.PushCount()), countsText(r.Pushes))
	}
}

func (r *Report) loopText() string {
	switch {
	case r.Workload.waits():
		return ""
	case r.Rate > 0:
		return fmt.Sprintf(", open loop at %.0f requests/s", r.Rate)
	case r.Interval.Max > 0:
		return fmt.Sprintf(", think time %s", r.Interval)
	default:
		return ", closed loop"
	}
}

func (r *Report) rowsOfTrouble(row rowFunc) {
	row("errors", "%d%s", r.ErrorCount(), inBrackets(countsText(r.Errors)))
	if len(r.Results) > 0 {
		row("refused", "%d (%s)", sum(r.Results), countsText(r.Results))
	}
	for _, sample := range r.Samples {
		row("  e.g.", "%s", sample)
	}
}

func (r *Report) rowsOfUse(row rowFunc) {
	if s := r.Server; s != nil {
		row("server CPU", "%s", s.cpuText())
		r.rowsOfCounts(row)
		row("server switches", "%d voluntary, %d involuntary", s.VoluntarySwitches, s.InvoluntarySwitches)
		row("server memory", "%.1f MiB before, %.1f connected, %.1f after",
			mebibytes(s.Before.RSS), mebibytes(s.Connected.RSS), mebibytes(s.After.RSS))
		row("idle connection", "%.0f bytes resident", s.IdleBytesPerConnection)
	}
	row("generator CPU", "%s", r.Own.cpuText())
	if r.GeneratorBound {
		row("note", "the generator was the limit, not the server")
	}
	for _, note := range r.Notes {
		row("note", "%s", note)
	}
}

func (r *Report) rowsOfCounts(row rowFunc) {
	if cpu := r.Server.CPUPerPush; cpu > 0 {
		row("server CPU", "%.3f us/push", cpu)
	}
	if n := r.Server.SyscallsPerRequest; n != nil {
		row("system calls", "%.3f per request", *n)
	}
	if n := r.Server.AllocsPerRequest; n != nil {
		row("allocations", "%.3f per request", *n)
	}
}

// String returns the summary on one line.
func (l Latency) String() string {
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s, p99.9 %s, max %s",
		table.Latency(l.P50), table.Latency(l.P90), table.Latency(l.P99), table.Latency(l.P999), table.Latency(l.Max))
}

func mebibytes(n uint64) float64 { return float64(n) / (1 << 20) }

// countsText lists counts by name, e.g. "reset 2, timeout 1".
func countsText(counts map[string]uint64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(parts, ", ")
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}
