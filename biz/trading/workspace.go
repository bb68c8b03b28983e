package trading

import (
	"unsafe"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// workspace is what one worker needs to execute orders, and to list positions,
// without allocating.
// Goroutine: the worker's.
type workspace struct {
	request   pb.PlaceOrderRequest
	answer    pb.PlaceOrderReply
	execution pb.Execution
	position  pb.Position
	update    pb.PositionUpdate
	busted    pb.ExecutionBusted

	missed    []ledger.Event // by a client that resumes
	rows      []ledger.Position
	positions []*pb.Position // as many as the longest list had so far
	account   pb.Account
	list      pb.PositionsReply

	turn uint64 // of the context, when now was read
	now  int64  // Unix nanoseconds

	event  ledger.Event
	record []byte // of the event, for the journal
	reply  []byte // frames for the session that asked
	pushes []byte // frames for every session of the account
}

func newWorkspace() *workspace {
	w := new(workspace)
	w.answer.Executions = []*pb.Execution{&w.execution}
	w.answer.Position = &w.position
	w.answer.Status = pb.OrderStatus_ORDER_STATUS_FILLED
	w.update.Position = &w.position
	w.busted.Position = &w.position
	w.list.Account = &w.account
	return w
}

// fill makes the bodies tell w.event.
func (s *Service) fill(w *workspace) {
	s.fillExecution(&w.execution, &w.event.Execution)
	// A fill is shown at its own price, so that a retry gets the same answer.
	last := w.event.Execution.Price
	if w.event.Kind == ledger.KindBust {
		last = s.market.Last(w.event.Execution.Instrument)
	}
	s.fillPosition(&w.position, &w.event.Position, last)
	w.answer.OrderId = w.execution.OrderId
}

// tell is fill, with the reason of a bust.
func (s *Service) tell(w *workspace, bustReason string) {
	s.fill(w)
	if w.event.Kind == ledger.KindBust {
		w.execution.Busted, w.execution.BustReason = true, bustReason
	}
}

// appendPushes makes w.pushes the two pushes of w.event. The caller holds the lock
// of a and has filled w.
func (s *Service) appendPushes(w *workspace, a *account) {
	w.pushes = w.appendUpdate(w.appendDeed(w.pushes[:0]), a.ledger.MarketValue(s.market))
}

// appendDeed appends the first push of w.event: what was done.
func (w *workspace) appendDeed(dst []byte) []byte {
	sequence := 2*w.event.Number - 1
	if w.event.Kind == ledger.KindBust {
		w.busted.ExecutionId = w.execution.ExecutionId
		w.busted.Reason = w.execution.BustReason
		return codec.AppendBody(dst, codec.PushExecutionBusted, sequence, &w.busted)
	}
	return codec.AppendBody(dst, codec.PushExecution, sequence, &w.execution)
}

// appendUpdate appends its second push: the position after it.
func (w *workspace) appendUpdate(dst []byte, total ledger.Money) []byte {
	w.update.Change = pb.Change(w.event.Change)
	w.update.RowCount = w.event.Rows
	w.update.MarketValue = int64(total)
	return codec.AppendBody(dst, codec.PushPositionUpdate, 2*w.event.Number, &w.update)
}

// fillExecution describes e, which must not change as long as p is in use: p
// shares its client order id.
func (s *Service) fillExecution(p *pb.Execution, e *ledger.Execution) {
	p.ExecutionId = uint64(e.ID)
	p.OrderId = uint64(e.Order)
	p.Customer = uint32(e.ID.Customer())
	p.ClientOrderId = text(e.ClientOrderID.Bytes())
	p.Side = pb.Side(e.Side)
	p.Market, p.Code = s.instrument(e.Instrument)
	p.Quantity = int64(e.Quantity)
	p.Price = int64(e.Price)
	p.Time = e.Time
	p.Busted = false
	p.BustReason = ""
}

// text returns b as a string without copying; it changes when b does.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (s *Service) fillPosition(p *pb.Position, row *ledger.Position, last ledger.Price) {
	p.Market, p.Code = s.instrument(row.Instrument)
	p.Quantity = int64(row.Quantity)
	p.AverageCost = int64(row.AverageCost())
	p.LastPrice = int64(last)
	p.MarketValue = int64(row.MarketValue(last))
	p.RealisedProfit = int64(row.Realised)
	p.UnrealisedProfit = int64(row.UnrealisedProfit(last))
}

func (s *Service) instrument(id ledger.InstrumentID) (market, code string) {
	i := s.market.At(id)
	return i.Market, i.Code
}
