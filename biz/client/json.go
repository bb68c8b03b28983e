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
		Account: &pb.Account{
			Customer: uint32(s.Account.Customer), Name: valid(s.Account.Name), Cash: int64(s.Account.Cash), MarketValue: int64(s.Account.MarketValue),
			RealisedProfit: int64(s.Account.Realised), Operator: s.Account.Operator,
		},
		MarketValue: int64(s.MarketValue), PushSequence: s.Sequence,
	}
	for _, p := range s.Positions {
		m.Positions = append(m.Positions, p.message())
	}
	return protojson.Marshal(m)
}

// MarshalJSON implements json.Marshaler: a PlaceOrderReply. Duplicate is not part of it.
func (p Placed) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.PlaceOrderReply{
		OrderId: uint64(p.Order), Status: pb.OrderStatus_ORDER_STATUS_FILLED, Executions: executionMessages(p.Executions), Position: p.Position.message(),
	})
}

// MarshalJSON implements json.Marshaler: a HistoryReply.
func (p HistoryPage) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.HistoryReply{Executions: executionMessages(p.Executions), More: p.More})
}

// MarshalJSON implements json.Marshaler: a BustReply.
func (b Busted) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.BustReply{Execution: b.Execution.message(), Position: b.Position.message()})
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
func (e *Error) MarshalJSON() ([]byte, error) {
	m := &pb.Error{Reason: pb.Reason(e.Reason), Message: valid(e.Message)}
	for _, id := range e.Blocking {
		m.BlockingExecutionIds = append(m.BlockingExecutionIds, uint64(id))
	}
	return protojson.Marshal(m)
}

// MarshalJSON implements json.Marshaler: the push Notice.
func (n Notice) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.Notice{Code: pb.NoticeCode(n.Code), Text: valid(n.Text)})
}

// MarshalJSON implements json.Marshaler: the push PositionUpdate.
func (u PositionUpdate) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.PositionUpdate{
		Change: pb.Change(u.Change), Position: u.Position.message(), RowCount: uint32(u.Rows), MarketValue: int64(u.MarketValue),
	})
}

// MarshalJSON implements json.Marshaler: an Execution, as a push or a part of a reply.
func (x Execution) MarshalJSON() ([]byte, error) { return protojson.Marshal(x.message()) }

// MarshalJSON implements json.Marshaler: a Position, which is a part of pushes and replies.
func (p Position) MarshalJSON() ([]byte, error) { return protojson.Marshal(p.message()) }

// MarshalJSON implements json.Marshaler: the push ExecutionBusted.
func (b ExecutionBusted) MarshalJSON() ([]byte, error) {
	return protojson.Marshal(&pb.ExecutionBusted{ExecutionId: uint64(b.ID), Reason: valid(b.Reason), Position: b.Position.message()})
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

func (p *Position) message() *pb.Position {
	return &pb.Position{
		Market: valid(p.Key.Market), Code: valid(p.Key.Code), Quantity: int64(p.Quantity), AverageCost: int64(p.AverageCost),
		LastPrice: int64(p.LastPrice), MarketValue: int64(p.MarketValue), RealisedProfit: int64(p.Realised), UnrealisedProfit: int64(p.Unrealised),
	}
}

func (x *Execution) message() *pb.Execution {
	return &pb.Execution{
		ExecutionId: uint64(x.ID), OrderId: uint64(x.Order), Customer: uint32(x.Customer), ClientOrderId: valid(x.ClientOrderID),
		Side: pb.Side(x.Side), Market: valid(x.Key.Market), Code: valid(x.Key.Code), Quantity: int64(x.Quantity), Price: int64(x.Price),
		Time: nanoseconds(x.Time), Busted: x.Busted, BustReason: valid(x.BustReason),
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
