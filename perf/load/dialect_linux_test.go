package load_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
	"holdfast/perf/load"
)

// modelOf returns the connections of a server that speaks a dialect.
func modelOf(d load.Dialect) peer {
	switch d {
	case load.DialectTLV:
		return peer{dialect: codec.TLV{}}
	case load.DialectWebSocket, load.DialectJSON, load.DialectMixed:
		return peer{upgrade: &websocket.HandshakeOptions{
			Paths: []string{"/ws"}, Subprotocols: []string{websocket.SubprotocolPacket, websocket.SubprotocolJSON},
		}}
	case load.DialectEcho:
		return peer{upgrade: &websocket.HandshakeOptions{Paths: []string{"/echo", "/chat"}}}
	default:
		return peer{dialect: codec.Packet{}}
	}
}

// dialectTo returns a short load of a server that speaks a dialect.
func dialectTo(t *testing.T, d load.Dialect, b behaviour) load.Options {
	t.Helper()
	o := short(fakeServerOf(t, modelOf(d), b, (*peer).flush))
	o.Dialect = d
	return o
}

// echo sends each message back.
func echo(p *peer, m codec.Message) { p.send(m.Command, m.ID, codec.Raw(m.Body)) }

func TestDialects(t *testing.T) {
	workloads := []struct {
		workload load.Workload
		change   func(o *load.Options)
	}{
		{load.Submit, func(*load.Options) {}},
		{load.Heartbeat, func(o *load.Options) { o.Rate = 2000 }},
		{load.Orders, func(o *load.Options) { *o = ordersTo(*o) }},
		{load.Positions, func(o *load.Options) { *o = positionsTo(*o) }},
		{load.Idle, func(o *load.Options) {
			o.KeepAlive, o.Workload, o.Accounts = 20*time.Millisecond, load.Idle, ordersTo(*o).Accounts
		}},
	}
	for _, d := range []load.Dialect{load.DialectTLV, load.DialectWebSocket, load.DialectJSON, load.DialectMixed, load.DialectEcho} {
		for _, w := range workloads {
			if d == load.DialectEcho && (w.workload == load.Orders || w.workload == load.Positions) {
				continue
			}
			t.Run(fmt.Sprintf("%s, %s", d, w.workload), func(t *testing.T) {
				b := answer
				if d == load.DialectEcho {
					b = echo
				}
				o := dialectTo(t, d, b)
				w.change(&o)
				o.Workload = w.workload
				r, err := load.Run(t.Context(), o)
				if err != nil {
					t.Fatal(err)
				}
				if r.ErrorCount() != 0 || len(r.Results) != 0 || r.Requests == 0 || r.Latency.Count == 0 || r.Dialect != d {
					t.Errorf("report %+v", r)
				}
				if (r.Pushes["Execution"] > 0) != (w.workload == load.Orders) {
					t.Errorf("pushes %v", r.Pushes)
				}
			})
		}
	}
}

// Heartbeats of connections that are rarely due are not taken for replies, even where a
// reply does not say to what.
func TestDialectsSendHeartbeats(t *testing.T) {
	for _, d := range []load.Dialect{load.DialectTLV, load.DialectWebSocket, load.DialectJSON, load.DialectEcho} {
		for _, w := range []load.Workload{load.Submit, load.Heartbeat} {
			t.Run(fmt.Sprintf("%s, %s", d, w), func(t *testing.T) {
				var requests atomic.Int64
				b := answer
				if d == load.DialectEcho {
					b = echo
				}
				o := dialectTo(t, d, func(p *peer, m codec.Message) {
					requests.Add(1)
					b(p, m)
				})
				o.Workload, o.Rate, o.Duration, o.KeepAlive = w, 30, 400*time.Millisecond, 10*time.Millisecond
				r, err := load.Run(t.Context(), o)
				if err != nil || r.ErrorCount() != 0 {
					t.Fatalf("error %v, report %+v", err, r)
				}
				if got := uint64(requests.Load()); got <= r.Latency.Count+uint64(o.Connections) {
					t.Errorf("%d requests, %d of them of the load: no heartbeat", got, r.Latency.Count)
				}
			})
		}
	}
}

