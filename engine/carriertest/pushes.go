package carriertest

import (
	"strings"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// Pushes to a session, to an audience, and droppable ones: each session gets all of them,
// in the order in which they were posted.
func pushesReachInTheirOrder(t *testing.T, start New) {
	opened := make(chan *engine.Session, 1024)
	s := start.serve(t, engine.Config{OnOpen: func(s *engine.Session) { opened <- s }}, Options{})
	peers := []*Peer{Dial(t, s.Addr), Dial(t, s.Addr), Dial(t, s.Addr)}
	var all engine.Audience
	for range peers {
		all.Add(<-opened, len(peers))
	}
	const posts = 1500
	out, to := s.NewOutbox(), all.Append(nil)
	for i := range uint64(posts) {
		for _, session := range to {
			out.Push(session, codec.PushExecution, i, codec.Raw("one"))
		}
		out.PushTo(&all, codec.PushChatMessage, i, codec.Raw("all"))
		out.PushDroppable(to, 1, codec.PushQuote, codec.Raw("quote"))
		if i%3 != 0 {
			out.Post()
		}
	}
	out.Post()
	for _, p := range peers {
		for i := range uint64(posts) {
			p.Expect(codec.PushExecution, i, "one")
			p.Expect(codec.PushChatMessage, i, "all")
			p.Expect(codec.PushQuote, 0, "quote")
		}
		p.Echoes(OffLane)
	}
}

// A peer that reads late gets everything in order, and then the close.
func whatIsKeptArrives(t *testing.T, start New) {
	big := strings.Repeat("x", 256<<10)
	limits := wideLimits()
	limits.Linger = Patience
	s := start.serve(t, engine.Config{Limits: limits}, Options{})
	p := Dial(t, s.Addr)
	const requests = 100
	for i := range uint64(requests) {
		p.Send(OnLane, i, big)
	}
	p.MustWrite([]byte{0, 0, 0, 1}) // the close comes after it
	Eventually(t, "all replies", func() bool { return s.Traffic().Replies == requests })
	for i := range uint64(requests) {
		p.Expect(OnLane.Reply(), i, "\x00"+big)
	}
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_MALFORMED)
}

func slowConsumerIsCut(t *testing.T, start New) {
	const messages = 400 // 25 MiB, none of it read
	big := codec.Raw(strings.Repeat("x", 64<<10))
	limits := wideLimits()
	limits.OutboundSoftBytes, limits.OutboundHardBytes, limits.Linger = 0, 256<<10, 1
	limits.OutboundSoftTime = 100 * time.Millisecond // replies may wait that long to be read
	for _, tt := range []struct {
		name string
		pour func(*engine.Session, *engine.Outbox, *Peer)
	}{
		{"replies", func(_ *engine.Session, _ *engine.Outbox, p *Peer) {
			for i := range uint64(messages) {
				if _, err := p.Write(Frame(Special, i, "")); err != nil {
					return // it is closed
				}
			}
		}},
		{"pushes", func(s *engine.Session, out *engine.Outbox, _ *Peer) {
			for i := range uint64(messages) {
				out.Push(s, codec.PushExecution, i, big)
				out.Post()
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			opened := make(chan *engine.Session, 1024)
			s := start.serve(t, engine.Config{
				Router: Router(func(c *engine.Context) { c.Reply(codec.ResultOK, big) }),
				Limits: limits, OnOpen: func(s *engine.Session) { opened <- s },
			}, Options{})
			p := DialNarrow(t, s.Addr)
			session := <-opened
			other := Dial(t, s.Addr)
			tt.pour(session, s.NewOutbox(), p)
			Eventually(t, "the cut", func() bool { return s.Stats.Closes(engine.ReasonSlowConsumer) == 1 })
			other.Echoes(OnLane)
		})
	}
}
