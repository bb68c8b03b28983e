package engine_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// halfClose ends the client's stream.
func halfClose(t *testing.T, p *peer) {
	t.Helper()
	if err := p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

// expectEnd expects the end of the server's stream.
func expectEnd(t *testing.T, p *peer) {
	t.Helper()
	if m, err := p.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("instead of the end: %v, %v", m.Command, err)
	}
}

// A client that ends its stream right after its requests gets all replies, and then the end.
func TestHalfClose(t *testing.T) {
	for name, cmd := range map[string]codec.Command{"lane": onLane, "loop": onLoop, "off the lane": offLane} {
		for _, n := range []int{1, 500} {
			t.Run(name, func(t *testing.T) {
				r := serve(t, newCore(t, engine.Config{Limits: engine.Limits{FramesPerEvent: 10}}), engine.ReactorConfig{Loops: 1})
				for range 20 {
					p := dial(t, r.Addr)
					p.MustWrite(frames(cmd, make([]string, n)...))
					halfClose(t, p)
					for range n {
						p.ExpectCommand(cmd.Reply())
					}
					expectEnd(t, p)
				}
				eventually(t, "the end of all", func() bool { return r.Len() == 0 })
				if got := r.Stats.Closes(engine.ReasonPeerClosed); got != 20 {
					t.Errorf("%d sessions counted as closed by their peers", got)
				}
			})
		}
	}
}

