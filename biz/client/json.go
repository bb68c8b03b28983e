package client

import (
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"holdfast/codec/pb"
)

// The types below marshal to JSON as the message of the protocol that they came in, in the
// canonical Protocol Buffers mapping: 64-bit numbers are strings, enumerations are names,
// and fields with a zero value are omitted. Invalid UTF-8 becomes U+FFFD.

// MarshalJSON implements json.Marshaler: a ConnReply.
func (h Hello) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.ConnReply{
		Uid: h.UID, HeartbeatInterval: int64(h.HeartbeatInterval), ServerVersion: valid(h.ServerVersion), HistoryId: h.History.wire(),
	})
}

// MarshalJSON implements json.Marshaler: a PositionsReply with all positions.
func (s Snapshot) MarshalJSON() ([]byte, error) {
	m := &pb.PositionsReply{
		Account: s.Account.message(), MarketValue: int64(s.MarketValue), PushSequence: s.Sequence,
	}
	for _, p := range s.Positions {
		m.Positions = append(m.Positions, p.message())
	}
	return protojson.Marshal(m)
}

// MarshalJSON implements json.Marshaler: a PlaceOrderReply. Duplicate is not part of it.
func (p Placed) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.PlaceOrderReply{
		OrderId: uint64(p.Order), Status: pb.OrderStatus(p.Status), Executions: executionMessages(p.Executions), Position: p.Position.optional(),
		Filled: int64(p.Filled), Leaves: int64(p.Leaves), AveragePrice: int64(p.AveragePrice), Cause: pb.OrderCause(p.Cause),
	})
}

// MarshalJSON implements json.Marshaler: a CancelOrderReply.
func (c Cancelled) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.CancelOrderReply{Order: c.Order.optional(), Count: uint32(c.Count)})
}

// MarshalJSON implements json.Marshaler: a ReplaceOrderReply. Duplicate is not part of it.
func (r Replaced) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.ReplaceOrderReply{
		Order: r.Order.message(), Executions: executionMessages(r.Executions), Position: r.Position.optional(),
	})
}

// MarshalJSON implements json.Marshaler: an OrdersReply with all orders.
func (l OrderList) MarshalJSON() ([]byte, error) {
	m := &pb.OrdersReply{PushSequence: l.Sequence}
	for i := range l.Orders {
		m.Orders = append(m.Orders, l.Orders[i].message())
	}
	return protojson.Marshal(m)
}

// MarshalJSON implements json.Marshaler: an OrdersReply.
func (p OrderPage) MarshalJSON() ([]byte, error) {
	m := &pb.OrdersReply{PushSequence: p.Sequence, More: p.More, NextBeforeOrderId: uint64(p.Next)}
	for i := range p.Orders {
		m.Orders = append(m.Orders, p.Orders[i].message())
	}
	return protojson.Marshal(m)
}

// MarshalJSON implements json.Marshaler: a HistoryReply.
func (p HistoryPage) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.HistoryReply{Executions: executionMessages(p.Executions), More: p.More, NextBeforeExecutionId: uint64(p.Next)})
}

// MarshalJSON implements json.Marshaler: a BustReply.
func (b Busted) MarshalJSON() ([]byte, error) {
	m := &pb.BustReply{
		Execution: b.Execution.optional(), Position: b.Position.optional(), Executions: executionMessages(b.Executions),
		Count: uint32(b.Count), Accounts: uint32(b.Accounts),
	}
	for _, r := range b.Refused {
		m.Refused = append(m.Refused, &pb.BustRefusal{Customer: uint32(r.Customer), Error: r.Err.message()})
	}
	return protojson.Marshal(m)
}

// MarshalJSON implements json.Marshaler: a CorrectReply.
func (c Corrected) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.CorrectReply{
		Busted: c.Busted.message(), Replacement: c.Replacement.message(), Position: c.Position.message(), Order: c.Order.message(),
	})
}

// MarshalJSON implements json.Marshaler: an OperateReply.
func (o Operated) MarshalJSON() ([]byte, error) {
	m := &pb.OperateReply{
		Time: nanoseconds(o.Time), Count: uint32(o.Count), Order: o.Order.optional(),
		Executions: executionMessages(o.Executions), Position: o.Position.optional(),
	}
	for _, c := range o.Customers {
		m.Customers = append(m.Customers, &pb.Customer{Customer: uint32(c.Customer), Name: valid(c.Name), Operator: c.Operator, Viewer: c.Viewer})
	}
	m.More = o.More
	if r := &o.Reloaded; r.ChangedCustomers+r.NewCustomers+r.NewInstruments+len(r.Later) > 0 {
		m.Reloaded = r.message()
	}
	for i := range o.Entries {
		m.Entries = append(m.Entries, o.Entries[i].message())
	}
	if o.Account != (Account{}) {
		m.Account = o.Account.message()
	}
	return protojson.Marshal(m)
}

