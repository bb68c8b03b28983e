package client_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// serverSocket is the server's end of a WebSocket: each message is a frame without its total.
type serverSocket struct {
	net.Conn // nil
	messages *websocket.Conn
	unread   bytes.Buffer
	ended    error // of the last Read
}

func (s *serverSocket) Read(b []byte) (int, error) {
	if s.unread.Len() == 0 {
		kind, message, err := s.messages.Read(context.Background())
		if err != nil {
			s.ended = err
			return 0, err
		}
		if kind != websocket.MessageBinary {
			return 0, errors.New("no binary message")
		}
		s.unread.Write(binary.BigEndian.AppendUint32(nil, uint32(len(message)+4)))
		s.unread.Write(message)
	}
	return s.unread.Read(b)
}

func (s *serverSocket) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := binary.BigEndian.Uint32(rest)
		if err := s.messages.Write(context.Background(), websocket.MessageBinary, rest[4:n]); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(b), nil
}

func (s *serverSocket) Close() error { return s.messages.CloseNow() }

// doors is a server with a WebSocket listener at /ws.
type doors struct {
	*httptest.Server
	work   sync.WaitGroup
	closed chan error // why each connection ended
}

// newDoors starts a server that greets and then leaves everything to handle.
func newDoors(t *testing.T, handle handler) *doors {
	t.Helper()
	d := &doors{closed: make(chan error, 8)}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.work.Add(1)
		defer d.work.Done()
		if r.URL.Path != "/ws" {
			http.NotFound(w, r)
			return
		}
		messages, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"holdfast.v1.packet"}})
		if err != nil {
			return
		}
		messages.SetReadLimit(-1)
		socket := &serverSocket{messages: messages}
		(&fakeConn{Conn: socket}).serve(greeting(handle))
		d.closed <- socket.ended
	}))
	t.Cleanup(func() {
		d.Close()
		d.work.Wait()
	})
	return d
}

func (d *doors) addr() string { return client.WebSocketAddress(d.Listener.Addr().String()) }

func (d *doors) dial(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), d.addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestWebSocket: requests, replies and pushes are those of the packet dialect, also large ones.
func TestWebSocket(t *testing.T) {
	pushed := make(chan client.Push, 8)
	large := bytes.Repeat([]byte("x"), 300_000)
	d := newDoors(t, loggedIn(account{positions: []*pb.Position{row("A", 100)}, sequence: 2}, func(c *fakeConn, m codec.Message) {
		if m.Command == codec.CommandSubmit && !bytes.Equal(m.Body, large) {
			t.Errorf("Submit of %d bytes", len(m.Body))
		}
		c.push(codec.PushExecution, 3, &pb.Execution{ExecutionId: 1, BustReason: string(large)})
		c.send(append(codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, nil), updateFrame(4, pb.Change_CHANGE_INCREASED, row("A", 150))...))
	}))
	c := d.dial(t, client.Options{OnPush: func(p client.Push) { pushed <- p }})
	if s := login(t, c); len(s.Positions) != 1 || s.Sequence != 2 {
		t.Errorf("snapshot %+v", s)
	}
	if err := c.Submit(t.Context(), large); err != nil {
		t.Error(err)
	}
	if first, second := <-pushed, <-pushed; first.Sequence != 3 || second.Sequence != 4 {
		t.Errorf("pushes %d and %d", first.Sequence, second.Sequence)
	}
	if shown := c.View().Display(); len(shown.Executions) != 1 || shown.Executions[0].BustReason != string(large) || shown.Positions[0].Quantity != 150 {
		t.Errorf("view %+v", shown)
	}
}

// TestWebSocketReconnect: resume works as over TCP.
func TestWebSocketReconnect(t *testing.T) {
	d := newDoors(t, resuming(new(atomic.Bool)))
	c := d.dial(t, client.Options{})
	login(t, c)
	next, welcome, err := c.Reconnect(t.Context(), 100001, client.DemoToken(100001))
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	shown, err := next.View().Wait(t.Context(), func(d *client.Display) bool { return d.Sequence == 4 })
	if err != nil || !welcome.Resumed || shown.Gaps+shown.Doubles != 0 {
		t.Errorf("%v, %+v, view %+v", err, welcome, shown)
	}
}

