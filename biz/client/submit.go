package client

import (
	"context"

	"holdfast/codec"
)

// Submit sends arbitrary bytes and waits for the server's acknowledgement. It needs no
// login.
func (c *Client) Submit(ctx context.Context, payload []byte) error {
	return c.SubmitAs(ctx, c.nextID(), payload)
}

// SubmitAs is Submit with an id that the caller chooses, for example a DecimalRequestID.
// It fails with ErrIDInUse if an earlier request with this id has no reply yet.
func (c *Client) SubmitAs(ctx context.Context, id RequestID, payload []byte) error {
	return c.exchange(ctx, id, codec.CommandSubmit, codec.Raw(payload), func(r codec.Result, b []byte) error {
		if err := decodeReply(codec.CommandSubmit, b, nil); err != nil {
			return err
		}
		if r != codec.ResultOK {
			return &Error{Result: r}
		}
		return nil
	})
}
