package carriertest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// Peer is a client that sends and reads frames of any length.
type Peer struct {
	net.Conn
	Dialect codec.Dialect
	t       testing.TB
	in      *bufio.Reader
}

// Dial connects a peer that speaks the packet dialect until the end of the test.
func Dial(t testing.TB, addr string) *Peer {
	t.Helper()
	return DialWith(t, addr, net.Dialer{})
}

// DialNarrow is Dial with a receive buffer of 1 MiB; otherwise the kernel might take
// everything that the server writes. The size is set before the connect, because
// shrinking a TCP window later loses packets and costs seconds.
func DialNarrow(t testing.TB, addr string) *Peer {
	t.Helper()
	return DialWith(t, addr, net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if failed := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 1<<20)
		}); failed != nil {
			return failed
		}
		return err
	}})
}

// DialWith is Dial with the settings of d. It speaks TLS to addresses with TLSPrefix.
func DialWith(t testing.TB, addr string, d net.Dialer) *Peer {
	t.Helper()
	addr, encrypted := strings.CutPrefix(addr, TLSPrefix)
	network := "tcp"
	if path, ok := engine.SocketPath(addr); ok {
		network, addr = "unix", path
	}
	conn, err := d.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	if encrypted {
		secured := tls.Client(conn, ClientTLS())
		_ = secured.Handshake() // the first read returns its error again
		conn = secured
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * Patience)); err != nil {
		t.Fatal(err)
	}
	return NewPeer(t, conn)
}

// NewPeer returns a peer on a connection that the test has opened.
func NewPeer(t testing.TB, conn net.Conn) *Peer {
	return &Peer{Conn: conn, Dialect: codec.Packet{}, t: t, in: bufio.NewReaderSize(conn, 1<<16)}
}

// plainAddress returns addr without TLSPrefix.
func plainAddress(addr string) string { return strings.TrimPrefix(addr, TLSPrefix) }

// Frame returns a request in the packet dialect.
func Frame(cmd codec.Command, id uint64, body string) []byte {
	return codec.AppendRequest(nil, cmd, id, codec.Raw(body))
}

// Frames returns a request in the packet dialect for each body, with ids from 0 on.
func Frames(cmd codec.Command, bodies ...string) []byte {
	var b []byte
	for i, body := range bodies {
		b = codec.AppendRequest(b, cmd, uint64(i), codec.Raw(body))
	}
	return b
}

// Send sends a request. A dialect without ids leaves id out.
func (p *Peer) Send(cmd codec.Command, id uint64, body string) {
	p.t.Helper()
	p.MustWrite(p.Dialect.AppendPush(nil, cmd, id, codec.Raw(body)))
}

// MustWrite writes b, or ends the test.
func (p *Peer) MustWrite(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// Next returns the next message, or io.EOF.
func (p *Peer) Next() (codec.Message, error) {
	head, err := p.in.Peek(4)
	if err != nil {
		if len(head) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return codec.Message{}, err
	}
	const most = 1 << 30
	n, err := p.Dialect.FrameLen(head, most)
	if err != nil {
		return codec.Message{}, err
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(p.in, frame); err != nil {
		return codec.Message{}, err
	}
	m, _, err := codec.Decode(p.Dialect, frame, most)
	return m, err
}

// Expect reads the next message, which must be this one. A dialect without ids accepts
// any id.
func (p *Peer) Expect(cmd codec.Command, id uint64, body string) {
	p.t.Helper()
	m, err := p.Next()
	if err != nil {
		p.t.Fatalf("waiting for %v %d: %v", cmd, id, err)
	}
	if m.Command != cmd || !p.Dialect.Ordered() && m.ID != id || string(m.Body) != body {
		p.t.Fatalf("got %v %d %s, want %v %d %s", m.Command, m.ID, brief(string(m.Body)), cmd, id, brief(body))
	}
}

// ExpectCommand reads the next message, which must have that command.
func (p *Peer) ExpectCommand(cmd codec.Command) {
	p.t.Helper()
	if m, err := p.Next(); err != nil || m.Command != cmd {
		p.t.Fatalf("got %v, %v; want %v", m.Command, err, cmd)
	}
}

// ExpectNotice reads a Notice, then the end of the connection.
func (p *Peer) ExpectNotice(code pb.NoticeCode) {
	p.t.Helper()
	m, err := p.Next()
	var notice pb.Notice
	if err != nil || m.Command != codec.PushNotice || notice.UnmarshalVT(m.Body) != nil {
		p.t.Fatalf("got %v %s, %v; want a Notice", m.Command, brief(string(m.Body)), err)
	}
	if notice.Code != code || notice.Text == "" {
		p.t.Fatalf("got notice %v %q, want %v", notice.Code, notice.Text, code)
	}
	if m, err := p.Next(); !errors.Is(err, io.EOF) {
		p.t.Fatalf("after the notice came %v, %v", m.Command, err)
	}
}

// Echoes sends a request that is echoed, and reads the reply.
func (p *Peer) Echoes(cmd codec.Command) {
	p.t.Helper()
	p.Send(cmd, 7, "hello")
	p.Expect(cmd.Reply(), 7, "\x00hello")
}

// brief returns the start of a body, quoted, with its length if it is longer.
func brief(body string) string {
	const most = 100
	if len(body) <= most {
		return fmt.Sprintf("%q", body)
	}
	return fmt.Sprintf("%q... of %d bytes", body[:most], len(body))
}