// Replies of any kind that come after the end of the client's stream reach it.
func TestHalfCloseBeforeTheReplies(t *testing.T) {
	var deferred carriertest.Deferred
	router := carriertest.Router(deferred.Defer)
	router.Handle(detaches, engine.OnLane, deferred.Detach)
	closed := make(chan engine.Reason, 8)
	r := serve(t, newCore(t, engine.Config{
		Router: router, OnClose: func(_ *engine.Session, reason engine.Reason) { closed <- reason },
	}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	p.MustWrite(append(frames(special, "", ""), frames(detaches, "")...))
	p.MustWrite([]byte{0, 0}) // the start of a frame
	eventually(t, "the requests", func() bool { return deferred.Len() == 3 })
	halfClose(t, p)
	dial(t, r.Addr).Echoes(onLoop) // the end was read
	select {
	case reason := <-closed:
		t.Fatalf("closed as %v before the replies", reason)
	default:
	}
	deferred.Answer(r.Core)
	p.Expect(special.Reply(), 0, "\x00")
	p.Expect(special.Reply(), 1, "\x00")
	p.Expect(detaches.Reply(), 0, "\x00")
	expectEnd(t, p)
	if reason := <-closed; reason != engine.ReasonPeerClosed {
		t.Errorf("closed as %v", reason)
	}
}

// Output that was unsent when the client ended its stream reaches it: gnet's buffer, what waits
// for a slow reader, and held requests.
func TestHalfCloseWithUnsentOutput(t *testing.T) {
	const all = 100
	l := newLibrary(t, 100<<10, engine.Limits{}, engine.ReactorConfig{})
	p := carriertest.DialNarrow(t, l.Addr)
	p.MustWrite(func() (b []byte) {
		for i := range all {
			b = append(b, codec.AppendRequest(nil, large, uint64(i), codec.Raw("r"))...)
		}
		return b
	}())
	eventually(t, "held requests", func() bool { return l.Load().Held == 1 && l.Load().UnsentBytes > 100<<10 })
	halfClose(t, p)
	dial(t, l.Addr).Echoes(onLoop) // the end was read
	for i := range uint64(all) {
		m, err := p.Next()
		if err != nil || m.ID != i || len(m.Body) != 1+100<<10 || string(m.Body[:3]) != "\x00r\x00" {
			t.Fatalf("reply %d: %v %d of %d bytes, %v", i, m.Command, m.ID, len(m.Body), err)
		}
	}
	expectEnd(t, p)
	eventually(t, "the end", func() bool { return l.Len() == 1 && l.Load() == engine.Load{} })
}

// A malformed frame before the end of the stream is answered, too.
func TestHalfCloseAfterAMalformedFrame(t *testing.T) {
	r := serve(t, newCore(t, engine.Config{}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	p.MustWrite(append(frames(onLane, "x"), 0, 0, 0, 1))
	halfClose(t, p)
	p.Expect(onLane.Reply(), 0, "\x00x")
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED)
}

// A client that has ended its stream and is gone, or does not read, does not stay.
func TestHalfClosedSessionsEnd(t *testing.T) {
	t.Run("gone", func(t *testing.T) {
		var deferred carriertest.Deferred
		r := serve(t, newCore(t, engine.Config{Router: carriertest.Router(deferred.Defer)}), engine.ReactorConfig{Loops: 1})
		p := dial(t, r.Addr)
		p.MustWrite(frames(special, make([]string, 3)...))
		eventually(t, "the requests", func() bool { return deferred.Len() == 3 })
		p.Close()
		dial(t, r.Addr).Echoes(onLoop)
		deferred.Answer(r.Core)
		eventually(t, "the end", func() bool { return r.Stats.Closes(engine.ReasonPeerClosed) >= 1 })
	})
	t.Run("reads nothing", func(t *testing.T) {
		l := newLibrary(t, 100<<10, engine.Limits{WriteStallTime: soon, OutboundSoftTime: time.Hour}, engine.ReactorConfig{Tick: tick})
		p := carriertest.DialNarrow(t, l.Addr)
		p.MustWrite(frames(large, make([]string, 1000)...))
		halfClose(t, p)
		eventually(t, "the cut", func() bool { return l.Stats.Closes(engine.ReasonWriteStall) == 1 && l.Len() == 0 })
		eventually(t, "no held requests", func() bool { return l.Load() == engine.Load{} })
	})
	t.Run("no reply comes", func(t *testing.T) {
		var deferred carriertest.Deferred
		r := serve(t, newCore(t, engine.Config{
			Router: carriertest.Router(deferred.Defer), Limits: engine.Limits{IdleTime: soon, Heartbeat: tick},
			OnOpen: func(s *engine.Session) { s.SetLoggedIn(true) },
		}), engine.ReactorConfig{Loops: 1, Tick: tick})
		p := dial(t, r.Addr)
		p.Send(special, 1, "")
		halfClose(t, p)
		m, err := p.Next()
		for err == nil && m.Command == codec.PushHeartbeat { // before the end was read
			m, err = p.Next()
		}
		if !errors.Is(err, io.EOF) {
			t.Fatalf("instead of the end: %v, %v", m.Command, err)
		}
	})
}

// A client that has ended its stream gets the reply to its login, however long the login waits.
func TestHalfCloseBeforeALoginReply(t *testing.T) {
	var deferred carriertest.Deferred
	var opened atomic.Int64
	r := serve(t, newCore(t, engine.Config{
		Router: carriertest.Router(deferred.Defer), Limits: engine.Limits{IdleTime: tick},
		OnOpen: func(s *engine.Session) { s.SetLoggingIn(opened.Add(1) == 1) },
	}), engine.ReactorConfig{Loops: 1, Tick: tick})
	waits := dial(t, r.Addr)
	waits.Send(special, 1, "")
	halfClose(t, waits)
	eventually(t, "the request", func() bool { return deferred.Len() == 1 })
	ends := dial(t, r.Addr) // after IdleTime
	ends.Send(special, 2, "")
	halfClose(t, ends)
	expectEnd(t, ends)
	deferred.Answer(r.Core)
	waits.ExpectCommand(special.Reply())
	expectEnd(t, waits)
}

// A stop waits for sessions whose clients have ended their stream.
func TestDrainOfHalfClosedSessions(t *testing.T) {
	var deferred carriertest.Deferred
	r := serve(t, newCore(t, engine.Config{Router: carriertest.Router(func(c *engine.Context) {
		deferred.Defer(c)
	})}), engine.ReactorConfig{Loops: 1})
	p := dial(t, r.Addr)
	big := strings.Repeat("x", 100)
	p.MustWrite(append(frames(onLane, big), frames(special, "")...))
	halfClose(t, p)
	p.Expect(onLane.Reply(), 0, "\x00"+big)
	eventually(t, "the request", func() bool { return deferred.Len() == 1 })
	if err := r.Stop(); err != nil { // nobody answers: the session gets the Notice
		t.Error(err)
	}
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	if r.Len() != 0 {
		t.Errorf("%d sessions after the stop", r.Len())
	}
}
