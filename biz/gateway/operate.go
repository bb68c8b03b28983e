package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// operate handles Operate. It runs off the lane.
func (g *Gateway) operate(c *engine.Context, asking *account) {
	var request pb.OperateRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	q, needs := asked{c: c}, rightOf(&request)
	if !asking.may(needs) {
		q.audit = g.auditedOperation(c, asking, &request)
		g.forbid(q, asking, "commands of operators need "+needs.needs())
		return
	}
	if needs == operate {
		q.audit = g.auditedOperation(c, asking, &request)
	}
	if _, reloads := request.Command.(*pb.OperateRequest_Reload); reloads {
		g.reloadNow(q)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), historyTimeout)
	defer cancel()
	o := operation{Gateway: g, asked: q, ctx: ctx, reply: &pb.OperateReply{Time: g.now()}}
	var err error
	revoked := true
	g.whileLoggedIn(q, func() {
		revoked = false
		err = o.run(&request)
	})
	switch {
	case revoked || o.replied:
	case err == nil:
		o.reply.Time = g.now()
		g.replyDurable(q, codec.ResultOK, o.reply)
	case errors.Is(err, desk.ErrCatchingUp), errors.Is(err, desk.ErrHistoryDamaged):
		q.reply(codec.ResultUnavailable, g.historyProblem(err))
	case errors.Is(err, context.DeadlineExceeded):
		q.reply(codec.ResultUnavailable, &pb.Error{Message: "the command takes too long; it goes on"})
	default:
		q.refuse(err)
	}
}

// rightOf returns the right that a command needs.
func rightOf(r *pb.OperateRequest) right {
	switch r.Command.(type) {
	case *pb.OperateRequest_Clock:
		return readOwn
	case *pb.OperateRequest_Customers, *pb.OperateRequest_Audit:
		return readOthers
	}
	return operate
}

// auditedOperation is audited for the command in r.
func (g *Gateway) auditedOperation(c *engine.Context, asking *account, r *pb.OperateRequest) *audit {
	a := g.audited(c, asking, "unknown", r.ProtoReflect())
	r.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		a.entry.Command, a.entry.Text = string(f.Name()), parameters(v.Message())
		return false
	})
	return a
}

// operation is one command of an operator.
type operation struct {
	*Gateway
	asked
	ctx     context.Context
	reply   *pb.OperateReply
	replied bool
}

// run executes the command. Errors are refusals and those of the desk.
func (o *operation) run(r *pb.OperateRequest) error {
	now := o.now()
	switch command := r.Command.(type) {
	case *pb.OperateRequest_Halt:
		return o.halt(command.Halt, true, now)
	case *pb.OperateRequest_Resume:
		return o.halt(command.Resume, false, now)
	case *pb.OperateRequest_Jump:
		return o.jump(command.Jump, now)
	case *pb.OperateRequest_Step:
		return o.step(time.Duration(command.Step.Duration))
	case *pb.OperateRequest_Deposit:
		return o.cash(command.Deposit, func(t *desk.Turn, m ledger.Money) ([]ledger.Event, error) {
			return t.Deposit(m, command.Deposit.Text, now)
		})
	case *pb.OperateRequest_Withdraw:
		return o.cash(command.Withdraw, func(t *desk.Turn, m ledger.Money) ([]ledger.Event, error) {
			return t.Deposit(-m, command.Withdraw.Text, now)
		})
	case *pb.OperateRequest_Reset_:
		return o.inAccount(command.Reset_.Customer, func(t *desk.Turn) ([]ledger.Event, error) { return t.Reset(command.Reset_.Text, now) })
	case *pb.OperateRequest_Fill:
		return o.execute(command.Fill, now)
	case *pb.OperateRequest_Reject:
		return o.reject(command.Reject)
	case *pb.OperateRequest_Disconnect:
		return o.disconnect(command.Disconnect)
	case *pb.OperateRequest_HoldPushes:
		return o.hold(command.HoldPushes)
	case *pb.OperateRequest_FixFault:
		return o.spoil(command.FixFault)
	case *pb.OperateRequest_Customers:
		o.customers(command.Customers)
		return nil
	case *pb.OperateRequest_Audit:
		return o.entries(command.Audit)
	case *pb.OperateRequest_Clock:
		return nil
	}
	fail(o.c, codec.ResultMalformed, "malformed Operate body: it has no command, or one that this server does not have")
	o.replied = true
	return nil
}

