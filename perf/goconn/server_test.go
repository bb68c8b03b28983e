package goconn_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/perf/goconn"
)

func TestRepliesKeepTheOrderOfRequests(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		r := serve(t, newCore(t, engine.Config{}), goconn.Config{Style: style})
		const sessions, requests = 8, 2000
		var wg sync.WaitGroup
		for range sessions {
			p := dial(t, r.addr)
			wg.Go(func() {
				wg.Go(func() {
					for i := range uint64(requests) {
						p.send([]codec.Command{echoes, codec.CommandHeartbeat, 0x3F}[i%3], i, "")
					}
				})
				for i := range uint64(requests) {
					if m, err := p.next(); err != nil || m.ID != i {
						t.Errorf("reply %d has id %d, %v", i, m.ID, err)
						return
					}
				}
			})
		}
		wg.Wait()
		const frames, replies = sessions * requests * codec.PacketHeaderLen, sessions * requests * (codec.PacketHeaderLen + 1)
		want := engine.Traffic{Requests: sessions * requests, Replies: sessions * requests, BytesIn: frames, BytesOut: replies}
		if got := r.Traffic(); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	})
}

func TestFramesInPieces(t *testing.T) {
	large := strings.Repeat("large", 20_000)
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		r := serve(t, newCore(t, engine.Config{}), goconn.Config{Style: style})
		p := dial(t, r.addr)
		all := frame(echoes, 1, "small")
		all = append(all, frame(echoes, 2, large)...)
		all = append(all, frame(echoes, 3, "")...)
		all = append(all, frame(echoes, 4, "last")...)
		random := rand.New(rand.NewPCG(1, 2))
		for i := 0; i < len(all); {
			n := 1
			if i > 40 && i < len(all)-40 { // the ends byte by byte
				n = min(1+random.IntN(9000), len(all)-i)
			}
			p.write(all[i : i+n])
			i += n
		}
		p.expect(echoes.Reply(), 1, "\x00small")
		p.expect(echoes.Reply(), 2, "\x00"+large)
		p.expect(echoes.Reply(), 3, "\x00")
		p.expect(echoes.Reply(), 4, "\x00last")
		f := frame(echoes, 6, "whole")
		p.write(append(frame(echoes, 5, "first"), f[:len(f)-1]...))
		p.expect(echoes.Reply(), 5, "\x00first") // does not wait for the next
		p.write(f[len(f)-1:])
		p.expect(echoes.Reply(), 6, "\x00whole")
	})
}

func TestBadLengths(t *testing.T) {
	const malformed, large = pb.NoticeCode_NOTICE_CODE_MALFORMED, pb.NoticeCode_NOTICE_CODE_TOO_LARGE
	tests := []struct {
		name   string
		header string
		notice pb.NoticeCode
	}{
		{"below a header", "\x00\x00\x00\x0c", malformed},
		{"over the maximum", "\x00\x00\x10\x01", large},
		{"4 GiB", "\xff\xff\xff\xff", large},
		{"with much behind it", "\x00\x00\x00\x02" + strings.Repeat("x", 50_000), malformed},
	}
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		limits := engine.Limits{MaxFrameBytes: 4096, Linger: time.Hour} // the end that the peers see is no time-out
		r := serve(t, newCore(t, engine.Config{Limits: limits}), goconn.Config{Style: style})
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				p := dial(t, r.addr)
				p.write(append(frame(echoes, 1, "good"), tt.header...))
				p.expect(echoes.Reply(), 1, "\x00good")
				p.expectNotice(tt.notice)
				p.Close()
			})
		}
		eventually(t, "the end of all sessions", func() bool { return r.Len() == 0 })
		if n := r.Stats.Closes(engine.ReasonTooLarge); n != 2 {
			t.Errorf("%d sessions counted as too large, want 2", n)
		}
	})
}

func TestTruncatedFrameChangesNothing(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		called := make(chan string, 1)
		router := testRouter(t, func(c *engine.Context) { called <- string(c.Message.Body) })
		r := serve(t, newCore(t, engine.Config{Router: router}), goconn.Config{Style: style})
		p := dial(t, r.addr)
		f := frame(special, 1, "never")
		p.write(f[:len(f)-1])
		p.Close()
		eventually(t, "the close", func() bool { return r.Stats.Closes(engine.ReasonPeerClosed) == 1 })
		dial(t, r.addr).echoes()
		if len(called) > 0 {
			t.Errorf("the truncated frame %q was executed", <-called)
		}
	})
}

