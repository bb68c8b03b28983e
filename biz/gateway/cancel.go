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

// cancelOrder handles CancelOrder.
func (g *Gateway) cancelOrder(c *engine.Context, a *account) {
	var request pb.CancelOrderRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	q, cause := asked{c: c}, ledger.ByClient
	if request.Everyone || request.Customer != 0 && request.Customer != uint32(a.Customer()) {
		q.audit, cause = g.audited(c, a, "cancel", request.ProtoReflect()), ledger.ByOperator
		if !a.may(operate) {
			g.forbid(q, a, "cancelling another customer's orders needs "+operate.needs())
			return
		}
	}
	if g.otherHistory(q, request.HistoryId, orderIDOfOtherHistory) {
		return
	}
	if cause == ledger.ByOperator && !request.Everyone {
		var err error
		if a, err = g.existing(request.Customer); err != nil {
			q.refuse(err)
			return
		}
	}
	switch {
	case request.All && request.Everyone:
		c.Go(func(c *engine.Context) {
			q.c = c
			g.cancelEverywhere(q, &request)
		})
	case request.All:
		g.cancelAll(q, a, &request, cause)
	default:
		g.cancelOne(q, a, &request, cause)
	}
}

func (g *Gateway) cancelOne(q asked, a *account, r *pb.CancelOrderRequest, cause ledger.Cause) {
	id, name, err := orderNamed(a, r.OrderId, r.ClientOrderId)
	switch {
	case errors.Is(err, errNotYours):
		q.reply(codec.ResultForbidden, &pb.Error{Message: otherCustomersOrder})
		return
	case err != nil:
		q.refuse(err)
		return
	}
	g.change(q, a, id, name, func(t *desk.Turn, q asked, w *workspace, id ledger.OrderID) error {
		events, err := t.Cancel(id, cause, g.now())
		if err == nil {
			order := &g.describeEvent(w.out, &events[0], t.Ledger()).order
			q.answer(w, codec.ResultOK, &pb.CancelOrderReply{Order: order, Count: 1})
		}
		return err
	})
}

// change calls do, which cancels or replaces an order and replies, in a turn of the account: at
// once or when the preset says so, after it has looked up the order. It refuses the request if do
// returns an error. do may be called after the handler has returned.
func (g *Gateway) change(q asked, a *account, id ledger.OrderID, name ledger.ClientOrderID, do func(*desk.Turn, asked, *workspace, ledger.OrderID) error) {
	execute := func(q asked, w *workspace, id ledger.OrderID) (old bool) {
		g.inTurn(q, w, a, func(t *desk.Turn) {
			g.whileLoggedIn(q, func() {
				if !g.mayTrade(q) {
					return
				}
				err := do(t, q, w, id)
				if old = errors.Is(err, ledger.ErrTooLate) && !inMemory(t.Ledger(), id); err != nil && !old {
					g.refuseOrder(q, w, t.Ledger(), id, err)
				}
			})
		})
		return old
	}
	g.changeOnDemand(q, q.c.Local.(*workspace), a, id, name, func(q asked, w *workspace) {
		id, remembered := id, false
		a.View(func(l *ledger.Account) {
			if id = resolve(l, id, name); id == 0 {
				_, remembered = l.FindNamed(&name)
			}
		})
		if !remembered && !execute(q, w, id) {
			return
		}
		g.mayBlock(q, w, func(q asked, w *workspace) {
			ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
			defer cancel()
			o, cause, err := g.findOrder(ctx, a, id, name)
			switch {
			case err != nil && !isRefusal(err):
				q.reply(codec.ResultUnavailable, g.historyProblem(err))
			case err != nil:
				g.inTurn(q, w, a, func(*desk.Turn) { q.refuseIn(w, err) })
			case o.Working() && execute(q, w, o.ID), !o.Working():
				g.inTurn(q, w, a, func(*desk.Turn) { g.refuseTooLate(q, w, &o, cause) })
			}
		})
	})
}

// inMemory reports whether an order works, or its last event is in memory.
func inMemory(l *ledger.Account, id ledger.OrderID) bool {
	_, _, found := l.FindOrder(id)
	return found
}

