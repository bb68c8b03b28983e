package gateway

import (
	"errors"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// placeOrder handles PlaceOrder: it executes a market order at the last price.
func (g *Gateway) placeOrder(c *engine.Context, a *account) {
	w := c.Local.(*workspace)
	w.request.Reset()
	// The strings of the request share the frame's bytes, which stay until this
	// handler returns.
	if err := w.request.UnmarshalVTUnsafe(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	if g.otherHistory(c, w.request.HistoryId, orderOfOtherHistory) {
		return
	}
	if err := g.orderOf(&w.order, &w.request, g.timeOf(c, w)); err != nil {
		refuse(c, err)
		return
	}
	g.inTurn(c, w, a, func(t *desk.Turn) {
		if g.revoked(c.Session) {
			fail(c, codec.ResultUnauthenticated, loginRevoked)
			return
		}
		switch e, err := t.Place(&w.order); {
		case err == nil:
			w.out.Reply(c.Defer(), codec.ResultOK, &g.describeEvent(w.out, e, "").placed)
		case errors.Is(err, ledger.ErrDuplicate):
			w.out.Reply(c.Defer(), codec.ResultDuplicate, &g.describeEvent(w.out, e, "").placed)
		default:
			refuseIn(c, w, err)
		}
	})
}

const (
	orderOfOtherHistory     = "the server was reset since this order was first sent; it was not executed here: look at the positions, and send it with a new client order id if it is still wanted"
	executionOfOtherHistory = "the server was reset since this execution id was read; look at the history, and use the id that is there now"
)

// otherHistory rejects a request that names another history than this server's, and reports
// whether it did. An empty id names none.
func (g *Gateway) otherHistory(c *engine.Context, id []byte, message string) bool {
	if len(id) == 0 || g.inHistory(id) {
		return false
	}
	c.Reply(codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_HISTORY_RESET, Message: message})
	return true
}

// inTurn calls do in a turn of the account. What do adds to w.out leaves when all events
// of the account so far are durable. If there can be no turn, inTurn refuses c.
func (g *Gateway) inTurn(c *engine.Context, w *workspace, a *account, do func(*desk.Turn)) {
	if err := a.Do(w.turn, do); err != nil {
		refuse(c, err)
	}
}

// orderOf sets o to the order in r, after the checks that the ledger can't make. Errors
// are refusals.
func (g *Gateway) orderOf(o *ledger.Order, r *pb.PlaceOrderRequest, unixNano int64) (err error) {
	id, ok := g.market.Find(r.Market, r.Code)
	if !ok {
		return ledger.ErrUnknownInstrument
	}
	if r.Price != 0 {
		return ledger.ErrBadPrice
	}
	g.desk.MarketOrder(o, side(r.Side), id, ledger.Quantity(r.Quantity), unixNano)
	o.ClientOrderID, err = ledger.ParseClientOrderID(r.ClientOrderId)
	return err
}

// timeOf returns the time of c's message: the same for all that were read together, since
// reading the clock costs as much as finding an instrument.
func (g *Gateway) timeOf(c *engine.Context, w *workspace) (unixNano int64) {
	if batch := c.ServeCount(); batch != w.serve {
		w.serve, w.now = batch, g.config.Now().UnixNano()
	}
	return w.now
}

// side returns the ledger's side; 0 if s is not a side.
func side(s pb.Side) ledger.Side {
	if s < 0 || s > pb.Side_SIDE_SELL {
		return 0
	}
	return ledger.Side(s)
}
