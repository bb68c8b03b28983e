package goconn

import (
	"errors"
	"net"
	"sync"
	"syscall"
)

// pipe is a socket whose writers never wait: unsent output is kept, and a goroutine that
// runs as long as there is some sends it. With TLS they wait for the peer.
type pipe struct {
	socket
	raw syscall.RawConn // nil with TLS

	mu      sync.Mutex // guards the fields below
	kept    []byte
	sending bool // sendKept is running
	shut    bool // close our side when all kept output is sent
	gone    bool // the socket is closed
}

func (p *pipe) init(server *Server, tcp *net.TCPConn, over stream, of *pusher) {
	p.socket.init(server, tcp, over, of)
	if over == stream(tcp) {
		p.raw, _ = tcp.SyscallConn() // fails for nil only
	}
}

// Write implements io.Writer. The caller holds p.mu.
func (p *pipe) Write(b []byte) (int, error) {
	if p.gone || p.shut {
		return 0, net.ErrClosed
	}
	if p.raw == nil {
		return p.stream.Write(b)
	}
	sent := 0
	if !p.sending {
		var err error
		if sent, err = p.try(b); err != nil || sent == len(b) {
			return sent, err
		}
		p.sending = true
		p.server.open.Go(p.sendKept)
	}
	p.kept = append(p.kept, b[sent:]...)
	return len(b), nil
}

// attempt is one write that does not wait. It is a pooled type so that the closure write
// is allocated once, not for each reply.
type attempt struct {
	bytes []byte
	n     int
	err   error
	write func(fd uintptr) bool
}

func newAttempt() any {
	a := new(attempt)
	a.write = func(fd uintptr) bool {
		for {
			a.n, a.err = syscall.Write(int(fd), a.bytes)
			if !errors.Is(a.err, syscall.EINTR) {
				return true
			}
		}
	}
	return a
}

// try writes as much as the socket takes without waiting.
func (p *pipe) try(b []byte) (int, error) {
	a := p.server.attempts.Get().(*attempt)
	defer p.server.attempts.Put(a)
	a.bytes = b
	err := p.raw.Write(a.write)
	a.bytes = nil
	switch {
	case err != nil:
		return 0, err
	case errors.Is(a.err, syscall.EAGAIN):
		return 0, nil
	case a.err != nil:
		return 0, a.err
	default:
		return a.n, nil
	}
}

// sendChunk is the most bytes that sendKept writes at a time.
const sendChunk = 64 << 10

// sendKept sends the kept output and waits for the peer. It stops on an error, which the
// connection's reader sees too.
func (p *pipe) sendKept() {
	for chunk := p.nextChunk(0); chunk != nil; {
		n, err := p.tcp.Write(chunk)
		if err != nil {
			return
		}
		chunk = p.nextChunk(n)
	}
}

// nextChunk drops the bytes that were sent and returns the next ones, or nil if none are
// left.
func (p *pipe) nextChunk(sent int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept = p.kept[sent:]; len(p.kept) > 0 {
		return p.kept[:min(len(p.kept), sendChunk)]
	}
	p.kept, p.sending = nil, false
	if p.shut {
		_ = p.stream.CloseWrite()
	}
	return nil
}

// buffered returns how many bytes are kept.
func (p *pipe) buffered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.kept)
}

// closeWrite closes our side after the kept output is sent.
func (p *pipe) closeWrite() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	if p.sending {
		return nil
	}
	return p.stream.CloseWrite()
}
