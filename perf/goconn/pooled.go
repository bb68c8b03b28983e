package goconn

import (
	"bufio"
	"io"
	"net"
	"slices"
)

// pooledConn is a bufferedConn with pooled objects. Frames are executed inside the
// reader's buffer; a frame larger than that is read into a pooled buffer.
type pooledConn struct {
	bufferedConn
}

// init takes buffers from the pools; release puts them back.
func (p *pooledConn) init(server *Server, tcp *net.TCPConn, over stream, of *pusher) {
	p.inlineConn.init(server, tcp, over, of)
	p.in = p.server.readers.Get().(*bufio.Reader)
	p.in.Reset(p.stream)
	p.out = p.server.writers.Get().(*bufio.Writer)
	p.out.Reset(&p.pipe)
}

func (p *pooledConn) serve() error {
	for {
		head, err := p.in.Peek(len(p.head))
		if err != nil {
			return err
		}
		n, err := p.server.frameLen(head)
		if err != nil {
			return err
		}
		if n > p.in.Size() {
			err = p.executeLarge(n)
		} else {
			err = p.executeNext(n)
		}
		if err != nil {
			return err
		}
		if !p.frameWaits(p.in) {
			p.flush()
		}
	}
}

func (p *pooledConn) executeNext(n int) error {
	frame, err := p.in.Peek(n)
	if err != nil {
		return err
	}
	p.execute(frame)
	_, err = p.in.Discard(n)
	return err
}

func (p *pooledConn) executeLarge(n int) error {
	buf := p.server.frames.Get().(*[]byte)
	defer p.server.frames.Put(buf)
	*buf = slices.Grow((*buf)[:0], n)[:n]
	if _, err := io.ReadFull(p.in, *buf); err != nil {
		return err
	}
	p.execute(*buf)
	return nil
}

func (p *pooledConn) release() {
	p.mu.Lock()
	out := p.out
	p.mu.Unlock()
	p.bufferedConn.release()
	out.Reset(nil)
	p.server.writers.Put(out)
	p.in.Reset(nil)
	p.server.readers.Put(p.in)
}