// TestReconnectToAnotherDoor: a client resumes at another listener than it left, in both
// directions.
func TestReconnectToAnotherDoor(t *testing.T) {
	packet := newFake(resuming(new(atomic.Bool)))
	t.Cleanup(packet.close)
	web := newDoors(t, resuming(new(atomic.Bool)))
	for name, addrs := range map[string][2]string{"to WebSocket": {packet.addr(), web.addr()}, "from WebSocket": {web.addr(), packet.addr()}} {
		t.Run(name, func(t *testing.T) {
			c, err := client.Dial(t.Context(), addrs[0], client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			login(t, c)
			next, welcome, err := c.ReconnectTo(t.Context(), addrs[1], 100001, client.DemoToken(100001))
			if err != nil {
				t.Fatal(err)
			}
			defer next.Close()
			shown, err := next.View().Wait(t.Context(), func(d *client.Display) bool { return d.Sequence == 4 })
			if err != nil || !welcome.Resumed || next.Addr() != addrs[1] || shown.Gaps+shown.Doubles != 0 {
				t.Errorf("%v, %+v, view %+v", err, welcome, shown)
			}
		})
	}
}

// TestWebSocketClose: Close sends a Close frame with the status for a normal end.
func TestWebSocketClose(t *testing.T) {
	d := newDoors(t, ok)
	c := d.dial(t, client.Options{})
	c.Close()
	if err := <-d.closed; websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("the server saw %v", err)
	}
	if err := c.Heartbeat(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// onePipe is a listener with one connection, inside the process.
type onePipe struct {
	conns chan net.Conn
	end   chan struct{}
}

func (l onePipe) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.end:
		return nil, net.ErrClosed
	}
}

func (l onePipe) Close() error   { return nil }
func (l onePipe) Addr() net.Addr { return &net.TCPAddr{} }

// stuck connects to a server inside the process that reads nothing after Conn, until
// release. The connection has no buffer. Call it in a bubble of synctest.
func stuck(t *testing.T, o client.Options) (c *client.Client, release func()) {
	t.Helper()
	l, end := onePipe{make(chan net.Conn, 1), make(chan struct{})}, make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			messages, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"holdfast.v1.packet"}})
			if err != nil {
				return
			}
			defer messages.CloseNow()
			c := &fakeConn{Conn: &serverSocket{messages: messages}}
			_, hello, _ := messages.Read(context.Background())
			c.answer(codec.Message{Command: codec.CommandConn, ID: binary.BigEndian.Uint64(hello[1:])}, codec.ResultOK, &pb.ConnReply{})
			<-end
		}))
	})
	near, far := net.Pipe()
	l.conns <- far
	o.HeartbeatInterval = -1
	o.Dial = func(context.Context, string, string) (net.Conn, error) { return near, nil }
	c, err := client.Dial(t.Context(), "ws://fake:1/ws", o)
	if err != nil {
		t.Fatal(err)
	}
	return c, func() {
		close(end)
		close(l.end)
		work.Wait()
	}
}

// TestWebSocketCloseWithoutAnswer: a server that does not answer the Close frame, or does not
// read at all, delays Close for a moment only.
func TestWebSocketCloseWithoutAnswer(t *testing.T) {
	for name, write := range map[string]bool{"not answered": false, "a write is stuck": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, release := stuck(t, client.Options{Timeout: time.Hour})
				if write {
					go func() { _ = c.Submit(t.Context(), make([]byte, 1<<16)) }()
					synctest.Wait()
				}
				start := time.Now()
				c.Close()
				if took := time.Since(start); took > time.Second {
					t.Errorf("Close took %v", took)
				}
				release()
			})
		})
	}
}

// TestWebSocketStuckWrite: a server that does not read ends the connection after Timeout.
func TestWebSocketStuckWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, release := stuck(t, client.Options{Timeout: time.Second})
		_ = c.Submit(t.Context(), make([]byte, 1<<16))
		<-c.Done()
		var lost *client.ConnectionError
		if !errors.As(c.Err(), &lost) || lost.Op != "write to" {
			t.Errorf("got %v", c.Err())
		}
		c.Close()
		release()
	})
}

