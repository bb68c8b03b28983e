package engine_test

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/aes"

	"golang.org/x/crypto/chacha20poly1305"

	"holdfast/codec"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// serveTLS runs a reactor with one listener that speaks TLS.
func serveTLS(t testing.TB, c engine.Config, l engine.Listener) *running {
	t.Helper()
	return serve(t, newCore(t, c), engine.ReactorConfig{Listeners: []engine.Listener{withTLS(l)}, Loops: 1, Tick: tick})
}

func withTLS(l engine.Listener) engine.Listener {
	l.Address = "127.0.0.1:0"
	if l.TLS == nil {
		l.TLS = carriertest.ServerTLS()
	}
	return l
}

// version returns the configuration of a client with that version of TLS alone.
func version(v uint16) *tls.Config {
	c := carriertest.ClientTLS()
	c.MinVersion, c.MaxVersion = v, v
	return c
}

// connect opens a TCP connection until the end of the test.
func connect(t testing.TB, addr string, d net.Dialer) net.Conn {
	t.Helper()
	conn, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// secure does the handshake of a client on conn.
func secure(t testing.TB, conn net.Conn, c *tls.Config) *tls.Conn {
	t.Helper()
	s := tls.Client(conn, c)
	if err := s.Handshake(); err != nil {
		t.Fatal(err)
	}
	return s
}

// inPieces writes a few bytes at a time.
type inPieces struct {
	net.Conn
	size func() int
}

func (p *inPieces) Write(b []byte) (int, error) {
	for n := 0; n < len(b); {
		k, err := p.Conn.Write(b[n:min(len(b), n+p.size())])
		if n += k; err != nil {
			return n, err
		}
	}
	return len(b), nil
}

// gathering stores what is written while gather is set, and sends it with flush.
type gathering struct {
	net.Conn
	gather bool
	kept   []byte
}

func (g *gathering) Write(b []byte) (int, error) {
	if !g.gather {
		return g.Conn.Write(b)
	}
	g.kept = append(g.kept, b...)
	return len(b), nil
}

func (g *gathering) flush(t testing.TB) {
	t.Helper()
	_ = g.SetWriteDeadline(time.Now().Add(patience)) // CloseWrite of crypto/tls ends the time for writes
	if _, err := g.Conn.Write(g.kept); err != nil {
		t.Fatal(err)
	}
	g.kept, g.gather = nil, false
}

// hello returns the first record of a client.
func hello(t testing.TB) []byte {
	t.Helper()
	near, far := net.Pipe()
	g := &gathering{Conn: near, gather: true}
	far.Close()
	_ = tls.Client(g, carriertest.ClientTLS()).Handshake()
	near.Close()
	return g.kept
}

// handshaking returns how many goroutines are in a handshake.
func handshaking() int {
	b := make([]byte, 16<<20)
	return strings.Count(string(b[:runtime.Stack(b, true)]), "engine.(*handshake).run(")
}

// sealed is a client of TLS 1.3 that makes its records itself, from the end of the handshake on.
type sealed struct {
	*tls.Conn // to read
	raw       net.Conn
	t         testing.TB
	secret    []byte
	suite     uint16
	aead      cipher.AEAD
	iv        []byte
	count     uint64
}

const (
	alertRecord, handshakeRecord, dataRecord = 21, 22, 23
	keyUpdateOnly                            = "\x18\x00\x00\x01\x00"
	keyUpdateAsked                           = "\x18\x00\x00\x01\x01"
	closeNotify                              = "\x01\x00"
)

func dialSealed(t testing.TB, addr string, d net.Dialer) *sealed {
	t.Helper()
	var log bytes.Buffer
	c := version(tls.VersionTLS13)
	c.KeyLogWriter = &log
	raw := connect(t, addr, d)
	s := &sealed{Conn: secure(t, raw, c), raw: raw, t: t}
	s.suite = s.ConnectionState().CipherSuite
	for line := range strings.Lines(log.String()) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			s.secret, _ = hex.DecodeString(f[2])
		}
	}
	s.rekey()
	return s
}

// expand is HKDF-Expand-Label.
func (s *sealed) expand(label string, n int) []byte {
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len("tls13 ")+len(label)))
	info = append(append(info, "tls13 "+label...), 0)
	b, err := hkdf.Expand(sha256.New, s.secret, string(info), n)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *sealed) rekey() {
	s.count, s.iv = 0, s.expand("iv", 12)
	var err error
	switch s.suite {
	case tls.TLS_AES_128_GCM_SHA256:
		block, _ := aes.NewCipher(s.expand("key", 16))
		s.aead, err = cipher.NewGCM(block)
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		s.aead, err = chacha20poly1305.New(s.expand("key", 32))
	default:
		s.t.Fatalf("cipher suite %x", s.suite)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// record returns a record.
func (s *sealed) record(kind byte, content string) []byte {
	n := len(content) + 1 + s.aead.Overhead()
	header := []byte{dataRecord, 3, 3, byte(n >> 8), byte(n)}
	nonce := bytes.Clone(s.iv)
	for i := range 8 {
		nonce[4+i] ^= byte(s.count >> (56 - 8*i))
	}
	s.count++
	return s.aead.Seal(bytes.Clone(header), nonce, append([]byte(content), kind), header)
}

// keyUpdate returns the record of a KeyUpdate; the next one has the new key.
func (s *sealed) keyUpdate(message string) []byte {
	b := s.record(handshakeRecord, message)
	s.updated()
	return b
}

func (s *sealed) updated() {
	s.secret = s.expand("traffic upd", 32)
	s.rekey()
}

func (s *sealed) send(b []byte) {
	s.t.Helper()
	if _, err := s.raw.Write(b); err != nil {
		s.t.Fatal(err)
	}
}

// echoes sends a request in a record, and reads the reply.
func (s *sealed) echoes() {
	s.t.Helper()
	s.send(s.record(dataRecord, string(carriertest.Frame(onLoop, 7, "hello"))))
	carriertest.NewPeer(s.t, s.Conn).Expect(onLoop.Reply(), 7, "\x00hello")
}

// lines is a log for tests.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// named is the router of the suite, whose special command returns the name in the certificate of
// the client.
func named() *engine.Router {
	return carriertest.Router(func(c *engine.Context) {
		name := "nobody"
		if owner := c.Session.Certificate(); owner != nil {
			name = owner.Subject.CommonName
		}
		c.Reply(codec.ResultOK, codec.Raw(name))
	})
}
