package engine_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// never is a limit that no test reaches.
const never = time.Hour

// patient returns limits of time that no test reaches.
func patient() engine.Limits {
	return engine.Limits{
		HandshakeTime: never, FirstFrameTime: never, FrameTime: never, IdleTime: never, Heartbeat: never,
		WriteStallTime: never, OutboundSoftTime: never,
	}
}

// expectClosed waits until all sessions have ended, n of them for that reason.
func expectClosed(t *testing.T, r *running, reason engine.Reason, n uint64) {
	t.Helper()
	eventually(t, "the end of all sessions", func() bool { return r.Len() == 0 })
	if got := r.Stats.Closes(reason); got != n {
		t.Errorf("%d sessions counted as %v, want %d", got, reason, n)
	}
	eventually(t, "the end of all handshakes", func() bool { return handshaking() == 0 })
}

// What is not TLS on a port for TLS, and the other way round: the client and the log get a text
// that says so.
func TestTLSAgainstPlain(t *testing.T) {
	var log lines
	config := engine.Config{Limits: patient(), Log: slog.New(slog.NewTextHandler(&log, nil))}
	encrypted, plain := serveTLS(t, config, engine.Listener{}), serve(t, newCore(t, config), engine.ReactorConfig{Loops: 1})
	for _, tt := range []struct {
		name, addr string
		sent       []byte
		text       string
	}{
		{"plain client", encrypted.Addr, frames(onLoop, "hello"), "the client does not speak TLS, and this address takes nothing else"},
		{"garbage", encrypted.Addr, []byte{200}, "the client does not speak TLS, and this address takes nothing else"},
		{"TLS client", plain.Addr, hello(t), "the client speaks TLS, and this address does not"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := dial(t, tt.addr)
			p.MustWrite(tt.sent)
			m, err := p.Next()
			var notice pb.Notice
			if err != nil || m.Command != codec.PushNotice || notice.UnmarshalVT(m.Body) != nil || notice.Text != tt.text {
				t.Errorf("got %v %q, %v", m.Command, m.Body, err)
			}
			expectEnd(t, p)
		})
	}
	expectClosed(t, encrypted, engine.ReasonBadHandshake, 2)
	expectClosed(t, plain, engine.ReasonTooLarge, 1)
	for _, text := range []string{`detail="the client does not speak TLS`, `detail="the client speaks TLS`} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("not in the log: %s\n%s", text, log.String())
		}
	}
}

// A bad hello ends in an alert.
func TestTLSBadHello(t *testing.T) {
	var log lines
	config := engine.Config{Limits: patient(), Log: slog.New(slog.NewTextHandler(&log, nil))}
	config.Limits.Linger = never
	for name, sent := range map[string]string{
		"garbage in a record": "\x16\x03\x01\x00\x05hello",
		"a long message":      "\x16\x03\x01\x00\x04\x01\xff\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			r := serveTLS(t, config, engine.Listener{})
			c := connect(t, r.Addr, net.Dialer{})
			if _, err := c.Write([]byte(sent)); err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(c)
			if err != nil || len(b) != 7 || b[0] != alertRecord || b[5] != 2 {
				t.Errorf("got %q, %v", b, err)
			}
			c.Close()
			expectClosed(t, r, engine.ReasonBadHandshake, 1)
			if n := r.Stats.HandshakesFailed.Load(); n != 1 {
				t.Errorf("%d handshakes have failed", n)
			}
			p := carriertest.NewPeer(t, secure(t, connect(t, r.Addr, net.Dialer{}), carriertest.ClientTLS()))
			p.Echoes(onLane)
		})
	}
}

// Silence before, within and after the hello is over when HandshakeTime is.
func TestTLSSilence(t *testing.T) {
	limits := patient()
	limits.HandshakeTime = 20 * tick
	first := hello(t)
	r := serveTLS(t, engine.Config{Limits: limits}, engine.Listener{})
	for name, sent := range map[string][]byte{
		"before the hello": nil, "within its header": first[:3], "within the hello": first[:len(first)-1], "after the hello": first,
		"within a hello of two records": {22, 3, 1, 0, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, r.Addr, net.Dialer{})
			if _, err := c.Write(sent); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
		})
	}
	expectClosed(t, r, engine.ReasonHandshakeTimeout, 5)
}