func TestDialectsFindWrongReplies(t *testing.T) {
	wrongID := func(p *peer, m codec.Message) { m.ID++; answer(p, m) }
	raw := func(b ...byte) behaviour { return func(p *peer, _ codec.Message) { p.out = append(p.out, b...) } }
	text := func(s string) behaviour { return raw(websocket.AppendFrame(nil, websocket.OpText, []byte(s))...) }
	cases := []struct {
		name    string
		dialect load.Dialect
		b       behaviour
		want    error
		kind    string
	}{
		{"tlv: answered twice", load.DialectTLV, func(p *peer, m codec.Message) { answer(p, m); answer(p, m) }, load.ErrUnexpected, "wrong id"},
		{"tlv: length of 4 GiB", load.DialectTLV, raw(255, 255, 255, 255), load.ErrWrongLength, "wrong length"},
		{"tlv: no result", load.DialectTLV, raw(0, 0, 0, 0, 0x82, 0, 0, 0), load.ErrWrongLength, "wrong length"},
		{"websocket: wrong id", load.DialectWebSocket, wrongID, load.ErrWrongID, "wrong id"},
		{"websocket: masked", load.DialectWebSocket, raw(0x82, 0x80, 0, 0, 0, 0), load.ErrWrongFrame, "wrong frame"},
		{"websocket: text", load.DialectWebSocket, text("{}"), load.ErrWrongFrame, "wrong frame"},
		{"websocket: too short", load.DialectWebSocket, raw(0x82, 2, 0x82, 0), load.ErrWrongLength, "wrong length"},
		{"json: wrong id", load.DialectJSON, wrongID, load.ErrWrongID, "wrong id"},
		{"json: not an object", load.DialectJSON, text("[]"), load.ErrWrongBody, "wrong body"},
		{"json: no result", load.DialectJSON, text(`{"command":"SubmitReply","id":1}`), load.ErrWrongBody, "wrong body"},
		{"json: body without an end", load.DialectJSON, text(`{"command":"Quote","id":1,"body":`), load.ErrWrongBody, "wrong body"},
		{"json: unknown result", load.DialectJSON, text(`{"command":"SubmitReply","id":1,"result":"FINE"}`), load.ErrWrongBody, "wrong body"},
		{"echo: other bytes", load.DialectEcho, func(p *peer, m codec.Message) { m.Body = m.Body[1:]; echo(p, m) }, load.ErrWrongBody, "wrong body"},
		{"closed with a code", load.DialectJSON, raw(websocket.AppendClose(nil, websocket.ClosePolicyViolation, "enough")...), load.ErrClosed, "closed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			good := answer
			if c.dialect == load.DialectEcho {
				good = echo
			}
			o := long("")
			o.Addr = fakeServerOf(t, modelOf(c.dialect), func(p *peer, m codec.Message) {
				if p.n < 3 {
					good(p, m)
					return
				}
				c.b(p, m)
			}, (*peer).flush)
			o.Dialect = c.dialect
			r, err := load.Run(t.Context(), o)
			if !errors.Is(err, c.want) || !errors.Is(err, load.ErrAllLost) || r == nil || r.Errors[c.kind] != 1 {
				t.Fatalf("error %v, report %+v, want %v of kind %q", err, r, c.want, c.kind)
			}
			if c.kind == "closed" && !strings.Contains(err.Error(), "1008 enough") {
				t.Errorf("error %v, want the close code", err)
			}
		})
	}
}

func TestRefusalInJSONIsCounted(t *testing.T) {
	o := ordersTo(dialectTo(t, load.DialectJSON, from(2, func(p *peer, m codec.Message) {
		p.reply(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_BAD_LOT, Message: "not a lot"})
	})))
	r, err := load.Run(t.Context(), o)
	if err != nil || r.Results["REJECTED"] == 0 || len(r.Samples) != 1 || !strings.Contains(r.Samples[0], "BAD_LOT not a lot") {
		t.Errorf("error %v, report %+v", err, r)
	}
}

func TestRefusedHandshakeSaysTheStatus(t *testing.T) {
	o := dialectTo(t, load.DialectWebSocket, answer)
	o.Path = "/other"
	_, err := load.Run(t.Context(), o)
	if !errors.Is(err, load.ErrHandshake) || !strings.Contains(err.Error(), "HTTP status 404") || load.Kind(err) != "handshake refused" {
		t.Errorf("error %v", err)
	}
	if text := load.Explain(err); !strings.Contains(text, "; its answer: HTTP status 404 Not Found") {
		t.Errorf("the explanation lacks the status: %s", text)
	}
}

// A server that answers 503 is tried again.
func TestBusyHandshakeIsTriedAgain(t *testing.T) {
	var refused atomic.Int64
	addr := listenWith(t, func(p *peer) {
		if p.born < 2 {
			_, _ = p.in.ReadBytes('\n')
			p.conn.Write(websocket.AppendHTTPError(nil, 503, "full"))
			refused.Add(1)
			_, _ = p.in.WriteTo(nowhere{}) // until the client has read it
			return
		}
		p.upgrade = modelOf(load.DialectJSON).upgrade
		p.serve(answer, (*peer).flush)
	})
	o := short(addr)
	o.Dialect = load.DialectJSON
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 || refused.Load() != 2 {
		t.Errorf("error %v after %d refusals, report %+v", err, refused.Load(), r)
	}
}

