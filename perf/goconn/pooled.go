package goconn

import (
	"bufio"
	"io"
	"slices"
)

// pooled is buffered with objects that are used again. Frames are executed where
// they lie in the reader; one that is larger than that is read into a buffer on
// loan.
type pooled struct {
	buffered
}

// borrow gets the buffers; release gives them back.
func (p *pooled) borrow() {
	p.in = p.server.readers.Get().(*bufio.Reader)
	p.in.Reset(p.tcp)
	p.out = p.server.writers.Get().(*bufio.Writer)
	p.out.Reset(&p.pipe)
}

func (p *pooled) serve() error {
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

func (p *pooled) executeNext(n int) error {
	frame, err := p.in.Peek(n)
	if err != nil {
		return err
	}
	p.execute(frame)
	_, err = p.in.Discard(n)
	return err
}

func (p *pooled) executeLarge(n int) error {
	buf := p.server.frames.Get().(*[]byte)
	defer p.server.frames.Put(buf)
	*buf = slices.Grow((*buf)[:0], n)[:n]
	if _, err := io.ReadFull(p.in, *buf); err != nil {
		return err
	}
	p.execute(*buf)
	return nil
}

func (p *pooled) release() {
	p.mu.Lock()
	out := p.out
	p.mu.Unlock()
	p.buffered.release()
	out.Reset(nil)
	p.server.writers.Put(out)
	p.in.Reset(nil)
	p.server.readers.Put(p.in)
}
