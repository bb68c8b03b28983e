package terminal_test

import (
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"holdfast/cmd/holdfast/terminal"
)

// relay is another address of a server: it passes bytes in both directions. Until open is called its
// connections wait.
type relay struct {
	listener net.Listener
	opened   chan struct{}
	work     sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func newRelay(t *testing.T, server string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, opened: make(chan struct{})}
	r.work.Go(func() {
		<-r.opened
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				near.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, near, far)
			r.mu.Unlock()
			r.work.Go(func() { pass(near, far) })
			r.work.Go(func() { pass(far, near) })
		}
	})
	t.Cleanup(r.close)
	return r
}

func pass(to, from net.Conn) {
	io.Copy(to, from) // until one of them is closed
	to.Close()
	from.Close()
}

func (r *relay) addr() string { return r.listener.Addr().String() }

// open is called at most once.
func (r *relay) open() { close(r.opened) }

// close ends the listener and its connections, as when a node dies.
func (r *relay) close() {
	r.listener.Close()
	select {
	case <-r.opened:
	default:
		close(r.opened)
	}
	r.mu.Lock()
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.work.Wait()
}

// refusing returns an address where nothing listens.
func refusing(t *testing.T) string {
	t.Helper()
	r := newRelay(t, "")
	r.close()
	return r.addr()
}

// TestClientGoesToAnotherAddress: the first address is down, the second dies, and the third shows what
// was missed meanwhile. A request of the program is executed once.
func TestClientGoesToAnotherAddress(t *testing.T) {
	t.Parallel()
	s := testServer(t)
	down, a, b := refusing(t), newRelay(t, s.addr), newRelay(t, s.addr)
	a.open()
	list := strings.Join([]string{down, a.addr(), b.addr()}, ",")
	r := startClient(t, list, 100020, true)
	r.out.await(t, "connected to "+a.addr()+", holdfast ")
	r.out.await(t, "realised profit")
	io.WriteString(r.in, "buy 600100 100 as once\n")
	r.out.await(t, "(100020-1)")
	a.close()
	r.out.await(t, "reconnecting\n")
	typed(t, s.addr, 100020, "buy 600100 50\n")
	b.open()
	r.out.await(t, "reconnected to "+b.addr()+", session ")
	r.out.await(t, "missed pushes follow\n* bought 50 ALFA/600100")
	io.WriteString(r.in, "buy 600100 100 as once\nbuy 600100 7\n")
	r.out.await(t, "(100020-3)")
	r.in.Close()
	if err := <-r.ends; err != nil {
		t.Error(err)
	}
}

// TestClientWithoutAnyAddress: the error names all of them.
func TestClientWithoutAnyAddress(t *testing.T) {
	t.Parallel()
	a, b := refusing(t), refusing(t)
	_, err := typed(t, a+","+b, 100020, "")
	if err == nil || !strings.Contains(err.Error(), a) || !strings.Contains(err.Error(), b) || strings.Count(err.Error(), "nothing listens there") != 1 {
		t.Error(err)
	}
	err = terminal.Chat(t.Context(), terminal.ChatOptions{Addr: a + "," + b, Stdin: strings.NewReader(""), Stdout: io.Discard, Style: terminal.NewStyle(false)})
	if err == nil || !strings.Contains(err.Error(), a) || !strings.Contains(err.Error(), b) {
		t.Error(err)
	}
}

// TestChatGoesToAnotherAddress: a chat continues at the next address, and says which.
func TestChatGoesToAnotherAddress(t *testing.T) {
	t.Parallel()
	s := serveDoors(t, "127.0.0.1:0", "127.0.0.1:0", t.TempDir())
	a, b := newRelay(t, s.more[1]), newRelay(t, s.more[1])
	a.open()
	b.open()
	in, typing := io.Pipe()
	out, again := newOutput(), true
	ends := make(chan error, 1)
	var work sync.WaitGroup
	work.Go(func() {
		ends <- terminal.Chat(t.Context(), terminal.ChatOptions{
			Addr: refusing(t) + "," + a.addr() + "," + b.addr(), Stdin: in, Stdout: out, Style: terminal.NewStyle(false), Reconnect: &again, JSON: true,
		})
	})
	defer work.Wait()
	defer typing.Close()
	out.await(t, `"event":"connected"`)
	a.close()
	out.await(t, `"event":"reconnected"`)
	io.WriteString(typing, "hello\n")
	out.await(t, `"text":"hello"`)
	typing.Close()
	<-ends // an error, since the first connection was lost with the list of members on its way, or none
	for line := range strings.Lines(out.String()) {
		var e struct{ Event, Server string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Event == "connected" && e.Server != a.addr() || e.Event == "reconnected" && e.Server != b.addr() {
			t.Error(line)
		}
	}
}
