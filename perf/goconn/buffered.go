package goconn

import (
	"bufio"
	"net"
)

// bufferBytes is the size of the readers and writers of a connection.
const bufferBytes = 4 << 10

// bufferedConn reads through a buffer, and writes its replies when the buffer has no
// further complete frame.
type bufferedConn struct {
	inlineConn
	in *bufio.Reader
}

func (b *bufferedConn) init(server *Server, tcp *net.TCPConn, over stream, p *pusher) {
	b.inlineConn.init(server, tcp, over, p)
	b.in = bufio.NewReaderSize(over, bufferBytes)
	b.out = bufio.NewWriterSize(&b.pipe, bufferBytes)
}

func (b *bufferedConn) serve() error {
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

// frameWaits reports whether the reader already has a complete frame.
func (s *socket) frameWaits(in *bufio.Reader) bool {
	if in.Buffered() < len(s.head) {
		return false
	}
	head, _ := in.Peek(len(s.head))
	n, err := s.server.frameLen(head)
	return err == nil && n <= in.Buffered()
}
