package gateway

import (
	"context"
	"errors"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

const (
	// historyTimeout is how long a query waits for the history to catch up.
	historyTimeout = 3 * time.Second
	// searchTime is how long a query goes on to older rows while it finds none. Then the page is
	// empty, and says where the next one starts.
	searchTime = time.Second
)

// executions handles History: it replies with a page of executions, newest first. It runs
// off the lane.
func (g *Gateway) executions(c *engine.Context, a *account) {
	var request pb.HistoryRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	if a = g.about(c, a, request.Customer, "another customer's history needs"); a == nil {
		return
	}
	if g.otherHistory(asked{c: c}, request.HistoryId, executionOfOtherHistory) {
		return
	}
	filter, ok := g.filter(c, &request)
	if !ok {
		return
	}
	if request.State < 0 || request.State > pb.ExecutionState_EXECUTION_STATE_BUSTED {
		wrongFilter(c, "unknown state %d", request.State)
		return
	}
	g.replyHistory(c, a, desk.Query{
		Before: ledger.ExecutionID(request.BeforeExecutionId), Limit: int(request.Limit), Filter: filter, State: desk.State(request.State),
	})
}

func (g *Gateway) replyHistory(c *engine.Context, a *account, q desk.Query) {
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	var page []ledger.Execution
	for started, more := time.Now(), true; more; {
		var err error
		if page, q.Before, err = g.desk.Executions(ctx, a.Account, q); err != nil {
			g.historyUnavailable(c, err)
			return
		}
		more = len(page) == 0 && q.Before != 0 && time.Since(started) < searchTime
	}
	body := &pb.HistoryReply{More: q.Before != 0, NextBeforeExecutionId: uint64(q.Before), Executions: make([]*pb.Execution, 0, len(page))}
	w := c.Local.(*workspace)
	g.inTurn(asked{c: c}, w, a, func(t *desk.Turn) {
		for i := range page {
			b, busted := t.Ledger().FindBust(page[i].ID)
			if busted && q.State == desk.Standing { // since it was read
				continue
			}
			x := new(pb.Execution)
			if g.setExecution(x, &page[i]); busted {
				g.setBusted(x, &b)
			}
			body.Executions = append(body.Executions, x)
		}
		w.out.Reply(c.Defer(), codec.ResultOK, body)
	})
}

// setBusted marks an execution as busted or corrected.
func (g *Gateway) setBusted(p *pb.Execution, b *ledger.Busted) {
	p.Busted, p.BustReason = true, b.Reason
	if b.CorrectedBy != 0 {
		p.CorrectedBy = uint64(ledger.NewExecutionID(ledger.Customer(p.Customer), b.CorrectedBy))
	}
}

// historyUnavailable replies that the history can't be read now.
func (g *Gateway) historyUnavailable(c *engine.Context, err error) {
	c.Reply(codec.ResultUnavailable, g.historyProblem(err))
}

// historyProblem returns what a client learns of an error of the history.
func (g *Gateway) historyProblem(err error) *pb.Error {
	message := "the history is catching up"
	switch {
	case errors.Is(err, desk.ErrHistoryDamaged):
		message = "the history is damaged; it is rebuilt at the next start of the server"
	case !errors.Is(err, desk.ErrCatchingUp):
		message = "the history can't be read now"
		if others, due := g.warnedHistory.Allow(g.config.Now(), warnPause); due {
			g.log.Warn("history query failed", "error", err, "others", others)
		}
	}
	return &pb.Error{Message: message}
}
