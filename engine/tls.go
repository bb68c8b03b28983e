package engine

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"time"
)

// tlsInput is the stage of a session between its socket and its dialect, or its WebSocket
// stage, that opens and seals TLS records. crypto/tls does both on the event loop, over a
// connection in memory: what comes from the socket is handed to it as a whole, and what it
// writes is sent in one write.
//
// Only the handshake can't run there: crypto/tls waits in it for the client. It has a goroutine
// for that time; see handshakes.
//
// Goroutine: event loop, unless a field says otherwise.
type tlsInput struct {
	pipe      tlsPipe
	conn      *tls.Conn  // nil before the ClientHello is complete
	buffers   tlsBuffers // of conn, after the handshake
	handshake *handshake // nil before that, and after the end of the handshake
	asked     ticks      // when the server last sent something of the handshake, or the session opened
	replied   bool       // the server has sent something of the handshake
	open      bool       // the handshake is done
	kept      []byte     // opened bytes that the dialect has not taken
	end       Reason     // why nothing more is read
	broken    error      // why the connection can't go on

	// certificate is what the client has proved to own. It is final before the first message.
	certificate *x509.Certificate
}

const (
	recordHeader      = 5  // of a TLS record
	recordHandshake   = 22 // type of a record of the handshake
	recordAlert       = 21
	maxRecord         = 16 << 10 // content of a record that is not encrypted
	alertHandshake    = 40       // handshake_failure
	alertLevelFatal   = 2
	versionTLS12      = 0x0303
	maxHandshakeBytes = 64 << 10 // that a handshake is fed with and has not read
)

// helloLen returns how many bytes the first record of a client has, 0 if the header is not
// complete. ok is false if it is not the start of a TLS handshake.
func helloLen(b []byte) (n int, ok bool) {
	if len(b) > 0 && b[0] != recordHandshake || len(b) > 1 && b[1] != versionTLS12>>8 {
		return 0, false
	}
	if len(b) < recordHeader {
		return 0, true
	}
	n = int(b[3])<<8 | int(b[4])
	return recordHeader + n, 0 < n && n <= maxRecord
}

// appendAlert appends the record of a fatal alert that is not encrypted.
func appendAlert(dst []byte, alert byte) []byte {
	return append(dst, recordAlert, versionTLS12>>8, versionTLS12&0xff, 0, 2, alertLevelFatal, alert)
}

// errWouldBlock is what crypto/tls gets on the event loop where there is nothing to read. It goes
// on after errors that are temporary.
var errWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "engine: nothing to read yet" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

// tlsPipe is the connection in memory under crypto/tls. During the handshake it reads from and
// writes to that; afterwards it reads in and appends to out.
type tlsPipe struct {
	handshake *handshake
	in        []byte
	out       *[]byte
}

