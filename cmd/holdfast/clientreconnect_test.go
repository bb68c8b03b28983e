package main_test

import (
	"io"
	"strings"
	"testing"
)

// TestClientReconnects: the server goes away and comes back; what happened
// meanwhile is shown then, executions that were taken back as well, once each. The
// client goes on with what it watched.
func TestClientReconnects(t *testing.T) {
	data := t.TempDir()
	serve := func(addr string) *served {
		return startServe(t, "--listen", addr, "--admin", "127.0.0.1:0", "--data", data, "--log-level", "error")
	}
	first := serve("127.0.0.1:0")
	r := startClient(t, first.addr, "100020", "--reconnect", "--password", "holdfast-demo")
	r.out.await(t, "realised profit")
	io.WriteString(r.in, "buy 600100 100\n")
	r.out.await(t, "(100020-1)")
	first.stop()
	r.out.await(t, "connecting again\n")
	io.WriteString(r.in, "holding\n")
	r.out.await(t, "error: the server closed the connection")

	elsewhere := serve("127.0.0.1:0")
	typed(t, elsewhere.addr, "100020", "buy 600100 50\n")
	typed(t, elsewhere.addr, "900001", "bust 100020-1 keyed in by mistake\n")
	elsewhere.stop()

	serve(first.addr)
	r.out.await(t, "what was missed follows\n"+
		"* bought 50 ALFA/600100 @ 10.00 = 500.00 (100020-2)\n* ALFA/600100: 150 shares, 1,500.00, profit 0.00 (increased)\n"+
		"* execution 100020-1 is taken back: keyed in by mistake\n* ALFA/600100: 50 shares, 500.00, profit 0.00 (decreased)\n")
	io.WriteString(r.in, "sell 600100 50\n")
	r.out.await(t, "(100020-3)\n  ALFA/600100: none left")
	typed(t, first.addr, "100020", "buy 600100 7\n")
	r.out.await(t, "* bought 7 ALFA/600100")
	r.in.Close()
	if code := <-r.code; code != 1 { // "holding" failed
		t.Errorf("code %d: %s", code, r.errs)
	}
	if n := strings.Count(r.out.String(), "is taken back"); n != 1 {
		t.Errorf("the retraction is shown %d times", n)
	}
}

// TestClientLeavesWithoutServer: a client that waits for its server leaves when it
// is told to.
func TestClientLeavesWithoutServer(t *testing.T) {
	s := startServe(t, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error")
	r := startClient(t, s.addr, "100020", "--reconnect", "--password", "holdfast-demo")
	r.out.await(t, "realised profit")
	s.stop()
	r.out.await(t, "connecting again\n")
	io.WriteString(r.in, "quit\n")
	if code := <-r.code; code != 0 {
		t.Errorf("code %d: %s", code, r.errs)
	}
}