func (r *Reloaded) message() *pb.Reloaded {
	m := &pb.Reloaded{
		NewInstruments: uint32(r.NewInstruments), NewCustomers: uint32(r.NewCustomers), WithdrawnCustomers: uint32(r.WithdrawnCustomers),
		ChangedCustomers: uint32(r.ChangedCustomers), ChangedCredentials: uint32(r.ChangedCredentials), EndedSessions: uint32(r.EndedSessions),
	}
	for _, key := range r.Later {
		m.Later = append(m.Later, &pb.InstrumentKey{Market: valid(key.Market), Code: valid(key.Code)})
	}
	return m
}

// MarshalJSON implements json.Marshaler: an AuditEntry.
func (a AuditEntry) MarshalJSON() ([]byte, error) { return protojson.Marshal(a.message()) }

func (a *AuditEntry) message() *pb.AuditEntry {
	return &pb.AuditEntry{
		Number: a.Number, Time: nanoseconds(a.Time), Customer: uint32(a.Customer), Name: valid(a.Name), Uid: a.Session,
		Address: valid(a.Address), Command: valid(a.Command), Text: valid(a.Text), Result: valid(a.Result), Message: valid(a.Message),
		Unlisted: uint32(a.Unlisted),
	}
}

// Instruments is the reply to Quotes.
type Instruments []Instrument

// MarshalJSON implements json.Marshaler: a QuotesReply with all instruments.
func (list Instruments) MarshalJSON() ([]byte, error) {
	var m pb.QuotesReply
	for _, i := range list {
		m.Instruments = append(m.Instruments, &pb.Instrument{
			Market: valid(i.Key.Market), Code: valid(i.Key.Code), Name: valid(i.Name),
			LotSize: int64(i.LotSize), PriceTick: int64(i.PriceTick), LastPrice: int64(i.LastPrice),
			MinimumLot: int64(i.MinimumLot), LowPrice: int64(i.LowPrice), HighPrice: int64(i.HighPrice), Halted: i.Halted,
		})
	}
	return protojson.Marshal(&m)
}

// MarshalJSON implements json.Marshaler: a ChatReply.
func (p MemberPage) MarshalJSON() ([]byte, error) {
	m := &pb.ChatReply{Count: uint32(p.Count), More: p.More}
	for _, member := range p.Members {
		m.Members = append(m.Members, &pb.ChatMember{
			Uid: member.UID, Sender: valid(member.Sender), Address: valid(member.Address), Port: uint32(member.Port),
		})
	}
	return protojson.Marshal(m)
}

// MarshalJSON implements json.Marshaler: an Error.
func (e *Error) MarshalJSON() ([]byte, error) { return protojson.Marshal(e.message()) }

// MarshalJSON implements json.Marshaler: the push Notice.
func (n Notice) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.Notice{Code: pb.NoticeCode(n.Code), Text: valid(n.Text)})
}

// MarshalJSON implements json.Marshaler: the push PositionUpdate.
func (u PositionUpdate) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.PositionUpdate{
		Change: pb.Change(u.Change), Position: u.Position.message(), RowCount: uint32(u.Rows), MarketValue: int64(u.MarketValue),
		Cash: int64(u.Cash), FrozenCash: int64(u.FrozenCash), UnsettledCash: int64(u.UnsettledCash),
	})
}

// MarshalJSON implements json.Marshaler: an Execution, as a push or a part of a reply.
func (x Execution) MarshalJSON() ([]byte, error) { return protojson.Marshal(x.message()) }

// MarshalJSON implements json.Marshaler: a Position, which is a part of pushes and replies.
func (p Position) MarshalJSON() ([]byte, error) { return protojson.Marshal(p.message()) }

// MarshalJSON implements json.Marshaler: an Order, which is a part of pushes and replies.
func (o OrderState) MarshalJSON() ([]byte, error) { return protojson.Marshal(o.message()) }

// MarshalJSON implements json.Marshaler: the push ExecutionBusted.
func (b ExecutionBusted) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.ExecutionBusted{
		ExecutionId: uint64(b.ID), Reason: valid(b.Reason), Position: b.Position.message(), CorrectedBy: uint64(b.CorrectedBy),
	})
}

// MarshalJSON implements json.Marshaler: the push OrderUpdate.
func (u OrderUpdate) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.OrderUpdate{
		Order: u.Order.message(), Time: nanoseconds(u.Time), Position: u.Position.optional(),
		Cash: int64(u.Cash), FrozenCash: int64(u.FrozenCash), UnsettledCash: int64(u.UnsettledCash),
	})
}

