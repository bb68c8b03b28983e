package trading

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

const (
	// historyPatience is how long a query waits for the projection.
	historyPatience = 3 * time.Second
	// historyPoll is how often it looks.
	historyPoll = 20 * time.Millisecond
)

// executions replies with a page of a customer's history, newest first: what is
// in memory, then what is in the database. It runs off the lane.
func (s *Service) executions(c *engine.Context, a *account) {
	var request pb.HistoryRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c, err)
		return
	}
	if other := ledger.Customer(request.Customer); other != 0 && other != a.customer() {
		if !a.operator {
			fail(c, codec.ResultForbidden, "another customer's history needs the operator role")
			return
		}
		if a = s.accounts[other]; a == nil {
			fail(c, codec.ResultFailed, fmt.Sprintf("there is no customer %d", other))
			return
		}
	}
	query, err := s.queryOf(a, &request)
	if err != nil {
		refuse(c, err)
		return
	}
	s.replyHistory(c, a, query)
}

// queryOf translates a request.
func (s *Service) queryOf(a *account, r *pb.HistoryRequest) (history.Query, error) {
	q := history.Query{Customer: uint32(a.customer()), Before: r.BeforeExecutionId, Limit: int(r.Limit)}
	if q.Limit <= 0 {
		q.Limit = history.DefaultLimit
	}
	q.Limit = min(q.Limit, history.MaxLimit)
	if r.Market != "" || r.Code != "" {
		id, ok := s.market.Find(r.Market, r.Code)
		if !ok {
			return q, ledger.ErrUnknownInstrument
		}
		q.ByInstrument, q.Instrument = true, uint32(id)
	}
	return q, nil
}

func (s *Service) replyHistory(c *engine.Context, a *account, q history.Query) {
	ctx, cancel := context.WithTimeout(context.Background(), historyPatience)
	defer cancel()
	page, more, err := s.page(ctx, a, q)
	if err != nil {
		s.historyUnavailable(c, err)
		return
	}
	body := &pb.HistoryReply{More: more, Executions: make([]*pb.Execution, len(page))}
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range page {
		body.Executions[i] = new(pb.Execution)
		s.fillExecution(body.Executions[i], &page[i])
		if b, ok := a.ledger.FindBust(page[i].ID); ok {
			body.Executions[i].Busted, body.Executions[i].BustReason = true, b.Reason
		}
	}
	s.reply(c, codec.AppendReply(nil, c.Message, codec.ResultOK, body))
}

// historyUnavailable replies that the database can't be read at this time.
func (s *Service) historyUnavailable(c *engine.Context, err error) {
	if errors.Is(err, history.ErrDamaged) {
		s.historyDamaged(err)
	} else if !errors.Is(err, errCatchingUp) {
		if others, due := s.warnedHistory.Due(s.config.Now(), warnPause); due {
			s.log.Warn("history query failed", "error", err, "others", others)
		}
	}
	message := errCatchingUp
	if s.historyDamage.Load() != nil {
		message = errHistoryDamaged
	}
	fail(c, codec.ResultUnavailable, message.Error())
}

// page returns the executions that q asks for. What the account has in memory
// comes from there; only what is older than that is read from the database, once
// the projection has come so far.
func (s *Service) page(ctx context.Context, a *account, q history.Query) (page []ledger.Execution, more bool, err error) {
	recent, oldest := recentFills(a)
	for i := range recent {
		x := &recent[i]
		if q.Before != 0 && uint64(x.ID) >= q.Before || q.ByInstrument && uint32(x.Instrument) != q.Instrument {
			continue
		}
		if len(page) == q.Limit {
			return page, true, nil
		}
		page = append(page, *x)
	}
	if oldest.Number() <= 1 { // all there is was in memory
		return page, false, nil
	}
	if err := s.projected(ctx, oldest-1); err != nil {
		return nil, false, err
	}
	if q.Before == 0 || q.Before > uint64(oldest) {
		q.Before = uint64(oldest)
	}
	q.Limit -= len(page)
	if q.Limit == 0 { // one row more would tell; the next page may be empty
		return page, true, nil
	}
	rows, more, err := s.history.Executions(ctx, q)
	for i := range rows {
		page = append(page, executionOf(&rows[i]))
	}
	return page, more, err
}

// recentFills returns the executions that a has in memory, newest first, and the
// id below which none is: that of the oldest, or one above the newest id ever.
func recentFills(a *account) (fills []ledger.Execution, oldest ledger.ExecutionID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.ledger.Recent(nil) {
		if e.Kind == ledger.KindFill {
			fills = append(fills, e.Execution)
		}
	}
	if n := len(fills); n > 0 {
		return fills, fills[n-1].ID
	}
	return nil, ledger.NewExecutionID(a.customer(), a.ledger.LastExecution()+1)
}

// projected returns when the history has that execution. A customer's executions
// are numbered without gaps, so it has all older ones then too.
func (s *Service) projected(ctx context.Context, id ledger.ExecutionID) error {
	for {
		_, ok, err := s.history.Execution(ctx, uint64(id))
		switch {
		case ok:
			return nil
		case err != nil && ctx.Err() == nil:
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(errCatchingUp, ctx.Err())
		case <-time.After(historyPoll):
		}
	}
}
