package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Busted is the answer to a bust.
type Busted struct {
	Execution Execution
	Position  Position // after the bust; Quantity 0 if it is closed
}

// Bust takes an execution back. It needs the operator role (else ErrForbidden).
// A second bust of the same execution changes nothing. Later sells can block a bust:
// then the error is ErrRejected, and the *Error lists those sells in Blocking.
func (c *Client) Bust(ctx context.Context, id ExecutionID, reason string) (Busted, error) {
	return c.BustIn(ctx, HistoryID{}, id, reason)
}

// BustIn is Bust for an id that was read in that history (Hello.History): if the server was
// reset since, another execution may have the id, and the server refuses the bust with
// ReasonHistoryReset.
func (c *Client) BustIn(ctx context.Context, history HistoryID, id ExecutionID, reason string) (Busted, error) {
	request := &pb.BustRequest{ExecutionId: uint64(id), Reason: reason, HistoryId: history.wire()}
	var reply pb.BustReply
	if err := c.send(ctx, codec.CommandBust, request, &reply); err != nil {
		return Busted{}, err
	}
	return Busted{executionOf(reply.Execution), positionOf(reply.Position)}, nil
}