type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

func TestAnswerWithoutTheKeyIsRefused(t *testing.T) {
	addr := listenWith(t, func(p *peer) {
		_, _ = p.in.ReadBytes('\n')
		p.conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: other\r\n\r\n"))
		_, _ = p.in.WriteTo(nowhere{})
	})
	o := short(addr)
	o.Dialect = load.DialectWebSocket
	if _, err := load.Run(t.Context(), o); !errors.Is(err, load.ErrHandshake) || !strings.Contains(err.Error(), "Sec-WebSocket-Accept") {
		t.Errorf("error %v", err)
	}
}

// The server answers a request only after the pong to its ping.
func TestPingsAreAnswered(t *testing.T) {
	var pongs atomic.Int64
	var held codec.Message
	o := dialectTo(t, load.DialectWebSocket, func(p *peer, m codec.Message) {
		if m.Command != 0 {
			held = m
			p.out = websocket.AppendFrame(p.out, websocket.OpPing, []byte("are you there"))
			return
		}
		if string(m.Body) == "are you there" {
			pongs.Add(1)
		}
		answer(p, held)
	})
	o.Connections, o.Depth = 1, 1
	r, err := load.Run(t.Context(), o)
	if err != nil || r.ErrorCount() != 0 || r.Requests == 0 || uint64(pongs.Load()) < r.Requests {
		t.Errorf("error %v, %d pongs, report %+v", err, pongs.Load(), r)
	}
}

func TestHalfOpen(t *testing.T) {
	received := make(chan string, 3)
	addr := listenWith(t, func(p *peer) {
		b := make([]byte, 1<<10)
		n, _ := p.in.Read(b)
		received <- string(b[:n])
		_, _ = p.in.WriteTo(nowhere{})
	})
	o := short(addr)
	o.Dialect, o.Workload, o.KeepAlive, o.Duration = load.DialectWebSocket, load.HalfOpen, time.Millisecond, time.Millisecond
	o.During = func(context.Context) error {
		whole := string(websocket.AppendClientHandshake(nil, addr, "/ws", strings.Repeat("k", 24), websocket.SubprotocolPacket))
		for range 3 {
			if got := <-received; len(got) != len(whole)/2 || !strings.HasPrefix(got, "GET /ws HTTP/1.1\r\n") {
				t.Errorf("%q, want half of a handshake", got)
			}
		}
		return nil
	}
	if r, err := load.Run(t.Context(), o); err != nil || r.ErrorCount() != 0 || r.Requests != 0 {
		t.Fatalf("error %v, report %+v", err, r)
	}
}

// A server that ends half a handshake is not taken for one that breaks the protocol.
func TestHalfOpenIsEnded(t *testing.T) {
	addr := listenWith(t, func(p *peer) {
		_, _ = p.in.ReadBytes('\n')
		p.conn.Write(websocket.AppendHTTPError(nil, 408, "too slow"))
	})
	o := long(addr)
	o.Dialect, o.Workload = load.DialectWebSocket, load.HalfOpen
	if r, err := load.Run(t.Context(), o); !errors.Is(err, load.ErrHandshake) || r == nil || !strings.Contains(err.Error(), "HTTP status 408") {
		t.Errorf("error %v", err)
	}
}

func TestDialectsThatCannotCarryAWorkload(t *testing.T) {
	cases := map[string]load.Options{
		"chat, submit":       {Dialect: load.DialectChat},
		"fix, submit":        {Dialect: load.DialectFIX},
		"fix, no accounts":   {Dialect: load.DialectFIX, Workload: load.Idle},
		"echo, orders":       {Dialect: load.DialectEcho, Workload: load.Orders},
		"tlv, half-open":     {Dialect: load.DialectTLV, Workload: load.HalfOpen},
		"unknown":            {Dialect: "morse"},
		"path without slash": {Dialect: load.DialectWebSocket, Path: "ws"},
		"chat, interval":     {Dialect: load.DialectChat, Workload: load.Chat, Interval: load.Interval{Max: time.Second}},
		"broadcast, rate":    {Workload: load.Broadcast, Accounts: ordersTo(load.Options{}).Accounts, Rate: 1},
		"chat, no accounts":  {Workload: load.Chat},
	}
	for name, o := range cases {
		t.Run(name, func(t *testing.T) {
			o.Addr = "127.0.0.1:1"
			if _, err := load.Run(t.Context(), o); !errors.Is(err, load.ErrOptions) {
				t.Errorf("error %v, want %v", err, load.ErrOptions)
			}
		})
	}
}