// Read implements net.Conn.
func (p *tlsPipe) Read(b []byte) (int, error) {
	if p.handshake != nil {
		return p.handshake.read(b)
	}
	if len(p.in) == 0 {
		return 0, errWouldBlock
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

// Write implements net.Conn.
func (p *tlsPipe) Write(b []byte) (int, error) {
	if p.handshake != nil {
		return p.handshake.write(b)
	}
	*p.out = append(*p.out, b...) // crypto/tls uses b again
	return len(b), nil
}

// Close implements net.Conn. The session closes the socket.
func (p *tlsPipe) Close() error { return nil }

// LocalAddr implements net.Conn.
func (p *tlsPipe) LocalAddr() net.Addr { return pipeAddr{} }

// RemoteAddr implements net.Conn.
func (p *tlsPipe) RemoteAddr() net.Addr { return pipeAddr{} }

// SetDeadline implements net.Conn. The session has its own deadlines.
func (p *tlsPipe) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (p *tlsPipe) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (p *tlsPipe) SetWriteDeadline(time.Time) error { return nil }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "tls" }
func (pipeAddr) String() string  { return "tls" }

// receiveHandshake takes what the client sends before its handshake is done.
func (l *loop) receiveHandshake(s *Session) {
	t := s.tls
	if t.conn != nil {
		if t.handshake.full() { // it is too early for the messages of the client
			if l.limitQueued(s); s.closing.Load() {
				s.discardRaw(-1)
			}
			return
		}
		t.handshake.feed(s.rawInput())
		s.discardRaw(-1)
		return
	}
	b := s.rawInput()
	n, ok := helloLen(b)
	if !ok {
		t.broken = errNoTLS
		l.refuse(s, ReasonBadHandshake)
		s.discardRaw(-1)
		return
	}
	if s.need = int32(max(n, recordHeader)); len(b) < int(s.need) {
		return
	}
	s.need = 0
	t.handshake = newHandshake(s, l, b)
	s.discardRaw(-1)
	t.pipe.handshake = t.handshake
	t.conn = tls.Server(&t.pipe, s.listener.TLS)
	l.core.handshakes.start(t.handshake)
}

var (
	errNoTLS        = errors.New("the client does not speak TLS, and this address takes nothing else")
	errTLSHandshake = errors.New("the client speaks TLS, and this address does not")
)

// continueHandshake sends what the handshake of a session has written, and ends the handshake
// when it is done.
func (l *loop) continueHandshake(s *Session) {
	t := s.tls
	h := t.handshake
	if h == nil || s.closed {
		return
	}
	out, done, err := h.take()
	if len(out) > 0 {
		t.asked, t.replied = s.group.now, true
		if s.link.Write(out) != nil || s.closed {
			return
		}
		s.written += uint64(len(out))
	}
	if !done {
		if len(s.rawInput()) > 0 {
			l.receiveHandshake(s)
		}
		return
	}
	t.handshake, t.pipe.handshake = nil, nil
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // the client has ended its stream
			s.abortNow(cmp.Or(s.reason, ReasonPeerClosed))
			return
		}
		l.core.Stats.HandshakesFailed.Add(1)
		t.broken = err
		l.refuse(s, ReasonBadHandshake)
		return
	}
	l.core.Stats.Handshakes.Add(1)
	t.pipe.out, t.open, t.buffers = &l.sealed, true, buffersOf(t.conn)
	if chains := t.conn.ConnectionState().VerifiedChains; len(chains) > 0 {
		t.certificate = chains[0][0]
	}
	if s.reason != ReasonNone { // it was to end meanwhile
		s.finish(s.reason)
		return
	}
	s.startDeadlines()
	s.announce()
	if s.Greets() {
		_ = l.Run(context.Background()) // writes the greeting before anything is read
	}
	if l.core.phase.Load() == draining {
		s.Close(ReasonShuttingDown)
	}
	if s.closed || s.closing.Load() {
		return
	}
	t.pipe.in = h.input()
	l.receive(s) // what came with the end of the handshake
}

// received opens the records in raw and returns what is in them, after what was kept. It is
// valid until the event loop goes on; call keep with what is not taken of it.
func (t *tlsInput) received(s *Session, raw []byte) []byte {
	l := s.group.carrier.(*loop)
	b := t.kept
	if len(b) == 0 {
		b = l.opened[:0]
	}
	l.sealed = l.sealed[:0]
	if len(t.pipe.in) > 0 { // of the handshake
		raw = append(t.pipe.in, raw...)
	}
	t.pipe.in = raw
	lent := t.buffers.lend(l.records)
	b = t.read(b)
	l.records = t.buffers.giveBack(l.records, lent)
	t.pipe.in = nil
	l.keepOpened(t, b)
	t.answer(s, l)
	return b
}

// read appends what is in the records, up to the first that is not complete or ends the stream.
func (t *tlsInput) read(b []byte) []byte {
	for t.end == ReasonNone {
		b = slices.Grow(b, maxRecord)
		n, err := t.conn.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == nil:
		case errors.Is(err, errWouldBlock):
			return b
		case errors.Is(err, io.EOF): // close_notify
			t.end = ReasonPeerClosed
		default:
			t.end, t.broken = ReasonMalformed, err
		}
	}
	return b
}

// keepOpened stores b where the next call of received, or of another session, finds it.
func (l *loop) keepOpened(t *tlsInput, b []byte) {
	if len(t.kept) > 0 {
		t.kept = b
	} else {
		l.opened = b
	}
}

