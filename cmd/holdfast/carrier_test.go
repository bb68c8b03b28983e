package main_test

import (
	"strings"
	"testing"

	"holdfast/biz/scenario"
)

// The server behaves the same on every carrier, and with a transaction per order.
func TestCarriers(t *testing.T) {
	t.Parallel()
	for _, flags := range []string{
		"--plumbing reactor", "--plumbing textbook", "--plumbing buffered", "--plumbing pooled", "--plumbing readwriter", "--plumbing coalescing",
		"--transaction-per-order", "--transaction-per-order --plumbing pooled", "--transaction-per-order --plumbing readwriter",
	} {
		t.Run(flags, func(t *testing.T) {
			args := append(strings.Fields(flags), "--throwaway", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "error")
			s := startServe(t, args...)
			report, err := scenario.Run(t.Context(), scenario.Options{Addr: s.addr})
			if err != nil {
				t.Fatal(err)
			}
			if report.Failed() {
				t.Error(report)
			}
			metrics := get(t, "http://"+s.admin+"/metrics")
			if strings.Contains(metrics, "holdfast_req_recv_total 0\n") || strings.Contains(metrics, "holdfast_sent_bytes_total 0\n") {
				t.Errorf("nothing was counted")
			}
			if journal := !strings.Contains(metrics, "holdfast_committed_bytes_total 0\n"); journal == strings.Contains(flags, "transaction") {
				t.Errorf("orders went to the journal: %v", journal)
			}
			if code := s.stop(); code != 0 || s.errs.String() != "" && !strings.HasPrefix(s.errs.String(), "holdfast: stopping") {
				t.Errorf("stopped with %d: %s", code, s.errs)
			}
		})
	}
}

func TestCarrierFlags(t *testing.T) {
	cases := []struct{ name, flags, want string }{
		{"unknown carrier", "--plumbing fast", "not one of reactor, textbook, buffered, pooled, readwriter, coalescing"},
		{"data that would be kept", "--transaction-per-order", "--throwaway"},
		{"a dialect that it lacks", "--listener tlv=127.0.0.1:0 --plumbing pooled", "--plumbing reactor"},
		{"a chat of the reactor", "--plumbing-chat", "--listener chat="},
		{"no loop to answer on", "--submit-on-loop --plumbing pooled", "--plumbing reactor"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := run(t, append([]string{"serve"}, strings.Fields(tc.flags)...)...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, tc.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}
