package load

import "slices"

// The names of metrics. What a server did not have to be measured for, or could
// not be, is not among its metrics.
const (
	MetricRate          = "rate"                // requests a second
	MetricPushes        = "pushes"              // pushes a second
	MetricCPU           = "server CPU"          // microseconds a request
	MetricUser          = "server user"         // microseconds a request
	MetricSystem        = "server system"       // microseconds a request
	MetricCPUPerPush    = "server CPU per push" // microseconds
	MetricServerBusy    = "server busy"         // cores
	MetricSyscalls      = "syscalls"            // per request
	MetricAllocations   = "allocations"         // per request
	MetricP50           = "p50"                 // microseconds
	MetricP90           = "p90"                 // microseconds
	MetricP99           = "p99"                 // microseconds
	MetricMax           = "max"                 // microseconds
	MetricIdle          = "idle connection"     // bytes of resident memory
	MetricMemory        = "memory after"        // bytes, resident, at the end of the window
	MetricGeneratorCPU  = "generator CPU"       // microseconds a request
	MetricGeneratorBusy = "generator busy"      // cores
	MetricErrors        = "errors"              // and refusals, of a whole run
)

// figure takes one metric out of a report; false if it is not there.
type figure struct {
	name, unit string
	of         func(r *Report) (float64, bool)
}

// figures lists all metrics, in the order in which results have them.
func figures() []figure {
	return []figure{
		{MetricRate, "requests/s", always(func(r *Report) float64 { return r.PerSecond })},
		{MetricPushes, "pushes/s", func(r *Report) (float64, bool) { return r.PushesPerSecond, r.Workload.trades() }},
		{MetricCPU, "us/request", answered(server(func(s *ServerUse) float64 { return s.CPUPerRequest }))},
		{MetricUser, "us/request", answered(server(func(s *ServerUse) float64 { return s.UserPerRequest }))},
		{MetricSystem, "us/request", answered(server(func(s *ServerUse) float64 { return s.SystemPerRequest }))},
		{MetricCPUPerPush, "us/push", func(r *Report) (float64, bool) {
			if r.Server == nil {
				return 0, false
			}
			return r.Server.CPUPerPush, r.PushesPerSecond > 0
		}},
		{MetricServerBusy, "cores", server(func(s *ServerUse) float64 { return s.Busy })},
		{MetricSyscalls, "per request", counted(func(s *ServerUse) *float64 { return s.SyscallsPerRequest })},
		{MetricAllocations, "per request", counted(func(s *ServerUse) *float64 { return s.AllocsPerRequest })},
		{MetricP50, "us", timed(func(r *Report) float64 { return r.Latency.P50 })},
		{MetricP90, "us", timed(func(r *Report) float64 { return r.Latency.P90 })},
		{MetricP99, "us", timed(func(r *Report) float64 { return r.Latency.P99 })},
		{MetricMax, "us", timed(func(r *Report) float64 { return r.Latency.Max })},
		{MetricIdle, "bytes", server(func(s *ServerUse) float64 { return s.IdleBytesPerConnection })},
		{MetricMemory, "bytes", server(func(s *ServerUse) float64 { return float64(s.After.RSS) })},
		{MetricGeneratorCPU, "us/request", answered(always(func(r *Report) float64 { return r.Own.CPUPerRequest }))},
		{MetricGeneratorBusy, "cores", always(func(r *Report) float64 { return r.Own.Busy })},
		{MetricErrors, "", always(func(r *Report) float64 { return float64(r.ErrorCount() + sum(r.Results)) })},
	}
}

func always(of func(r *Report) float64) func(*Report) (float64, bool) {
	return func(r *Report) (float64, bool) { return of(r), true }
}

// answered is for figures that are nothing without a request: 0 would look cheap.
func answered(of func(r *Report) (float64, bool)) func(*Report) (float64, bool) {
	return func(r *Report) (float64, bool) {
		value, ok := of(r)
		return value, ok && r.Requests > 0
	}
}

// timed is for latencies: without a reply there is none, which is not 0.
func timed(of func(r *Report) float64) func(*Report) (float64, bool) {
	return func(r *Report) (float64, bool) { return of(r), r.Latency.Count > 0 }
}

func server(of func(s *ServerUse) float64) func(*Report) (float64, bool) {
	return func(r *Report) (float64, bool) {
		if r.Server == nil {
			return 0, false
		}
		return of(r.Server), true
	}
}

func counted(of func(s *ServerUse) *float64) func(*Report) (float64, bool) {
	return func(r *Report) (float64, bool) {
		if r.Server == nil || of(r.Server) == nil {
			return 0, false
		}
		return *of(r.Server), true
	}
}

// fold computes the metrics from the reports.
func (s *ServerResult) fold() {
	s.Metrics, s.GeneratorBound = nil, 0
	for _, f := range figures() {
		var values []float64
		for _, r := range s.Reports {
			if value, ok := f.of(r); ok {
				values = append(values, value)
			}
		}
		if len(values) == 0 {
			continue
		}
		slices.Sort(values)
		s.Metrics = append(s.Metrics, Metric{
			Name: f.name, Unit: f.unit, Median: median(values), Min: values[0], Max: values[len(values)-1],
		})
	}
	for _, r := range s.Reports {
		if r.GeneratorBound {
			s.GeneratorBound++
		}
	}
}

// median of sorted values, of which there is at least one.
func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
