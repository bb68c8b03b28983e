package gateway

import (
	"unsafe"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec/pb"
)

// workspace is the memory that a worker reuses to execute orders and to list positions
// without allocating. Goroutine: the worker's.
type workspace struct {
	turn *desk.Turn
	out  *outbound // of turn

	request   pb.PlaceOrderRequest
	order     ledger.Order
	missed    []ledger.Event // by a client that resumes
	page      pb.PositionsRequest
	rows      []ledger.Position
	positions []*pb.Position // as many as in the longest page so far
	account   pb.Account
	list      pb.PositionsReply

	serve uint64 // engine.Context.ServeCount when now was read
	now   int64  // Unix nanoseconds
}

func (g *Gateway) newWorkspace() *workspace {
	w := &workspace{turn: g.desk.NewTurn()}
	w.out = w.turn.Out.(*outbound)
	w.list.Account = &w.account
	return w
}

// describeAccount makes w.account describe the account without its positions.
func (g *Gateway) describeAccount(w *workspace, a *account, l *ledger.Account) {
	w.account.Customer = uint32(a.Customer())
	w.account.Name = a.Owner().Name
	w.account.Cash = int64(l.Cash())
	w.account.MarketValue = int64(l.Revalue(g.market))
	w.account.RealisedProfit = int64(l.Realised())
	w.account.Operator = a.operator()
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
}

// text returns b as a string without copying; it changes when b does.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (g *Gateway) setPosition(p *pb.Position, row *ledger.Position, last ledger.Price) {
	p.Market, p.Code = g.instrument(row.Instrument)
	p.Quantity = int64(row.Quantity)
	p.AverageCost = int64(row.AverageCost())
	p.LastPrice = int64(last)
	p.MarketValue = int64(row.MarketValue(last))
	p.RealisedProfit = int64(row.Realised)
	p.UnrealisedProfit = int64(row.UnrealisedProfit(last))
}

func (g *Gateway) instrument(id ledger.InstrumentID) (market, code string) {
	i := g.market.At(id)
	return i.Market, i.Code
}
