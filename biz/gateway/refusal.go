package gateway

import (
	"errors"
	"fmt"
	"strings"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// Error texts for refusals by the server, not by a rule of trading.
const (
	busy          = "the server is busy; try again"
	diskLow       = "the server's disk is nearly full; the request had no effect, try again later"
	unavailable   = "the server can't make orders durable and is stopping; the request had no effect"
	exhausted     = "this account has used all its execution numbers; it can't trade any more"
	loginRevoked  = "the credential of this login was revoked; the request had no effect"
	stoppingEarly = "the server is stopping; the request had no effect"
	failed        = "an internal error of the server; the request had no effect"
)

// asked is a request that is answered now, in its handler, or later.
type asked struct {
	audit *audit          // of an operator's command; nil: of none
	c     *engine.Context // nil: later
	// Later:
	request engine.Request
	out     *outbound
}

func (q asked) session() *engine.Session {
	if q.c != nil {
		return q.c.Session
	}
	return q.request.Session
}

// later returns the request for a reply in a turn's output.
func (q asked) later() engine.Request {
	if q.c != nil {
		return q.c.Defer()
	}
	return q.request
}

// reply replies outside of a turn.
func (q asked) reply(r codec.Result, body codec.Body) {
	q.audit.record(r, body)
	if q.c != nil {
		q.c.Reply(r, body)
		return
	}
	q.out.Reply(q.request, r, body)
	q.out.Post()
}

// refuse replies with an error that reveals nothing about an account.
func (q asked) refuse(err error) {
	result, body := refusal(err)
	q.reply(result, body)
}

// refuseIn is refuse in a turn of the account. A refusal by a rule of trading leaves
// after all earlier events of the account are durable: "not enough shares", for example,
// may reveal a sale that is not durable yet.
func (q asked) refuseIn(w *workspace, err error) {
	result, body := refusal(err)
	if !isRefusal(err) && q.c != nil {
		q.audit.record(result, body)
		q.c.Reply(result, body)
		return
	}
	q.answer(w, result, body)
}

// answer replies in a turn. The reply, and the entry of an operator's command, leave with its events.
func (q asked) answer(w *workspace, r codec.Result, body codec.Body) {
	if q.audit != nil {
		w.turn.RecordAudit(q.audit.outcome(r, body))
	}
	w.out.Reply(q.later(), r, body)
}

// fail replies in a turn with a result that no rule of trading caused.
func (q asked) fail(r codec.Result, message string) {
	q.audit.record(r, &pb.Error{Message: message})
	if q.c != nil {
		q.c.Reply(r, &pb.Error{Message: message})
		return
	}
	q.out.Reply(q.request, r, &pb.Error{Message: message}) // it leaves with the turn
}

// refuse is asked.refuse for a request that is answered now.
func refuse(c *engine.Context, err error) { asked{c: c}.refuse(err) }

// refusal returns the result and body that a client gets for an error. The text never
// shows an error that was not made for clients.
func refusal(err error) (codec.Result, *pb.Error) {
	var reason ledger.Refusal
	var blocked *ledger.BlockedError
	switch {
	case errors.As(err, &blocked):
		body := &pb.Error{Reason: pb.Reason_REASON_BUST_BLOCKED, Message: "shares of this execution were sold since; bust those sells first, or cascade"}
		for _, id := range blocked.Sells[:min(len(blocked.Sells), maxBlocking)] {
			body.BlockingExecutionIds = append(body.BlockingExecutionIds, uint64(id))
		}
		return codec.ResultRejected, body
	case errors.As(err, &reason):
		return codec.ResultRejected, &pb.Error{Reason: pb.Reason(reason), Message: err.Error()}
	case errors.Is(err, desk.ErrOverloaded):
		return codec.ResultOverloaded, &pb.Error{Message: busy}
	case errors.Is(err, desk.ErrDiskLow):
		return codec.ResultUnavailable, &pb.Error{Message: diskLow}
	case errors.Is(err, desk.ErrUnavailable):
		return codec.ResultUnavailable, &pb.Error{Message: unavailable}
	case errors.Is(err, errStopping):
		return codec.ResultUnavailable, &pb.Error{Message: stoppingEarly}
	case errors.Is(err, desk.ErrWithdrawn), errors.Is(err, errRevoked):
		return codec.ResultUnauthenticated, &pb.Error{Message: loginRevoked}
	case errors.Is(err, ledger.ErrExhausted):
		return codec.ResultFailed, &pb.Error{Message: exhausted}
	default:
		return codec.ResultFailed, &pb.Error{Message: failed}
	}
}

// ofAnother returns err as it is for an operator who has named the customer.
func ofAnother(err error) error {
	if errors.Is(err, desk.ErrWithdrawn) {
		return fmt.Errorf("%w: a reload of the seed has withdrawn it", ledger.ErrUnknownCustomer)
	}
	return err
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