// The deadline of the first frame starts with the end of the handshake, whatever the others are.
func TestTLSSilenceAfterTheHandshake(t *testing.T) {
	limits := patient()
	limits.FirstFrameTime = 10 * tick
	r := serveTLS(t, engine.Config{Limits: limits}, engine.Listener{})
	p := carriertest.NewPeer(t, secure(t, connect(t, r.Addr, net.Dialer{}), carriertest.ClientTLS()))
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_TIMEOUT)
	p.Close()
	expectClosed(t, r, engine.ReasonFirstFrameTimeout, 1)
}

// Six hundred silent clients of one address don't keep those of another out, and their turn comes
// when others have ended.
func TestTLSManySilentClients(t *testing.T) {
	const silent, most = 600, 512
	r := serveTLS(t, engine.Config{Limits: patient()}, engine.Listener{})
	first := hello(t)
	var crowd []net.Conn
	for range silent {
		c := connect(t, r.Addr, net.Dialer{})
		if _, err := c.Write(first); err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, c)
	}
	eventually(t, "the handshakes", func() bool { return r.Len() == silent && handshaking() == most })
	other := connect(t, r.Addr, net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}})
	carriertest.NewPeer(t, secure(t, other, carriertest.ClientTLS())).Echoes(onLane)
	other.Close()
	for _, c := range crowd[:silent-most] {
		c.Close()
	}
	eventually(t, "the turn of the others", func() bool { return r.Len() == most && handshaking() == most })
	for i, c := range crowd[silent-most:] {
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		c.Close()
	}
	expectClosed(t, r, engine.ReasonPeerReset, silent) // they had not read everything
}

// After the handshake: a record with a wrong tag, the end of the stream, or too many KeyUpdates in
// a row. A frame that has started does not keep the session open.
func TestTLSAfterTheHandshake(t *testing.T) {
	const partial = "\x00\x00\x00\x20"
	for name, tt := range map[string]struct {
		reason engine.Reason
		send   func(s *sealed) []byte
	}{
		"wrong tag": {engine.ReasonMalformed, func(s *sealed) []byte {
			b := s.record(dataRecord, "x")
			b[len(b)-1] ^= 1
			return b
		}},
		"not a record": {engine.ReasonMalformed, func(*sealed) []byte { return []byte("garbage") }},
		"close_notify": {engine.ReasonPeerClosed, func(s *sealed) []byte { return s.record(alertRecord, closeNotify) }},
		"17 KeyUpdates": {engine.ReasonMalformed, func(s *sealed) []byte {
			var b []byte
			for range 17 {
				b = append(b, s.keyUpdate(keyUpdateAsked)...)
			}
			return b
		}},
	} {
		for _, start := range []string{"", partial} {
			t.Run(name+" after "+start, func(t *testing.T) {
				limits := patient()
				limits.Linger = never
				r := serveTLS(t, engine.Config{Limits: limits}, engine.Listener{})
				s := dialSealed(t, r.Addr, net.Dialer{})
				s.echoes()
				s.send(append(s.record(dataRecord, start), tt.send(s)...))
				_, _ = io.ReadAll(s) // an alert is an error
				s.raw.Close()
				expectClosed(t, r, tt.reason, 1)
				dialSealed(t, r.Addr, net.Dialer{}).echoes()
			})
		}
	}
}

// KeyUpdates may come at any time, also in two records.
func TestTLSKeyUpdates(t *testing.T) {
	r := serveTLS(t, engine.Config{Limits: patient()}, engine.Listener{})
	s := dialSealed(t, r.Addr, net.Dialer{})
	for range 3 {
		var b []byte
		for range 16 {
			b = append(b, s.keyUpdate(keyUpdateAsked)...)
		}
		s.send(b)
		s.echoes()
		s.send(s.keyUpdate(keyUpdateOnly))
		s.send(s.record(handshakeRecord, keyUpdateAsked[:3]))
		s.send(s.record(handshakeRecord, keyUpdateAsked[3:]))
		s.updated()
		s.echoes()
	}
}