func TestPanicCostsOneSession(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		r := serve(t, newCore(t, engine.Config{}), goconn.Config{Style: style})
		p, other := dial(t, r.addr), dial(t, r.addr)
		other.echoes()
		p.write(append(append(frame(echoes, 1, "before"), frame(panics, 2, "")...), frame(echoes, 3, "after")...))
		p.expect(echoes.Reply(), 1, "\x00before")
		p.expectNotice(pb.NoticeCode_NOTICE_CODE_INTERNAL)
		other.echoes()
	})
}

func TestConnectionLimit(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		r := serve(t, newCore(t, engine.Config{Limits: engine.Limits{MaxConnections: 2}}), goconn.Config{Style: style})
		a, b := dial(t, r.addr), dial(t, r.addr)
		a.echoes()
		b.echoes()
		dial(t, r.addr).expectNotice(pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS)
		a.echoes()
		b.Close()
		eventually(t, "room for another", func() bool { return r.Len() == 1 })
		dial(t, r.addr).echoes()
	})
}

func TestRepliesQueueBehindADeferredOne(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		sink := new(queue)
		deferred := make(chan struct{}, 1)
		router := testRouter(t, func(c *engine.Context) {
			c.Defer()
			sink.Hold(c.Session, codec.AppendResult(nil, c.Message, codec.ResultOK), 1)
			deferred <- struct{}{}
		})
		core := newCore(t, engine.Config{Router: router, Sink: sink})
		sink.out = core.NewHoldingOutbox()
		r := serve(t, core, goconn.Config{Style: style})
		p, other := dial(t, r.addr), dial(t, r.addr)
		p.write(append(append(frame(echoes, 1, "a"), frame(special, 2, "")...), frame(echoes, 3, "c")...))
		<-deferred
		other.echoes() // another session does not wait
		p.expect(echoes.Reply(), 1, "\x00a")
		sink.post()
		p.expect(special.Reply(), 2, "\x00")
		p.send(echoes, 4, "d")
		eventually(t, "all replies", func() bool { sink.post(); return r.Traffic().Replies == 5 })
		p.expect(echoes.Reply(), 3, "\x00c")
		p.expect(echoes.Reply(), 4, "\x00d")
	})
}

// Deferred and direct replies alternate while another goroutine releases the
// deferred ones at any time.
func TestDeferredRepliesKeepTheOrder(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		sink := new(queue)
		router := testRouter(t, func(c *engine.Context) {
			c.Defer()
			sink.Hold(c.Session, codec.AppendResult(nil, c.Message, codec.ResultOK), 1)
			sink.Hold(c.Session, frame(codec.PushExecution, c.Message.ID, ""), 0)
		})
		core := newCore(t, engine.Config{Router: router, Sink: sink})
		sink.out = core.NewHoldingOutbox()
		r := serve(t, core, goconn.Config{Style: style})
		p := dial(t, r.addr)
		const requests = 20_000
		answered := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-answered:
					return
				default:
					sink.post()
				}
			}
		})
		wg.Go(func() {
			var all []byte
			for i := range uint64(requests) {
				all = append(all, frame([]codec.Command{special, echoes, codec.CommandHeartbeat}[i%3], i, "")...)
			}
			p.write(all)
		})
		for i := uint64(0); i < requests; {
			m, err := p.next()
			if err != nil || m.Command.IsReply() && m.ID != i {
				t.Errorf("reply %d has id %d, %v", i, m.ID, err)
				break
			}
			if m.Command.IsReply() {
				i++
			}
		}
		close(answered)
		wg.Wait()
	})
}

func TestNoticeQueuesBehindADeferredReply(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		sink := new(queue)
		deferred := make(chan struct{}, 1)
		router := testRouter(t, func(c *engine.Context) {
			c.Defer()
			sink.Hold(c.Session, codec.AppendResult(nil, c.Message, codec.ResultOK), 1)
			deferred <- struct{}{}
		})
		core := newCore(t, engine.Config{Router: router, Sink: sink})
		sink.out = core.NewHoldingOutbox()
		r := serve(t, core, goconn.Config{Style: style})
		for i, end := range [][]byte{{0, 0, 0, 3}, frame(panics, 0, "")} {
			p := dial(t, r.addr)
			p.send(special, 1, "")
			<-deferred
			p.write(end)
			eventually(t, "the end in the queue", func() bool { sink.mu.Lock(); defer sink.mu.Unlock(); return sink.out.Len() == 2 })
			sink.post()
			p.expect(special.Reply(), 1, "\x00")
			p.expectNotice([]pb.NoticeCode{pb.NoticeCode_NOTICE_CODE_MALFORMED, pb.NoticeCode_NOTICE_CODE_INTERNAL}[i])
		}
	})
}

