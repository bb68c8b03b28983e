package engine_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// webListener returns a WebSocket listener.
func webListener(o engine.WebSocket) []engine.Listener {
	o.Binary, o.Text = websocket.Packet{}, websocket.JSON{}
	return []engine.Listener{{Address: "127.0.0.1:0", WebSocket: &o}}
}

func serveWeb(t testing.TB, c engine.Config, o engine.WebSocket) *running {
	t.Helper()
	return serve(t, newCore(t, c), engine.ReactorConfig{Listeners: webListener(o), Loops: 1, Tick: tick})
}

const webKey = "dGhlIHNhbXBsZSBub25jZQ=="

// handshake returns the opening handshake of a client.
func handshake(path, subprotocol string) []byte {
	return websocket.AppendClientHandshake(nil, "127.0.0.1", path, webKey, subprotocol)
}

// webPeer is a WebSocket client.
type webPeer struct {
	net.Conn
	t       testing.TB
	in      *bufio.Reader
	frames  websocket.Reader
	pending []byte
}

// dialRaw connects without a handshake.
func dialRaw(t testing.TB, addr string) *webPeer {
	t.Helper()
	c := dial(t, addr).Conn
	return &webPeer{Conn: c, t: t, in: bufio.NewReader(c), frames: websocket.Reader{Client: true}}
}

// dialWeb connects and does the handshake.
func dialWeb(t testing.TB, addr, path, subprotocol string) *webPeer {
	t.Helper()
	p := dialRaw(t, addr)
	p.write(handshake(path, subprotocol))
	p.opened(subprotocol)
	return p
}

