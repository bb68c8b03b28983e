package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Busted is the answer to a bust.
type Busted struct {
	Execution Execution
	Position  Position // after it; of quantity 0 when it is closed
}

// Bust takes an execution back; it needs the operator role (else ErrForbidden).
// Doing so twice is harmless. It is ErrRejected where later sells stand in the
// way: those are in the *Error as Blocking.
func (c *Client) Bust(ctx context.Context, id ExecutionID, reason string) (Busted, error) {
	request := &pb.BustRequest{ExecutionId: uint64(id), Reason: reason}
	var reply pb.BustReply
	if err := c.send(ctx, codec.CommandBust, request, &reply); err != nil {
		return Busted{}, err
	}
	return Busted{executionOf(reply.Execution), positionOf(reply.Position)}, nil
}