// customers lists a page of the customers.
func (o *operation) customers(r *pb.CustomersCommand) {
	accounts := o.desk.Accounts()
	page := make([]ledger.Customer, 0, len(accounts))
	for _, a := range accounts {
		if a.Customer() > ledger.Customer(r.After) {
			page = append(page, a.Customer())
		}
	}
	slices.Sort(page)
	if limit := pageRows(r.Limit); len(page) > limit {
		page, o.reply.More = page[:limit], true
	}
	for _, number := range page {
		owner := o.desk.Account(number).Owner()
		o.reply.Customers = append(o.reply.Customers, &pb.Customer{Customer: uint32(number), Name: owner.Name, Operator: owner.Operator(), Viewer: owner.Viewer()})
	}
}

func (o *operation) halt(r *pb.HaltCommand, halted bool, now int64) error {
	var ids []ledger.InstrumentID
	if r.Code != "" {
		id, ok := o.market.Find(r.Market, r.Code)
		if !ok {
			return ledger.ErrUnknownInstrument
		}
		ids = append(ids, id)
	} else {
		for n := range o.market.Len() {
			if i := o.market.At(ledger.InstrumentID(n)); r.Market == "" || i.Market == r.Market {
				ids = append(ids, i.ID)
			}
		}
	}
	if len(ids) == 0 {
		return ledger.ErrUnknownInstrument
	}
	o.reply.Count = uint32(len(ids))
	return o.desk.Halt(o.ctx, ids, halted, now)
}

func (o *operation) jump(r *pb.JumpCommand, now int64) error {
	id, ok := o.market.Find(r.Market, r.Code)
	if !ok {
		return ledger.ErrUnknownInstrument
	}
	o.reply.Count = 1
	return o.desk.Jump(o.ctx, id, ledger.Price(r.Price), now)
}

// maxStep is the longest step: further ones can follow.
const maxStep = 366 * 24 * time.Hour

func (o *operation) step(by time.Duration) error {
	if by <= 0 || by > maxStep {
		return fmt.Errorf("%w: a step takes at most %d days, got %s", ledger.ErrBadAmount, int(maxStep.Hours()/24), by)
	}
	return o.config.Clock.Step(o.ctx, by)
}

// cash adds cash to an account, or takes it out.
func (o *operation) cash(r *pb.CashCommand, do func(*desk.Turn, ledger.Money) ([]ledger.Event, error)) error {
	return o.inAccount(r.Customer, func(t *desk.Turn) ([]ledger.Event, error) {
		if r.Amount <= 0 {
			return nil, fmt.Errorf("%w: %s asked", ledger.ErrBadAmount, ledger.Money(r.Amount))
		}
		return do(t, ledger.Money(r.Amount))
	})
}

// inAccount executes a command on an account and replies with the account after it.
func (o *operation) inAccount(customer uint32, do func(*desk.Turn) ([]ledger.Event, error)) error {
	a, err := o.existing(customer)
	if err != nil {
		return err
	}
	return o.inTurn(a, func(t *desk.Turn, w *workspace) error {
		if _, err := do(t); err != nil {
			return err
		}
		o.describeAccount(w, a, t.Ledger())
		o.reply.Account = &w.account
		return nil
	})
}

