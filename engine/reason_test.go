package engine_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// ending is one way to lose a connection: the limits of the server, what the peer does, and
// the Notice that it gets.
type ending struct {
	limits  engine.Limits
	provoke func(*testing.T, *running) *peer
	notice  pb.NoticeCode // unspecified: no Notice
	web     bool          // of WebSocket listeners only
}

// flood asks for many more bytes than it reads.
func flood(t *testing.T, r *running) *peer {
	p := carriertest.DialNarrow(t, r.Addr)
	for i := range 400 {
		if _, err := p.Write(codec.AppendMessage(nil, codec.Message{Command: special, ID: uint64(i)})); err != nil {
			break
		}
	}
	return p
}

// unread is flood by a peer that never reads.
func unread(t *testing.T, r *running) *peer {
	flood(t, r)
	eventually(t, "the cut", func() bool { return r.Len() == 0 })
	return nil
}

func connected(t *testing.T, r *running) *peer {
	p := dial(t, r.Addr)
	p.Echoes(onLane)
	return p
}

func endings() map[engine.Reason]ending {
	const mib = 1 << 20
	unbounded := func(l engine.Limits) engine.Limits {
		l.InFlightRequests, l.InFlightBytes = mib, mib
		for _, v := range []*int{&l.OutboundSoftBytes, &l.OutboundHardBytes, &l.OutboundTotalBytes} {
			if *v == 0 {
				*v = 256 * mib
			}
		}
		return l
	}
	return map[engine.Reason]ending{
		engine.ReasonPeerClosed: {provoke: func(t *testing.T, r *running) *peer {
			connected(t, r).Close()
			return nil
		}},
		engine.ReasonPeerReset: {provoke: func(t *testing.T, r *running) *peer {
			p := connected(t, r)
			if err := p.Conn.(*net.TCPConn).SetLinger(0); err != nil {
				t.Fatal(err)
			}
			p.Close()
			return nil
		}},
		engine.ReasonMalformed: {notice: pb.NoticeCode_NOTICE_CODE_MALFORMED, provoke: func(t *testing.T, r *running) *peer {
			p := dial(t, r.Addr)
			p.MustWrite([]byte{0, 0, 0, 12})
			return p
		}},
		engine.ReasonTooLarge: {notice: pb.NoticeCode_NOTICE_CODE_TOO_LARGE, provoke: func(t *testing.T, r *running) *peer {
			p := dial(t, r.Addr)
			p.MustWrite([]byte{0, 1, 0, 1}) // a byte above 64 KiB, and nobody logged in
			return p
		}},
		engine.ReasonTooManyConnections: {
			limits: engine.Limits{MaxConnections: 1}, notice: pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS,
			provoke: func(t *testing.T, r *running) *peer { connected(t, r); return dial(t, r.Addr) },
		},
		engine.ReasonTooManyFromAddress: {
			limits: engine.Limits{ConnectionsPerAddress: 1, LimitLoopback: true}, notice: pb.NoticeCode_NOTICE_CODE_TOO_MANY_FROM_ADDRESS,
			provoke: func(t *testing.T, r *running) *peer { connected(t, r); return dial(t, r.Addr) },
		},
		engine.ReasonOverloaded: {
			limits: engine.Limits{InFlightRequests: 2}, notice: pb.NoticeCode_NOTICE_CODE_OVERLOADED,
			provoke: func(t *testing.T, r *running) *peer {
				p := dial(t, r.Addr)
				p.MustWrite(frames(onLane, "1", "2", "3"))
				return p
			},
		},
		engine.ReasonSlowConsumer: {
			limits: unbounded(engine.Limits{OutboundSoftBytes: mib, OutboundSoftTime: soon}),
			notice: pb.NoticeCode_NOTICE_CODE_SLOW_CONSUMER,
			provoke: func(t *testing.T, r *running) *peer {
				p := flood(t, r)
				time.Sleep(4 * soon) // the fault under test: it does not read meanwhile
				return p
			},
		},
		engine.ReasonPanic: {notice: pb.NoticeCode_NOTICE_CODE_INTERNAL, provoke: func(t *testing.T, r *running) *peer {
			p := dial(t, r.Addr)
			p.Send(panics, 1, "")
			return p
		}},
		engine.ReasonShuttingDown: {notice: pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN, provoke: func(t *testing.T, r *running) *peer {
			p := connected(t, r)
			if err := r.Stop(); err != nil {
				t.Error(err)
			}
			return p
		}},
		engine.ReasonUnavailable: {notice: pb.NoticeCode_NOTICE_CODE_UNAVAILABLE, provoke: func(t *testing.T, r *running) *peer {
			p := connected(t, r)
			r.CloseAll(engine.ReasonUnavailable)
			return p
		}},
		engine.ReasonRevoked: {notice: pb.NoticeCode_NOTICE_CODE_REVOKED, provoke: func(t *testing.T, r *running) *peer {
			p := connected(t, r)
			r.CloseAll(engine.ReasonRevoked)
			return p
		}},
		engine.ReasonLoggedOut: {provoke: func(t *testing.T, r *running) *peer {
			p := connected(t, r)
			r.CloseAll(engine.ReasonLoggedOut)
			return p
		}},
		engine.ReasonOnDemand: {provoke: func(t *testing.T, r *running) *peer {
			p := connected(t, r)
			r.CloseAll(engine.ReasonOnDemand)
			return p
		}},
		engine.ReasonFirstFrameTimeout: {
			limits: engine.Limits{FirstFrameTime: soon}, notice: pb.NoticeCode_NOTICE_CODE_TIMEOUT,
			provoke: func(t *testing.T, r *running) *peer {
				p := dial(t, r.Addr)
				p.MustWrite([]byte{0})
				return p
			},
		},
		engine.ReasonFrameTimeout: {
			limits: engine.Limits{FrameTime: soon}, notice: pb.NoticeCode_NOTICE_CODE_TIMEOUT,
			provoke: func(t *testing.T, r *running) *peer {
				p := connected(t, r)
				p.MustWrite([]byte{0, 0, 0, 13})
				return p
			},
		},
		engine.ReasonLoginTimeout: {
			limits: engine.Limits{LoginTime: soon}, notice: pb.NoticeCode_NOTICE_CODE_TIMEOUT, provoke: connected,
		},
		engine.ReasonIdle: {
			limits: engine.Limits{IdleTime: soon}, notice: pb.NoticeCode_NOTICE_CODE_IDLE, provoke: connected,
		},
		engine.ReasonBadHandshake: {web: true, provoke: func(t *testing.T, r *running) *peer {
			p := dialRaw(t, r.Addr)
			p.write([]byte("PUT / HTTP/1.1\r\n\r\n"))
			p.refused(http.StatusMethodNotAllowed, "")
			return nil
		}},
		engine.ReasonHandshakeTimeout: {web: true, limits: engine.Limits{HandshakeTime: soon}, provoke: func(t *testing.T, r *running) *peer {
			dialRaw(t, r.Addr).refused(http.StatusRequestTimeout, "in time")
			return nil
		}},
		engine.ReasonPongTimeout: {web: true, limits: engine.Limits{Heartbeat: soon, PongTime: soon}, provoke: func(t *testing.T, r *running) *peer {
			p := dialWeb(t, r.Addr, "/ws", "")
			p.expect(websocket.OpPing, "")
			p.expectClose(websocket.ClosePolicyViolation)
			return nil
		}},
		engine.ReasonWriteStall: {limits: unbounded(engine.Limits{WriteStallTime: soon}), provoke: unread},
		engine.ReasonMemory:     {limits: unbounded(engine.Limits{OutboundTotalBytes: mib}), provoke: unread},
	}
}

