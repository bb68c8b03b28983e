package trading

import (
	"context"
	"errors"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// maxBlocking is how many executions a refused bust names.
const maxBlocking = 20

// bust takes an execution back. It runs off the lane, because an old execution
// is only in the database.
func (s *Service) bust(c *engine.Context, asking *account) {
	var request pb.BustRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c, err)
		return
	}
	if !asking.operator {
		fail(c, codec.ResultForbidden, "busting an execution needs the operator role")
		return
	}
	id := ledger.ExecutionID(request.ExecutionId)
	a := s.accounts[id.Customer()]
	if a == nil {
		refuse(c, ledger.ErrUnknownExecution)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), historyPatience)
	defer cancel()
	execution, err := s.findExecution(ctx, a, id)
	if err != nil && !errors.As(err, new(ledger.Refusal)) {
		s.historyUnavailable(c, err)
		return
	}
	if err == nil {
		err = s.applyBust(c, a, ledger.Bust{Execution: execution, Reason: request.Reason, Time: s.config.Now().UnixNano()})
	}
	switch {
	case err == nil:
	case errors.Is(err, ledger.ErrBustBlocked):
		s.rejectBlocked(ctx, c, a, &execution)
	default:
		s.refuseBehind(c, err)
	}
}

// findExecution returns an execution of the account, however old.
func (s *Service) findExecution(ctx context.Context, a *account, id ledger.ExecutionID) (ledger.Execution, error) {
	a.mu.Lock()
	e, recent := a.ledger.FindExecution(id)
	last := a.ledger.LastExecution()
	a.mu.Unlock()
	if recent {
		return e.Execution, nil
	}
	if id.Number() == 0 || id.Number() > last {
		return ledger.Execution{}, ledger.ErrUnknownExecution
	}
	if err := s.projected(ctx, id); err != nil {
		return ledger.Execution{}, err
	}
	row, _, err := s.history.Execution(ctx, uint64(id))
	return executionOf(&row), err
}

// applyBust busts and replies; a second bust gets the same reply and no pushes.
func (s *Service) applyBust(c *engine.Context, a *account, b ledger.Bust) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if result := s.ready(); result != codec.ResultOK {
		s.unable(c, result)
		return nil
	}
	w := c.Local.(*workspace)
	var changed bool
	var err error
	if w.event, changed, err = a.bust(b); err != nil {
		return err
	}
	if changed {
		s.record(c, w, a, b.Reason)
		return nil
	}
	s.fill(w)
	first, _ := a.ledger.FindBust(b.Execution.ID)
	w.execution.Busted, w.execution.BustReason = true, first.Reason
	s.reply(c, codec.AppendReply(w.reply[:0], c.Message, codec.ResultOK, w.answerTo(codec.CommandBust)))
	return nil
}

// rejectBlocked names the sells which a bust would leave without shares.
func (s *Service) rejectBlocked(ctx context.Context, c *engine.Context, a *account, x *ledger.Execution) {
	body := &pb.Error{
		Reason:  pb.Reason_REASON_BUST_BLOCKED,
		Message: "shares of this buy were sold since; bust those sells first",
	}
	for _, id := range s.sellsSince(ctx, a, x) {
		body.BlockingExecutionIds = append(body.BlockingExecutionIds, uint64(id))
	}
	s.reply(c, codec.AppendReply(nil, c.Message, codec.ResultRejected, body)) // the sells may not be durable yet
}

// sellsSince returns the sells of x's instrument after x that are not busted,
// oldest first. Those that memory has forgotten are read from the database.
func (s *Service) sellsSince(ctx context.Context, a *account, x *ledger.Execution) []ledger.ExecutionID {
	recent, oldest := recentFills(a)
	var ids []ledger.ExecutionID
	if x.ID+1 < oldest {
		err := s.projected(ctx, oldest-1)
		rows, queryErr := s.history.SellsSince(ctx, uint32(a.customer()), uint32(x.Instrument), uint64(x.ID), maxBlocking)
		if err = errors.Join(err, queryErr); err != nil {
			if others, due := s.warnedBlocking.Due(s.config.Now(), warnPause); due {
				s.log.Warn("not all sells in the way of a bust were read", "execution", x.ID, "error", err, "others", others)
			}
		}
		for i := range rows {
			if ledger.ExecutionID(rows[i].ID) < oldest {
				ids = append(ids, ledger.ExecutionID(rows[i].ID))
			}
		}
	}
	for i := len(recent) - 1; i >= 0; i-- {
		if r := &recent[i]; r.Side == ledger.Sell && r.Instrument == x.Instrument && r.ID > x.ID {
			ids = append(ids, r.ID)
		}
	}
	return s.standing(a, ids)
}

// standing returns those of ids that are not busted, at most maxBlocking.
func (s *Service) standing(a *account, ids []ledger.ExecutionID) []ledger.ExecutionID {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := ids[:0]
	for _, id := range ids {
		if _, busted := a.ledger.FindBust(id); !busted && len(kept) < maxBlocking {
			kept = append(kept, id)
		}
	}
	return kept
}