const otherCustomersOrder = "this order is another customer's; an operator names the customer, too"

// errNotYours means that an order id has another customer.
var errNotYours = errors.New("gateway: order of another customer")

// orderNamed returns the order id or the client order id of a request.
func orderNamed(a *account, id uint64, name string) (ledger.OrderID, ledger.ClientOrderID, error) {
	if id != 0 {
		if ledger.OrderID(id).Customer() != a.Customer() {
			return 0, ledger.ClientOrderID{}, errNotYours
		}
		return ledger.OrderID(id), ledger.ClientOrderID{}, nil
	}
	parsed, err := ledger.ParseClientOrderID(name)
	if err == nil && parsed.IsZero() {
		err = fmt.Errorf("%w: give an order id or a client order id", ledger.ErrUnknownOrder)
	}
	return 0, parsed, err
}

// resolve returns the id of an order that a request names by its client order id: 0 if it is not
// in memory.
func resolve(l *ledger.Account, id ledger.OrderID, name ledger.ClientOrderID) ledger.OrderID {
	if id != 0 {
		return id
	}
	if o := l.OrderNamed(&name); o != nil {
		return o.ID
	}
	if first, found := l.FindNamed(&name); found && first.Event != 0 {
		return l.Command(nil, first.Event)[0].Order.ID
	}
	return 0
}

// refuseOrder refuses a request for an order in a turn of its account. It shows the order if it
// is in memory and the reason depends on its state.
func (g *Gateway) refuseOrder(q asked, w *workspace, l *ledger.Account, id ledger.OrderID, err error) {
	o, cause, found := l.FindOrder(id)
	switch {
	case errors.Is(err, ledger.ErrTooLate) && found:
		g.refuseTooLate(q, w, &o, cause)
	case errors.Is(err, ledger.ErrCancelPending) && found:
		result, body := refusal(err)
		body.Order = new(pb.Order)
		g.setOrder(body.Order, &o, cause)
		q.answer(w, result, body)
	default:
		q.refuseIn(w, err)
	}
}

// refuseTooLate refuses to change an order that no longer works.
func (g *Gateway) refuseTooLate(q asked, w *workspace, o *ledger.Order, cause ledger.Cause) {
	result, body := refusal(fmt.Errorf("%w: the order is %s", ledger.ErrTooLate, statusName(o.Status)))
	body.Order = new(pb.Order)
	g.setOrder(body.Order, o, cause)
	q.answer(w, result, body)
}

func statusName(s ledger.OrderStatus) string {
	switch s {
	case ledger.Filled:
		return "filled"
	case ledger.Cancelled:
		return "cancelled"
	case ledger.Expired:
		return "expired"
	}
	return "working"
}

// matcher returns what all orders have in common that a request cancels. The error is a
// refusal.
func (g *Gateway) matcher(r *pb.CancelOrderRequest) (func(*ledger.Order) bool, error) {
	if r.Market == "" && r.Code == "" {
		return func(*ledger.Order) bool { return true }, nil
	}
	id, ok := g.market.Find(r.Market, r.Code)
	if !ok {
		return nil, ledger.ErrUnknownInstrument
	}
	return func(o *ledger.Order) bool { return o.Instrument == id }, nil
}

func (g *Gateway) cancelAll(q asked, a *account, r *pb.CancelOrderRequest, cause ledger.Cause) {
	match, err := g.matcher(r)
	if err != nil {
		q.refuse(err)
		return
	}
	all := func(q asked, w *workspace) {
		g.inTurn(q, w, a, func(t *desk.Turn) {
			g.whileLoggedIn(q, func() {
				if !g.mayTrade(q) {
					return
				}
				events, err := t.CancelAll(match, cause, g.now())
				if cause == ledger.ByOperator {
					err = ofAnother(err)
				}
				if err != nil {
					q.refuseIn(w, err)
					return
				}
				q.answer(w, codec.ResultOK, &pb.CancelOrderReply{Count: uint32(len(events))})
			})
		})
	}
	if w := q.c.Local.(*workspace); g.demanding {
		g.delay(q, w, a, 0, all)
	} else {
		all(q, w)
	}
}

