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

// historyTimeout is how long a query waits for the history to catch up.
const historyTimeout = 3 * time.Second

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
	if g.otherHistory(c, request.HistoryId, executionOfOtherHistory) {
		return
	}
	query := desk.Query{Before: ledger.ExecutionID(request.BeforeExecutionId), Limit: int(request.Limit)}
	if request.Market != "" || request.Code != "" {
		id, ok := g.market.Find(request.Market, request.Code)
		if !ok {
			refuse(c, ledger.ErrUnknownInstrument)
			return
		}
		query.ByInstrument, query.Instrument = true, id
	}
	g.replyHistory(c, a, query)
}

func (g *Gateway) replyHistory(c *engine.Context, a *account, q desk.Query) {
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	page, more, err := g.desk.Executions(ctx, a.Account, q)
	if err != nil {
		g.historyUnavailable(c, err)
		return
	}
	body := &pb.HistoryReply{More: more, Executions: make([]*pb.Execution, len(page))}
	w := c.Local.(*workspace)
	g.inTurn(asked{c: c}, w, a, func(t *desk.Turn) {
		for i := range page {
			body.Executions[i] = new(pb.Execution)
			g.setExecution(body.Executions[i], &page[i])
			if b, ok := t.Ledger().FindBust(page[i].ID); ok {
				g.setBusted(body.Executions[i], &b)
			}
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
	message := "the history is catching up; ask again in a moment"
	switch {
	case errors.Is(err, desk.ErrHistoryDamaged):
		message = "the history is damaged; it is rebuilt at the next start of the server"
	case !errors.Is(err, desk.ErrCatchingUp):
		if others, due := g.warnedHistory.Allow(g.config.Now(), warnPause); due {
			g.log.Warn("history query failed", "error", err, "others", others)
		}
	}
	return &pb.Error{Message: message}
}