// MarshalJSON implements json.Marshaler: the push AccountUpdate.
func (u AccountUpdate) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.AccountUpdate{
		Change: pb.AccountChange(u.Change), Amount: int64(u.Amount), Text: valid(u.Text), Account: u.Account.message(), Time: nanoseconds(u.Time),
	})
}

// MarshalJSON implements json.Marshaler: the push Quote.
func (q Quote) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.Quote{Market: valid(q.Key.Market), Code: valid(q.Key.Code), LastPrice: int64(q.LastPrice), Time: nanoseconds(q.Time)})
}

// MarshalJSON implements json.Marshaler: the push ChatMessage.
func (m ChatMessage) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.ChatMessage{
		Room: valid(m.Room), Sender: valid(m.Sender), Address: valid(m.Address), Port: uint32(m.Port), Text: valid(m.Text),
		Event: pb.ChatEvent(m.Event), Time: nanoseconds(m.Time), Earlier: m.Earlier,
	})
}

func (a *Account) message() *pb.Account {
	return &pb.Account{
		Customer: uint32(a.Customer), Name: valid(a.Name), Cash: int64(a.Cash), MarketValue: int64(a.MarketValue),
		RealisedProfit: int64(a.Realised), Operator: a.Operator, Viewer: a.Viewer, FreeCash: int64(a.FreeCash), FrozenCash: int64(a.FrozenCash),
		UnsettledCash: int64(a.UnsettledCash), Fees: int64(a.Fees), Deposits: int64(a.Deposits), WorkingOrders: uint32(a.WorkingOrders),
	}
}

// optional is message, or nil for the zero value, which means that a message had none.
func (p *Position) optional() *pb.Position {
	if *p == (Position{}) {
		return nil
	}
	return p.message()
}

func (p *Position) message() *pb.Position {
	return &pb.Position{
		Market: valid(p.Key.Market), Code: valid(p.Key.Code), Quantity: int64(p.Quantity), AverageCost: int64(p.AverageCost),
		LastPrice: int64(p.LastPrice), MarketValue: int64(p.MarketValue), RealisedProfit: int64(p.Realised), UnrealisedProfit: int64(p.Unrealised),
		Sellable: int64(p.Sellable), Frozen: int64(p.Frozen),
	}
}

// optional is message, or nil for the zero value, which means that a message had none.
func (o *OrderState) optional() *pb.Order {
	if *o == (OrderState{}) {
		return nil
	}
	return o.message()
}

func (o *OrderState) message() *pb.Order {
	return &pb.Order{
		OrderId: uint64(o.ID), ClientOrderId: valid(o.ClientOrderID), Customer: uint32(o.Customer), Side: pb.Side(o.Side),
		Market: valid(o.Key.Market), Code: valid(o.Key.Code), Type: pb.OrderType(o.Type), TimeInForce: pb.TimeInForce(o.TimeInForce),
		Quantity: int64(o.Quantity), Price: int64(o.Price), StopPrice: int64(o.Stop), Status: pb.OrderStatus(o.Status),
		Filled: int64(o.Filled), Leaves: int64(o.Leaves), AveragePrice: int64(o.AveragePrice),
		Time: nanoseconds(o.Time), Expires: nanoseconds(o.Expires), Triggered: o.Triggered, Cause: pb.OrderCause(o.Cause),
	}
}

func (e *Error) message() *pb.Error {
	m := &pb.Error{Reason: pb.Reason(e.Reason), Message: valid(e.Message), Order: e.Order.optional()}
	for _, id := range e.Blocking {
		m.BlockingExecutionIds = append(m.BlockingExecutionIds, uint64(id))
	}
	return m
}

// optional is message, or nil for an execution without an id, which means that a message had
// none.
func (x *Execution) optional() *pb.Execution {
	if x.ID == 0 {
		return nil
	}
	return x.message()
}

func (x *Execution) message() *pb.Execution {
	return &pb.Execution{
		ExecutionId: uint64(x.ID), OrderId: uint64(x.Order), Customer: uint32(x.Customer), ClientOrderId: valid(x.ClientOrderID),
		Side: pb.Side(x.Side), Market: valid(x.Key.Market), Code: valid(x.Key.Code), Quantity: int64(x.Quantity), Price: int64(x.Price),
		Time: nanoseconds(x.Time), Busted: x.Busted, BustReason: valid(x.BustReason), Fee: int64(x.Fee),
		Corrects: uint64(x.Corrects), CorrectedBy: uint64(x.CorrectedBy),
	}
}

func executionMessages(list []Execution) []*pb.Execution {
	messages := make([]*pb.Execution, 0, len(list))
	for i := range list {
		messages = append(messages, list[i].message())
	}
	return messages
}

// valid returns text as JSON can carry it.
func valid(text string) string { return strings.ToValidUTF8(text, "\ufffd") }

// nanoseconds returns a time as the protocol has it; 0 for the zero time, which is not a
// time of the protocol.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
