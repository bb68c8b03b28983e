package client

import (
	"context"

	"holdfast/codec"
)

// Submit sends any bytes and waits until the server has acknowledged them. It
// needs no login.
func (c *Client) Submit(ctx context.Context, payload []byte) error {
	return c.SubmitAs(ctx, c.nextID(), payload)
}

// SubmitAs is Submit with an id of the caller's choice; DecimalRequestID makes
// the classic ones. ErrIDInUse means that this id still waits for its answer.
func (c *Client) SubmitAs(ctx context.Context, id RequestID, payload []byte) error {
	return c.exchange(ctx, id, codec.CommandSubmit, rawBody(payload), func(r codec.Result, b []byte) error {
		if err := decodeReply(codec.CommandSubmit, b, nil); err != nil {
			return err
		}
		if r != codec.ResultOK {
			return &Error{Result: r}
		}
		return nil
	})
}
