package terminal_test

import (
	"io"
	"strings"
	"testing"
)

// TestClientReconnects: the server goes away and comes back. The client then shows the
// executions and busts of the meantime, once each, and continues its watch.
func TestClientReconnects(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := serve(t, "127.0.0.1:0", data)
	r := startClient(t, first.addr, 100020, true)
	r.out.await(t, "realised profit")
	io.WriteString(r.in, "buy 600100 100\n")
	r.out.await(t, "(100020-1)")
	first.stop()
	r.out.await(t, "reconnecting\n")
	io.WriteString(r.in, "holding\n")
	r.out.await(t, "error: the server closed the connection")

	elsewhere := serve(t, "127.0.0.1:0", data)
	typed(t, elsewhere.addr, 100020, "buy 600100 50\n")
	typed(t, elsewhere.addr, 900001, "bust 100020-1 keyed in by mistake\n")
	elsewhere.stop()

	serve(t, first.addr, data)
	r.out.await(t, "missed pushes follow\n"+
		"* bought 50 ALFA/600100 @ 10.00 = 500.00 (100020-2)\n* ALFA/600100: 150 shares, 1,500.00, profit 0.00 (increased)\n"+
		"* execution 100020-1 was busted: keyed in by mistake\n* ALFA/600100: 50 shares, 500.00, profit 0.00 (decreased)\n* order 100020-1: buy 100 ALFA/600100, cancelled: an execution was busted\n")
	io.WriteString(r.in, "sell 600100 50\n")
	r.out.await(t, "(100020-3)\n  ALFA/600100: none left")
	typed(t, first.addr, 100020, "buy 600100 7\n")
	r.out.await(t, "* bought 7 ALFA/600100")
	r.in.Close()
	if err := <-r.ends; err == nil || err.Error() != "not all commands succeeded" { // "holding" failed
		t.Error(err)
	}
	if n := strings.Count(r.out.String(), "(100020-1)"); n != 1 {
		t.Errorf("the client's own execution is shown %d times", n)
	}
	if n := strings.Count(r.out.String(), "100020-1 was busted"); n != 1 {
		t.Errorf("the bust is shown %d times", n)
	}
}

// TestClientLeavesWithoutServer: a client that waits for its server obeys "quit".
func TestClientLeavesWithoutServer(t *testing.T) {
	t.Parallel()
	s := testServer(t)
	r := startClient(t, s.addr, 100020, true)
	r.out.await(t, "realised profit")
	s.stop()
	r.out.await(t, "reconnecting\n")
	io.WriteString(r.in, "quit\n")
	if err := <-r.ends; err != nil {
		t.Error(err)
	}
}

// TestClientAfterReset: the server comes back with an empty data folder. The client says so
// and shows the account as it is now.
func TestClientAfterReset(t *testing.T) {
	t.Parallel()
	first := serve(t, "127.0.0.1:0", t.TempDir())
	r := startClient(t, first.addr, 100020, true)
	r.out.await(t, "realised profit")
	io.WriteString(r.in, "buy 600100 100\n")
	r.out.await(t, "(100020-1)\n  ALFA/600100: 100 shares")
	first.stop()
	r.out.await(t, "reconnecting\n")
	serve(t, first.addr, t.TempDir())
	r.out.await(t, "the server was reset: earlier orders and executions are gone\naccount 100020 (Customer 20)\n  no positions\n")
	typed(t, first.addr, 100020, "buy 600100 7\n")
	r.out.await(t, "* bought 7 ALFA/600100 @ 10.00 = 70.00 (100020-1)\n")
	r.in.Close()
	if err := <-r.ends; err != nil {
		t.Error(err)
	}
}
