package conformance

import (
	"io"
	"math/rand/v2"
	"time"
)

// writer sends frames. After an error it drops all further bytes: what counts is what the
// server has sent.
type writer struct {
	conn    io.Writer
	longest int // write in bytes; 0: no limit
	keys    *rand.Rand
	key     [4]byte // of the frame that addPart sends
	pending []byte
	err     error
}

func (w *writer) nextKey() [4]byte {
	n := w.keys.Uint32()
	return [4]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
}

// add appends a frame to the pending bytes.
func (w *writer) add(f frame) { w.pending = f.appendTo(w.pending, w.nextKey()) }

// addPart appends a part of a frame, as sendPart describes it.
func (w *writer) addPart(f frame, from, to int) {
	head := f.headerSize()
	start := head + from
	if from == 0 {
		w.key, start = w.nextKey(), 0
	}
	w.pending = append(w.pending, f.appendTo(nil, w.key)[start:head+to]...)
}

// flush writes the pending bytes in pieces of at most that many bytes; 0: in one.
func (w *writer) flush(piece int) {
	if piece == 0 || w.longest > 0 && w.longest < piece {
		piece = w.longest
	}
	if piece == 0 {
		piece = len(w.pending)
	}
	for left := w.pending; len(left) > 0 && w.err == nil; {
		n := min(piece, len(left))
		_, w.err = w.conn.Write(left[:n])
		left = left[n:]
	}
	w.pending = w.pending[:0]
}

// timedConn is a connection whose reads and writes fail when no byte has moved in either
// direction for the timeout.
type timedConn struct {
	Conn
	timeout time.Duration
}

// Read implements io.Reader.
func (c *timedConn) Read(b []byte) (int, error) {
	if err := c.extend(); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// longestWrite is the most bytes that one write has. A longer one could take longer than
// the timeout though the server reads it.
const longestWrite = 256 << 10

// Write implements io.Writer.
func (c *timedConn) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		if err := c.extend(); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(b[written:min(written+longestWrite, len(b))])
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func (c *timedConn) extend() error { return c.SetDeadline(time.Now().Add(c.timeout)) }