// opened reads the answer to a handshake that succeeds.
func (p *webPeer) opened(subprotocol string) {
	p.t.Helper()
	r, err := http.ReadResponse(p.in, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusSwitchingProtocols || r.Header.Get("Sec-WebSocket-Accept") != websocket.AcceptKey(webKey) ||
		r.Header.Get("Sec-WebSocket-Protocol") != subprotocol {
		p.t.Fatalf("answered %s %v", r.Status, r.Header)
	}
}

// refused reads the HTTP answer to a handshake that fails, and the end.
func (p *webPeer) refused(status int, says string) {
	p.t.Helper()
	r, err := http.ReadResponse(p.in, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	if r.StatusCode != status || !strings.Contains(string(text), says) || strings.Count(string(text), "\n") != 1 {
		p.t.Fatalf("answered %s %q", r.Status, text)
	}
	p.ended()
}

func (p *webPeer) write(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// send sends a frame.
func (p *webPeer) send(op websocket.Opcode, payload []byte) {
	p.t.Helper()
	p.write(websocket.AppendMasked(nil, op, 0x01020304, payload))
}

// binary returns the payload of a request in the packet subprotocol.
func binaryRequest(cmd codec.Command, id uint64, body string) []byte {
	return codec.AppendRequest(nil, cmd, id, codec.Raw(body))[4:]
}

// next returns the next frame.
func (p *webPeer) next() (websocket.Opcode, []byte, error) {
	var buf [4096]byte
	for {
		for len(p.pending) > 0 {
			used, op, payload, err := p.frames.Next(p.pending, 1<<30)
			payload = bytes.Clone(payload)
			p.pending = p.pending[used:]
			if err != nil || op != 0 {
				return op, payload, err
			}
		}
		n, err := p.in.Read(buf[:])
		if err != nil {
			return 0, nil, err
		}
		p.pending = append(p.pending, buf[:n]...)
	}
}

func (p *webPeer) expect(op websocket.Opcode, payload string) {
	p.t.Helper()
	got, b, err := p.next()
	if err != nil || got != op || string(b) != payload {
		p.t.Fatalf("got %v %.200q, %v; want %v %.200q", got, b, err, op, payload)
	}
}

// expectClose reads a Close frame and the end.
func (p *webPeer) expectClose(code websocket.CloseCode) {
	p.t.Helper()
	op, b, err := p.next()
	if err != nil || op != websocket.OpClose {
		p.t.Fatalf("got %v %q, %v; want Close", op, b, err)
	}
	if got, text := websocket.ParseClose(b); got != code {
		p.t.Fatalf("got Close %v %q, want %v", got, text, code)
	}
	p.ended()
}

// expectNotice reads a Notice that says something and then a Close frame.
func (p *webPeer) expectNotice(notice pb.NoticeCode, code websocket.CloseCode, says ...string) {
	p.t.Helper()
	op, b, err := p.next()
	var n pb.Notice
	if err != nil || op != websocket.OpBinary || len(b) < 9 || b[0] != byte(codec.PushNotice) || n.UnmarshalVT(b[9:]) != nil || n.Code != notice ||
		!strings.Contains(n.Text, strings.Join(says, "")) {
		p.t.Fatalf("got %v %q, %v; want a Notice %v %s", op, b, err, notice, says)
	}
	p.expectClose(code)
}

// ended reads the end of the connection.
func (p *webPeer) ended() {
	p.t.Helper()
	if op, b, err := p.next(); !errors.Is(err, io.EOF) {
		p.t.Fatalf("instead of the end: %v %q, %v", op, b, err)
	}
}

// echoes sends a request in the packet subprotocol, and reads the reply.
func (p *webPeer) echoes() {
	p.t.Helper()
	p.send(websocket.OpBinary, binaryRequest(onLane, 7, "hello"))
	p.expect(websocket.OpBinary, string(binaryRequest(onLane.Reply(), 7, "\x00hello")))
}

// The handshake and messages may come in any pieces.
func TestWebSocketInPieces(t *testing.T) {
	r := serveWeb(t, engine.Config{}, engine.WebSocket{})
	stream := handshake("/ws", "")
	stream = websocket.AppendMasked(stream, websocket.OpBinary, 5, binaryRequest(onLane, 1, "one"))
	stream = websocket.AppendMasked(stream, websocket.OpBinary, 6, binaryRequest(onLoop, 2, "two"))
	stream = websocket.AppendMasked(stream, websocket.OpPing, 7, []byte("still there?"))
	for _, size := range []int{1, 2, 7, 100, len(stream)} {
		p := dialRaw(t, r.Addr)
		for at := 0; at < len(stream); at += size {
			p.write(stream[at:min(len(stream), at+size)])
		}
		p.opened("")
		got := make(map[string]bool)
		for range 3 {
			op, b, err := p.next()
			if err != nil {
				t.Fatal(err)
			}
			got[fmt.Sprint(op, string(b))] = true
		}
		if !got[fmt.Sprint(websocket.OpBinary, string(binaryRequest(onLane.Reply(), 1, "\x00one")))] ||
			!got[fmt.Sprint(websocket.OpBinary, string(binaryRequest(onLoop.Reply(), 2, "\x00two")))] ||
			!got[fmt.Sprint(websocket.OpPong, "still there?")] {
			t.Fatalf("in pieces of %d: got %v", size, got)
		}
	}
}

// A message of several fragments is one request.
func TestWebSocketFragments(t *testing.T) {
	r := serveWeb(t, engine.Config{}, engine.WebSocket{})
	p := dialWeb(t, r.Addr, "/ws", websocket.SubprotocolPacket)
	request := binaryRequest(onLane, 3, "in three parts")
	first, last := websocket.AppendMasked(nil, websocket.OpBinary, 1, request[:4]), websocket.AppendMasked(nil, websocket.OpContinuation, 2, request[9:])
	middle := websocket.AppendMasked(nil, websocket.OpContinuation, 3, request[4:9])
	first[0] &^= 0x80 // not final
	middle[0] &^= 0x80
	for _, part := range [][]byte{first, middle, websocket.AppendMasked(nil, websocket.OpPing, 4, nil), last} {
		p.write(part)
	}
	p.expect(websocket.OpPong, "")
	p.expect(websocket.OpBinary, string(binaryRequest(onLane.Reply(), 3, "\x00in three parts")))
}

// More messages in one read than a session may have executed at once, all in order.
func TestWebSocketManyMessagesAtOnce(t *testing.T) {
	r := serveWeb(t, engine.Config{Limits: engine.Limits{FramesPerEvent: 10}}, engine.WebSocket{})
	p := dialWeb(t, r.Addr, "/ws", "")
	var stream []byte
	const n = 1000
	for i := range uint64(n) {
		stream = websocket.AppendMasked(stream, websocket.OpBinary, uint32(i), binaryRequest(onLane, i, "x"))
	}
	stream = websocket.AppendMasked(stream, websocket.OpClose, 1, []byte{0x03, 0xE8})
	p.write(stream)
	for i := range uint64(n) {
		p.expect(websocket.OpBinary, string(binaryRequest(onLane.Reply(), i, "\x00x")))
	}
	p.expectClose(websocket.CloseNormal)
}

// The subprotocol or the first message decides which kind of messages a session has.
func TestWebSocketKinds(t *testing.T) {
	router := engine.NewRouter(nil)
	router.Handle(codec.CommandHeartbeat, engine.OnLoop, ok)
	text, answer := `{"command":"Heartbeat","id":7}`, `{"command":"HeartbeatReply","id":7,"result":"OK"}`
	binary, binaryAnswer := binaryRequest(codec.CommandHeartbeat, 7, ""), binaryRequest(codec.CommandHeartbeat.Reply(), 7, "\x00")
	r := serveWeb(t, engine.Config{Router: router}, engine.WebSocket{})
	for _, subprotocol := range []string{"", websocket.SubprotocolJSON} {
		p := dialWeb(t, r.Addr, "/ws", subprotocol)
		p.send(websocket.OpText, []byte(text))
		p.expect(websocket.OpText, answer)
		p.send(websocket.OpBinary, binary)
		if op, b, err := p.next(); err != nil || op != websocket.OpText || !strings.Contains(string(b), `"Notice"`) {
			t.Fatalf("got %v %q, %v", op, b, err)
		}
		p.expectClose(websocket.CloseUnsupportedData)
	}
	for _, subprotocol := range []string{"", websocket.SubprotocolPacket} {
		p := dialWeb(t, r.Addr, "/ws", subprotocol)
		p.send(websocket.OpBinary, binary)
		p.expect(websocket.OpBinary, string(binaryAnswer))
		p.send(websocket.OpText, []byte(text))
		p.expectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED, websocket.CloseUnsupportedData)
	}
}

// A request whose body does not fit is answered; what is no message ends the session.
func TestWebSocketBadText(t *testing.T) {
	router := engine.NewRouter(nil)
	router.Handle(codec.CommandPlaceOrder, engine.OnLane, ok)
	r := serveWeb(t, engine.Config{Router: router}, engine.WebSocket{})
	p := dialWeb(t, r.Addr, "/ws", "")
	p.send(websocket.OpText, []byte(`{"command":"PlaceOrder","id":7,"body":{"side":"SIDEWAYS"}}`))
	p.expect(websocket.OpText, `{"command":"PlaceOrderReply","id":7,"result":"MALFORMED"}`)
	p.send(websocket.OpText, []byte(`{"command":"PlaceOrder","id":8,"body":{"side":"SIDE_BUY"}}`))
	p.expect(websocket.OpText, `{"command":"PlaceOrderReply","id":8,"result":"OK"}`)
	p.send(websocket.OpText, []byte(`not JSON`))
	if op, b, err := p.next(); err != nil || op != websocket.OpText || !strings.Contains(string(b), `NOTICE_CODE_MALFORMED`) || !strings.Contains(string(b), "it is not JSON") {
		t.Fatalf("got %v %q, %v", op, b, err)
	}
	p.expectClose(websocket.CloseInvalidData)
}

// Whatever the client says in its Close is said back; nothing after it is read.
func TestWebSocketCloseByTheClient(t *testing.T) {
	t.Parallel()
	r := serveWeb(t, engine.Config{}, engine.WebSocket{Echo: true})
	for _, path := range []string{"/ws", "/echo"} {
		for _, code := range []websocket.CloseCode{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 3000, 4999, websocket.CloseNoStatus} {
			p := dialWeb(t, r.Addr, path, "")
			frame := websocket.AppendClose(nil, code, "bye")
			frame = websocket.AppendMasked(nil, websocket.OpClose, 9, frame[2:])
			p.write(websocket.AppendMasked(frame, websocket.OpPing, 1, nil))
			p.expectClose(code)
		}
	}
	eventually(t, "the end", func() bool { return r.Len() == 0 })
	if n := r.Stats.Closes(engine.ReasonPeerClosed); n != 26 {
		t.Errorf("%d sessions counted as closed by their peers", n)
	}
}

// The replies to what came before a Close, or before a broken frame, are sent first.
func TestWebSocketRepliesBeforeTheClose(t *testing.T) {
	r := serveWeb(t, engine.Config{}, engine.WebSocket{})
	for name, end := range map[string][]byte{
		"close":    websocket.AppendMasked(nil, websocket.OpClose, 3, []byte{0x03, 0xE9}),
		"unmasked": websocket.AppendFrame(nil, websocket.OpBinary, []byte("x")),
	} {
		p := dialWeb(t, r.Addr, "/ws", "")
		stream := websocket.AppendMasked(nil, websocket.OpBinary, 1, binaryRequest(onLane, 1, "one"))
		stream = websocket.AppendMasked(stream, websocket.OpBinary, 1, binaryRequest(onLane, 2, "two"))
		p.write(append(stream, end...))
		for range 2 {
			if op, b, err := p.next(); err != nil || op != websocket.OpBinary || b[9] != 0 {
				t.Fatalf("%s: got %v %q, %v", name, op, b, err)
			}
		}
		if name == "close" {
			p.expectClose(websocket.CloseGoingAway)
		} else {
			p.expectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED, websocket.CloseProtocolError)
		}
	}
}

// Every end that the server decides on has its code.
func TestWebSocketCloseByTheServer(t *testing.T) {
	t.Parallel()
	router := carriertest.Router(func(c *engine.Context) { c.Session.Close(engine.ReasonRevoked) })
	limits := engine.Limits{MaxFrameBytes: 2000, LoginFrameBytes: 1000, FirstFrameTime: soon, FrameTime: soon, IdleTime: time.Hour, Heartbeat: time.Hour}
	r := serveWeb(t, engine.Config{Router: router, Limits: limits}, engine.WebSocket{})
	silent := dialWeb(t, r.Addr, "/ws", "") // nothing has to come after the handshake
	open := func(first ...byte) *webPeer {
		p := dialWeb(t, r.Addr, "/ws", "")
		p.echoes()
		p.write(first)
		return p
	}
	open(0x82, 0xFE, 0x03, 0xE5).expectNotice(pb.NoticeCode_NOTICE_CODE_TOO_LARGE, websocket.CloseMessageTooBig) // 997 bytes are declared
	open(0xC2).expectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED, websocket.CloseProtocolError)                   // a reserved bit
	open(0x82, 0x80).expectNotice(pb.NoticeCode_NOTICE_CODE_TIMEOUT, websocket.ClosePolicyViolation)             // and then silence
	p := open()
	p.write(append(websocket.AppendMasked(nil, websocket.OpBinary, 1, []byte("short")), 0xC2)) // the first error counts
	p.expectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED, websocket.CloseInvalidData, "too short")
	p = open()
	p.send(websocket.OpBinary, binaryRequest(panics, 1, ""))
	p.expectNotice(pb.NoticeCode_NOTICE_CODE_INTERNAL, websocket.CloseInternalError)
	p = open()
	p.send(websocket.OpBinary, binaryRequest(special, 1, ""))
	p.expectNotice(pb.NoticeCode_NOTICE_CODE_REVOKED, websocket.ClosePolicyViolation)
	p = open()
	r.CloseAll(engine.ReasonUnavailable)
	p.expectNotice(pb.NoticeCode_NOTICE_CODE_UNAVAILABLE, websocket.CloseServiceRestart)
	silent.expectClose(websocket.CloseServiceRestart) // no kind of messages to send a Notice in
	p = open()
	r.CloseAll(engine.ReasonShuttingDown)
	p.expectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN, websocket.CloseGoingAway)
}

