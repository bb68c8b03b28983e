package goconn

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"holdfast/codec"
	"holdfast/engine"
)

// carried is a connection in one of the styles. The pusher calls the methods of Link.
type carried interface {
	engine.Link
	init(*Server, *net.TCPConn, stream, *pusher)
	// serve reads requests and has them executed. The error says why it ended. Goroutine:
	// the connection's.
	serve() error
	// refuse closes the session after the replies to earlier requests. Goroutine: the
	// connection's.
	refuse(engine.Reason)
	// release frees the connection's resources; the socket is already closed. Goroutine:
	// the connection's.
	release()
	base() *socket
}

// stream is what a connection reads from and writes to: the socket, or TLS over it.
type stream interface {
	net.Conn
	CloseWrite() error
}

// socket is the part that connections of all styles share.
type socket struct {
	server  *Server
	pusher  *pusher
	tcp     *net.TCPConn
	stream  stream
	session *engine.Session
	cutFor  atomic.Uint32 // engine.Reason if we cut the connection
	head    [4]byte
}

func (s *socket) init(server *Server, tcp *net.TCPConn, over stream, p *pusher) {
	s.server, s.tcp, s.stream, s.pusher = server, tcp, over, p
}

func (s *socket) base() *socket { return s }

// readFrame reads a complete frame into a new slice. The error is from the codec or the
// connection.
func (s *socket) readFrame(in io.Reader) ([]byte, error) {
	if _, err := io.ReadFull(in, s.head[:]); err != nil {
		return nil, err
	}
	n, err := s.server.frameLen(s.head[:])
	if err != nil {
		return nil, err
	}
	frame := make([]byte, n)
	copy(frame, s.head[:])
	_, err = io.ReadFull(in, frame[len(s.head):])
	return frame, err
}

// cut ends the connection at once. Goroutine: any.
func (s *socket) cut(reason engine.Reason) {
	s.cutFor.CompareAndSwap(0, uint32(reason))
	_ = s.tcp.Close()
}

// Close implements engine.Link.
func (s *socket) Close() error { return s.tcp.Close() }

// ended reads and drops input until the peer is gone and returns the reason. err is the
// error of serve.
func (s *socket) ended(err error) engine.Reason {
	for errors.Is(err, os.ErrDeadlineExceeded) || frameReason(err) != engine.ReasonNone {
		_ = s.tcp.SetReadDeadline(time.Time{})
		if _, err = io.Copy(io.Discard, s.tcp); err == nil {
			err = io.EOF
		}
	}
	switch cut := engine.Reason(s.cutFor.Load()); {
	case cut != engine.ReasonNone:
		return cut
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed):
		return engine.ReasonPeerClosed
	default:
		return engine.ReasonPeerReset
	}
}

// frameReason returns the close reason for an error of the codec, ReasonNone for other
// errors.
func frameReason(err error) engine.Reason {
	switch {
	case errors.Is(err, codec.ErrTooLarge):
		return engine.ReasonTooLarge
	case errors.Is(err, codec.ErrTooShort):
		return engine.ReasonMalformed
	default:
		return engine.ReasonNone
	}
}
