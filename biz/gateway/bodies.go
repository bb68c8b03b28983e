package gateway

import (
	"unsafe"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	codecfix "holdfast/codec/fix"
	"holdfast/codec/pb"
)

// workspace is the memory that a worker reuses to execute orders and to list positions
// without allocating. Goroutine: the worker's.
type workspace struct {
	turn *desk.Turn
	out  *outbound // of turn

	request   pb.PlaceOrderRequest
	fix       codecfix.Message
	order     ledger.NewOrder
	missed    []ledger.Event // by a client that resumes
	page      pb.PositionsRequest
	rows      []ledger.Position
	positions []*pb.Position // as many as in the longest page so far
	account   pb.Account
	list      pb.PositionsReply

	serve uint64 // engine.Context.ServeCount when now was read
	now   int64  // of the trading clock, Unix nanoseconds
	wall  int64  // the same of the computer's clock, for a message of a FIX session
}

func (g *Gateway) newWorkspace() *workspace {
	w := &workspace{turn: g.desk.NewTurn()}
	w.out = w.turn.Out.(*outbound)
	w.list.Account = &w.account
	return w
}

// describeAccount makes w.account describe the account without its positions.
func (g *Gateway) describeAccount(w *workspace, a *account, l *ledger.Account) {
	l.Revalue(g.market)
	g.setAccount(&w.account, l)
	a.setOwner(&w.account)
}

// setAccount makes p describe l as it is valued.
func (g *Gateway) setAccount(p *pb.Account, l *ledger.Account) {
	now := g.now()
	p.Customer = uint32(l.Customer())
	p.Cash = int64(l.Cash())
	p.FreeCash = int64(l.Free(now))
	p.FrozenCash = int64(l.Frozen())
	p.UnsettledCash = int64(l.Unsettled(now))
	p.Fees = int64(l.Fees())
	p.Deposits = int64(l.Deposits())
	p.MarketValue = int64(l.MarketValue())
	p.RealisedProfit = int64(l.Realised())
	p.WorkingOrders = uint32(l.WorkingOrders())
}

// setOrder makes p describe o. p shares the client order id of o.
func (g *Gateway) setOrder(p *pb.Order, o *ledger.Order, cause ledger.Cause) {
	p.OrderId = uint64(o.ID)
	p.ClientOrderId = text(o.ClientOrderID.Bytes())
	p.Customer = uint32(o.ID.Customer())
	p.Side = pb.Side(o.Side)
	p.Market, p.Code = g.instrument(o.Instrument)
	p.Type = pb.OrderType(o.Type)
	p.TimeInForce = pb.TimeInForce(o.TimeInForce)
	p.Quantity = int64(o.Quantity)
	p.Price = int64(o.Price)
	p.StopPrice = int64(o.Stop)
	p.Status = pb.OrderStatus(o.Status)
	p.Filled = int64(o.Filled)
	p.Leaves = int64(o.Leaves())
	p.AveragePrice = int64(o.AveragePrice())
	p.Time = o.Time
	p.Expires = o.Expires
	p.Triggered = o.Triggered
	p.Cause = pb.OrderCause(cause)
}

// setExecution makes p describe e. p shares the client order id of e, which must not
// change while p is in use.
func (g *Gateway) setExecution(p *pb.Execution, e *ledger.Execution) {
	p.ExecutionId = uint64(e.ID)
	p.OrderId = uint64(e.Order)
	p.Customer = uint32(e.ID.Customer())
	p.ClientOrderId = text(e.ClientOrderID.Bytes())
	p.Side = pb.Side(e.Side)
	p.Market, p.Code = g.instrument(e.Instrument)
	p.Quantity = int64(e.Quantity)
	p.Price = int64(e.Price)
	p.Time = e.Time
	p.Busted = false
	p.BustReason = ""
	p.Fee = int64(e.Fee)
	p.Corrects, p.CorrectedBy = 0, 0
	if e.Corrects != 0 {
		p.Corrects = uint64(ledger.NewExecutionID(e.ID.Customer(), e.Corrects))
	}
}

// text returns b as a string without copying; it changes when b does.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// setPosition makes p describe a position of l at a price and at a time.
func (g *Gateway) setPosition(p *pb.Position, row *ledger.Position, last ledger.Price, l *ledger.Account, at int64) {
	p.Market, p.Code = g.instrument(row.Instrument)
	p.Quantity = int64(row.Quantity)
	p.AverageCost = int64(row.AverageCost())
	p.LastPrice = int64(last)
	p.MarketValue = int64(row.MarketValue(last))
	p.RealisedProfit = int64(row.Realised)
	p.UnrealisedProfit = int64(row.UnrealisedProfit(last))
	// These are of now. The position may be an earlier one, of several executions at once.
	frozen, sellable := l.Available(row.Instrument, at)
	frozen = min(frozen, row.Quantity)
	p.Frozen, p.Sellable = int64(frozen), int64(min(sellable, row.Quantity-frozen))
}

func (g *Gateway) instrument(id ledger.InstrumentID) (market, code string) {
	i := g.market.At(id)
	return i.Market, i.Code
}