// inTurn executes a command in a turn of an account, and replies in it.
func (o *operation) inTurn(a *account, do func(*desk.Turn, *workspace) error) error {
	w := o.c.Local.(*workspace)
	return a.Do(w.turn, func(t *desk.Turn) { o.replyIn(w, do(t, w)) })
}

// replyIn replies in a turn.
func (o *operation) replyIn(w *workspace, refused error) {
	if o.replied = true; refused != nil {
		o.refuseIn(w, ofAnother(refused))
		return
	}
	o.answer(w, codec.ResultOK, o.reply)
}

func (o *operation) execute(r *pb.FillCommand, now int64) error {
	if o.otherHistory(o.asked, r.HistoryId, orderIDOfOtherHistory) {
		o.replied = true
		return nil
	}
	id := ledger.OrderID(r.OrderId)
	a := o.account(id.Customer())
	if a == nil {
		return ledger.ErrUnknownOrder
	}
	w := o.c.Local.(*workspace)
	return o.withOrder(o.ctx, a, w.turn, id, func(t *desk.Turn, order ledger.Order) {
		offer := ledger.Offer{Quantity: ledger.Quantity(r.Quantity), Price: ledger.Price(r.Price)}
		if offer.Price == 0 {
			offer.Price = o.market.Last(order.Instrument)
		}
		var events []ledger.Event
		var err error
		switch left := order.Quantity - order.Filled; {
		case !r.Late && !order.Working():
			o.replied = true
			o.refuseTooLate(o.asked, w, &order, 0)
			return
		case offer.Quantity < 0 || offer.Quantity > left || left == 0:
			err = fmt.Errorf("%w: %d asked, %d left", ledger.ErrBadQuantity, offer.Quantity, left)
		case order.Working():
			events, err = t.Fill(id, offer, now)
		default:
			offer.Quantity = cmp.Or(offer.Quantity, left)
			events, err = t.FillLate(&order, offer, now)
		}
		if err != nil {
			o.replyIn(w, err)
			return
		}
		placed := o.placedReply(w, events, t.Ledger())
		o.reply.Count, o.reply.Executions, o.reply.Position = uint32(len(placed.Executions)), placed.Executions, placed.Position
		o.reply.Order = new(pb.Order)
		last := &events[len(events)-1]
		o.setOrder(o.reply.Order, &last.Order, last.Cause)
		o.replyIn(w, nil)
	})
}

func (o *operation) reject(r *pb.RejectCommand) error {
	a, err := o.existing(r.Customer)
	if err != nil {
		return err
	}
	reason := ledger.Refusal(r.Reason)
	if _, listed := pb.Reason_name[int32(r.Reason)]; !listed || r.Reason < 0 {
		return fmt.Errorf("%w: unknown reason %d", ledger.ErrBadDirective, r.Reason)
	}
	if reason == 0 {
		reason = ledger.ErrSimulated
	}
	a.rejectNext(r.Count, reason)
	o.reply.Count = r.Count
	return nil
}

// RejectNext makes the next orders of a customer be rejected; 0 orders end that.
func (g *Gateway) RejectNext(c ledger.Customer, n uint32, reason ledger.Refusal) {
	if a := g.account(c); a != nil {
		a.rejectNext(n, reason)
	}
}

func (o *operation) disconnect(r *pb.DisconnectCommand) error {
	a, err := o.existing(r.Customer)
	if err != nil {
		return err
	}
	o.reply.Count = uint32(o.Disconnect(a.Customer(), r.AfterPush))
	return nil
}

func (o *operation) hold(r *pb.HoldCommand) error {
	a, err := o.existing(r.Customer)
	if err != nil {
		return err
	}
	if r.Duration < 0 || time.Duration(r.Duration) > maxWait {
		return fmt.Errorf("%w: pushes are held for at most %s", ledger.ErrBadDirective, maxWait)
	}
	o.reply.Count = uint32(o.Hold(a.Customer(), time.Duration(r.Duration)))
	return nil
}
