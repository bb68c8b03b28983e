package engine_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// ants keeps a pool of its own from its start on, which is not ours to stop.
func TestMain(m *testing.M) {
	if limit := os.Getenv(fewDescriptors); limit != "" {
		if err := serveWithFew(limit); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

// Commands of the tests.
const (
	onLane  codec.Command = 0x10
	onLoop  codec.Command = 0x11
	offLane codec.Command = 0x12
	panics  codec.Command = 0x13
	special codec.Command = 0x14
)

func echo(c *engine.Context) {
	frame := codec.AppendHeader(nil, c.Message.Command.Reply(), c.Message.ID, 1+len(c.Message.Body))
	c.Frames(append(append(frame, 0), c.Message.Body...))
}

// testRouter echoes on lane, loop and off the lane, panics on request, and gives
// special to h.
func testRouter(t testing.TB, h engine.Handler) *engine.Router {
	t.Helper()
	r := engine.NewRouter(func(c *engine.Context) { c.Result(codec.ResultUnknownCommand) })
	for _, route := range []struct {
		cmd   codec.Command
		class engine.Class
		h     engine.Handler
	}{
		{onLane, engine.OnLane, echo}, {onLoop, engine.OnLoop, echo}, {offLane, engine.OffLane, echo},
		{panics, engine.OnLane, func(*engine.Context) { panic("boom") }}, {special, engine.OnLane, h},
	} {
		if err := r.Handle(route.cmd, route.class, route.h); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// running is a core with a reactor that serves.
type running struct {
	*engine.Core
	addr string
	stop func() error
}

func newCore(t testing.TB, config engine.Config) *engine.Core {
	t.Helper()
	if config.Router == nil {
		config.Router = testRouter(t, echo)
	}
	if config.Overloaded == nil {
		config.Overloaded = func(c *engine.Context) { c.Result(codec.ResultOverloaded) }
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	core, err := engine.NewCore(config)
	if err != nil {
		t.Fatal(err)
	}
	return core
}

func serve(t testing.TB, core *engine.Core, config engine.ReactorConfig) *running {
	t.Helper()
	if config.Listen == "" {
		config.Listen = "127.0.0.1:0"
	}
	reactor, err := core.NewReactor(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reactor.Run(ctx) }()
	<-reactor.Booted()
	stopped := false
	r := &running{Core: core, addr: reactor.Addr()}
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		err := <-ended
		closing, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		return errors.Join(err, core.Close(closing))
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return r
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
	return wrap(t, conn)
}

// dialNarrow is dial with a receive buffer of 1 MiB, where the system might
// otherwise take all that the server writes. It is set before the connect: to
// narrow what the other side was promised already costs packets, and seconds.
func dialNarrow(t testing.TB, addr string) *peer {
	t.Helper()
	narrow := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if failed := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
		}); failed != nil {
			return failed
		}
		return err
	}}
	conn, err := narrow.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return wrap(t, conn)
}

func wrap(t testing.TB, conn net.Conn) *peer {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	return &peer{Conn: conn, t: t, in: bufio.NewReaderSize(conn, 1<<16)}
}

func (p *peer) send(cmd codec.Command, id uint64, body string) {
	p.t.Helper()
	p.write(codec.AppendMessage(nil, codec.Message{Command: cmd, ID: id, Body: []byte(body)}))
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
		p.t.Fatalf("got %v %d %q, want %v %d %q", m.Command, m.ID, m.Body, cmd, id, body)
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

func (p *peer) echoes(cmd codec.Command) {
	p.t.Helper()
	p.send(cmd, 7, "hello")
	p.expect(cmd.Reply(), 7, "\x00hello")
}

// patience is how long a test waits for what must come; only a failing test waits
// that long.
const patience = time.Minute

// eventually waits until ok says so; a test that waits in vain fails.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s did not happen", what)
}
