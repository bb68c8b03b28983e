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

// carried is a connection in one of the styles. Its Link is the pusher's.
type carried interface {
	engine.Link
	// serve reads and has executed what the peer sends. The error says why it
	// ended. Goroutine: the connection's.
	serve() error
	// refuse closes the session behind the replies to what was read before.
	// Goroutine: the connection's.
	refuse(engine.Reason)
	// release gives up what the connection holds besides its socket, which is
	// closed. Goroutine: the connection's.
	release()
	base() *socket
}

// socket is what connections of all styles have.
type socket struct {
	server  *Server
	pusher  *pusher
	tcp     *net.TCPConn
	session *engine.Session
	cutFor  atomic.Uint32 // the engine.Reason why we closed it, if we did
	head    [4]byte
}

func (s *socket) init(server *Server, tcp *net.TCPConn, p *pusher) {
	s.server, s.tcp, s.pusher = server, tcp, p
}

func (s *socket) base() *socket { return s }

// readFrame reads a whole frame into a new slice. Errors are those of the
// codec, and of the connection.
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

// ended returns when the peer is gone, having read and dropped what it still
// sent, and says why it is gone. err is what serve ended with.
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

// frameReason says why a session ends whose bytes gave that error of the codec;
// none for other errors.
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