// Bad UTF-8 ends the session, also across fragments and before the message is complete.
func TestWebSocketBadUTF8(t *testing.T) {
	r := serveWeb(t, engine.Config{}, engine.WebSocket{})
	p := dialWeb(t, r.Addr, "/ws", websocket.SubprotocolJSON)
	first := websocket.AppendMasked(nil, websocket.OpText, 1, []byte("\xce"))
	first[0] &^= 0x80
	p.write(first)
	p.write(websocket.AppendMasked(nil, websocket.OpContinuation, 1, []byte("\xce and more"))[:7])
	if op, b, err := p.next(); err != nil || op != websocket.OpText || !strings.Contains(string(b), `NOTICE_CODE_MALFORMED`) {
		t.Fatalf("got %v %q, %v", op, b, err)
	}
	p.expectClose(websocket.CloseInvalidData)
}

func TestWebSocketHandshakesThatFail(t *testing.T) {
	t.Parallel()
	limits := engine.Limits{HandshakeTime: soon, MaxConnections: 1}
	r := serveWeb(t, engine.Config{Limits: limits}, engine.WebSocket{Origins: []string{"https://good.example"}})
	for name, tt := range map[string]struct {
		sent   string
		status int
		says   string
	}{
		"plain GET":   {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusUpgradeRequired, "WebSocket"},
		"GET /ws":     {"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusUpgradeRequired, "WebSocket"},
		"no echo":     {string(handshake("/echo", "")), http.StatusNotFound, ""},
		"origin":      {strings.Replace(string(handshake("/ws", "")), "\r\n\r\n", "\r\nOrigin: https://bad.example\r\n\r\n", 1), http.StatusForbidden, "rigin"},
		"too long":    {"GET /ws HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 9000), http.StatusRequestHeaderFieldsTooLarge, "too large"},
		"other bytes": {"\x00\x00\x00\x0d", http.StatusBadRequest, ""},
		"half":        {"GET /ws HTTP/1.1\r\nHost: x\r\n", http.StatusRequestTimeout, "handshake-time"},
		"nothing":     {"", http.StatusRequestTimeout, "handshake-time"},
	} {
		t.Run(name, func(t *testing.T) {
			eventually(t, "the end of the last", func() bool { return r.Len() == 0 })
			p := dialRaw(t, r.Addr)
			p.write([]byte(tt.sent))
			p.refused(tt.status, tt.says)
		})
	}
	eventually(t, "the end of the last", func() bool { return r.Len() == 0 })
	good := dialRaw(t, r.Addr)
	good.write([]byte(strings.Replace(string(handshake("/ws", "")), "\r\n\r\n", "\r\nOrigin: https://good.example\r\n\r\n", 1)))
	good.opened("")
	good.echoes()
	asks, silent := dialRaw(t, r.Addr), dialRaw(t, r.Addr)
	good.echoes() // both were accepted
	_ = asks.SetReadDeadline(time.Now().Add(tick))
	if b, err := asks.in.Peek(1); err == nil {
		t.Errorf("answered %q before the request", b)
	}
	_ = asks.SetReadDeadline(time.Now().Add(patience))
	asks.write(handshake("/ws", ""))
	asks.refused(http.StatusServiceUnavailable, "too many connections")
	silent.refused(http.StatusServiceUnavailable, "too many connections")
	if n := r.Stats.Closes(engine.ReasonBadHandshake); n != 6 {
		t.Errorf("%d bad handshakes counted", n)
	}
}

func TestWebSocketConnectionsPerAddress(t *testing.T) {
	t.Parallel()
	limits := engine.Limits{ConnectionsPerAddress: 1, LimitLoopback: true}
	r := serveWeb(t, engine.Config{Limits: limits}, engine.WebSocket{})
	first := dialWeb(t, r.Addr, "/ws", "")
	dialRaw(t, r.Addr).refused(http.StatusTooManyRequests, "too many connections from your address")
	first.echoes()
}

// A handshake that comes byte by byte does not get more time.
func TestWebSocketSlowHandshake(t *testing.T) {
	t.Parallel()
	limits := engine.Limits{HandshakeTime: soon, Heartbeat: soon / 4} // no ping before the answer
	r := serveWeb(t, engine.Config{Limits: limits}, engine.WebSocket{})
	p := dialRaw(t, r.Addr)
	stop := make(chan struct{})
	t.Cleanup(func() { <-stop })
	go func() {
		defer close(stop)
		for _, b := range bytes.Repeat([]byte("G"), 1000) {
			if _, err := p.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(soon / 20)
		}
	}()
	p.refused(http.StatusRequestTimeout, "handshake")
	p.Close()
}

// The deadline of a frame starts anew with each frame, also if no read ends between two. It does
// not for a message between whose fragments there are pings.
func TestWebSocketFrameTime(t *testing.T) {
	t.Parallel()
	r := serveWeb(t, engine.Config{Limits: engine.Limits{FrameTime: soon}}, engine.WebSocket{Echo: true})
	open := websocket.AppendMasked(nil, websocket.OpBinary, 1, []byte("x"))
	open[0] &^= 0x80 // not final
	ping := websocket.AppendMasked(nil, websocket.OpPing, 1, []byte("still there?"))
	for name, tt := range map[string]struct {
		path    string
		first   []byte
		frame   []byte
		answer  websocket.Opcode
		expires bool
	}{
		"pings":           {"/ws", nil, ping, websocket.OpPong, false},
		"messages":        {"/ws", nil, websocket.AppendMasked(nil, websocket.OpBinary, 1, binaryRequest(onLane, 1, "x")), websocket.OpBinary, false},
		"echoes":          {"/echo", nil, websocket.AppendMasked(nil, websocket.OpText, 1, []byte("hello")), websocket.OpText, false},
		"between partial": {"/ws", open, ping, websocket.OpPong, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := dialWeb(t, r.Addr, tt.path, "")
			p.write(append(tt.first, tt.frame[:3]...))
			for start := time.Now(); ; {
				p.write(append(bytes.Clone(tt.frame[3:]), tt.frame[:3]...))
				op, b, err := p.next()
				switch {
				case tt.expires && op == websocket.OpClose:
					return
				case err != nil || op != tt.answer:
					t.Fatalf("got %v %q, %v", op, b, err)
				case tt.expires && time.Since(start) > 20*soon:
					t.Fatal("the message has no deadline")
				case !tt.expires && time.Since(start) > 3*soon:
					return
				}
			}
		})
	}
}

// A silent client is pinged. One that sends anything goes on; one that does not is closed.
func TestWebSocketPings(t *testing.T) {
	t.Parallel()
	limits := engine.Limits{Heartbeat: soon / 4, PongTime: soon, IdleTime: 2 * soon}
	r := serveWeb(t, engine.Config{Limits: limits}, engine.WebSocket{})
	answers, pings, speaks := dialWeb(t, r.Addr, "/ws", ""), dialWeb(t, r.Addr, "/ws", ""), dialWeb(t, r.Addr, "/ws", "")
	silent := dialWeb(t, r.Addr, "/ws", "")
	for start := time.Now(); time.Since(start) < 4*soon; {
		for _, p := range []*webPeer{answers, pings, speaks} {
			p.expect(websocket.OpPing, "")
		}
		answers.send(websocket.OpPong, nil)
		pings.send(websocket.OpPing, []byte("x"))
		pings.expect(websocket.OpPong, "x")
		speaks.echoes()
	}
	silent.expect(websocket.OpPing, "")
	silent.expectClose(websocket.ClosePolicyViolation)
	silent.Close()
	eventually(t, "the count", func() bool { return r.Stats.Closes(engine.ReasonPongTimeout) == 1 })
}

// /echo returns each message as it came.
func TestWebSocketEcho(t *testing.T) {
	r := serveWeb(t, engine.Config{Limits: engine.Limits{OutboundHardBytes: 1 << 20}}, engine.WebSocket{Echo: true})
	p := dialWeb(t, r.Addr, "/echo", "")
	for _, op := range []websocket.Opcode{websocket.OpText, websocket.OpBinary} {
		for _, n := range []int{0, 1, 125, 126, 65535, 65536, 16 << 20} {
			message := strings.Repeat("x", n)
			go p.send(op, []byte(message))
			p.expect(op, message)
		}
	}
	for _, subprotocol := range []string{"", websocket.SubprotocolPacket} {
		p := dialWeb(t, r.Addr, "/echo", subprotocol)
		p.send(websocket.OpText, []byte("\xff"))
		p.expectClose(websocket.CloseInvalidData) // without a Notice: it would be no echo
	}
}

// A client that pings and does not read is closed, and others are served.
func TestWebSocketPingFlood(t *testing.T) {
	t.Parallel()
	limits := engine.Limits{OutboundHardBytes: 64 << 10}
	r := serveWeb(t, engine.Config{Limits: limits}, engine.WebSocket{})
	p := dialRaw(t, r.Addr)
	p.Conn = carriertest.DialNarrow(t, r.Addr).Conn
	p.in.Reset(p.Conn)
	p.write(handshake("/ws", ""))
	p.opened("")
	ping := bytes.Repeat(websocket.AppendMasked(nil, websocket.OpPing, 1, make([]byte, 125)), 1000)
	for {
		if _, err := p.Write(ping); err != nil {
			break
		}
	}
	dialWeb(t, r.Addr, "/ws", "").echoes()
	if n := r.Stats.Closes(engine.ReasonSlowConsumer); n != 1 {
		t.Errorf("%d slow consumers", n)
	}
}

// A client that ends its stream after its requests gets the replies.
func TestWebSocketHalfClose(t *testing.T) {
	r := serveWeb(t, engine.Config{Limits: engine.Limits{FramesPerEvent: 3}}, engine.WebSocket{})
	p := dialWeb(t, r.Addr, "/ws", "")
	var stream []byte
	const n = 20
	for i := range uint64(n) {
		stream = websocket.AppendMasked(stream, websocket.OpBinary, 1, binaryRequest(onLane, i, "x"))
	}
	p.write(stream)
	if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(n) {
		p.expect(websocket.OpBinary, string(binaryRequest(onLane.Reply(), i, "\x00x")))
	}
	p.ended()
}

// A few messages may wait for space in the lane, and are executed then. What ends the session
// after them comes after their replies: a Close, a broken frame, or the end of the stream.
func TestWebSocketWaitsForAFullLane(t *testing.T) {
	r, _, unblock := fullLane(t)
	long := strings.Repeat("a", 300)
	var requests []byte
	for id := range uint64(2) {
		requests = websocket.AppendMasked(requests, websocket.OpBinary, 1, binaryRequest(onLane, id, long))
	}
	open := func(end ...byte) *webPeer {
		p := dialWeb(t, r.Addrs[1], "/ws", "")
		p.write(append(bytes.Clone(requests), end...))
		return p
	}
	closes, breaks, ends, greedy := open(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8), open(0xC2), open(), open()
	eventually(t, "sessions that wait", func() bool { return r.Load().Blocked == 4 })
	greedy.write(append(bytes.Clone(requests), requests...)) // with the others above 2 KiB
	greedy.write(requests)
	greedy.expectNotice(pb.NoticeCode_NOTICE_CODE_OVERLOADED, websocket.CloseTryAgainLater)
	if err := ends.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	dial(t, r.Addr).Echoes(onLoop) // read after the end of the stream: one loop
	unblock()
	for _, p := range []*webPeer{closes, breaks, ends} {
		for id := range uint64(2) {
			p.expect(websocket.OpBinary, string(binaryRequest(onLane.Reply(), id, "\x00"+long)))
		}
	}
	closes.expectClose(websocket.CloseNormal)
	breaks.expectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED, websocket.CloseProtocolError)
	ends.ended()
}

