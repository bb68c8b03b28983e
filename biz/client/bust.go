package client

import (
	"context"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// BustOptions are the options of a bust.
type BustOptions struct {
	// Reopen lets the order work again for the quantity, unless it was cancelled or has expired.
	Reopen bool
	// Cascade busts the later sells, too, that would lack shares. Otherwise they block the bust.
	Cascade bool
	// DryRun changes nothing: the reply says what would change.
	DryRun bool
	// History is the history that the execution id was read in; see BustIn.
	History HistoryID
}

// ExecutionRange selects the executions of an instrument in a span of time.
type ExecutionRange struct {
	Key Key
	// From is the first moment of the span, To the first one after it.
	From, To time.Time
	// Customer is whose executions; 0 means those of all customers.
	Customer Customer
}

// Busted is the answer to a bust.
type Busted struct {
	// Execution is the execution that was named; zero for a range.
	Execution Execution
	// Position is the position after the bust; Quantity is 0 if it is closed. It is zero if
	// several accounts are concerned.
	Position Position
	// Executions are all that were busted, oldest first, at most 1000 of them.
	Executions []Execution
	// Count is how many were busted, and Accounts in how many accounts.
	Count    int
	Accounts int
	// Refused are the accounts in which the bust was refused, at most 1000 of them.
	Refused []BustRefusal
}

// BustRefusal says why a bust was refused in an account.
type BustRefusal struct {
	Customer Customer
	Err      *Error
}

// Bust takes an execution back. It needs the operator role (else ErrForbidden).
// A second bust of the same execution changes nothing. Later sells can block a bust:
// then the error is ErrRejected, and the *Error lists those sells in Blocking.
func (c *Client) Bust(ctx context.Context, id ExecutionID, reason string) (Busted, error) {
	return c.BustWith(ctx, id, reason, BustOptions{})
}

// BustIn is Bust for an id that was read in that history (Hello.History): if the server was
// reset since, another execution may have the id, and the server refuses the bust with
// ReasonHistoryReset.
func (c *Client) BustIn(ctx context.Context, history HistoryID, id ExecutionID, reason string) (Busted, error) {
	return c.BustWith(ctx, id, reason, BustOptions{History: history})
}

// BustWith is Bust with options.
func (c *Client) BustWith(ctx context.Context, id ExecutionID, reason string, o BustOptions) (Busted, error) {
	request := o.request(reason)
	request.ExecutionId = uint64(id)
	return c.sendBust(ctx, request)
}

// BustRange busts all executions of a range. Accounts in which a bust is not allowed are left
// as they are: they are listed in Refused.
func (c *Client) BustRange(ctx context.Context, r ExecutionRange, reason string, o BustOptions) (Busted, error) {
	request := o.request(reason)
	request.Market, request.Code, request.Customer = r.Key.Market, r.Key.Code, uint32(r.Customer)
	request.From, request.To = nanoseconds(r.From), nanoseconds(r.To)
	return c.sendBust(ctx, request)
}

func (o *BustOptions) request(reason string) *pb.BustRequest {
	return &pb.BustRequest{Reason: reason, HistoryId: o.History.wire(), Reopen: o.Reopen, Cascade: o.Cascade, DryRun: o.DryRun}
}

func (c *Client) sendBust(ctx context.Context, request *pb.BustRequest) (Busted, error) {
	var reply pb.BustReply
	if err := c.send(ctx, codec.CommandBust, request, &reply); err != nil {
		return Busted{}, err
	}
	b := Busted{
		Execution: executionOf(reply.Execution), Position: positionOf(reply.Position),
		Executions: executionsOf(reply.Executions), Count: int(reply.Count), Accounts: int(reply.Accounts),
	}
	for _, refused := range reply.Refused {
		b.Refused = append(b.Refused, BustRefusal{Customer(refused.Customer), errorOf(codec.ResultRejected, refused.Error)})
	}
	return b, nil
}
