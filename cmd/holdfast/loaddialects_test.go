package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/perf/load"
)

var listenerLine = regexp.MustCompile(`listener +(\w+)=([\d.:]+)`)

// A load runs over every dialect of a real server, without failures.
func TestLoadOverOtherDialects(t *testing.T) {
	t.Parallel()
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error", "--price-moves", "50/s",
		"--listener", "tlv=127.0.0.1:0", "--listener", "chat=127.0.0.1:0", "--listener", "websocket=127.0.0.1:0", "--listener", "fix=127.0.0.1:0")
	addrs := make(map[string]string)
	for _, m := range listenerLine.FindAllStringSubmatch(s.out.String(), -1) {
		addrs[m[1]] = m[2]
	}
	for _, flags := range []string{
		"tlv --workload submit", "tlv --workload orders", "tlv --workload chat",
		"chat --workload chat --rate 200",
		"websocket --workload submit", "websocket --workload orders", "websocket --workload push", "websocket --workload half-open",
		"websocket-json --workload submit", "websocket-json --workload orders", "websocket-json --workload positions", "websocket-json --workload idle",
		"fix --workload orders", "fix --workload heartbeat", "fix --workload idle",
		"websocket-mixed --workload chat", "websocket-mixed --workload broadcast",
	} {
		t.Run(flags, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "load.json")
			listener, _, _ := strings.Cut(strings.Fields(flags)[0], "-")
			args := append([]string{"load", "--addr", addrs[listener], "--json", file, "--connections", "20", "--duration", "300ms", "--warmup", "20ms",
				"--max-errors", "1000", "--dialect"}, strings.Fields(flags)...)
			if code, _, stderr := runProgram(t, args...); code != 0 {
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
			delete(r.Errors, "broadcasts incomplete") // prices move faster than a busy machine delivers
			if r.ErrorCount() != 0 || len(r.Results) != 0 || len(r.Notes) != 0 {
				t.Errorf("errors %v, refusals %v, notes %q, %q", r.Errors, r.Results, r.Notes, r.Samples)
			}
		})
	}
}