// busyLane returns a router whose Submit keeps the lane busy from started until unblock is
// called, and whose Heartbeat is executed on the loop.
func busyLane() (router *engine.Router, started chan struct{}, unblock func()) {
	started = make(chan struct{}, 1)
	open := make(chan struct{})
	router = engine.NewRouter(nil)
	router.Handle(codec.CommandHeartbeat, engine.OnLoop, ok)
	router.Handle(codec.CommandSubmit, engine.OnLane, func(c *engine.Context) {
		started <- struct{}{}
		<-open
		ok(c)
	})
	return router, started, sync.OnceFunc(func() { close(open) })
}

// Text takes long to decode: no text message is executed on the loop.
func TestWebSocketTextGoesToTheLane(t *testing.T) {
	router, started, unblock := busyLane()
	r := serveWeb(t, engine.Config{Router: router}, engine.WebSocket{})
	defer unblock()
	busy, binary, text := dialWeb(t, r.Addr, "/ws", ""), dialWeb(t, r.Addr, "/ws", ""), dialWeb(t, r.Addr, "/ws", "")
	busy.send(websocket.OpBinary, binaryRequest(codec.CommandSubmit, 1, ""))
	<-started
	binary.send(websocket.OpBinary, binaryRequest(codec.CommandHeartbeat, 1, ""))
	binary.expect(websocket.OpBinary, string(binaryRequest(codec.CommandHeartbeat.Reply(), 1, "\x00")))
	text.send(websocket.OpText, []byte(`{"command":"Heartbeat","id":1}`))
	eventually(t, "a text message in the lane", func() bool { return r.Load().LaneBytes > 0 })
	unblock()
	text.expect(websocket.OpText, `{"command":"HeartbeatReply","id":1,"result":"OK"}`)
}

