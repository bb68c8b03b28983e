package gateway

import (
	"context"
	"errors"
	"fmt"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

const (
	// maxBlocking is how many blocking executions the reply to a refused bust names.
	maxBlocking = 20
	// maxListed is how many executions and accounts the reply to a bust lists.
	maxListed = 1000
)

// bust handles Bust. It runs off the lane, because old executions are only in the database.
func (g *Gateway) bust(c *engine.Context, asking *account) {
	var request pb.BustRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	q := asked{audit: g.audited(c, asking, "bust", request.ProtoReflect()), c: c}
	if !asking.may(operate) {
		g.forbid(q, asking, "busting an execution needs "+operate.needs())
		return
	}
	if g.otherHistory(q, request.HistoryId, executionOfOtherHistory) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	if request.ExecutionId == 0 {
		g.bustRange(ctx, q, &request)
		return
	}
	id := ledger.ExecutionID(request.ExecutionId)
	a := g.account(id.Customer())
	if a == nil {
		q.refuse(ledger.ErrUnknownExecution)
		return
	}
	g.bustOne(ctx, q, a, id, &request)
}

// whileLoggedIn calls do unless the login was revoked, which it refuses; a revocation comes before
// or after it.
func (g *Gateway) whileLoggedIn(q asked, do func()) {
	state := g.state.Get(q.session())
	if !state.operating.TryRLock() { // it is being revoked
		q.fail(codec.ResultUnauthenticated, loginRevoked)
		return
	}
	defer state.operating.RUnlock()
	if state.revoked.Load() {
		q.fail(codec.ResultUnauthenticated, loginRevoked)
		return
	}
	do()
}

// taken is what a bust has done, or would do.
type taken struct {
	executions []ledger.Execution // oldest first; none if all were busted before
	position   ledger.Position
}

// bustIn busts executions in a turn of their account, unless it is a dry run.
func (g *Gateway) bustIn(t *desk.Turn, past ledger.Past, ids []ledger.ExecutionID, r *pb.BustRequest) (did taken, err error) {
	b := ledger.Bust{
		Executions: ids, Reopen: r.Reopen, Cascade: r.Cascade, Reason: r.Reason, Past: past,
		Terms: ledger.Terms{Time: g.now()},
	}
	did.executions, did.position, err = t.PlanBust(&b)
	if err == nil && !r.DryRun {
		_, err = t.Bust(&b)
	}
	return did, err
}

// bustOne busts one execution, with those that it takes with it, and replies. A second bust of
// it gets the same reply and causes no pushes.
func (g *Gateway) bustOne(ctx context.Context, q asked, a *account, id ledger.ExecutionID, r *pb.BustRequest) {
	w, ids := q.c.Local.(*workspace), []ledger.ExecutionID{id}
	old, err := g.desk.FindExecution(ctx, a.Account, id)
	if err == nil {
		err = g.desk.WithPast(ctx, a.Account, w.turn, ids, func(t *desk.Turn, past ledger.Past) {
			g.whileLoggedIn(q, func() {
				did, err := g.bustIn(t, past, ids, r)
				if err != nil {
					q.refuseIn(w, err)
					return
				}
				reply := g.bustReply(t.Ledger(), did, r.Reason)
				reply.Accounts = 1
				if len(did.executions) == 0 {
					g.bustedBefore(t.Ledger(), &old, reply)
					if r.DryRun {
						reply.Executions, reply.Count, reply.Accounts = nil, 0, 0
					}
				}
				q.answer(w, codec.ResultOK, reply)
			})
		})
	}
	if err != nil {
		g.refuseBust(q, a, err)
	}
}

// refuseBust replies to a bust or correction that found no turn.
func (g *Gateway) refuseBust(q asked, a *account, err error) {
	w := q.c.Local.(*workspace)
	switch {
	case isRefusal(err):
		g.inTurn(q, w, a, func(*desk.Turn) { q.refuseIn(w, err) })
	case errors.Is(err, desk.ErrOverloaded):
		q.refuse(err)
	default:
		q.reply(codec.ResultUnavailable, g.historyProblem(err))
	}
}

// bustReply describes what was busted, or would be.
func (g *Gateway) bustReply(l *ledger.Account, did taken, reason string) *pb.BustReply {
	reply := &pb.BustReply{Count: uint32(len(did.executions))}
	var size pageBytes
	for i := range did.executions[:min(len(did.executions), maxListed)] {
		x := new(pb.Execution)
		g.setExecution(x, &did.executions[i])
		x.Busted, x.BustReason = true, reason
		if !size.add(x) {
			break
		}
		reply.Executions = append(reply.Executions, x)
	}
	if len(reply.Executions) > 0 {
		reply.Execution = reply.Executions[0]
		reply.Position = new(pb.Position)
		g.setPosition(reply.Position, &did.position, g.market.Last(did.position.Instrument), l, g.now())
	}
	return reply
}

// bustedBefore describes an execution that was busted before, as its first bust did.
func (g *Gateway) bustedBefore(l *ledger.Account, x *ledger.Execution, reply *pb.BustReply) {
	reply.Execution, reply.Position = new(pb.Execution), new(pb.Position)
	reply.Executions, reply.Count = []*pb.Execution{reply.Execution}, 1
	g.setExecution(reply.Execution, x)
	if b, busted := l.FindBust(x.ID); busted {
		g.setBusted(reply.Execution, &b)
	}
	row, _ := l.Position(x.Instrument)
	g.setPosition(reply.Position, &row, g.market.Last(x.Instrument), l, g.now())
}

// bustRange busts all executions of an instrument in a span of time, in one step per account.
func (g *Gateway) bustRange(ctx context.Context, q asked, r *pb.BustRequest) {
	id, ok := g.market.Find(r.Market, r.Code)
	var only *desk.Account
	switch {
	case !ok && r.Market == "" && r.Code == "":
		q.refuse(fmt.Errorf("%w: give an execution id, or an instrument with a span of time", ledger.ErrUnknownExecution))
		return
	case !ok:
		q.refuse(ledger.ErrUnknownInstrument)
		return
	case r.Customer != 0:
		a, err := g.existing(r.Customer)
		if err != nil {
			q.refuse(err)
			return
		}
		only = a.Account
	}
	ranges, err := g.desk.Range(ctx, only, id, r.From, r.To)
	switch {
	case isRefusal(err):
		q.refuse(err)
		return
	case err != nil:
		q.reply(codec.ResultUnavailable, g.historyProblem(err))
		return
	}
	g.bustRanges(ctx, q, ranges, r)
}

func (g *Gateway) bustRanges(ctx context.Context, q asked, ranges []desk.Ranged, r *pb.BustRequest) {
	w, total := q.c.Local.(*workspace), new(pb.BustReply)
	var listed, refusedBytes pageBytes
	for i := range ranges {
		of := &ranges[i]
		var did taken
		var part *pb.BustReply
		var refused error
		err := g.desk.WithPastOf(ctx, w.turn, of, func(t *desk.Turn, past ledger.Past) {
			refused = desk.ErrWithdrawn
			g.whileLoggedIn(q, func() { did, refused = g.bustIn(t, past, of.Executions, r) })
			if refused == nil {
				part = g.bustReply(t.Ledger(), did, r.Reason)
			}
		})
		switch err = errors.Join(err, refused); {
		case errors.Is(err, desk.ErrWithdrawn) && g.revoked(q.session()): // refused
			return
		case err == nil:
			total.Count += part.Count
			total.Accounts += min(part.Count, 1)
			for _, x := range part.Executions {
				if len(total.Executions) < maxListed && listed.add(x) {
					total.Executions = append(total.Executions, x)
				}
			}
			if len(ranges) == 1 {
				total.Execution, total.Position = part.Execution, part.Position
			}
		default:
			body := &pb.BustRefusal{Customer: uint32(of.Account.Customer()), Error: g.bustProblem(err)}
			if len(total.Refused) < maxListed && refusedBytes.add(body) {
				total.Refused = append(total.Refused, body)
			}
		}
	}
	g.replyDurable(q, codec.ResultOK, total)
}

// bustProblem describes why the bust in one of several accounts is refused.
func (g *Gateway) bustProblem(err error) *pb.Error {
	if errors.Is(err, desk.ErrCatchingUp) || errors.Is(err, desk.ErrHistoryDamaged) {
		return g.historyProblem(err)
	}
	_, body := refusal(err)
	return body
}

// bustOrder busts the executions of an order that are in memory, as a directive demands.
func (g *Gateway) bustOrder(a *account, id ledger.OrderID) {
	const reason = "demanded by a directive"
	var executions []ledger.ExecutionID
	a.View(func(l *ledger.Account) {
		all, _ := l.ExecutionsAfter(nil, 0)
		for i := range all {
			if _, busted := l.FindBust(all[i].ID); all[i].Order == id && !busted {
				executions = append(executions, all[i].ID)
			}
		}
	})
	if len(executions) == 0 {
		g.log.Warn("a bust that a directive demands finds no executions in memory", "order", id)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	g.delays.use.Lock()
	defer g.delays.use.Unlock()
	err := g.desk.WithPast(ctx, a.Account, g.delays.w.turn, executions, func(t *desk.Turn, past ledger.Past) {
		if _, err := g.bustIn(t, past, executions, &pb.BustRequest{Reason: reason}); err != nil {
			g.log.Warn("a bust that a directive demands is refused", "order", id, "error", err)
		}
	})
	if err != nil {
		g.log.Warn("a bust that a directive demands is not possible", "order", id, "error", err)
	}
}

// correct handles Correct. It runs off the lane.
func (g *Gateway) correct(c *engine.Context, asking *account) {
	var request pb.CorrectRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	q := asked{audit: g.audited(c, asking, "correct", request.ProtoReflect()), c: c}
	if !asking.may(operate) {
		g.forbid(q, asking, "correcting an execution needs "+operate.needs())
		return
	}
	if g.otherHistory(q, request.HistoryId, executionOfOtherHistory) {
		return
	}
	id := ledger.ExecutionID(request.ExecutionId)
	a := g.account(id.Customer())
	if a == nil {
		q.refuse(ledger.ErrUnknownExecution)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	w, ids := c.Local.(*workspace), []ledger.ExecutionID{id}
	old, err := g.desk.FindExecution(ctx, a.Account, id)
	if err == nil {
		err = g.desk.WithPast(ctx, a.Account, w.turn, ids, func(t *desk.Turn, past ledger.Past) {
			g.whileLoggedIn(q, func() {
				will, err := g.correctIn(t, past, id, &request)
				if err != nil {
					q.refuseIn(w, err)
					return
				}
				q.answer(w, codec.ResultOK, g.correctReply(t.Ledger(), &old, &will))
			})
		})
	}
	if err != nil {
		g.refuseBust(q, a, err)
	}
}

// correctIn corrects an execution in a turn of its account, unless it is a dry run.
func (g *Gateway) correctIn(t *desk.Turn, past ledger.Past, id ledger.ExecutionID, r *pb.CorrectRequest) (ledger.CorrectionPlan, error) {
	c := ledger.Correction{
		Execution: id, Quantity: ledger.Quantity(r.Quantity), Price: ledger.Price(r.Price), Reason: r.Reason, Past: past,
		Terms: ledger.Terms{Time: g.now()},
	}
	will, err := t.PlanCorrect(&c)
	if err == nil && !r.DryRun {
		_, err = t.Correct(&c)
	}
	return will, err
}

// correctReply describes what was corrected, or would be.
func (g *Gateway) correctReply(l *ledger.Account, old *ledger.Execution, will *ledger.CorrectionPlan) *pb.CorrectReply {
	reply := &pb.CorrectReply{Busted: new(pb.Execution), Replacement: new(pb.Execution), Position: new(pb.Position), Order: new(pb.Order)}
	e := &will.Event
	g.setExecution(reply.Busted, old)
	g.setBusted(reply.Busted, &ledger.Busted{Reason: e.Text, CorrectedBy: e.Execution.ID.Number()})
	g.setExecution(reply.Replacement, &e.Execution)
	g.setPosition(reply.Position, &e.Position, g.priceAfter(e), l, e.Time)
	reply.Position.Frozen, reply.Position.Sellable = int64(will.Frozen), int64(will.Sellable)
	g.setOrder(reply.Order, &e.Order, e.Cause)
	return reply
}
