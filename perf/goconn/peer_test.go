package goconn_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/perf/goconn"
)

// Commands of the tests.
const (
	echoes  codec.Command = 0x10
	offLane codec.Command = 0x12
	panics  codec.Command = 0x13
	special codec.Command = 0x14
)

func echo(c *engine.Context) {
	frame := codec.AppendHeader(nil, c.Message.Command.Reply(), c.Message.ID, 1+len(c.Message.Body))
	c.Frames(append(append(frame, 0), c.Message.Body...))
}

// testRouter echoes in order and off the lane, answers heartbeats, panics on
// request, and gives special to h.
func testRouter(t testing.TB, h engine.Handler) *engine.Router {
	t.Helper()
	r := engine.NewRouter(func(c *engine.Context) { c.Result(codec.ResultUnknownCommand) })
	for _, route := range []struct {
		cmd   codec.Command
		class engine.Class
		h     engine.Handler
	}{
		{echoes, engine.OnLane, echo}, {offLane, engine.OffLane, echo}, {special, engine.OnLane, h},
		{codec.CommandHeartbeat, engine.OnLoop, func(c *engine.Context) { c.Result(codec.ResultOK) }},
		{panics, engine.OnLane, func(*engine.Context) { panic("boom") }},
	} {
		if err := r.Handle(route.cmd, route.class, route.h); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// running is a core with a server that serves.
type running struct {
	*engine.Core
	addr string
	stop func() error
}

// newCore makes a core.
func newCore(t testing.TB, config engine.Config) *engine.Core {
	t.Helper()
	if config.Router == nil {
		config.Router = testRouter(t, echo)
	}
	config.Overloaded = func(c *engine.Context) { c.Result(codec.ResultOverloaded) }
	config.Log = slog.New(slog.DiscardHandler)
	core, err := engine.NewCore(config)
	if err != nil {
		t.Fatal(err)
	}
	return core
}

func serve(t testing.TB, core *engine.Core, config goconn.Config) *running {
	t.Helper()
	if config.Listen == "" {
		config.Listen = "127.0.0.1:0"
	}
	config.Log = slog.New(slog.DiscardHandler)
	server, err := goconn.New(core, config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	<-server.Booted()
	r := &running{Core: core, addr: server.Addr()}
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		closing, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		return errors.Join(err, core.Close(closing))
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return r
}

// eachStyle runs a test for every style.
func eachStyle(t *testing.T, test func(*testing.T, goconn.Style)) {
	t.Helper()
	for _, style := range goconn.Styles() {
		t.Run(string(style), func(t *testing.T) { test(t, style) })
	}
}

// peer is a client that speaks frames.
type peer struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

func dial(t testing.TB, addr string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &peer{Conn: conn, t: t, in: bufio.NewReaderSize(conn, 1<<16)}
}

func (p *peer) send(cmd codec.Command, id uint64, body string) {
	p.t.Helper()
	p.write(frame(cmd, id, body))
}

func frame(cmd codec.Command, id uint64, body string) []byte {
	return codec.AppendMessage(nil, codec.Message{Command: cmd, ID: id, Body: []byte(body)})
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// next returns the next message, or io.EOF.
func (p *peer) next() (codec.Message, error) {
	var total [4]byte
	if _, err := io.ReadFull(p.in, total[:]); err != nil {
		return codec.Message{}, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(total[:]))
	copy(frame, total[:])
	if _, err := io.ReadFull(p.in, frame[4:]); err != nil {
		return codec.Message{}, err
	}
	m, _, err := codec.NewPacket(0).Decode(frame)
	return m, err
}

func (p *peer) expect(cmd codec.Command, id uint64, body string) {
	p.t.Helper()
	m, err := p.next()
	if err != nil {
		p.t.Fatalf("waiting for %v %d: %v", cmd, id, err)
	}
	if m.Command != cmd || m.ID != id || string(m.Body) != body {
		p.t.Fatalf("got %v %d of %d bytes, want %v %d of %d", m.Command, m.ID, len(m.Body), cmd, id, len(body))
	}
}

// expectNotice reads a Notice, then the end of the connection.
func (p *peer) expectNotice(code pb.NoticeCode) {
	p.t.Helper()
	m, err := p.next()
	var notice pb.Notice
	if err != nil || m.Command != codec.PushNotice || notice.UnmarshalVT(m.Body) != nil {
		p.t.Fatalf("got %v %q, %v; want a Notice", m.Command, m.Body, err)
	}
	if notice.Code != code || notice.Text == "" {
		p.t.Fatalf("got notice %v %q, want %v", notice.Code, notice.Text, code)
	}
	if m, err := p.next(); err != io.EOF {
		p.t.Fatalf("after the notice came %v, %v", m.Command, err)
	}
}

func (p *peer) echoes() {
	p.t.Helper()
	p.send(echoes, 7, "hello")
	p.expect(echoes.Reply(), 7, "\x00hello")
}

// eventually waits until ok says so; a test that waits in vain fails.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s did not happen", what)
}

// queue is a sink whose outbox is posted when the test says so.
type queue struct {
	mu  sync.Mutex
	out *engine.Outbox
}

func (q *queue) Hold(s *engine.Session, frames []byte, answered int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out.Append(s, frames, answered)
}

func (q *queue) HoldClose(s *engine.Session, reason engine.Reason) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out.Close(s, reason)
}

func (q *queue) post() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out.Post()
}
