package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"holdfast/codec"
)

// readBufferSize is the initial size of the reader's buffer in bytes. It grows for
// larger frames.
const readBufferSize = 16 << 10

// read is the reader's goroutine.
func (c *Client) read() {
	err := c.readAll()
	c.end(c.lost("read from", err))
	close(c.pushes)
}

// readAll handles frames until reading or decoding fails.
func (c *Client) readAll() error {
	buf := make([]byte, 0, readBufferSize)
	for {
		n, readErr := c.conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		used, err := c.handleAll(buf)
		if err != nil {
			return err
		}
		buf = buf[:copy(buf, buf[used:])]
		switch {
		case errors.Is(readErr, io.EOF):
			return ErrClosedByServer
		case readErr != nil:
			return readErr
		case len(buf) == cap(buf):
			buf = append(buf, 0)[:len(buf)] // bounded: handleAll refuses frames above MaxFrame
		}
	}
}

// handleAll handles the complete frames of b and returns their length.
func (c *Client) handleAll(b []byte) (used int, err error) {
	for {
		m, n, err := codec.Decode(codec.Packet{}, b[used:], c.options.MaxFrame)
		switch {
		case err != nil && answersTLS(b[used:]):
			return used, fmt.Errorf("%w: %w", ErrProtocol, errOnlyTLS)
		case err != nil && bytes.HasPrefix(b[used:], []byte("HTTP/")):
			return used, fmt.Errorf("%w: %w (it answers in HTTP; a WebSocket listener has an address such as ws://HOST:PORT/ws)", ErrProtocol, err)
		case err != nil:
			return used, fmt.Errorf("%w: %w", ErrProtocol, err)
		case n == 0:
			return used, nil
		}
		if err := c.handle(m); err != nil {
			return used, err
		}
		used += n
	}
}

func (c *Client) handle(m codec.Message) error {
	switch {
	case m.Command.IsReply():
		return c.answer(m)
	case m.Command.IsPush():
		return c.pushed(m)
	}
	return fmt.Errorf("%w: %s is neither a reply nor a push", ErrProtocol, m.Command)
}

// answer passes a reply to its call. The reply to an abandoned call is dropped.
func (c *Client) answer(m codec.Message) error {
	waiting := c.take(RequestID(m.ID))
	if waiting == nil {
		return nil
	}
	err := c.accept(waiting, m)
	if errors.Is(err, ErrProtocol) {
		waiting.done <- fmt.Errorf("%s: %w", c.addr, err)
		return err
	}
	waiting.done <- err
	return nil
}

func (c *Client) accept(waiting *call, m codec.Message) error {
	switch {
	case m.Command != waiting.command.Reply():
		return fmt.Errorf("%w: %s as the reply to %s", ErrProtocol, m.Command, waiting.command)
	case len(m.Body) == 0:
		return fmt.Errorf("%w: %s without a result", ErrProtocol, m.Command)
	}
	return waiting.accept(codec.Result(m.Body[0]), m.Body[1:])
}

// pushed applies a push to the view and queues it for OnPush.
func (c *Client) pushed(m codec.Message) error {
	if m.Command == codec.PushHeartbeat && m.ID == 0 {
		return nil
	}
	p, err := decodePush(m)
	if err != nil {
		return err
	}
	if notice, ok := p.Event.(Notice); ok {
		c.mu.Lock()
		c.notice = &notice
		c.mu.Unlock()
	}
	if message, ok := p.Event.(ChatMessage); ok && c.rooms.repeated(&message) && p.Sequence == 0 {
		return nil
	}
	if broken, found := c.view.Apply(p); found {
		if err := c.queue(Push{Event: broken}); err != nil {
			return err
		}
		c.pullView()
		if broken.Double() {
			return nil
		}
	}
	if u, ok := p.Event.(AccountUpdate); ok && u.Change == AccountReset {
		c.pullView()
	}
	return c.queue(p)
}

// queue passes a push to the goroutine that calls OnPush.
func (c *Client) queue(p Push) error {
	if c.options.OnPush == nil {
		return nil
	}
	select {
	case c.pushes <- p:
		return nil
	default:
	}
	if p.Sequence > 0 {
		return fmt.Errorf("%w: %d pushes are waiting", ErrPushOverflow, len(c.pushes))
	}
	c.dropped.Add(1)
	return nil
}

// deliver calls OnPush with the queued pushes until the reader has ended.
func (c *Client) deliver() {
	for p := range c.pushes {
		c.options.OnPush(p)
	}
}
