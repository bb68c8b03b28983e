package load_test

import (
	"encoding/json"
	"strings"
	"testing"

	"holdfast/perf/load"
)

func sampleReport() *load.Report {
	return &load.Report{
		Addr: "127.0.0.1:8888", Dialect: load.DialectPacket, Workload: load.Orders, Connections: 100, Depth: 16, Sources: 1,
		ConnectSeconds: 0.5, Seconds: 2, Requests: 1000, PerSecond: 500,
		Latency: load.Latency{Count: 1000, Mean: 90, P50: 80, P90: 950, P99: 1500, P999: 2500, Max: 1.5e6},
		Errors:  map[string]uint64{"reset": 2, "closed": 1}, Results: map[string]uint64{"REJECTED": 4},
		Samples: []string{"connection 3: read: connection reset by peer"},
		Pushes:  map[string]uint64{"Execution": 10}, PushesPerSecond: 5, BytesIn: 14000, BytesOut: 77000,
		Server: &load.ServerUse{CPUUse: load.CPUUse{Busy: 0.9, CPUPerRequest: 1.5, UserPerRequest: 0.5, SystemPerRequest: 1},
			CPUPerPush: 150, SyscallsPerRequest: new(0.125), AllocsPerRequest: new(2.0),
			VoluntarySwitches: 7, InvoluntarySwitches: 8, Before: load.Memory{RSS: 8 << 20},
			Connected: load.Memory{RSS: 16 << 20}, After: load.Memory{RSS: 24 << 20}, IdleBytesPerConnection: 623},
		Own:            load.CPUUse{Busy: 0.97, CPUPerRequest: 1, UserPerRequest: 0.25, SystemPerRequest: 0.75},
		GeneratorBound: true, Notes: []string{"nobody looked"},
	}
}

func TestReportString(t *testing.T) {
	const want = `server           127.0.0.1:8888, packet
workload         orders, 100 connections x depth 16, closed loop
connected        in 0.50 s from 1 address
requests         1,000 in 2.00 s
rate             500 requests/s
latency          p50 80 us, p90 950 us, p99 1.50 ms, p99.9 2.50 ms, max 1.50 s
bytes            14,000 in, 77,000 out
pushes           5/s, 10 (Execution 10)
errors           3 (closed 1, reset 2)
refused          4 (REJECTED 4)
  e.g.           connection 3: read: connection reset by peer
server CPU       1.500 us/request (user 0.500, system 1.000), 90 % of a core
server CPU       150.000 us/push
system calls     0.125 per request
allocations      2.000 per request
server switches  7 voluntary, 8 involuntary
server memory    8.0 MiB before, 16.0 connected, 24.0 after
idle connection  623 bytes resident
generator CPU    1.000 us/request (user 0.250, system 0.750), 97 % of a core
note             the generator was the limit, not the server
note             nobody looked
`
	if got := sampleReport().String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReportJSON(t *testing.T) {
	b, err := json.Marshal(sampleReport())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"requests_per_second":500`, `"p999":2500`, `"cpu_us_per_request":1.5`, `"generator_bound":true`,
		`"syscalls_per_request":0.125`, `"allocs_per_request":2`, `"pushes_per_second":5`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is missing in %s", want, b)
		}
	}
}
