package main_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	main "holdfast/cmd/holdfast"
	"holdfast/codec"
	"holdfast/perf/load"
)

// A load that needs accounts runs on a real server, without failures.
func TestLoadWithSessions(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	tests := map[string][]string{
		"positions":       {"--workload", "positions"},
		"push":            {"--workload", "push", "--sessions-per-account", "4"},
		"resting":         {"--workload", "resting", "--depth", "4"},
		"orders, thought": {"--workload", "orders", "--interval", "5ms-10ms"},
	}
	for name, flags := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "load.json")
			code, _, stderr := runProgram(t, append([]string{"load", "--addr", s.addr, "--json", file,
				"--connections", "20", "--depth", "2", "--warmup", "20ms", "--duration", "200ms"}, flags...)...)
			if code != 0 {
				t.Fatalf("code %d: %s", code, stderr)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var r load.Report
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			if r.Requests == 0 || r.ErrorCount() != 0 || len(r.Results) != 0 || len(r.Notes) != 0 {
				t.Errorf("report %+v", r)
			}
			if (r.PushesPerSecond > 0) != (r.Workload != load.Positions) {
				t.Errorf("%.0f pushes a second", r.PushesPerSecond)
			}
		})
	}
}

func TestLoadInterrupted(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, stderr := newOutput(), newOutput()
	p := &main.Program{Args: []string{"load", "--addr", s.addr, "--warmup", "1ms", "--duration", "1h"}, Stdout: stdout, Stderr: stderr}
	ended := make(chan int, 1)
	go func() { ended <- p.Run(ctx) }()
	for !strings.Contains(stderr.String(), "requests/s") {
		<-stderr.changed
	}
	cancel()
	if code := <-ended; code != 130 || !strings.Contains(stdout.String(), "requests") || !strings.HasSuffix(stderr.String(), "holdfast: the run was stopped\n") {
		t.Errorf("code %d, %q, %q", code, stdout, stderr)
	}
}

func TestLoadRefusesFlags(t *testing.T) {
	tests := map[string][]string{
		"wants submit, heartbeat, positions, orders, resting, push, idle, half-open, chat or broadcast, got \"dance\"": {"--workload", "dance"},
		"wants packet, tlv, chat, websocket, websocket-json, websocket-mixed, fix or websocket-echo, got \"morse\"":    {"--dialect", "morse"},
		"Dialect chat can't carry the Workload submit":                                                                 {"--dialect", "chat"},
		"Path \"ws\" is not a path such as /ws":                                                                        {"--dialect", "websocket", "--path", "ws"},
		"wants a pause such as 1s-2s (the shorter first), 100ms or none, got \"2s-1s\"":                                {"--interval", "2s-1s"},
		"--count-syscalls needs --server-pid":                                                                          {"--count-syscalls"},
		"exclude each other":                                                                                           {"--interval", "1s", "--rate", "5"},
		"--sessions-per-account wants a whole number from 1 to 4194304, got \"0\"":                                     {"--sessions-per-account", "0"},
	}
	for says, flags := range tests {
		t.Run(says, func(t *testing.T) {
			code, _, stderr := runProgram(t, append([]string{"load"}, flags...)...)
			if code != 2 || !strings.Contains(stderr, says) {
				t.Errorf("code %d, %q, want 2 and %q in it", code, stderr, says)
			}
		})
	}
}

// TestLoadFailsWithErrors: a run with more errors than are allowed ends with code 1 and a report.
// The wrong reply here is an error, and so is that the request has no other.
func TestLoadFailsWithErrors(t *testing.T) {
	for _, tc := range []struct {
		flags []string
		code  int
		says  string
	}{
		{nil, 1, ": 2 errors; the report has samples; --max-errors allows some"},
		{[]string{"--max-errors", "2"}, 0, ""},
	} {
		var answers atomic.Int32
		addr := badAcker(t, func(m codec.Message) []byte {
			if answers.Add(1) == 50 { // not one of those that open the connections
				return codec.Packet{}.AppendReply(nil, m.Command, m.ID+1, codec.ResultOK, nil)
			}
			return codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, nil)
		})
		code, stdout, stderr := run(t, append([]string{"load", "--json", "--addr", addr, "--connections", "3", "--warmup", "0", "--duration", "1s"}, tc.flags...)...)
		var r load.Report
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.ErrorCount() != 2 || r.Ended != "" {
			t.Errorf("%v, %s", err, stdout)
		}
		if code != tc.code || !strings.Contains(stderr, tc.says) {
			t.Errorf("%q: code %d: %s", tc.flags, code, stderr)
		}
	}
}

// TestLoadInterruptedWritesJSON: Ctrl-C ends with the report of what was measured until then.
func TestLoadInterruptedWritesJSON(t *testing.T) {
	t.Parallel()
	addr := testServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, stderr := newOutput(), newOutput()
	p := &main.Program{Args: []string{"load", "--json", "--addr", addr, "--warmup", "1ms", "--duration", "1h"}, Stdout: stdout, Stderr: stderr}
	ended := make(chan int, 1)
	go func() { ended <- p.Run(ctx) }()
	for !strings.Contains(stderr.String(), "requests/s") {
		<-stderr.changed
	}
	cancel()
	code := <-ended
	var r load.Report
	if err := json.Unmarshal([]byte(stdout.String()), &r); err != nil || code != 130 || r.Requests == 0 || r.ErrorCount() != 0 || r.Ended != "the run was stopped" {
		t.Errorf("code %d, %v, %s", code, err, stdout)
	}
}