func TestPushesReachInTheirOrder(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		opened := make(chan *engine.Session, 2)
		core := newCore(t, engine.Config{OnOpen: func(s *engine.Session) { opened <- s }})
		r := serve(t, core, goconn.Config{Style: style})
		a, b := dial(t, r.addr), dial(t, r.addr)
		sessions := []*engine.Session{<-opened, <-opened}
		const posts = 5000
		out := core.NewOutbox()
		for i := range uint64(posts) {
			for _, s := range sessions {
				out.Append(s, frame(codec.PushExecution, i, "push"), 0)
			}
			out.Post()
		}
		for i := range uint64(posts) {
			a.expect(codec.PushExecution, i, "push")
			b.expect(codec.PushExecution, i, "push")
		}
		a.send(offLane, 1, "")
		a.expect(offLane.Reply(), 1, "\x00")
	})
}

// A peer that reads late gets all of it, in order, and then the end.
func TestWhatIsKeptArrives(t *testing.T) {
	big := strings.Repeat("x", 256<<10)
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		limits := engine.Limits{OutboundHardBytes: 64 << 20, Linger: time.Hour}
		r := serve(t, newCore(t, engine.Config{Limits: limits}), goconn.Config{Style: style})
		p := dial(t, r.addr)
		const requests = 100
		for i := range uint64(requests) {
			p.send(echoes, i, big)
		}
		p.write([]byte{0, 0, 0, 1}) // the end comes behind it
		eventually(t, "all replies", func() bool { return r.Traffic().Replies == requests })
		for i := range uint64(requests) {
			p.expect(echoes.Reply(), i, "\x00"+big)
		}
		p.expectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED)
	})
}

func TestSlowConsumerIsCut(t *testing.T) {
	big := make([]byte, 64<<10)
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		for _, name := range []string{"replies", "pushes"} {
			t.Run(name, func(t *testing.T) {
				opened := make(chan *engine.Session, 2)
				core := newCore(t, engine.Config{
					Router: testRouter(t, func(c *engine.Context) {
						c.Frames(codec.AppendMessage(nil, codec.Message{Command: special.Reply(), ID: c.Message.ID, Body: big}))
					}),
					Limits: engine.Limits{OutboundHardBytes: 256 << 10},
					OnOpen: func(s *engine.Session) { opened <- s },
				})
				r := serve(t, core, goconn.Config{Style: style})
				p, other := dial(t, r.addr), dial(t, r.addr)
				if err := p.Conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
					t.Fatal(err)
				}
				session := <-opened
				out := core.NewOutbox()
				for i := range uint64(200) { // 12.5 MiB, none of it read
					if name == "pushes" {
						out.Append(session, codec.AppendMessage(nil, codec.Message{Command: codec.PushExecution, ID: i, Body: big}), 0)
						out.Post()
					} else if _, err := p.Write(frame(special, i, "")); err != nil {
						break
					}
				}
				eventually(t, "the cut", func() bool { return r.Stats.Closes(engine.ReasonSlowConsumer) == 1 })
				other.echoes()
			})
		}
	})
}

// However many bytes a session may keep: it has room for so many messages.
func TestFullChannelIsCut(t *testing.T) {
	opened := make(chan *engine.Session, 1)
	core := newCore(t, engine.Config{
		Limits: engine.Limits{OutboundHardBytes: 1 << 30},
		OnOpen: func(s *engine.Session) { opened <- s },
	})
	r := serve(t, core, goconn.Config{Style: goconn.ReadWriter})
	dial(t, r.addr)
	session, out := <-opened, core.NewOutbox()
	push := codec.AppendMessage(nil, codec.Message{Command: codec.PushExecution, Body: make([]byte, 64<<10)})
	for range 600 {
		out.Append(session, push, 0)
		out.Post()
	}
	eventually(t, "the cut", func() bool { return r.Stats.Closes(engine.ReasonSlowConsumer) == 1 })
}

