package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// Listeners of one reactor: each speaks its dialect, and greets or not.
func TestSeveralListeners(t *testing.T) {
	var core *engine.Core
	core = newCore(t, engine.Config{
		Router: carriertest.Router(func(c *engine.Context) {
			c.Reply(codec.ResultOK, codec.Raw(fmt.Sprintf("%T %v", c.Session.Dialect(), c.Session.Greets())))
		}),
		OnOpen: func(s *engine.Session) {
			if s.Greets() {
				out := core.NewOutbox()
				out.Push(s, codec.PushChatMessage, 0, codec.Raw("welcome"))
				out.Post()
				out.Free()
			}
		},
	})
	listeners := []engine.Listener{
		{Address: "127.0.0.1:0"},
		{Address: "127.0.0.1:0", Dialect: codec.TLV{}, Greets: true},
		{Address: "0.0.0.0:0", Dialect: codec.TLV{BigEndian: true}},
		{Address: ":0", Dialect: codec.Packet{}, Greets: true},
	}
	r := serve(t, core, engine.ReactorConfig{Listeners: listeners, Loops: 2})
	if len(r.Addrs) != len(listeners) {
		t.Fatalf("listens at %q", r.Addrs)
	}
	var all engine.Audience
	for i, l := range listeners {
		if l.Dialect == nil {
			l.Dialect = codec.Packet{}
		}
		_, port, err := net.SplitHostPort(r.Addrs[i])
		if err != nil || port == "0" {
			t.Fatalf("says %q, %v", r.Addrs[i], err)
		}
		p := dial(t, net.JoinHostPort("127.0.0.1", port))
		p.Dialect = l.Dialect
		if l.Greets {
			p.Expect(codec.PushChatMessage, 0, "welcome")
		}
		for _, b := range p.Dialect.AppendPush(nil, onLane, 7, codec.Raw("in pieces")) {
			p.MustWrite([]byte{b})
		}
		p.Expect(onLane.Reply(), 7, "\x00in pieces")
		p.Echoes(onLoop)
		p.Echoes(offLane)
		p.Send(special, 8, "")
		p.Expect(special.Reply(), 8, fmt.Sprintf("\x00%T %v", l.Dialect, l.Greets))
		for n := range r.Len() {
			s, _ := r.Find(engine.SessionID(n + 1))
			all.Add(s, len(listeners))
		}
		out := r.NewOutbox()
		out.PushTo(&all, codec.PushChatMessage, 9, codec.Raw("to all"))
		out.Post()
		p.Expect(codec.PushChatMessage, 9, "to all")
	}
	if all.Len() != len(listeners) {
		t.Errorf("%d sessions", all.Len())
	}
}

// Messages of the engine itself are in the dialect of the listener.
func TestNoticesInTheListenersDialect(t *testing.T) {
	for _, d := range []codec.Dialect{codec.Packet{}, codec.TLV{}, codec.TLV{BigEndian: true}} {
		t.Run(fmt.Sprintf("%T%v", d, d), func(t *testing.T) {
			core := newCore(t, engine.Config{Limits: engine.Limits{MaxConnections: 1}})
			r := serve(t, core, engine.ReactorConfig{Listeners: []engine.Listener{{Address: "127.0.0.1:0", Dialect: d}}, Loops: 1})
			p, refused := dial(t, r.Addr), dial(t, r.Addr)
			p.Dialect, refused.Dialect = d, d
			p.Echoes(onLane)
			refused.ExpectNotice(pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS)
			p.MustWrite([]byte{0xFF, 0xFF, 0xFF, 0xFF})
			p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_TOO_LARGE)
		})
	}
}

func TestListenersThatCanNotBe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	core := newCore(t, engine.Config{})
	defer core.Close(context.Background())
	if _, err := core.NewReactor(engine.ReactorConfig{}); err == nil {
		t.Error("a reactor without listeners")
	}
	for _, tt := range []struct {
		name      string
		addresses []string
		failing   string
		want      error
	}{
		{"one is taken", []string{"127.0.0.1:0", taken.Addr().String()}, taken.Addr().String(), syscall.EADDRINUSE},
		{"no address", []string{"nowhere"}, "nowhere", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var config engine.ReactorConfig
			for _, a := range tt.addresses {
				config.Listeners = append(config.Listeners, engine.Listener{Address: a})
			}
			_, err := core.NewReactor(config)
			var listen *engine.ListenError
			if !errors.As(err, &listen) || listen.Address != tt.failing || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v for %q", err, tt.want, tt.failing)
			}
		})
	}
}
