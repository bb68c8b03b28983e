package goconn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"

	"holdfast/codec"
	"holdfast/codec/chat"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
	"holdfast/perf/goconn"
)

// eachStyle runs a test for every style.
func eachStyle(t *testing.T, test func(*testing.T, goconn.Style)) {
	t.Helper()
	for _, style := range goconn.Styles() {
		t.Run(string(style), func(t *testing.T) { test(t, style) })
	}
}

// newServer makes a server of a style for the conformance suite.
func newServer(style goconn.Style) carriertest.New {
	return func(core *engine.Core, o carriertest.Options) (carriertest.Carrier, error) {
		return goconn.New(core, goconn.Config{
			Style: style, Listen: o.Address, Drain: o.Drain, OnDrain: o.OnDrain, Log: slog.New(slog.DiscardHandler),
		})
	}
}

// serve runs a server of a style until the end of the test.
func serve(t testing.TB, core *engine.Core, style goconn.Style) *carriertest.Server {
	t.Helper()
	server, err := newServer(style)(core, carriertest.Options{Address: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	return carriertest.Serve(t, core, server)
}

func TestCarrier(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) { carriertest.Run(t, newServer(style)) })
}

// The number of messages that wait for a session is limited too, not only their bytes.
func TestFullChannelIsCut(t *testing.T) {
	opened := make(chan *engine.Session, 1)
	core := carriertest.NewCore(t, engine.Config{
		Limits: engine.Limits{OutboundHardBytes: 1 << 30},
		OnOpen: func(s *engine.Session) { opened <- s },
	})
	r := serve(t, core, goconn.ReadWriter)
	carriertest.Dial(t, r.Addr)
	session, out := <-opened, core.NewOutbox()
	push := codec.Raw(make([]byte, 64<<10))
	for range 600 {
		out.Push(session, codec.PushExecution, 0, push)
		out.Post()
	}
	carriertest.Eventually(t, "the cut", func() bool { return r.Stats.Closes(engine.ReasonSlowConsumer) == 1 })
}

// Connections that arrive while no descriptor is free are served later.
func TestOutOfDescriptors(t *testing.T) {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		r := serve(t, carriertest.NewCore(t, engine.Config{}), style)
		p := carriertest.Dial(t, r.Addr)
		p.Echoes(carriertest.OnLane)
		waiting, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(waiting)
		at := net.TCPAddrFromAddrPort(p.RemoteAddr().(*net.TCPAddr).AddrPort())
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: was.Max}); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was)
		if err := syscall.Connect(waiting, &syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		p.Echoes(carriertest.OnLane) // the server still works
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		carriertest.Eventually(t, "the second session", func() bool { return r.Len() == 2 })
	})
}

// A listener of another dialect reads its frames, whatever the style.
func TestOtherDialect(t *testing.T) {
	router := engine.NewRouter(carriertest.Echo)
	router.Handle(codec.CommandChat, engine.OnLane, func(c *engine.Context) {
		c.Reply(codec.ResultOK, &pb.ChatReply{Count: uint32(len(c.Message.Body))})
	})
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		core := carriertest.NewCore(t, engine.Config{Router: router})
		server, err := goconn.New(core, goconn.Config{Style: style, Listen: "127.0.0.1:0", Dialect: chat.Dialect{}})
		if err != nil {
			t.Fatal(err)
		}
		r := carriertest.Serve(t, core, server)
		conn, err := net.Dial("tcp", r.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		b := chat.AppendFrame(nil, chat.Frame{Type: chat.TypeMessage, Text: "hello"})
		b = chat.AppendFrame(b, chat.Frame{Type: chat.TypeMessage, Text: "you"})
		if _, err := conn.Write(append(b, 0, 4, 1, 0)); err != nil { // then a length that is too short
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(conn)
		var texts []string
		for f, used, err := chat.ParseFrame(answer); used > 0 && err == nil; f, used, err = chat.ParseFrame(answer) {
			texts, answer = append(texts, f.Text), answer[used:]
		}
		if len(texts) != 3 || texts[0] != "7" || texts[1] != "5" {
			t.Errorf("answers %q, want the lengths of two requests and why the server closes", texts)
		}
	})
}

func TestUnknownStyle(t *testing.T) {
	core := carriertest.NewCore(t, engine.Config{})
	defer core.Close(context.Background())
	if _, err := goconn.New(core, goconn.Config{Style: "fast", Listen: "127.0.0.1:0"}); !errors.Is(err, goconn.ErrStyle) {
		t.Errorf("got %v, want %v", err, goconn.ErrStyle)
	}
}

func ExampleNew() {
	router := engine.NewRouter(func(c *engine.Context) { c.Reply(codec.ResultOK, nil) })
	core, err := engine.NewCore(engine.Config{Router: router, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := goconn.New(core, goconn.Config{Style: goconn.Buffered, Listen: "127.0.0.1:0"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- server.Run(ctx) }()
	<-server.Booted()

	conn, _ := net.Dial("tcp", server.Addrs()[0])
	_, _ = conn.Write(codec.AppendRequest(nil, codec.CommandSubmit, 1, codec.Raw("hello")))
	reply := make([]byte, 14)
	_, _ = conn.Read(reply)
	fmt.Printf("%x\n", reply)
	conn.Close()

	stop()
	fmt.Println(<-ended, core.Close(context.Background()))
	// Output:
	// 0000000e82000000000000000100
	// <nil> <nil>
}
