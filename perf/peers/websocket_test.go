package peers_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"holdfast/perf/peers"
)

func TestWebSocketPeers(t *testing.T) {
	dependOnSources(t)
	dir := t.TempDir()
	build(t, "go", "build", "-o", dir+string(filepath.Separator), "./gorilla", "./nbiows")
	for _, name := range []string{"gorilla", "nbiows"} {
		t.Run(name, func(t *testing.T) {
			p := start(t, filepath.Join(dir, name))
			t.Run("echo", func(t *testing.T) { testEcho(t, p.addr, name) })
			t.Run("echo is one frame", func(t *testing.T) { testOneFrame(t, p.addr) })
			t.Run("too long", func(t *testing.T) { testTooLong(t, p.addr) })
			t.Run("chat", func(t *testing.T) { testChat(t, p.addr) })
			t.Run("leave chat", func(t *testing.T) { testLeaveChat(t, p.addr) })
			t.Run("slow member", func(t *testing.T) { testSlowMember(t, p.addr) })
			t.Run("no other path", func(t *testing.T) { testNoOtherPath(t, p.addr) })
			t.Run("allocations", func(t *testing.T) { testWebSocketAllocations(t, p) })
			t.Run("stop", func(t *testing.T) { testWebSocketStop(t, p) })
		})
	}
}

// dialWebSocket connects to a path. The client writes messages above 4 KiB in several
// frames.
func dialWebSocket(t *testing.T, addr, path string) *websocket.Conn {
	t.Helper()
	return dialWebSocketWith(t, net.Dialer{}, addr, path)
}

func dialWebSocketWith(t *testing.T, dialer net.Dialer, addr, path string) *websocket.Conn {
	t.Helper()
	ws := websocket.Dialer{NetDialContext: dialer.DialContext, HandshakeTimeout: patience}
	conn, response, err := ws.DialContext(t.Context(), "ws://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	t.Cleanup(func() { conn.Close() })
	conn.SetReadDeadline(time.Now().Add(patience))
	conn.SetWriteDeadline(time.Now().Add(patience))
	return conn
}

func write(t *testing.T, conn *websocket.Conn, kind int, message []byte) {
	t.Helper()
	if err := conn.WriteMessage(kind, message); err != nil {
		t.Fatal(err)
	}
}

func wantMessage(t *testing.T, conn *websocket.Conn, kind int, message []byte) {
	t.Helper()
	gotKind, got, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	if gotKind != kind || !bytes.Equal(got, message) {
		t.Fatalf("got kind %d, %d bytes %.40q, want kind %d, %d bytes %.40q", gotKind, len(got), got, kind, len(message), message)
	}
}

func testEcho(t *testing.T, addr, name string) {
	messages := []struct {
		name    string
		kind    int
		message []byte
	}{
		{"text", websocket.TextMessage, []byte("Grüezi")},
		{"binary", websocket.BinaryMessage, []byte{0, 0xff, 0x80}},
		{"empty text", websocket.TextMessage, nil},
		{"empty binary", websocket.BinaryMessage, nil},
		{"longest short length", websocket.BinaryMessage, pattern(125)},
		{"shortest 16-bit length", websocket.BinaryMessage, pattern(126)},
		{"longest 16-bit length", websocket.BinaryMessage, pattern(0xffff)},
		{"shortest 64-bit length", websocket.BinaryMessage, pattern(0x10000)},
		{"longest message", websocket.BinaryMessage, pattern(peers.MaxFrame)},
	}
	all := dialWebSocket(t, addr, "/echo")
	for _, m := range messages {
		if name == "nbiows" && len(m.message) == 0 {
			continue // it drops empty messages
		}
		t.Run(m.name, func(t *testing.T) {
			write(t, all, m.kind, m.message)
			wantMessage(t, all, m.kind, m.message)
		})
	}
	t.Run("pipelined", func(t *testing.T) {
		conn := dialWebSocket(t, addr, "/echo")
		for i := range 500 {
			write(t, conn, websocket.TextMessage, fmt.Append(nil, "message ", i))
		}
		for i := range 500 {
			wantMessage(t, conn, websocket.TextMessage, fmt.Append(nil, "message ", i))
		}
	})
	t.Run("many connections", func(t *testing.T) { testManyEchoes(t, addr) })
}

func testManyEchoes(t *testing.T, addr string) {
	var conns []*websocket.Conn
	for range 200 {
		conns = append(conns, dialWebSocket(t, addr, "/echo"))
	}
	var all sync.WaitGroup
	for i, conn := range conns {
		all.Go(func() {
			for round := range 5 {
				want := fmt.Sprint("connection ", i, " round ", round)
				err := conn.WriteMessage(websocket.TextMessage, []byte(want))
				if err != nil {
					t.Error(err)
					return
				}
				if _, got, err := conn.ReadMessage(); err != nil || string(got) != want {
					t.Errorf("got %q, error %v, want %q", got, err, want)
					return
				}
			}
		})
	}
	all.Wait()
}

// pattern returns n bytes that are not the same when shifted by a few.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// testOneFrame sends a message in many frames and wants it back in one, whose bytes it
// reads below the client.
func testOneFrame(t *testing.T, addr string) {
	conn := dialWebSocket(t, addr, "/echo")
	message := pattern(300_000)
	write(t, conn, websocket.BinaryMessage, message)
	want := append([]byte{0x82, 127}, binary.BigEndian.AppendUint64(nil, uint64(len(message)))...)
	want = append(want, message...)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn.NetConn(), got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %.20x, error %v, want %.20x", got, err, want)
	}
}