// A client that asks for answers to KeyUpdates and does not read them is a slow consumer.
func TestTLSKeyUpdatesOfASlowReader(t *testing.T) {
	limits := patient()
	limits.OutboundHardBytes, limits.OutboundSoftBytes = 32<<10, 16<<10
	r := serveTLS(t, engine.Config{Limits: limits}, engine.Listener{})
	s := dialSealed(t, r.Addr, net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
	}})
	s.send(s.record(dataRecord, "\x00\x00\xf0\x00"))
	for range 20_000 { // 27 bytes each
		b := s.record(dataRecord, "x")
		for range 16 {
			b = append(b, s.keyUpdate(keyUpdateAsked)...)
		}
		if _, err := s.raw.Write(b); err != nil || r.Stats.Closes(engine.ReasonSlowConsumer) > 0 {
			break
		}
	}
	expectClosed(t, r, engine.ReasonSlowConsumer, 1)
}

// A session that is to end while its handshake runs ends with its reason, and was never opened
// for the handlers.
func TestTLSClosedDuringTheHandshake(t *testing.T) {
	limits := patient()
	limits.Linger = never
	var calls atomic.Int32
	r := serveTLS(t, engine.Config{
		Limits: limits, OnOpen: func(*engine.Session) { calls.Add(1) }, OnClose: func(*engine.Session, engine.Reason) { calls.Add(1) },
	}, engine.Listener{})
	g := &gathering{Conn: connect(t, r.Addr, net.Dialer{})}
	g.Conn = &afterRead{Conn: g.Conn, done: func() { g.gather = true }}
	s := tls.Client(g, version(tls.VersionTLS13))
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	r.CloseAll(engine.ReasonRevoked)
	b := make([]byte, 64<<10)
	for range 40 { // it is too early for these
		g.kept = append(g.kept, b...)
	}
	g.flush(t)
	p := carriertest.NewPeer(t, s)
	p.ExpectNotice(pb.NoticeCode_NOTICE_CODE_REVOKED)
	p.Close()
	expectClosed(t, r, engine.ReasonRevoked, 1)
	if calls.Load() != 0 {
		t.Errorf("%d calls of OnOpen and OnClose", calls.Load())
	}
}

// A client that ends its stream within the handshake has ended its session.
func TestTLSHalfCloseInTheHandshake(t *testing.T) {
	for name, tt := range map[string]struct {
		read int
		sent string
	}{
		"after the hello": {0, ""}, "after the server's hello": {5, ""}, "within a record": {5, "\x16\x03\x03\x00\x10abc"},
	} {
		t.Run(name, func(t *testing.T) {
			limits := patient()
			limits.Linger = never
			r := serveTLS(t, engine.Config{Limits: limits}, engine.Listener{})
			c := connect(t, r.Addr, net.Dialer{})
			if _, err := c.Write(hello(t)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, tt.read)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write([]byte(tt.sent)); err != nil {
				t.Fatal(err)
			}
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadAll(c)
			expectClosed(t, r, engine.ReasonPeerClosed, 1)
			if n := r.Stats.HandshakesFailed.Load(); n != 0 {
				t.Errorf("%d handshakes counted as failed", n)
			}
		})
	}
}

