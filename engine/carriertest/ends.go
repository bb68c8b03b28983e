package carriertest

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

func panicCostsOneSession(t *testing.T, start New) {
	s := start.serve(t, engine.Config{}, Options{})
	p, other := Dial(t, s.Addr), Dial(t, s.Addr)
	other.Echoes(OnLane)
	p.MustWrite(append(append(Frame(OnLane, 1, "before"), Frame(Panics, 2, "")...), Frame(OnLane, 3, "after")...))
	p.Expect(OnLane.Reply(), 1, "\x00before")
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_INTERNAL)
	other.Echoes(OnLane)
	if n := s.Stats.Panics.Load(); n != 1 {
		t.Errorf("%d panics counted", n)
	}
}

func connectionLimit(t *testing.T, start New) {
	s := start.serve(t, engine.Config{Limits: engine.Limits{MaxConnections: 2}}, Options{})
	a, b := Dial(t, s.Addr), Dial(t, s.Addr)
	a.Echoes(OnLane)
	b.Echoes(OnLane)
	expectFull(t, s.Addr)
	a.Echoes(OnLane)
	b.Close()
	Eventually(t, "room for another", func() bool { return s.Len() == 1 })
	Dial(t, s.Addr).Echoes(OnLane)
	if n := s.Stats.Closes(engine.ReasonTooManyConnections); n != 1 {
		t.Errorf("%d refusals counted", n)
	}
}

func sessionsAreFoundOnlyWhileOpen(t *testing.T, start New) {
	opened, closed := make(chan *engine.Session, 1024), make(chan engine.Reason, 16)
	s := start.serve(t, engine.Config{
		OnOpen:  func(s *engine.Session) { opened <- s },
		OnClose: func(_ *engine.Session, reason engine.Reason) { closed <- reason },
	}, Options{})
	p := Dial(t, s.Addr)
	first := <-opened
	if got, ok := s.Find(first.ID()); !ok || got != first || first.RemoteAddr().String() != p.LocalAddr().String() {
		t.Fatalf("found %v, %v at %v", got, ok, first.RemoteAddr())
	}
	p.Close()
	if reason := <-closed; reason != engine.ReasonPeerClosed {
		t.Errorf("closed as %v", reason)
	}
	Dial(t, s.Addr)
	second := <-opened
	if first.ID() != 1 || second.ID() != 2 {
		t.Errorf("the first sessions are %d and %d", first.ID(), second.ID())
	}
	if _, ok := s.Find(first.ID()); ok {
		t.Error("the old id finds the new session")
	}
}

func closeAllSendsReason(t *testing.T, start New) {
	limits := engine.Limits{FirstFrameTime: time.Hour} // 300 handshakes take a while
	s := start.serve(t, engine.Config{Limits: limits}, Options{})
	var peers []*Peer
	for range 300 {
		peers = append(peers, Dial(t, s.Addr))
	}
	Eventually(t, "all sessions", func() bool { return s.Len() == len(peers) })
	s.CloseAll(engine.ReasonUnavailable)
	for _, p := range peers {
		p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_UNAVAILABLE)
		p.Close()
	}
	Eventually(t, "the end of all sessions", func() bool { return s.Len() == 0 })
	if n := s.Stats.Closes(engine.ReasonUnavailable); n != uint64(len(peers)) {
		t.Errorf("%d sessions counted", n)
	}
}

func peerThatNeverClosesIsClosed(t *testing.T, start New) {
	s := start.serve(t, engine.Config{Limits: engine.Limits{Linger: 20 * time.Millisecond}}, Options{})
	p := Dial(t, s.Addr)
	p.MustWrite([]byte{0, 0, 0, 1})
	Eventually(t, "the close", func() bool { return s.Stats.Closes(engine.ReasonMalformed) == 1 && s.Len() == 0 })
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED) // it was not lost
}