// cancelEverywhere cancels the orders of all accounts, one account after the other. While too
// much waits for the disk, it waits. It runs off the lane.
func (g *Gateway) cancelEverywhere(q asked, r *pb.CancelOrderRequest) {
	match, err := g.matcher(r)
	if err != nil {
		q.refuse(err)
		return
	}
	w := q.c.Local.(*workspace)
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	reply := new(pb.CancelOrderReply)
	revoked := true
	g.whileLoggedIn(q, func() {
		revoked = false
		for _, a := range g.desk.Accounts() {
			var refused error
			done := g.desk.InTurn(ctx, a, w.turn, func(t *desk.Turn) {
				var events []ledger.Event
				if t.Ledger().WorkingOrders() > 0 {
					events, refused = t.CancelAll(match, ledger.ByOperator, g.now())
					reply.Count += uint32(len(events))
				}
			})
			if err = errors.Join(done, refused); err != nil && !errors.Is(err, desk.ErrWithdrawn) {
				return
			}
			err = nil
		}
	})
	switch {
	case revoked: // refused
	case errors.Is(err, context.DeadlineExceeded):
		message := fmt.Sprintf("the server is busy: only %d orders were cancelled; try again", reply.Count)
		g.replyDurable(q, codec.ResultOverloaded, &pb.Error{Message: message})
	case err != nil:
		q.refuse(err)
	default:
		g.replyDurable(q, codec.ResultOK, reply)
	}
}

// findOrder returns an order by its id or client order id. Errors are those of the desk.
func (g *Gateway) findOrder(ctx context.Context, a *account, id ledger.OrderID, name ledger.ClientOrderID) (ledger.Order, ledger.Cause, error) {
	var first ledger.Named
	found := true
	a.View(func(l *ledger.Account) {
		if id = resolve(l, id, name); id == 0 {
			first, found = l.FindNamed(&name)
		}
	})
	if id != 0 {
		return g.desk.FindOrder(ctx, a.Account, id)
	}
	if !found {
		return ledger.Order{}, 0, ledger.ErrUnknownOrder
	}
	named, same, err := g.desk.FindNamed(ctx, a.Account, name, first)
	if err != nil {
		return ledger.Order{}, 0, err
	}
	if !same { // a replacement has used the id, long ago
		return ledger.Order{}, 0, fmt.Errorf("%w: the client order id was used, but no working order has it now; name the order by its order id", ledger.ErrUnknownOrder)
	}
	return g.desk.FindOrder(ctx, a.Account, named.Order.ID)
}

// withOrder calls do in a turn of the account with an order as it is then, however old. Errors are
// those of findOrder and Account.Do. Goroutine: one that may block.
func (g *Gateway) withOrder(ctx context.Context, a *account, t *desk.Turn, id ledger.OrderID, do func(*desk.Turn, ledger.Order)) error {
	for {
		var seen uint64
		a.View(func(l *ledger.Account) { seen = l.LastNumber() })
		o, _, err := g.desk.FindOrder(ctx, a.Account, id)
		if err != nil {
			return err
		}
		changed := false
		err = a.Do(t, func(t *desk.Turn) {
			l := t.Ledger()
			if now, _, found := l.FindOrder(id); found {
				o = now
			} else if l.LastNumber() > seen { // has any event since then left the memory?
				changed = len(l.Command(nil, seen+1)) == 0
			}
			if !changed {
				do(t, o)
			}
		})
		if err != nil || !changed {
			return err
		}
		if ctx.Err() != nil {
			return desk.ErrCatchingUp
		}
	}
}

func isRefusal(err error) bool { return errors.As(err, new(ledger.Refusal)) }

// replyDurable replies once everything so far is durable. Goroutine: one that may block.
func (g *Gateway) replyDurable(q asked, r codec.Result, body codec.Body) {
	if err := g.recorded(&q, r, body); err != nil {
		q.refuse(errors.Join(desk.ErrUnavailable, err))
		return
	}
	q.reply(r, body)
}
