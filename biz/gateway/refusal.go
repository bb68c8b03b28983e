package gateway

import (
	"errors"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// What clients are told where no rule of trading refuses them.
const (
	busy        = "the server is busy; try again"
	diskLow     = "the server's disk is nearly full; nothing was done, try again later"
	unavailable = "the server can't make anything durable and is stopping; nothing was done"
)

// refuse replies with an error that tells nothing of an account.
func refuse(c *engine.Context, err error) {
	result, body := refusal(c.Message.Command, err)
	c.Reply(result, body)
}

// refuseIn is refuse in a turn of the account. What a rule of trading refuses leaves
// after everything that the account has done so far: that there are not enough shares,
// say, tells of a sale which may not be durable yet.
func refuseIn(c *engine.Context, w *workspace, err error) {
	if !errors.As(err, new(ledger.Refusal)) {
		refuse(c, err)
		return
	}
	result, body := refusal(c.Message.Command, err)
	w.out.Reply(c.Defer(), result, body)
}

// refusal returns what a client gets to see of an error.
func refusal(cmd codec.Command, err error) (codec.Result, *pb.Error) {
	var reason ledger.Refusal
	switch {
	case errors.As(err, &reason):
		message := reason.Error()
		if reason == ledger.ErrBadPrice && cmd == codec.CommandPlaceOrder {
			message = "this server takes market orders only: set the price to 0"
		}
		return codec.ResultRejected, &pb.Error{Reason: pb.Reason(reason), Message: message}
	case errors.Is(err, desk.ErrOverloaded):
		return codec.ResultOverloaded, &pb.Error{Message: busy}
	case errors.Is(err, desk.ErrDiskLow):
		return codec.ResultUnavailable, &pb.Error{Message: diskLow}
	case errors.Is(err, desk.ErrUnavailable):
		return codec.ResultUnavailable, &pb.Error{Message: unavailable}
	default:
		return codec.ResultFailed, &pb.Error{Message: err.Error()}
	}
}

func malformed(c *engine.Context, err error) {
	fail(c, codec.ResultMalformed, "malformed "+c.Message.Command.String()+" body: "+err.Error())
}

func overloaded(c *engine.Context) { fail(c, codec.ResultOverloaded, busy) }

// fail replies with a result that is no business rule's.
func fail(c *engine.Context, r codec.Result, message string) {
	c.Reply(r, &pb.Error{Message: message})
}
