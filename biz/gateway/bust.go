package gateway

import (
	"context"
	"errors"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// maxBlocking is how many blocking executions the reply to a refused bust names.
const maxBlocking = 20

// bust handles Bust. It runs off the lane, because an old execution is only in the
// database.
func (g *Gateway) bust(c *engine.Context, asking *account) {
	var request pb.BustRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	if !asking.operator() {
		fail(c, codec.ResultForbidden, "busting an execution needs the operator role")
		return
	}
	if g.otherHistory(c, request.HistoryId, executionOfOtherHistory) {
		return
	}
	id := ledger.ExecutionID(request.ExecutionId)
	a := g.account(id.Customer())
	if a == nil {
		refuse(c, ledger.ErrUnknownExecution)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	execution, err := g.desk.FindExecution(ctx, a.Account, id)
	switch {
	case errors.As(err, new(ledger.Refusal)):
		w := c.Local.(*workspace)
		g.inTurn(c, w, a, func(*desk.Turn) { refuseIn(c, w, err) })
	case err != nil:
		g.historyUnavailable(c, err)
	default:
		if g.applyBust(c, a, ledger.Bust{Execution: execution, Reason: request.Reason, Time: g.config.Now().UnixNano()}) {
			g.rejectBlocked(ctx, c, c.Local.(*workspace), a, &execution)
		}
	}
}

// applyBust busts the execution and replies, unless later sells block the bust. A second
// bust of it gets the same reply and causes no pushes.
func (g *Gateway) applyBust(c *engine.Context, a *account, b ledger.Bust) (blocked bool) {
	w := c.Local.(*workspace)
	state := g.state.Get(c.Session)
	state.mu.Lock() // so that a revocation comes before or after the bust
	defer state.mu.Unlock()
	if state.revoked.Load() {
		fail(c, codec.ResultUnauthenticated, loginRevoked)
		return false
	}
	g.inTurn(c, w, a, func(t *desk.Turn) {
		e, changed, err := t.Bust(b)
		switch {
		case errors.Is(err, ledger.ErrBustBlocked):
			blocked = true
		case errors.Is(err, ledger.ErrMismatch):
			g.log.Error("a bust is refused because the history has another execution than the account; check the data folder",
				"execution", b.Execution.ID, "error", err)
			refuse(c, err)
		case err != nil:
			refuseIn(c, w, err)
		case changed:
			w.out.Reply(c.Defer(), codec.ResultOK, &g.describeEvent(w.out, e, b.Reason).bust)
		default:
			first, _ := t.Ledger().FindBust(b.Execution.ID)
			w.out.Reply(c.Defer(), codec.ResultOK, &g.describeEvent(w.out, e, first.Reason).bust)
		}
	})
	return blocked
}

// rejectBlocked replies with the sells that would lack shares after the bust.
func (g *Gateway) rejectBlocked(ctx context.Context, c *engine.Context, w *workspace, a *account, x *ledger.Execution) {
	sells, err := g.desk.SellsSince(ctx, a.Account, x, maxBlocking)
	if err != nil {
		if others, due := g.warnedBlocking.Allow(g.config.Now(), warnPause); due {
			g.log.Warn("could not read all sells that block a bust", "execution", x.ID, "error", err, "others", others)
		}
	}
	body := &pb.Error{
		Reason:  pb.Reason_REASON_BUST_BLOCKED,
		Message: "shares of this buy were sold since; bust those sells first",
	}
	for _, id := range sells {
		body.BlockingExecutionIds = append(body.BlockingExecutionIds, uint64(id))
	}
	g.inTurn(c, w, a, func(*desk.Turn) { // the sells may not be durable yet
		w.out.Reply(c.Defer(), codec.ResultRejected, body)
	})
}