// keep stores the bytes that the dialect has not taken.
func (t *tlsInput) keep(s *Session, rest []byte) {
	switch {
	case len(rest) == 0:
		t.kept = nil
	case len(t.kept) == len(rest): // all of it, and to move it would cost as much for each byte that comes
	case len(t.kept) > 0:
		t.kept = append(t.kept[:0], rest...) // rest is a part of it
	default:
		t.kept = append([]byte(nil), rest...)
	}
	s.group.carrier.(*loop).shrinkScratch()
}

// drop drops everything that was received and is not taken.
func (t *tlsInput) drop() { t.kept, t.pipe.in = nil, nil }

// sends reports whether something can be sent: the handshake is done, and nothing has failed.
func (t *tlsInput) sends() bool { return t.open && t.broken == nil }

// write seals b and sends the records. Before the end of the handshake, and after a failure,
// nothing is sent.
func (t *tlsInput) write(s *Session, b []byte) error {
	if !t.sends() {
		return nil
	}
	l := s.group.carrier.(*loop)
	l.sealed = l.sealed[:0]
	if _, err := t.conn.Write(b); err != nil {
		return err
	}
	return t.flush(s, l)
}

// flush sends what crypto/tls has written.
func (t *tlsInput) flush(s *Session, l *loop) error {
	if len(l.sealed) == 0 || s.closed {
		return nil
	}
	err := s.link.Write(l.sealed)
	s.written += uint64(len(l.sealed))
	l.shrinkScratch()
	return err
}

// answer sends what crypto/tls has written while it was reading: alerts, and the answers to
// KeyUpdates. A client that asks for these and does not read them is a slow consumer.
func (t *tlsInput) answer(s *Session, l *loop) {
	if len(l.sealed) == 0 || t.flush(s, l) != nil || s.closed {
		return
	}
	if n := s.link.Buffered(); n|s.unsent != 0 {
		s.setUnsent(n)
	}
}

// closeWrite sends close_notify.
func (t *tlsInput) closeWrite(s *Session) {
	if !t.sends() || s.closed {
		return
	}
	l := s.group.carrier.(*loop)
	l.sealed = l.sealed[:0]
	_ = t.conn.CloseWrite()
	_ = t.flush(s, l)
}

// farewell returns the last bytes of a session whose handshake is not done: a fatal alert, as
// far as that can be sent. A client that speaks no TLS gets what a listener without TLS would
// send.
func (t *tlsInput) farewell(s *Session) []byte {
	switch {
	case errors.Is(t.broken, errNoTLS):
		return s.plainFarewell(t.broken.Error())
	case t.conn == nil:
		return appendAlert(nil, alertHandshake)
	default:
		return nil // crypto/tls has sent an alert, or the client is silent
	}
}

// lasts reports whether the handshake still runs; that of a nil t does not.
func (t *tlsInput) lasts() bool { return t != nil && t.handshake != nil }

// completing reports whether the client may have sent all of its handshake; that of a nil t has
// ended.
func (t *tlsInput) completing() bool { return t.lasts() && t.replied }

// closed ends the handshake of a session that is closed; a nil t has none.
func (t *tlsInput) closed() {
	if t.lasts() {
		t.handshake.loop.core.handshakes.leave(t.handshake)
		t.handshake.abort()
	}
}

// deadline returns when the client must have sent the next part of its handshake. It has more
// time while the server is to compute, or others have their turn, but not without end.
func (t *tlsInput) deadline(s *Session, d *deadlines) ticks {
	at := t.asked + d.handshake
	if t.handshake != nil && !t.handshake.waits() {
		at = max(at, s.group.now+1)
	}
	return min(at, s.opened+handshakeParts*d.handshake)
}

// handshakeParts times Limits.HandshakeTime is the longest time from the first byte to the end
// of a handshake.
const handshakeParts = 4

// Certificate returns the verified certificate of the client, or nil. Its handlers may call it
// from the first message on. Goroutine: any.
func (s *Session) Certificate() *x509.Certificate {
	if s.tls != nil {
		return s.tls.certificate
	}
	if s.secure != nil {
		return s.secure.Certificate()
	}
	return nil
}

// Encrypted reports whether the session speaks TLS. Goroutine: any.
func (s *Session) Encrypted() bool {
	if s.secure != nil {
		return s.secure.Encrypted()
	}
	return s.tls != nil
}
