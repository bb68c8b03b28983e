package engine_test

import (
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"holdfast/codec"
	"holdfast/engine"
	"holdfast/engine/carriertest"
)

var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// A whole session, from the hello to the close, in pieces of any size.
func TestTLSInPieces(t *testing.T) {
	const seed = 5
	random := rand.New(rand.NewPCG(seed, seed))
	large := strings.Repeat("large", 8_000)
	for name, v := range versions {
		for _, tt := range []struct {
			name string
			size func() int
			body string
		}{
			{"every byte alone", func() int { return 1 }, "small"},
			{"1 to 7 bytes", func() int { return 1 + random.IntN(7) }, large},
			{"any number of bytes", func() int { return 1 + random.IntN(1<<random.IntN(17)) }, large + large},
		} {
			t.Run(name+" "+tt.name, func(t *testing.T) {
				config := carriertest.ServerTLS()
				config.DynamicRecordSizingDisabled = v == tls.VersionTLS12
				r := serveTLS(t, engine.Config{Limits: engine.Limits{LoginFrameBytes: 1 << 20}}, engine.Listener{TLS: config})
				for range 3 {
					s := secure(t, &inPieces{Conn: connect(t, r.Addr, net.Dialer{}), size: tt.size}, version(v))
					p := carriertest.NewPeer(t, s)
					for i := range 3 {
						p.Send(onLane, uint64(i), tt.body)
						p.Send(onLoop, uint64(i), "")
						p.Expect(onLane.Reply(), uint64(i), "\x00"+tt.body)
						p.Expect(onLoop.Reply(), uint64(i), "\x00")
					}
					if err := s.CloseWrite(); err != nil {
						t.Fatal(err)
					}
					expectEnd(t, p)
					p.Close()
				}
				eventually(t, "the end of all", func() bool { return r.Len() == 0 })
				if got := r.Stats.Closes(engine.ReasonPeerClosed); got != 3 || r.Stats.Handshakes.Load() != 3 {
					t.Errorf("seed %d: %d sessions closed by their peers after %d handshakes", seed, got, r.Stats.Handshakes.Load())
				}
			})
		}
	}
}

// The end of the handshake, many records and the close come in one segment, and then the end of
// the stream.
func TestTLSRecordsInOneSegment(t *testing.T) {
	const requests = 60
	for name, v := range versions {
		t.Run(name, func(t *testing.T) {
			r := serveTLS(t, engine.Config{Limits: engine.Limits{FramesPerEvent: 7}}, engine.Listener{})
			for round := range 20 {
				g := &gathering{Conn: connect(t, r.Addr, net.Dialer{})}
				if v == tls.VersionTLS13 { // its client sends the last part
					g.Conn = &afterRead{Conn: g.Conn, done: func() { g.gather = true }}
				}
				s := tls.Client(g, version(v))
				if err := s.Handshake(); err != nil {
					t.Fatal(err)
				}
				g.gather = true
				for i := range requests {
					if _, err := s.Write(carriertest.Frame([]codec.Command{onLane, onLoop}[i%2], uint64(i), "x")); err != nil {
						t.Fatal(err)
					}
				}
				if round%2 == 0 {
					_ = s.CloseWrite()
				}
				g.flush(t)
				if err := tcpOf(g.Conn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				p := carriertest.NewPeer(t, s)
				for i := range requests {
					if m, err := p.Next(); err != nil || m.ID != uint64(i) {
						t.Fatalf("round %d: reply %d is %d, %v", round, i, m.ID, err)
					}
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

// afterRead calls done when something was read.
type afterRead struct {
	net.Conn
	done func()
}

func (a *afterRead) Read(b []byte) (int, error) {
	n, err := a.Conn.Read(b)
	a.done()
	return n, err
}

func tcpOf(c net.Conn) *net.TCPConn {
	if a, ok := c.(*afterRead); ok {
		c = a.Conn
	}
	return c.(*net.TCPConn)
}

// What the engine relies on in crypto/tls: an error that is temporary ends a Read, but not the
// connection, and what has come of a record is not lost.
func TestTLSGoesOnAfterTemporaryErrors(t *testing.T) {
	for name, v := range versions {
		t.Run(name, func(t *testing.T) {
			a, b := net.Pipe()
			defer a.Close()
			defer b.Close()
			near, far := &gathering{Conn: a}, &drip{Conn: b}
			client, server := tls.Client(near, version(v)), tls.Server(far, carriertest.ServerTLS())
			done := make(chan error, 1)
			go func() {
				done <- client.Handshake()
				_, _ = io.Copy(io.Discard, client) // the tickets of the handshake
			}()
			if err := errors.Join(server.Handshake(), <-done); err != nil {
				t.Fatal(err)
			}
			near.gather, far.stored = true, true
			const text = "one record, byte by byte"
			for range 3 {
				if _, err := client.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				var got []byte
				for _, c := range near.kept {
					far.bytes = append(far.bytes, c)
					buf := make([]byte, 100)
					n, err := server.Read(buf)
					got = append(got, buf[:n]...)
					if n == 0 && !errors.Is(err, nothing{}) {
						t.Fatalf("Read: %v", err)
					}
				}
				if near.kept = nil; string(got) != text {
					t.Fatalf("read %q", got)
				}
				if _, err := server.Write(got); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// drip reads from bytes once stored is set.
type drip struct {
	net.Conn
	stored bool
	bytes  []byte
}

func (d *drip) Read(b []byte) (int, error) {
	if !d.stored {
		return d.Conn.Read(b)
	}
	if len(d.bytes) == 0 {
		return 0, nothing{}
	}
	n := copy(b, d.bytes)
	d.bytes = d.bytes[n:]
	return n, nil
}

// nothing is an error that is temporary.
type nothing struct{}

func (nothing) Error() string   { return "nothing" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }
