package engine

import (
	"bytes"
	"errors"
	"reflect"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/buffer/elastic"
	"golang.org/x/sys/unix"
)

// tailLink is the Link of a session whose client has ended its stream before it had all
// replies (half-close). gnet closes such a connection at once; the session goes on with
// a descriptor that gnet does not know: it gets the replies to what came before, and then
// our end. It counts as an open session until then.
//
// The event loop looks at it again and again (loop.look), because nobody tells when the
// socket takes more.
//
// Goroutine: event loop. Limits: those of every session for unsent output and for time.
type tailLink struct {
	session  *Session
	fd       int
	received []byte // what waited in gnet's buffer
	unsent   []byte
	last     bool // what is unsent is the rest; no further output is taken
}

// Write implements Link. If the peer is gone, it closes the session.
func (t *tailLink) Write(b []byte) error {
	if t.last || t.session.closed {
		return nil
	}
	t.unsent = append(t.unsent, b...)
	return t.flush()
}

// flush writes what the socket takes.
func (t *tailLink) flush() error {
	for len(t.unsent) > 0 {
		n, err := unix.Write(t.fd, t.unsent)
		switch {
		case err == nil:
			t.unsent = t.unsent[n:]
		case errors.Is(err, unix.EAGAIN):
			return nil
		case !errors.Is(err, unix.EINTR):
			t.unsent = nil
			_ = t.Close()
			return err
		}
	}
	t.unsent = nil
	return nil
}

// Buffered implements Link.
func (t *tailLink) Buffered() int { return len(t.unsent) }

// CloseWrite implements Link: the next look closes the connection once everything is sent.
func (t *tailLink) CloseWrite() error {
	t.last = true
	return nil
}

// Close implements Link. The kernel still sends what it has taken.
func (t *tailLink) Close() error {
	if t.session.closed {
		return nil
	}
	err := unix.Close(t.fd)
	t.session.core.Closed(t.session, ReasonPeerClosed)
	return err
}

// endIfDone closes the connection when the client has everything that it can still get, or
// when nothing was sent to it for IdleTime. A login that waits for the server may take longer.
func (t *tailLink) endIfDone(l *loop) {
	s := t.session
	if !t.last && !l.owes(s) {
		if s.tls != nil {
			s.tls.closeWrite(s)
		}
		t.last = true
	}
	if t.last && len(t.unsent) == 0 || s.group.now-s.sent >= s.group.clock.idle && !s.loggingIn.Load() {
		_ = t.Close()
	}
}

// owes reports whether more output will come for s that answers what it has sent (replies
// or a Notice), or that a feed has for it. Goroutine: event loop.
func (l *loop) owes(s *Session) bool {
	if s.lingering {
		return false
	}
	return s.tls.completing() || s.inFlight > 0 || s.queued || s.early != nil || s.refused || s.closing.Load() || s.loopRun == l.runs || s.isBehind()
}

// halfClosed is called when the client of s has ended its stream and gnet is about to
// close conn. It reports whether the session goes on. lastFile is the highest descriptor
// that a client may have. Goroutine: event loop, inside gnet's close.
func (l *loop) halfClosed(s *Session, conn gnet.Conn, lastFile int) bool {
	if !l.owes(s) && s.link.Buffered() == 0 {
		return false
	}
	fd, err := unix.FcntlInt(uintptr(conn.Fd()), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil && fd > lastFile {
		_ = unix.Close(fd)
		err = unix.EMFILE
	}
	if err != nil {
		l.core.Stats.HalfClosedLost.Add(1)
		return false
	}
	unsent, ok := takeUnsent(conn)
	if !ok {
		_ = unix.Close(fd)
		l.core.Stats.HalfClosedLost.Add(1)
		return false
	}
	t := &tailLink{session: s, fd: fd, unsent: unsent}
	if s.queued || s.tls.completing() {
		t.received = bytes.Clone(s.rawInput())
		s.discardRaw(-1)
	}
	if s.tls.completing() {
		s.tls.handshake.end()
	}
	s.link = t
	s.frameStart, s.need = 0, 0 // the rest of a frame never comes
	s.sent = s.group.now
	l.keepLooking(s)
	l.lookAgain()
	return true
}

// takeUnsent removes and returns the output that conn has not sent. gnet has no method for
// that, and drops what the socket does not take at once. ok is false if this gnet keeps it
// elsewhere.
func takeUnsent(conn gnet.Conn) (unsent []byte, ok bool) {
	n := conn.OutboundBuffered()
	if n == 0 {
		return nil, true
	}
	buffer := outboundOf(conn)
	if buffer == nil || buffer.Buffered() != n {
		return nil, false
	}
	unsent = make([]byte, n)
	n, err := buffer.Read(unsent)
	return unsent, err == nil && n == len(unsent)
}

// outboundOf returns the buffer of a gnet connection for unsent output, or nil if it has
// none where it is expected.
func outboundOf(conn any) *elastic.Buffer {
	v := reflect.ValueOf(conn)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	field := v.Elem().FieldByName("outboundBuffer")
	if !field.IsValid() || field.Type() != reflect.TypeFor[elastic.Buffer]() {
		return nil
	}
	return (*elastic.Buffer)(field.Addr().UnsafePointer())
}

// closeTails closes the sessions that gnet no longer knows, and ends the looks. Call it when
// the loop has ended.
func (l *loop) closeTails() {
	if l.lookTimer != nil {
		l.lookTimer.Stop()
	}
	l.core.groups[l.index].feeds.stop()
	for _, s := range l.watched {
		if t, ok := s.link.(*tailLink); ok {
			_ = t.Close()
		}
	}
}
