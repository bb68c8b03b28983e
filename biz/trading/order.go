package trading

import (
	"errors"
	"fmt"
	"runtime/debug"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// placeOrder executes a market order at the last price.
func (s *Service) placeOrder(c *engine.Context, a *account) {
	w := c.Local.(*workspace)
	w.request.Reset()
	// The strings of the request share the frame's bytes, which stay until this
	// handler returns.
	if err := w.request.UnmarshalVTUnsafe(c.Message.Body); err != nil {
		malformed(c, err)
		return
	}
	order, err := s.orderOf(&w.request, s.timeOf(c, w))
	if err != nil {
		refuse(c, err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.place(c, w, a, order)
}

// place applies the order; c gets the reply, or nobody when it is nil. The
// caller holds the lock of a.
func (s *Service) place(c *engine.Context, w *workspace, a *account, order ledger.Order) {
	if result := s.ready(); result != codec.ResultOK {
		if c != nil {
			s.unable(c, result)
		}
		return
	}
	var err error
	w.event, err = a.place(order)
	switch {
	case err == nil:
		s.record(c, w, a, "")
		if applyTwice {
			s.placeAgain(w, a, order)
		}
	case c == nil:
	case errors.Is(err, ledger.ErrDuplicate):
		s.fill(w)
		s.reply(c, codec.AppendReply(w.reply[:0], c.Message, codec.ResultDuplicate, &w.answer))
	default:
		s.refuseBehind(c, err)
	}
}

// record gives w.event to the journal, and with it the replies and pushes that
// leave when it is durable. The caller holds the lock of a, so that the journal
// has the account's events in their order.
//
// A panic in here ends the process: the account would have an event that the
// journal lacks. After the restart it is as the journal has it.
func (s *Service) record(c *engine.Context, w *workspace, a *account, bustReason string) {
	defer endOnPanic()
	if len(a.sessions) > 0 || c != nil {
		s.tell(w, bustReason)
		s.appendPushes(w, a)
	}
	w.reply = w.reply[:0]
	var asking *engine.Session
	if c != nil {
		asking = c.Session
		c.Defer()
		w.reply = codec.AppendReply(w.reply, c.Message, codec.ResultOK, w.answerTo(c.Message.Command))
	}
	out := s.beginWith(w, bustReason)
	if out == nil {
		return // never durable, so never shown
	}
	if asking != nil {
		out.Append(asking, w.reply, 1)
	}
	for _, session := range a.sessions {
		out.Append(session, w.pushes, 0)
	}
	s.end()
}

// beginWith is begin with w.event for what leaves to wait for; nil when it can't
// be made durable any more, which the sessions and the caller were told.
func (s *Service) beginWith(w *workspace, bustReason string) *engine.Outbox {
	if s.direct != nil {
		return s.beginWritten(&w.event, bustReason)
	}
	w.record = ledger.AppendEvent(append(w.record[:0], recordEvent), &w.event, bustReason)
	commit := s.committer.Begin()
	commit.Record(w.record)
	return commit.Release().out
}

// endOnPanic lets a panic through that handlers' recovery would swallow.
func endOnPanic() {
	if v := recover(); v != nil {
		stack := debug.Stack()
		go panic(fmt.Sprintf("trading: an event was not wholly applied and recorded: %v\n%s", v, stack))
		select {} // nothing more may happen on this account
	}
}

// answerTo returns the body that replies to a command which made w.event.
func (w *workspace) answerTo(cmd codec.Command) codec.Body {
	if cmd == codec.CommandBust {
		return &pb.BustReply{Execution: &w.execution, Position: &w.position}
	}
	return &w.answer
}

// ready says whether the journal can take an event.
func (s *Service) ready() codec.Result {
	if s.disk.low.Load() || s.Ready() != nil {
		return codec.ResultUnavailable
	}
	if s.direct != nil {
		return codec.ResultOK
	}
	if !s.hasOpenRoom() {
		return codec.ResultOverloaded
	}
	return codec.ResultOK
}

func (s *Service) hasOpenRoom() bool {
	commit := s.committer.Begin()
	defer s.committer.End()
	return commit.Room() && !s.full(commit.Held().out)
}

// unable replies that the journal can't take an event; nothing was applied.
func (s *Service) unable(c *engine.Context, r codec.Result) {
	if r == codec.ResultOverloaded {
		s.overloaded(c)
		return
	}
	if s.Ready() == nil {
		fail(c, r, diskLow)
		return
	}
	fail(c, r, "the server can't make anything durable and is stopping; nothing was done")
}

// orderOf checks what the ledger can't and returns the command for it. Errors
// are refusals.
func (s *Service) orderOf(r *pb.PlaceOrderRequest, unixNano int64) (ledger.Order, error) {
	id, ok := s.market.Find(r.Market, r.Code)
	if !ok {
		return ledger.Order{}, ledger.ErrUnknownInstrument
	}
	if r.Price != 0 {
		return ledger.Order{}, ledger.ErrBadPrice
	}
	name, err := ledger.ParseClientOrderID(r.ClientOrderId)
	if err != nil {
		return ledger.Order{}, err
	}
	return s.marketOrder(name, side(r.Side), id, ledger.Quantity(r.Quantity), unixNano), nil
}

// timeOf returns when c's message was taken up: the same for all that came with
// it, because a look at the clock costs as much as finding an instrument.
func (s *Service) timeOf(c *engine.Context, w *workspace) (unixNano int64) {
	if turn := c.Turn(); turn != w.turn {
		w.turn, w.now = turn, s.config.Now().UnixNano()
	}
	return w.now
}

// side returns the ledger's side; one that is none stays none.
func side(s pb.Side) ledger.Side {
	if s < 0 || s > pb.Side_SIDE_SELL {
		return 0
	}
	return ledger.Side(s)
}

func (s *Service) marketOrder(name ledger.ClientOrderID, side ledger.Side, id ledger.InstrumentID, q ledger.Quantity, unixNano int64) ledger.Order {
	return ledger.Order{
		ClientOrderID: name, Side: side, Instrument: id, Quantity: q,
		Price: s.market.Last(id), Lot: s.market.At(id).Lot, Time: unixNano,
	}
}

// refuse replies with a refusal that tells nothing of an account, or with what went
// wrong instead.
func refuse(c *engine.Context, err error) {
	result, body := refusal(c.Message.Command, err)
	c.Reply(result, body)
}

// refuseBehind is refuse behind everything that the account has done so far: that
// there are not enough shares, say, tells of a sale which may not be durable yet.
func (s *Service) refuseBehind(c *engine.Context, err error) {
	result, body := refusal(c.Message.Command, err)
	s.reply(c, codec.AppendReply(nil, c.Message, result, body))
}

func refusal(cmd codec.Command, err error) (codec.Result, *pb.Error) {
	var reason ledger.Refusal
	if !errors.As(err, &reason) {
		return codec.ResultFailed, &pb.Error{Message: err.Error()}
	}
	message := reason.Error()
	if reason == ledger.ErrBadPrice && cmd == codec.CommandPlaceOrder {
		message = "this server takes market orders only: set the price to 0"
	}
	return codec.ResultRejected, &pb.Error{Reason: pb.Reason(reason), Message: message}
}

// placeAgain is the fault of the canary: the order has a second effect.
func (s *Service) placeAgain(w *workspace, a *account, order ledger.Order) {
	order.ClientOrderID = ledger.ClientOrderID{}
	var err error
	if w.event, err = a.place(order); err == nil {
		s.record(nil, w, a, "")
	}
}
