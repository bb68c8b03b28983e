package client

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Correction replaces an execution by one with another quantity and price, at the same place
// in the history of the position.
type Correction struct {
	ID       ExecutionID
	Quantity Quantity
	Price    Price
	Reason   string
	// DryRun changes nothing: the answer says what would change.
	DryRun bool
	// History is the history that ID was read in; see BustIn.
	History HistoryID
}

// Corrected is the answer to a correction.
type Corrected struct {
	// Busted is the execution that was replaced, Replacement the one in its place.
	Busted, Replacement Execution
	Position            Position // afterwards; Quantity is 0 if it is closed
	Order               OrderState
}

// Correct corrects an execution. It needs the operator role (else ErrForbidden). After
// ErrTimeout, or if the connection ends, the outcome is unknown: to send it again does no harm,
// since an execution that was corrected is busted and can't be corrected again (ReasonBusted).
func (c *Client) Correct(ctx context.Context, x Correction) (Corrected, error) {
	request := &pb.CorrectRequest{
		ExecutionId: uint64(x.ID), Quantity: int64(x.Quantity), Price: int64(x.Price),
		Reason: x.Reason, HistoryId: x.History.wire(), DryRun: x.DryRun,
	}
	var reply pb.CorrectReply
	if err := c.send(ctx, codec.CommandCorrect, request, &reply); err != nil {
		return Corrected{}, err
	}
	return Corrected{
		executionOf(reply.Busted), executionOf(reply.Replacement), positionOf(reply.Position), orderOf(reply.Order),
	}, nil
}
