package gateway

import (
	"errors"
	"strings"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// Error texts for refusals by the server, not by a rule of trading.
const (
	busy         = "the server is busy; try again"
	diskLow      = "the server's disk is nearly full; the request had no effect, try again later"
	unavailable  = "the server can't make orders durable and is stopping; the request had no effect"
	exhausted    = "this account has used all its execution numbers; it can't trade any more"
	loginRevoked = "the credential of this login was revoked; the request had no effect"
	failed       = "an internal error of the server; the request had no effect"
)

// refuse replies with an error that reveals nothing about an account.
func refuse(c *engine.Context, err error) {
	result, body := refusal(c.Message.Command, err)
	c.Reply(result, body)
}

// refuseIn is refuse in a turn of the account. A refusal by a rule of trading leaves
// after all earlier events of the account are durable: "not enough shares", for example,
// may reveal a sale that is not durable yet.
func refuseIn(c *engine.Context, w *workspace, err error) {
	if !errors.As(err, new(ledger.Refusal)) {
		refuse(c, err)
		return
	}
	result, body := refusal(c.Message.Command, err)
	w.out.Reply(c.Defer(), result, body)
}

// refusal returns the result and body that a client gets for an error. The text never
// shows an error that was not made for clients.
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
	case errors.Is(err, desk.ErrWithdrawn):
		return codec.ResultUnauthenticated, &pb.Error{Message: loginRevoked}
	case errors.Is(err, ledger.ErrExhausted):
		return codec.ResultFailed, &pb.Error{Message: exhausted}
	default:
		return codec.ResultFailed, &pb.Error{Message: failed}
	}
}

// malformed replies that the body can't be decoded.
func malformed(c *engine.Context) {
	name := c.Message.Command.String()
	fail(c, codec.ResultMalformed, "malformed "+name+" body: it is not a "+name+"Request message")
}

// unreadable answers a request whose body the session's dialect can't decode.
func unreadable(c *engine.Context, err error) {
	text := strings.TrimPrefix(err.Error(), codec.ErrBody.Error()+": ")
	fail(c, codec.ResultMalformed, "malformed "+c.Message.Command.String()+" body: "+text)
}

func overloaded(c *engine.Context) { fail(c, codec.ResultOverloaded, busy) }

// fail replies with a result that no rule of trading caused.
func fail(c *engine.Context, r codec.Result, message string) {
	c.Reply(r, &pb.Error{Message: message})
}