func drainAnswersWhatWasRead(t *testing.T, start New) {
	unblock, started := make(chan struct{}), make(chan struct{})
	router := Router(func(c *engine.Context) { close(started); <-unblock; c.Reply(codec.ResultOK, nil) })
	drained := false
	s := start.serve(t, engine.Config{Router: router}, Options{
		OnDrain: func(context.Context) error { drained = true; return nil },
	})
	p, idle := Dial(t, s.Addr), Dial(t, s.Addr)
	idle.Echoes(OnLane)
	all := Frame(Special, 0, "")
	for i := range uint64(50) {
		all = append(all, Frame(OnLane, 1+i, "")...)
	}
	p.MustWrite(all)
	<-started
	read := s.Traffic().Requests - 1 // but for that of idle
	if err := s.Serving(); err != nil {
		t.Error("before the stop:", err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop() }()
	Eventually(t, "the end of listening", func() bool { return refuses(plainAddress(s.Addr)) })
	if err := s.Serving(); !errors.Is(err, engine.ErrStopping) {
		t.Errorf("connections are refused, but Serving is %v", err)
	}
	close(unblock)
	for i := uint64(0); ; i++ {
		m, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		if m.Command == codec.PushNotice && i >= read {
			break
		}
		if m.ID != i || m.Command == codec.PushNotice {
			t.Fatalf("reply %d is %v %d", i, m.Command, m.ID)
		}
	}
	idle.ExpectNotice(pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN)
	idle.Close()
	p.Close()
	if err := <-stopped; err != nil || !drained {
		t.Fatalf("stopped with %v, OnDrain called: %v", err, drained)
	}
}

// refuses reports whether a server accepts no more sessions: its port is closed, or it
// sends a Notice to a client that has sent nothing.
func refuses(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return true
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, err = conn.Read(make([]byte, 1))
	var timeout net.Error
	return !errors.As(err, &timeout) || !timeout.Timeout()
}

func drainEndsInTime(t *testing.T, start New) {
	unblock, started := make(chan struct{}), make(chan struct{})
	core := NewCore(t, engine.Config{Router: Router(func(*engine.Context) { close(started); <-unblock })})
	carrier := start.carrier(t, core, Options{Drain: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- carrier.Run(ctx) }()
	<-carrier.Booted()
	Dial(t, carrier.Addrs()[0]).Send(Special, 1, "")
	<-started
	cancel()
	if err := <-ended; !errors.Is(err, engine.ErrDrainTimeout) {
		t.Errorf("got %v, want ErrDrainTimeout", err)
	}
	close(unblock)
	Eventually(t, "the end of the session", func() bool { return core.Len() == 0 })
	if err := core.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func portInUse(t *testing.T, start New) {
	s := start.serve(t, engine.Config{}, Options{})
	second := NewCore(t, engine.Config{})
	defer second.Close(context.Background())
	_, err := start(second, Options{Address: plainAddress(s.Addr)})
	var listen *engine.ListenError
	if !errors.Is(err, syscall.EADDRINUSE) || !errors.As(err, &listen) || listen.Address != plainAddress(s.Addr) {
		t.Fatalf("got %v, want address in use", err)
	}
}

func portIsFreeRightAfterAStop(t *testing.T, start New) {
	first := start.serve(t, engine.Config{}, Options{})
	p := Dial(t, first.Addr)
	p.Echoes(OnLane)
	if err := first.Stop(); err != nil { // the server closes first and keeps the connection in TIME_WAIT
		t.Fatal(err)
	}
	second := start.serve(t, engine.Config{}, Options{Address: plainAddress(first.Addr)})
	Dial(t, second.Addr).Echoes(OnLane)
}

// expectFull connects to a server that has all the connections it may have. A TLS client gets no
// Notice, but an alert.
func expectFull(t *testing.T, addr string) {
	t.Helper()
	p := Dial(t, addr)
	if !strings.HasPrefix(addr, TLSPrefix) {
		p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS)
		return
	}
	if _, err := p.Next(); err == nil || !strings.Contains(err.Error(), "handshake failure") {
		t.Errorf("%v, want an alert", err)
	}
}