func testTooLong(t *testing.T, addr string) {
	for _, path := range []string{"/echo", "/chat"} {
		conn := dialWebSocket(t, addr, path)
		_ = conn.WriteMessage(websocket.BinaryMessage, pattern(peers.MaxFrame+1)) // may fail already
		if _, got, err := conn.ReadMessage(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: got %d bytes, error %v, want a closed connection", path, len(got), err)
		}
	}
}

// testChat: all members send as soon as they are all connected, and each gets every
// message, those of one sender in order.
func testChat(t *testing.T, addr string) {
	const members, each = 20, 50
	stranger := dialWebSocket(t, addr, "/echo")
	var conns []*websocket.Conn
	for range members {
		conns = append(conns, dialWebSocket(t, addr, "/chat"))
	}
	var all sync.WaitGroup
	for i, conn := range conns {
		all.Go(func() {
			for n := range each {
				kind := websocket.TextMessage + n%2 // and binary
				if err := conn.WriteMessage(kind, fmt.Append(nil, i, " ", n)); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			if err := readChat(conn, members, each); err != nil {
				t.Errorf("member %d: %v", i, err)
			}
		})
	}
	all.Wait()
	write(t, stranger, websocket.TextMessage, []byte("not a chat"))
	wantMessage(t, stranger, websocket.TextMessage, []byte("not a chat"))
}

func readChat(conn *websocket.Conn, members, each int) error {
	next := make([]int, members) // message of each member
	for range members * each {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return fmt.Errorf("%w, next messages %d", err, next)
		}
		var from, n int
		if _, err := fmt.Sscan(string(message), &from, &n); err != nil || from >= members {
			return fmt.Errorf("got %q, error %w", message, err)
		}
		if n != next[from] || kind != websocket.TextMessage+n%2 {
			return fmt.Errorf("got %q of kind %d, next messages %d", message, kind, next)
		}
		next[from]++
	}
	return nil
}

// testLeaveChat: members that leave, with and without a closing handshake, do not disturb
// the others.
func testLeaveChat(t *testing.T, addr string) {
	var conns []*websocket.Conn
	for range 4 {
		conns = append(conns, dialWebSocket(t, addr, "/chat"))
	}
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	write(t, conns[0], websocket.CloseMessage, bye)
	if _, _, err := conns[0].ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("after a closing handshake: %v", err)
	}
	conns[1].Close()
	for n := range 100 {
		message := fmt.Append(nil, "message ", n)
		write(t, conns[2], websocket.TextMessage, message)
		for _, conn := range conns[2:] {
			wantMessage(t, conn, websocket.TextMessage, message)
		}
	}
}

// testSlowMember: a member that does not read is disconnected, and the others get all
// messages.
func testSlowMember(t *testing.T, addr string) {
	const messages = 600 // of 64 KiB: more than the queues of server and kernel hold
	slow := dialWebSocketWith(t, net.Dialer{Control: smallBuffer}, addr, "/chat")
	quick := dialWebSocket(t, addr, "/chat")
	message := pattern(64 << 10)
	for range messages {
		write(t, quick, websocket.BinaryMessage, message)
		wantMessage(t, quick, websocket.BinaryMessage, message)
	}
	for n := range messages {
		_, _, err := slow.ReadMessage()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("no message and still connected after %d messages", n)
		}
		if err != nil {
			return
		}
	}
	t.Error("the slow member got all messages")
}

func testNoOtherPath(t *testing.T, addr string) {
	for path, want := range map[string]int{"/": http.StatusNotFound, "/echo": http.StatusBadRequest, "/chat": http.StatusBadRequest} {
		response, err := http.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("GET %s without a handshake: %s, want %d", path, response.Status, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func testWebSocketAllocations(t *testing.T, p *peer) {
	before := mallocs(t, p.stats)
	testManyEchoes(t, p.addr)
	if after := mallocs(t, p.stats); before == 0 || after <= before {
		t.Errorf("%d allocations, then %d, want more each time", before, after)
	}
}

// testWebSocketStop ends the program while clients are connected.
func testWebSocketStop(t *testing.T, p *peer) {
	conns := []*websocket.Conn{dialWebSocket(t, p.addr, "/echo"), dialWebSocket(t, p.addr, "/chat")}
	for _, conn := range conns { // in use, so that the server has seen them
		write(t, conn, websocket.TextMessage, []byte("last"))
		wantMessage(t, conn, websocket.TextMessage, []byte("last"))
	}
	stop(t, p)
	for _, conn := range conns {
		if _, _, err := conn.ReadMessage(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the end: error %v, want a closed connection", err)
		}
	}
}