// TestWebSocketEnds: a caller that waits gets why the server closed the connection.
func TestWebSocketEnds(t *testing.T) {
	messages := func(c *fakeConn) *websocket.Conn { return c.Conn.(*serverSocket).messages }
	cases := []struct {
		name string
		end  handler
		is   error
		text string
		busy bool
	}{
		{"close with a text", func(c *fakeConn, _ codec.Message) { messages(c).Close(1008, "go away\x1b[2J") }, client.ErrClosedByServer,
			"the server closed the connection: go away\x1b[2J (WebSocket close code 1008)", false},
		{"close without a text", func(c *fakeConn, _ codec.Message) { messages(c).Close(1001, "") }, client.ErrClosedByServer,
			"the server closed the connection (WebSocket close code 1001)", false},
		{"try again later", func(c *fakeConn, _ codec.Message) { messages(c).Close(1013, "full") }, client.ErrClosedByServer, "full", true},
		{"close after a notice", func(c *fakeConn, _ codec.Message) {
			c.push(codec.PushNotice, 0, &pb.Notice{Code: pb.NoticeCode_NOTICE_CODE_IDLE, Text: "too quiet"})
			messages(c).Close(1008, "another text")
		}, client.ErrClosedByServer, "too quiet (IDLE)", false},
		{"no close", func(c *fakeConn, _ codec.Message) { messages(c).CloseNow() }, client.ErrClosedByServer, "", false},
		{"text", func(c *fakeConn, _ codec.Message) {
			messages(c).Write(t.Context(), websocket.MessageText, []byte("{}"))
		}, client.ErrProtocol, "a text message", false},
		{"empty message", func(c *fakeConn, _ codec.Message) { messages(c).Write(t.Context(), websocket.MessageBinary, nil) }, codec.ErrTooShort, "", false},
		{"too large", func(c *fakeConn, _ codec.Message) {
			messages(c).Write(t.Context(), websocket.MessageBinary, make([]byte, 1024-3))
		}, codec.ErrTooLarge, "packet dialect", false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newDoors(t, tc.end).dial(t, client.Options{MaxFrame: 1024})
			if err := c.Heartbeat(t.Context()); !errors.Is(err, tc.is) || !containsText(err, tc.text) || client.Busy(err) != tc.busy {
				t.Errorf("the call that waited got %v", err)
			}
			<-c.Done()
			if err := c.Err(); !errors.Is(err, tc.is) {
				t.Errorf("Err is %v", err)
			}
		})
	}
}

// TestWebSocketLargestFrame: the limit counts the total, as over TCP.
func TestWebSocketLargestFrame(t *testing.T) {
	d := newDoors(t, func(c *fakeConn, m codec.Message) {
		text := strings.Repeat("x", 1024-codec.PacketHeaderLen-3)
		c.push(codec.PushExecution, 1, &pb.Execution{BustReason: text})
		c.answer(m, codec.ResultOK, nil)
	})
	c := d.dial(t, client.Options{MaxFrame: 1024})
	if err := c.Heartbeat(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWebSocketHandshake: a handshake that fails says what the server answered.
func TestWebSocketHandshake(t *testing.T) {
	answers := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, text)
		}
	}
	cases := []struct {
		name   string
		answer http.HandlerFunc
		text   string // of the error
		status int
		busy   bool
	}{
		{"too many", answers(503, "too many connections\r\nand more"), "HTTP status 503 Service Unavailable: too many connections", 503, true},
		{"no upgrade", answers(426, "this is a WebSocket listener"), "HTTP status 426 Upgrade Required: this is a WebSocket listener", 426, false},
		{"not there", answers(404, ""), "HTTP status 404 Not Found", 404, false},
		{"a page", answers(200, "<html>"), "HTTP status 200 OK: <html>", 200, false},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }, "HTTP status 302 Found: <a href=\"/other\">Found</a>.", 302, false},
		{"long text", answers(400, strings.Repeat("x", 1<<20)), "HTTP status 400 Bad Request: " + strings.Repeat("x", 200), 400, false},
		{"no subprotocol", func(w http.ResponseWriter, r *http.Request) {
			if c, err := websocket.Accept(w, r, nil); err == nil {
				c.CloseRead(context.Background())
			}
		}, "does not offer the subprotocol holdfast.v1.packet", 101, false},
		{"wrong key", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Sec-WebSocket-Accept", "x")
			w.WriteHeader(http.StatusSwitchingProtocols)
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				conn.Close()
			}
		}, "invalid Sec-WebSocket-Accept", 101, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := httptest.NewServer(tc.answer)
			defer s.Close()
			addr := client.WebSocketAddress(s.Listener.Addr().String())
			_, err := client.Dial(t.Context(), addr, client.Options{})
			var refused *client.HandshakeError
			if !errors.As(err, &refused) || refused.Status != tc.status || !strings.HasPrefix(err.Error(), "cannot connect to "+addr+": the server answers") || !strings.HasSuffix(err.Error(), tc.text) && tc.status != 101 || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("got %v", err)
			}
			if client.Busy(err) != tc.busy || client.Explain(err) == "" {
				t.Errorf("busy %v, advice %q", client.Busy(err), client.Explain(err))
			}
		})
	}
}