func TestDrainAnswersWhatWasRead(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		unblock, started := make(chan struct{}), make(chan struct{}, 1)
		router := testRouter(t, func(c *engine.Context) { started <- struct{}{}; <-unblock; c.Result(codec.ResultOK) })
		drained := false
		r := serve(t, newCore(t, engine.Config{Router: router}), goconn.Config{
			Style: style, OnDrain: func(context.Context) error { drained = true; return nil },
		})
		p, idle := dial(t, r.addr), dial(t, r.addr)
		idle.echoes()
		all := frame(special, 0, "")
		for i := range uint64(50) {
			all = append(all, frame(echoes, 1+i, "")...)
		}
		p.write(all)
		<-started
		read := r.Traffic().Requests - 1
		stopped := make(chan error, 1)
		go func() { stopped <- r.stop() }()
		eventually(t, "the end of listening", func() bool {
			conn, err := net.Dial("tcp", r.addr)
			if err == nil {
				conn.Close()
			}
			return err != nil
		})
		close(unblock)
		for i := uint64(0); ; i++ {
			m, err := p.next()
			if err != nil {
				t.Fatal(err)
			}
			if m.Command == codec.PushNotice && i >= read {
				break
			}
			if m.ID != i {
				t.Fatalf("reply %d is %v %d", i, m.Command, m.ID)
			}
		}
		idle.expectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
		if err := <-stopped; err != nil || !drained {
			t.Fatalf("stopped with %v, OnDrain called: %v", err, drained)
		}
	})
}

func TestDrainEndsInTime(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		unblock, started := make(chan struct{}), make(chan struct{}, 1)
		router := testRouter(t, func(*engine.Context) { started <- struct{}{}; <-unblock })
		core := newCore(t, engine.Config{Router: router})
		server, err := goconn.New(core, goconn.Config{Style: style, Listen: "127.0.0.1:0", Drain: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- server.Run(ctx) }()
		<-server.Booted()
		dial(t, server.Addr()).send(special, 1, "")
		<-started
		cancel()
		if err := <-ended; !errors.Is(err, engine.ErrDrainTimeout) {
			t.Errorf("got %v, want ErrDrainTimeout", err)
		}
		close(unblock)
		eventually(t, "the end of the session", func() bool { return core.Len() == 0 })
		if err := core.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseAllTellsWhy(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		r := serve(t, newCore(t, engine.Config{}), goconn.Config{Style: style})
		peers := make([]*peer, 300)
		for i := range peers {
			peers[i] = dial(t, r.addr)
		}
		eventually(t, "all sessions", func() bool { return r.Len() == len(peers) })
		r.CloseAll(engine.ReasonUnavailable)
		for _, p := range peers {
			p.expectNotice(pb.NoticeCode_NOTICE_CODE_UNAVAILABLE)
			p.Close()
		}
		eventually(t, "the end of all sessions", func() bool { return r.Len() == 0 })
		if n := r.Stats.Closes(engine.ReasonUnavailable); n != uint64(len(peers)) {
			t.Errorf("%d sessions counted", n)
		}
	})
}

func TestPeerThatNeverClosesIsClosed(t *testing.T) {
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		core := newCore(t, engine.Config{Limits: engine.Limits{Linger: 20 * time.Millisecond}})
		r := serve(t, core, goconn.Config{Style: style})
		p := dial(t, r.addr)
		p.write([]byte{0, 0, 0, 1})
		eventually(t, "the close", func() bool { return r.Stats.Closes(engine.ReasonMalformed) == 1 && r.Len() == 0 })
		p.expectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED)
	})
}

// Connections that come while descriptors are short are served when there are
// some again.
func TestOutOfDescriptors(t *testing.T) {
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	eachStyle(t, func(t *testing.T, style goconn.Style) {
		r := serve(t, newCore(t, engine.Config{}), goconn.Config{Style: style})
		p := dial(t, r.addr)
		p.echoes()
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
		p.echoes() // the server goes on
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the second session", func() bool { return r.Len() == 2 })
	})
}

func TestNew(t *testing.T) {
	core := newCore(t, engine.Config{})
	defer core.Close(context.Background())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	tests := []struct {
		name   string
		config goconn.Config
		want   error
	}{
		{"unknown style", goconn.Config{Style: "fast", Listen: "127.0.0.1:0"}, goconn.ErrStyle},
		{"port in use", goconn.Config{Style: goconn.Pooled, Listen: l.Addr().String()}, syscall.EADDRINUSE},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := goconn.New(core, tt.config); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func ExampleNew() {
	router := engine.NewRouter(func(c *engine.Context) { c.Result(codec.ResultOK) })
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

	conn, _ := net.Dial("tcp", server.Addr())
	_, _ = conn.Write(codec.AppendMessage(nil, codec.Message{Command: codec.CommandSubmit, ID: 1, Body: []byte("hello")}))
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