// A stop ends the handshakes, those that wait too.
func TestTLSStopDuringHandshakes(t *testing.T) {
	r := serveTLS(t, engine.Config{Limits: patient()}, engine.Listener{})
	for range 530 {
		if _, err := connect(t, r.Addr, net.Dialer{}).Write(hello(t)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the handshakes", func() bool { return r.Len() == 530 && handshaking() == 512 })
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	if n := handshaking(); n != 0 {
		t.Errorf("%d handshakes outlive the server", n)
	}
}

// A panic within a handshake costs one session.
func TestTLSPanicInTheHandshake(t *testing.T) {
	var bad atomic.Bool
	config := carriertest.ServerTLS()
	config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if bad.CompareAndSwap(true, false) {
			panic("boom")
		}
		return nil, nil
	}
	r := serveTLS(t, engine.Config{Limits: patient()}, engine.Listener{TLS: config})
	for range 10 {
		bad.Store(true)
		if err := tls.Client(connect(t, r.Addr, net.Dialer{}), carriertest.ClientTLS()).Handshake(); err == nil {
			t.Error("the handshake succeeded")
		}
	}
	carriertest.NewPeer(t, secure(t, connect(t, r.Addr, net.Dialer{}), carriertest.ClientTLS())).Echoes(onLane)
	if got := r.Stats.Panics.Load(); got != 10 {
		t.Errorf("%d panics", got)
	}
}

// A certificate that was asked for and not verified proves nothing.
func TestTLSCertificate(t *testing.T) {
	for name, tt := range map[string]struct {
		auth tls.ClientAuthType
		want string
	}{
		"verified": {tls.VerifyClientCertIfGiven, "trader"}, "only asked for": {tls.RequireAnyClientCert, "nobody"}, "not asked for": {tls.NoClientCert, "nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			config := carriertest.ServerTLS()
			config.ClientAuth = tt.auth
			r := serveTLS(t, engine.Config{Router: named()}, engine.Listener{TLS: config})
			c := carriertest.ClientTLS()
			c.Certificates = []tls.Certificate{carriertest.ClientCertificate("trader")}
			c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for resumed := range 2 {
				s := secure(t, connect(t, r.Addr, net.Dialer{}), c)
				p := carriertest.NewPeer(t, s)
				p.Send(special, 1, "")
				p.Expect(special.Reply(), 1, "\x00"+tt.want)
				if s.ConnectionState().DidResume != (resumed == 1) {
					t.Errorf("connection %d resumed: %v", resumed, resumed == 0)
				}
			}
		})
	}
}

// The server of a listener that greets speaks first, after the handshake.
func TestTLSGreets(t *testing.T) {
	var core *engine.Core
	core = newCore(t, engine.Config{OnOpen: func(s *engine.Session) {
		out := core.NewOutbox()
		out.Push(s, codec.PushHeartbeat, 3, codec.Raw("welcome"))
		out.Post()
		out.Free()
	}})
	r := serve(t, core, engine.ReactorConfig{Listeners: []engine.Listener{withTLS(engine.Listener{Greets: true})}})
	for range 20 {
		g := &gathering{Conn: connect(t, r.Addr, net.Dialer{})}
		g.Conn = &afterRead{Conn: g.Conn, done: func() { g.gather = true }}
		s := secure(t, g, version(tls.VersionTLS13))
		if _, err := s.Write(frames(onLoop, "early")); err != nil {
			t.Fatal(err)
		}
		g.flush(t)
		p := carriertest.NewPeer(t, s)
		p.Expect(codec.PushHeartbeat, 3, "welcome")
		p.Expect(onLoop.Reply(), 0, "\x00early")
	}
}

// WebSocket over TLS; plain HTTP gets an answer of HTTP.
func TestTLSWebSocket(t *testing.T) {
	l := webListener(engine.WebSocket{Echo: true})[0]
	r := serveTLS(t, engine.Config{Limits: patient()}, l)
	for name, size := range map[string]int{"every byte alone": 1, "at once": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			s := secure(t, &inPieces{connect(t, r.Addr, net.Dialer{}), func() int { return size }}, carriertest.ClientTLS())
			p := &webPeer{Conn: s, t: t, in: bufio.NewReader(s), frames: websocket.Reader{Client: true}}
			p.write(handshake("/ws", websocket.SubprotocolPacket))
			p.opened(websocket.SubprotocolPacket)
			for range 3 {
				p.echoes()
			}
		})
	}
	c := connect(t, r.Addr, net.Dialer{})
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || answer.StatusCode != http.StatusBadRequest {
		t.Fatalf("%v, %v", answer, err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(text), "does not speak TLS") {
		t.Errorf("answered %q, %v", text, err)
	}
}