// TestWebSocketOnAPacketListener: the error says that the door is another one.
func TestWebSocketOnAPacketListener(t *testing.T) {
	frame := codec.AppendRequest(nil, codec.PushNotice, 0, &pb.Notice{Text: "frame too large"})
	for name, answer := range map[string][]byte{"notice": frame, "notice with lines": append(frame, "\n\n"...), "nothing": nil} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var work sync.WaitGroup
			defer work.Wait()
			work.Go(func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				io.ReadFull(conn, make([]byte, 4))
				conn.Write(answer)
				conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, conn)
			})
			_, err = client.Dial(t.Context(), client.WebSocketAddress(l.Addr().String()), client.Options{})
			var refused *client.HandshakeError
			if !errors.As(err, &refused) || refused.Status != 0 || !containsText(err, "does not answer in HTTP") || !strings.Contains(client.Explain(err), "--door packet") {
				t.Errorf("got %v: %s", err, client.Explain(err))
			}
		})
	}
}

// TestWebSocketWithoutServer: errors are those of TCP, without an URL.
func TestWebSocketWithoutServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := client.WebSocketAddress(l.Addr().String())
	_, err = client.Dial(t.Context(), addr, client.Options{Timeout: 50 * time.Millisecond}) // nobody accepts
	if !errors.Is(err, client.ErrTimeout) || !strings.HasPrefix(err.Error(), "cannot connect to "+addr+": ") || strings.Contains(err.Error(), "http://") {
		t.Errorf("no answer: %v", err)
	}
	l.Close()
	_, err = client.Dial(t.Context(), addr, client.Options{})
	if want := "cannot connect to " + addr + ": connection refused"; err == nil || err.Error() != want || !strings.Contains(client.Explain(err), "holdfast serve") {
		t.Errorf("got %v, want %s", err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Dial(ctx, addr, client.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

// TestWebSocketPing: the client answers pings, and Options.Dial opens the connection.
func TestWebSocketPing(t *testing.T) {
	d := newDoors(t, func(c *fakeConn, m codec.Message) {
		go func() { // the pong comes while the server reads
			if err := c.Conn.(*serverSocket).messages.Ping(context.Background()); err != nil {
				t.Error(err)
			}
			c.answer(m, codec.ResultOK, nil)
		}()
	})
	dialed := ""
	c := d.dial(t, client.Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialed = network + " " + addr
		return new(net.Dialer).DialContext(ctx, network, addr)
	}})
	if err := c.Heartbeat(t.Context()); err != nil || dialed != "tcp "+d.Listener.Addr().String() {
		t.Errorf("%v, dialed %q", err, dialed)
	}
}

func ExampleDial_webSocket() {
	_, err := client.Dial(context.Background(), "ws://127.0.0.1:8891/ws?x=1", client.Options{})
	fmt.Println(errors.Is(err, client.ErrBadAddress), client.WebSocketAddress("127.0.0.1:8891"))
	// Output: true ws://127.0.0.1:8891/ws
}
