package load

import "slices"

// The names of metrics. A metric that was not measured is missing.
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
	MetricErrors        = "errors"              // includes refusals, of the complete run
)

// figure is one metric of one report.
type figure struct {
	name, unit string
	value      float64
	measured   bool
}

// figures returns all metrics in the order of results. CPU and latencies count as
// measured only if there was a reply: 0 would look cheap or fast.
func (r *Report) figures() []figure {
	s, served := r.Server, r.Server != nil
	if !served {
		s = new(ServerUse)
	}
	answered, timed := r.Requests > 0, r.Latency.Count > 0
	return []figure{
		{MetricRate, "requests/s", r.PerSecond, true},
		{MetricPushes, "pushes/s", r.PushesPerSecond, r.Workload.trades() || r.Workload == Chat || r.Workload == Broadcast},
		{MetricCPU, "us/request", s.CPUPerRequest, served && answered},
		{MetricUser, "us/request", s.UserPerRequest, served && answered},
		{MetricSystem, "us/request", s.SystemPerRequest, served && answered},
		{MetricCPUPerPush, "us/push", s.CPUPerPush, served && r.PushesPerSecond > 0},
		{MetricServerBusy, "cores", s.Busy, served},
		counted(MetricSyscalls, s.SyscallsPerRequest),
		counted(MetricAllocations, s.AllocsPerRequest),
		{MetricP50, "us", r.Latency.P50, timed},
		{MetricP90, "us", r.Latency.P90, timed},
		{MetricP99, "us", r.Latency.P99, timed},
		{MetricMax, "us", r.Latency.Max, timed},
		{MetricIdle, "bytes", s.IdleBytesPerConnection, served},
		{MetricMemory, "bytes", float64(s.After.RSS), served},
		{MetricGeneratorCPU, "us/request", r.Own.CPUPerRequest, answered},
		{MetricGeneratorBusy, "cores", r.Own.Busy, true},
		{MetricErrors, "", float64(r.ErrorCount() + sum(r.Results)), true},
	}
}

func counted(name string, perRequest *float64) figure {
	if perRequest == nil {
		return figure{}
	}
	return figure{name, "per request", *perRequest, true}
}

// fold computes the metrics from the reports.
func (s *ServerResult) fold() {
	s.Metrics, s.GeneratorBound = nil, 0
	var all [][]figure
	for _, r := range s.Reports {
		all = append(all, r.figures())
		if r.GeneratorBound {
			s.GeneratorBound++
		}
	}
	for i := range new(Report).figures() {
		var m Metric
		var values []float64
		for _, figures := range all {
			if f := figures[i]; f.measured {
				m.Name, m.Unit = f.name, f.unit
				values = append(values, f.value)
			}
		}
		if len(values) > 0 {
			slices.Sort(values)
			m.Median, m.Min, m.Max = median(values), values[0], values[len(values)-1]
			s.Metrics = append(s.Metrics, m)
		}
	}
}

// median returns the median of one or more sorted values.
func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