func TestEveryReasonIsSentAndCounted(t *testing.T) {
	all := endings()
	for _, reason := range engine.Reasons() {
		e, ok := all[reason]
		if !ok {
			t.Errorf("no test for %v", reason)
			continue
		}
		t.Run(reason.String(), func(t *testing.T) {
			t.Parallel()
			big := codec.Raw(make([]byte, 64<<10))
			router := carriertest.Router(func(c *engine.Context) { c.Reply(codec.ResultOK, big) })
			e.limits.Linger = soon
			if e.notice != pb.NoticeCode_NOTICE_CODE_UNSPECIFIED {
				e.limits.Linger = patience // it reads the Notice, if not at once
			}
			c := engine.ReactorConfig{Loops: 1, Tick: tick}
			if e.web {
				c.Listeners = webListener(engine.WebSocket{})
			}
			r := serve(t, newCore(t, engine.Config{Router: router, Limits: e.limits}), c)
			if p := e.provoke(t, r); p != nil {
				if sent := lastNotice(t, p); sent != e.notice {
					t.Errorf("told %v, want %v", sent, e.notice)
				}
				p.Close()
			}
			eventually(t, "the count", func() bool { return r.Stats.Closes(reason) == 1 })
			for _, other := range engine.Reasons() {
				if n := r.Stats.Closes(other); n != 0 && other != reason {
					t.Errorf("%d counted as %v", n, other)
				}
			}
		})
	}
}

// lastNotice reads to the end of the connection, and returns the last Notice.
func lastNotice(t *testing.T, p *peer) pb.NoticeCode {
	t.Helper()
	var last codec.Message
	for {
		m, err := p.Next()
		if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			t.Fatal("the connection stays open")
		}
		if err != nil {
			break
		}
		last = m
	}
	var notice pb.Notice
	if last.Command != codec.PushNotice || notice.UnmarshalVT(last.Body) != nil {
		return pb.NoticeCode_NOTICE_CODE_UNSPECIFIED
	}
	if _, err := p.Read(make([]byte, 1)); err == nil || errors.Is(err, io.ErrShortBuffer) {
		t.Error("bytes after the end")
	}
	return notice.Code
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
