package link_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"holdfast/biz/cluster/link"
)

// patience is how long a test waits for an event.
const patience = 30 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T) *nats.Conn {
	t.Helper()
	srv, err := natsserver.NewServer(&natsserver.Options{DontListen: true, NoSigs: true})
	must(t, err)
	srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	if !srv.ReadyForConnections(patience) {
		t.Fatal("nats does not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(srv), nats.NoReconnect())
	must(t, err)
	t.Cleanup(conn.Close)
	return conn
}

// lanes are both ends of a lane; what two receives is passed on to entries.
type lanes struct {
	one, two *link.Lane
	entries  chan link.Entry
	broken   chan struct{}
	deaf     atomic.Bool // two receives nothing
	running  sync.WaitGroup
}

func newLanes(t *testing.T, gate func(context.Context) error) *lanes {
	t.Helper()
	conn := connect(t)
	l := &lanes{entries: make(chan link.Entry, 1<<16), broken: make(chan struct{}, 1)}
	l.one = link.NewLane(link.LaneConfig{Conn: conn, Number: 7, To: "two", From: "one", Gate: gate})
	l.two = link.NewLane(link.LaneConfig{Conn: conn, Number: 7, To: "one", From: "two"})
	_, err := conn.Subscribe("one", func(m *nats.Msg) { l.one.Receive(m.Data) })
	must(t, err)
	_, err = conn.Subscribe("two", func(m *nats.Msg) {
		if l.deaf.Load() {
			return
		}
		entries, ok := l.two.Receive(m.Data)
		if !ok || !link.Entries(entries, func(e link.Entry) { l.entries <- e }) {
			l.broken <- struct{}{}
		}
	})
	must(t, err)
	for _, lane := range []*link.Lane{l.one, l.two} {
		l.running.Go(func() { _ = lane.Run() })
	}
	t.Cleanup(func() {
		l.one.End()
		l.two.End()
		l.running.Wait()
	})
	return l
}

func (l *lanes) next(t *testing.T) link.Entry {
	t.Helper()
	select {
	case e := <-l.entries:
		return e
	case <-time.After(patience):
		t.Fatal("no entry")
		return link.Entry{}
	}
}

// TestLane: entries arrive in order, long data in pieces, and what waits is counted until it is sent.
func TestLane(t *testing.T) {
	l := newLanes(t, nil)
	long := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	var waiting atomic.Int64
	l.one.Add(link.Entry{Kind: link.KindOpen, Session: 1, Body: []byte("open")}, nil)
	l.one.Add(link.Entry{Kind: link.KindData, Session: 2, Body: long}, &waiting)
	l.one.Add(link.Entry{Kind: link.KindClose, Session: 3}, nil)
	if n := waiting.Load(); n != int64(len(long)) {
		t.Errorf("%d bytes wait", n)
	}
	l.one.Flush()
	if e := l.next(t); e.Kind != link.KindOpen || e.Session != 1 || string(e.Body) != "open" {
		t.Errorf("%+v", e)
	}
	var got []byte
	for len(got) < len(long) {
		e := l.next(t)
		if e.Kind != link.KindData || e.Session != 2 {
			t.Fatalf("%+v", e)
		}
		got = append(got, e.Body...)
	}
	if !bytes.Equal(got, long) {
		t.Error("other data")
	}
	if e := l.next(t); e.Kind != link.KindClose || e.Session != 3 {
		t.Errorf("%+v", e)
	}
	must(t, l.one.Drained(t.Context()))
	if n := waiting.Load(); n != 0 {
		t.Errorf("%d bytes wait", n)
	}
}

// TestWindow: an end that receives nothing gets only so much, and the other end becomes full; Drained
// ends with its context, and the silence is noticed.
func TestWindow(t *testing.T) {
	start := time.Now()
	l := newLanes(t, nil)
	l.deaf.Store(true)
	piece := make([]byte, 256<<10)
	for n := 0; !l.one.Full(); n++ {
		if n > 1000 {
			t.Fatal("never full")
		}
		l.one.Add(link.Entry{Kind: link.KindData, Session: 1, Body: piece}, nil)
		l.one.Flush()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.one.Drained(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("drained: %v", err)
	}
	if !l.one.Tick(start) || l.one.Tick(time.Now().Add(3*time.Second)) {
		t.Error("the silence is not noticed")
	}
}

// TestWindowOpens: an end that only receives tells the other one in time.
func TestWindowOpens(t *testing.T) {
	l := newLanes(t, nil)
	piece := make([]byte, 256<<10)
	for range 200 { // 50 MiB
		l.one.Add(link.Entry{Kind: link.KindData, Session: 1, Body: piece}, nil)
		l.one.Flush()
		must(t, l.one.Drained(t.Context()))
	}
}

// TestGap: a lost message, and the end of the other end, end a lane.
func TestGap(t *testing.T) {
	for name, number := range map[string]byte{"gap": 2, "end": 0} {
		t.Run(name, func(t *testing.T) {
			l := newLanes(t, nil)
			message := make([]byte, 24)
			message[15] = number
			if _, ok := l.two.Receive(message); ok {
				t.Error("not noticed")
			}
		})
	}
	l := newLanes(t, nil)
	message := append(make([]byte, 24), 1, 2, 3)
	message[15] = 1
	if entries, ok := l.two.Receive(message); !ok || link.Entries(entries, func(link.Entry) {}) {
		t.Error("malformed entries are taken")
	}
}

// TestGate: entries wait for the gate, messages that keep the lane alive do not.
func TestGate(t *testing.T) {
	open := make(chan error)
	l := newLanes(t, func(ctx context.Context) error {
		select {
		case err := <-open:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	l.one.Add(link.Entry{Kind: link.KindClose, Session: 1}, nil)
	l.one.Flush()
	l.one.Tick(time.Now().Add(time.Second))
	select {
	case e := <-l.entries:
		t.Errorf("%+v has passed the gate", e)
	case <-l.broken:
		t.Error("the lane is broken")
	case open <- nil:
	}
	if e := l.next(t); e.Session != 1 {
		t.Errorf("%+v", e)
	}
}
