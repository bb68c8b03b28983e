package goconn

import "bufio"

// bufferBytes is the size of the readers and writers of a connection.
const bufferBytes = 4 << 10

// buffered reads through a buffer, and writes its replies when no further whole
// frame waits in it.
type buffered struct {
	direct
	in *bufio.Reader
}

func (b *buffered) serve() error {
	for {
		frame, err := b.readFrame(b.in)
		if err != nil {
			return err
		}
		b.execute(frame)
		if !b.frameWaits(b.in) {
			b.flush()
		}
	}
}

// frameWaits tells whether a whole frame is in the reader already.
func (s *socket) frameWaits(in *bufio.Reader) bool {
	if in.Buffered() < len(s.head) {
		return false
	}
	head, _ := in.Peek(len(s.head))
	n, err := s.server.frameLen(head)
	return err == nil && n <= in.Buffered()
}
