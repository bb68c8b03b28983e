package engine

import (
	"bytes"
	"crypto/tls"
	"net"
	"testing"
)

// waitingHandshake returns a handshake that waits for its turn.
func waitingHandshake(a *handshakes) *handshake {
	l := &loop{core: &Core{handshakes: a}}
	s := &Session{remote: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, tls: new(tlsInput)}
	h := newHandshake(s, l, []byte("hello"))
	s.tls.handshake = h
	a.start(h)
	return h
}

// A session that is closed leaves the queue.
func TestClosedSessionLeavesTheQueueOfHandshakes(t *testing.T) {
	a := newHandshakes()
	a.running = maxHandshakes
	all := []*handshake{waitingHandshake(a), waitingHandshake(a), waitingHandshake(a)}
	all[1].session.tls.closed()
	all[1].session.tls.closed()
	if _, waiting := a.counts(); waiting != 2 || a.waiting.Front().Value != all[0] || a.waiting.Back().Value != all[2] {
		t.Errorf("%d wait", waiting)
	}
}

// The deadline of a handshake is not extended for ever while the server is late, and does not
// count as missed while the server has not sent its part.
func TestHandshakeDeadline(t *testing.T) {
	d := &deadlines{handshake: 10}
	a := newHandshakes()
	a.running = maxHandshakes
	h := waitingHandshake(a)
	s := h.session
	s.group, s.opened, s.tls.asked = &group{now: 35}, 5, 5
	if at := s.tls.deadline(s, d); at != 36 {
		t.Errorf("%d while it waits for its turn", at)
	}
	s.group.now = 100
	if at := s.tls.deadline(s, d); at != 45 {
		t.Errorf("%d, it waits for ever", at)
	}
	s.group.now, h.blocked, h.in, h.out = 35, true, nil, []byte("unsent")
	if at := s.tls.deadline(s, d); at != 36 {
		t.Errorf("%d before it is sent what it is to answer", at)
	}
	h.out = nil
	if at := s.tls.deadline(s, d); at != 15 {
		t.Errorf("%d while it is to answer", at)
	}
}

// The first record of a client is complete when all its bytes are there, and its length does not
// change with what follows.
func FuzzTLSHello(f *testing.F) {
	for _, b := range []string{"", "\x16", "\x16\x03\x01\x00\x01x", "\x16\x03\x01\x40\x01", "\x16\x03\x01\x00\x00", "GET / HTTP/1.1", "\x00\x00\x00\x10"} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := helloLen(b)
		if n < 0 || n > recordHeader+maxRecord && ok || n > 0 && len(b) < recordHeader {
			t.Fatalf("%q: %d, %v", b, n, ok)
		}
		for i := range min(len(b), 2*recordHeader) {
			m, fine := helloLen(b[:i])
			if ok && !fine || m != 0 && m != n || i >= recordHeader && fine != ok {
				t.Fatalf("%q: %d, %v; its first %d bytes: %d, %v", b, n, ok, i, m, fine)
			}
		}
	})
}

// What tlsBuffers finds in this Go, with what a connection keeps.
func TestTLSBuffers(t *testing.T) {
	c := tls.Server(nil, nil)
	b := buffersOf(c)
	if b.records == nil || b.content == nil || fieldOf[bytes.Buffer](c, "hand") == nil {
		t.Fatal("tls.Conn has other fields: sessions keep the buffers of their largest records")
	}
	space := make([]byte, 0, 100)
	use := func(more string) {
		lent := b.lend(space)
		b.records.WriteString(more)
		space = b.giveBack(space, lent)
	}
	use("abc")
	if b.records.String() != "abc" || cap(space) != 100 || &b.records.Bytes()[0] == &space[:1][0] {
		t.Errorf("left %q, and space for %d", b.records.Bytes(), cap(space))
	}
	use("def")
	if b.records.String() != "abcdef" || cap(space) != 100 {
		t.Errorf("left %q, and space for %d", b.records.Bytes(), cap(space))
	}
	lent := b.lend(space)
	b.records.Next(6)
	if space = b.giveBack(space, lent); lent || b.records.Cap() != 0 || cap(space) != 100 {
		t.Errorf("%v: kept %d, and space for %d", lent, b.records.Cap(), cap(space))
	}
	lent = b.lend(space)
	b.records.WriteString("a record")
	b.records.Next(8)
	if space = b.giveBack(space, lent); !lent || b.records.Cap() != 0 || cap(space) != 100 {
		t.Errorf("%v: kept %d, and space for %d", lent, b.records.Cap(), cap(space))
	}
}
