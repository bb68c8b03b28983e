package carriertest

import (
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// joining serves a feed that a session joins with the command Special. It gets the
// reply first, although a push is appended before the reply is posted.
func (n New) joining(t *testing.T, o engine.FeedOptions, wants func(uint32) bool) (*Server, *engine.Feed) {
	var feed *engine.Feed
	var core *engine.Core
	core = NewCore(t, engine.Config{Router: Router(func(c *engine.Context) {
		r := c.Defer()
		out := core.NewOutbox()
		out.Reply(r, codec.ResultOK, nil)
		feed.Join(out, c.Session, wants)
		feed.Append(1, codec.PushChatMessage, 0, codec.Raw(c.Message.Body))
		out.Post()
		out.Free()
	})})
	feed = core.NewFeed(o)
	return Serve(t, core, n.carrier(t, core, Options{})), feed
}

// join makes a new peer join; it gets the push with the name.
func join(t *testing.T, s *Server, name string) *Peer {
	t.Helper()
	p := Dial(t, s.Addr)
	p.Send(Special, 9, name)
	p.Expect(Special.Reply(), 9, "\x00")
	p.Expect(codec.PushChatMessage, 0, name)
	return p
}

// Each session gets what is appended after its join and before its end, in order.
func feedReachesAll(t *testing.T, start New) {
	for _, tt := range []struct {
		name    string
		options engine.FeedOptions
		wants   func(uint32) bool
	}{
		{"plain", engine.FeedOptions{}, nil},
		{"droppable", engine.FeedOptions{Droppable: true}, nil},
		{"filtered", engine.FeedOptions{}, func(key uint32) bool { return key == 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, feed := start.joining(t, tt.options, tt.wants)
			const pushes = 1000
			push := func(from uint64) {
				for i := range uint64(pushes) {
					feed.Append(1, codec.PushChatMessage, from+i, codec.Raw("to all"))
					if tt.wants != nil {
						feed.Append(2, codec.PushChatMessage, from+i, codec.Raw("to nobody"))
					}
				}
			}
			expect := func(from uint64, peers ...*Peer) {
				for _, p := range peers {
					for i := range uint64(pushes) {
						p.Expect(codec.PushChatMessage, from+i, "to all")
					}
				}
			}
			a := join(t, s, "a")
			push(1)
			b := join(t, s, "b")
			push(10_000)
			expect(1, a)
			a.Expect(codec.PushChatMessage, 0, "b")
			expect(10_000, a, b)
			b.Echoes(OffLane)
			a.Close()
			Eventually(t, "the end of a", func() bool { return feed.Len() == 1 })
			push(20_000)
			expect(20_000, b)
		})
	}
}

func feedEndsWhereASessionLeaves(t *testing.T, start New) {
	var feed *engine.Feed
	var core *engine.Core
	core = NewCore(t, engine.Config{Router: Router(func(c *engine.Context) {
		feed.Leave(c.Session)
		feed.Leave(c.Session)
		c.Reply(codec.ResultOK, nil)
	}), OnOpen: func(s *engine.Session) {
		out := core.NewOutbox()
		feed.Join(out, s, nil)
		feed.Join(out, s, nil)
		out.Post()
		out.Free()
	}})
	feed = core.NewFeed(engine.FeedOptions{})
	s := Serve(t, core, start.carrier(t, core, Options{}))
	a, b := Dial(t, s.Addr), Dial(t, s.Addr)
	a.Echoes(OnLane)
	b.Echoes(OnLane)
	feed.Append(0, codec.PushChatMessage, 1, nil)
	a.Expect(codec.PushChatMessage, 1, "")
	b.Expect(codec.PushChatMessage, 1, "")
	a.Send(Special, 1, "")
	a.Expect(Special.Reply(), 1, "\x00")
	feed.Append(0, codec.PushChatMessage, 2, nil)
	b.Expect(codec.PushChatMessage, 2, "")
	a.Echoes(OffLane)
	feed.Append(0, codec.PushChatMessage, 3, nil)
	s.CloseAll(engine.ReasonUnavailable)
	b.Expect(codec.PushChatMessage, 3, "")
	b.ExpectNotice(pb.NoticeCode_NOTICE_CODE_UNAVAILABLE)
	a.ExpectNotice(pb.NoticeCode_NOTICE_CODE_UNAVAILABLE)
	Eventually(t, "the end of the sessions", func() bool { return feed.Len() == 0 })
}
