package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/codec"
)

// call is a request without a reply yet.
type call struct {
	command codec.Command
	// accept handles the reply, on the reader's goroutine and in wire order.
	accept func(codec.Result, []byte) error
	done   chan error // receives exactly one value
}

// reply is the body of a reply.
type reply interface{ UnmarshalVT(b []byte) error }

// send sends a request and decodes the body of an OK reply into to. A nil to means
// that the reply has no body.
func (c *Client) send(ctx context.Context, command codec.Command, body codec.Body, to reply) error {
	return c.sendThen(ctx, command, body, to, func() {})
}

// sendThen is send, and calls then on the reader's goroutine once the reply is in to,
// before any later message of the server is handled.
func (c *Client) sendThen(ctx context.Context, command codec.Command, body codec.Body, to reply, then func()) error {
	return c.exchange(ctx, c.nextID(), command, body, func(r codec.Result, b []byte) error {
		if r != codec.ResultOK {
			return refusal(command, r, b)
		}
		if err := decodeReply(command, b, to); err != nil {
			return err
		}
		then()
		return nil
	})
}

func refusal(command codec.Command, r codec.Result, b []byte) error {
	if command == codec.CommandConn || command == codec.CommandSubmit {
		return &Error{Result: r}
	}
	return decodeError(r, b)
}

func decodeReply(command codec.Command, b []byte, to reply) error {
	if to == nil {
		if len(b) > 0 {
			return fmt.Errorf("%w: %d bytes after the result of %s", ErrProtocol, len(b), command)
		}
		return nil
	}
	if err := to.UnmarshalVT(b); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrProtocol, command.Reply(), err)
	}
	return nil
}

func (c *Client) nextID() RequestID {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID++
	return c.lastID
}

// exchange sends one request, waits for the reply and returns the error of accept.
// accept is not called after exchange has returned.
func (c *Client) exchange(
	ctx context.Context, id RequestID, command codec.Command, body codec.Body,
	accept func(codec.Result, []byte) error,
) error {
	waiting, err := c.start(ctx, id, command, body, accept)
	if err != nil {
		return err
	}
	return c.await(ctx, id, waiting)
}

// start sends a request. After an error it was not sent.
func (c *Client) start(
	ctx context.Context, id RequestID, command codec.Command, body codec.Body,
	accept func(codec.Result, []byte) error,
) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	waiting := &call{command: command, accept: accept, done: make(chan error, 1)}
	if err := c.enter(id, waiting); err != nil {
		return nil, err
	}
	if err := c.write(command, id, body); err != nil {
		c.leave(id)
		return nil, err
	}
	return waiting, nil
}

// await waits for the reply to a request and returns the error of its accept.
func (c *Client) await(ctx context.Context, id RequestID, waiting *call) error {
	timer := time.NewTimer(c.options.timeoutOf(waiting.command))
	defer timer.Stop()
	select {
	case err := <-waiting.done:
		return err
	case <-ctx.Done():
	case <-timer.C:
	}
	if !c.leave(id) {
		return <-waiting.done
	}
	return late(ctx, waiting.command)
}

// late returns the error of a call whose reply did not come in time.
func late(ctx context.Context, command codec.Command) error {
	err := ctx.Err()
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", command, ErrTimeout)
	}
	return fmt.Errorf("%s: %w", command, err)
}

// enter registers a call, or returns why the connection has ended.
func (c *Client) enter(id RequestID, waiting *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	if _, used := c.waiting[id]; used {
		return fmt.Errorf("%w: %s", ErrIDInUse, id)
	}
	c.waiting[id] = waiting
	return nil
}

// leave abandons a call. It returns false if the reply is already being handled.
func (c *Client) leave(id RequestID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, waits := c.waiting[id]
	delete(c.waiting, id)
	return waits
}

// take removes and returns the call with this id, or nil if it was abandoned.
func (c *Client) take(id RequestID) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.waiting[id]
	delete(c.waiting, id)
	return waiting
}

// write sends one frame. If the connection fails, write returns nil and the reader ends
// the connection a little later: a notice that says why may still be unread. So the
// caller waits for its reply in both cases. The only error is ErrRequestTooLarge.
func (c *Client) write(command codec.Command, id RequestID, body codec.Body) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	size := codec.PacketHeaderLen
	if body != nil {
		size += body.SizeVT()
	}
	if size > c.options.MaxFrame {
		return fmt.Errorf("%w: it has %d bytes, the limit is %d (Options.MaxFrame)", ErrRequestTooLarge, size, c.options.MaxFrame)
	}
	c.frame = codec.AppendRequest(c.frame[:0], command, uint64(id), body)
	err := c.conn.SetWriteDeadline(time.Now().Add(c.options.Timeout))
	if err == nil {
		_, err = c.conn.Write(c.frame)
	}
	if err != nil {
		c.writeFailed(err)
	}
	return nil
}

// lastWords is how long the reader still waits for a notice after a write has failed.
const lastWords = time.Second

func (c *Client) writeFailed(err error) {
	c.mu.Lock()
	if c.unsent == nil {
		c.unsent = err
	}
	c.mu.Unlock()
	// Without a deadline the reader would wait for ever. An error here means that the
	// connection is closed; then the reader ends at once.
	_ = c.conn.SetReadDeadline(time.Now().Add(lastWords))
}