// If the server ends a session whose client has sent Close, but has not got all replies, the
// client gets the server's reason.
func TestWebSocketCloseByBoth(t *testing.T) {
	router, started, unblock := busyLane()
	r := serveWeb(t, engine.Config{Router: router}, engine.WebSocket{})
	defer unblock()
	p, other := dialWeb(t, r.Addr, "/ws", ""), dialWeb(t, r.Addr, "/ws", "")
	request := websocket.AppendMasked(nil, websocket.OpBinary, 1, binaryRequest(codec.CommandSubmit, 1, ""))
	p.write(websocket.AppendMasked(request, websocket.OpClose, 1, []byte{0x03, 0xE8}))
	<-started
	other.send(websocket.OpBinary, binaryRequest(codec.CommandHeartbeat, 1, ""))
	other.expect(websocket.OpBinary, string(binaryRequest(codec.CommandHeartbeat.Reply(), 1, "\x00"))) // the Close was read: one loop
	r.CloseAll(engine.ReasonShuttingDown)
	p.expectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN, websocket.CloseGoingAway)
}

// A client in the middle of a long message can't answer a ping: it is not closed for that.
func TestWebSocketNoPingInAFrame(t *testing.T) {
	t.Parallel()
	limits := engine.Limits{Heartbeat: soon / 4, PongTime: soon / 4, IdleTime: time.Hour, FrameTime: time.Hour}
	r := serveWeb(t, engine.Config{Limits: limits}, engine.WebSocket{})
	p := dialWeb(t, r.Addr, "/ws", "")
	frame := websocket.AppendMasked(nil, websocket.OpBinary, 1, binaryRequest(onLane, 1, "slow"))
	for _, part := range [][]byte{frame[:3], frame[3:8], frame[8:]} {
		p.write(part)
		time.Sleep(2 * soon / 3)
	}
	for {
		op, b, err := p.next()
		if err != nil || op == websocket.OpClose {
			t.Fatalf("got %v %q, %v", op, b, err)
		}
		if op == websocket.OpBinary {
			break
		}
	}
}
