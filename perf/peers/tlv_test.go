package peers_test

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/aceld/zinx/ziface"
	"github.com/aceld/zinx/zlog"
)

// Message ids of the tlv dialect, and numbers in messages: docs/protocol.md.
const (
	greeting         = 0x01 // a push with the id of Conn
	heartbeatReply   = 0x83
	loginRequest     = 0x04
	loginReply       = 0x84
	positionsRequest = 0x06
	positionsReply   = 0x86
	orderRequest     = 0x07
	orderReply       = 0x87
	historyRequest   = 0x09
	historyReply     = 0x89
	noticePush       = 0x41
	positionPush     = 0x42
	executionPush    = 0x43

	resultOK             = 0
	resultUnknownCommand = 3
	sideBuy              = 1
	noticeShuttingDown   = 6
)

// The account and the instrument are in the seed that holdfast ships.
const (
	customer      = 100001
	password      = "holdfast-demo"
	market        = "ALFA"
	code          = "600100"
	clientOrderID = "zinx-1"
	bought        = 100 // shares
)

func TestMain(m *testing.M) {
	zlog.SetLogLevel(zlog.LogFatal) // otherwise a client prints each message
	m.Run()
}

// TestZinxClient connects Zinx clients to the tlv listener of a holdfast server.
//
// The server is outside this module, where go test does not see changes: to avoid a
// cached result, run with -count=1.
func TestZinxClient(t *testing.T) {
	server := startHoldfast(t)
	testDefaultPacking(t, server.addr)

	trader, watcher := connectZinx(t, server.addr, tlvDialect), connectZinx(t, server.addr, tlvDialect)
	account := login(t, trader)
	login(t, watcher)
	executionID := testOrder(t, trader, watcher, heldShares(t, account[2]))
	testReplyOrder(t, trader, executionID, account.number(3))
	testHeartbeats(t, trader)
	testNotice(t, server, trader, watcher)
}

// testDefaultPacking: in Zinx's default packing the message id comes first, big-endian.
// To the server, such a heartbeat declares 48 MiB of data, so that it closes the
// connection. The client finds no message in the greeting and the Notice.
func testDefaultPacking(t *testing.T, addr string) {
	c := connectZinx(t, addr)
	c.send(t, heartbeat, nil)
	c.receive(t, connectionEnd)
}

// login logs a new client in with the session id of its greeting.
func login(t *testing.T, c *zinxClient) fields {
	t.Helper()
	conn := decode(t, c.receive(t, greeting)[0])
	if conn.number(1) == 0 {
		t.Error("the greeting has no session id")
	}
	request := appendNumber(nil, 1, customer)
	request = appendText(request, 2, password)
	request = appendNumber(request, 4, conn.number(1))
	c.send(t, loginRequest, request)
	reply := okBody(t, c.receive(t, loginReply)[0])
	account := decode(t, reply.bytes(1))
	if account.number(1) != customer {
		t.Errorf("logged in as %d, want %d", account.number(1), customer)
	}
	return reply
}

// testOrder: the trader buys and receives the reply, then the pushes; the watcher
// receives the same pushes. It returns the id of the execution.
func testOrder(t *testing.T, trader, watcher *zinxClient, held uint64) uint64 {
	request := appendText(nil, 1, clientOrderID)
	request = appendNumber(request, 2, sideBuy)
	request = appendText(request, 3, market)
	request = appendText(request, 4, code)
	request = appendNumber(request, 5, bought)
	trader.send(t, orderRequest, request)

	got := trader.receive(t, orderReply, executionPush, positionPush)
	reply, execution, update := okBody(t, got[0]), decode(t, got[1]), decode(t, got[2])
	if execution.number(3) != customer || string(execution.bytes(4)) != clientOrderID ||
		execution.number(5) != sideBuy || string(execution.bytes(7)) != code || execution.number(8) != bought {
		t.Errorf("another execution than ordered: %q", got[1])
	}
	if id := decode(t, reply.bytes(3)).number(1); id == 0 || id != execution.number(1) {
		t.Errorf("execution %d in the reply and %d in the push", id, execution.number(1))
	}
	for name, position := range map[string][]value{"reply": reply[4], "push": update[2]} {
		if n := heldShares(t, position); n != held+bought {
			t.Errorf("%d shares in the %s, want %d", n, name, held+bought)
		}
	}
	seen := watcher.receive(t, executionPush, positionPush)
	if !bytes.Equal(seen[0], got[1]) || !bytes.Equal(seen[1], got[2]) {
		t.Errorf("pushes differ: %q and %q", seen, got[1:])
	}
	return execution.number(1)
}

// testReplyOrder: the reply to History comes first, although only History reads the
// disk. The push sequence has advanced by the two pushes of the order.
func testReplyOrder(t *testing.T, c *zinxClient, executionID, pushSequence uint64) {
	c.send(t, historyRequest, nil)
	c.send(t, positionsRequest, nil)
	got := c.receive(t, historyReply, positionsReply)
	history, positions := okBody(t, got[0]), okBody(t, got[1])
	if id := decode(t, history.bytes(1)).number(1); id != executionID {
		t.Errorf("the newest execution is %d, want %d", id, executionID)
	}
	if n := positions.number(4); n != pushSequence+2 {
		t.Errorf("push sequence %d, want %d", n, pushSequence+2)
	}
}

// testHeartbeats sends Zinx's own heartbeat and holdfast's. Zinx's has message id
// 99999, which is no command and has 0x80 set already: the reply has the same id and
// result UNKNOWN_COMMAND, and the connection stays. So StartHeartBeat keeps a session
// open if its interval is below 10 s (zconf.Config.HeartbeatMax). At a longer one, such
// as the 20 s of the greeting, the client itself closes the connection, because it
// has received nothing for 10 s.
func testHeartbeats(t *testing.T, c *zinxClient) {
	c.sendHeartbeat(t)
	c.send(t, heartbeat, nil)
	got := c.receive(t, ziface.HeartBeatDefaultMsgID, heartbeatReply)
	if !bytes.HasPrefix(got[0], []byte{resultUnknownCommand}) {
		t.Errorf("reply %q, want UNKNOWN_COMMAND", got[0])
	}
	okBody(t, got[1])
}

// testNotice stops the server, which sends a Notice before it closes.
func testNotice(t *testing.T, server *peer, clients ...*zinxClient) {
	if err := server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		notice := decode(t, c.receive(t, noticePush, connectionEnd)[0])
		if notice.number(1) != noticeShuttingDown {
			t.Errorf("notice %d, %q, want SHUTTING_DOWN", notice.number(1), notice.bytes(2))
		}
	}
	select {
	case <-server.ended:
	case <-time.After(patience):
		t.Fatal("the server does not end")
	}
	if !server.cmd.ProcessState.Success() {
		t.Errorf("the server ended with %v: %s", server.cmd.ProcessState, &server.output)
	}
}

// heldShares returns the quantity of the traded instrument in positions, or 0.
func heldShares(t *testing.T, positions []value) uint64 {
	t.Helper()
	for _, v := range positions {
		if p := decode(t, v.bytes); string(p.bytes(1)) == market && string(p.bytes(2)) == code {
			return p.number(3)
		}
	}
	return 0
}
