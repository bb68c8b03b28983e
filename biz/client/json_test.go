package client_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// filled sets every field of a message, so that a field which JSON lacks is noticed.
func filled[M proto.Message](m M) M {
	setAll(m.ProtoReflect())
	return m
}

func setAll(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			setAll(m.Mutable(f).List().AppendMutable().Message())
		case f.IsList():
			m.Mutable(f).List().Append(protoreflect.ValueOfUint64(1<<40 + 5))
		case f.Kind() == protoreflect.MessageKind:
			setAll(m.Mutable(f).Message())
		case f.Kind() == protoreflect.EnumKind:
			m.Set(f, protoreflect.ValueOfEnum(f.Enum().Values().Get(1).Number()))
		case f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString("text <&> of "+string(f.Name())))
		case f.Kind() == protoreflect.BoolKind:
			m.Set(f, protoreflect.ValueOfBool(true))
		case f.Kind() == protoreflect.BytesKind:
			m.Set(f, protoreflect.ValueOfBytes([]byte("16 bytes of text")))
		case f.Kind() == protoreflect.Uint32Kind:
			m.Set(f, protoreflect.ValueOfUint32(uint32(100+i)))
		case f.Kind() == protoreflect.Uint64Kind:
			m.Set(f, protoreflect.ValueOfUint64(1<<60+uint64(i)))
		case f.Kind() == protoreflect.Int64Kind:
			m.Set(f, protoreflect.ValueOfInt64(1<<60+int64(i)))
		}
	}
}

// equalJSON checks that JSON holds the same message.
func equalJSON(t *testing.T, v any, want proto.Message) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	got := want.ProtoReflect().New().Interface()
	if err := protojson.Unmarshal(text, got); err != nil || !proto.Equal(got, want) {
		t.Errorf("%T: %v\n%s\nwant %v", v, err, text, want)
	}
	if bytes.Contains(text, []byte(": ")) || bytes.Contains(text, []byte("\n")) {
		t.Errorf("%T is not compact: %s", v, text)
	}
}

// TestJSONOfPushes: no field of a push is lost.
func TestJSONOfPushes(t *testing.T) {
	pushes := map[codec.Command]codec.Body{
		codec.PushNotice: filled(new(pb.Notice)), codec.PushPositionUpdate: filled(new(pb.PositionUpdate)),
		codec.PushExecution: filled(new(pb.Execution)), codec.PushExecutionBusted: filled(new(pb.ExecutionBusted)),
		codec.PushQuote: filled(new(pb.Quote)), codec.PushChatMessage: filled(new(pb.ChatMessage)),
		codec.PushOrderUpdate: filled(new(pb.OrderUpdate)), codec.PushAccountUpdate: filled(new(pb.AccountUpdate)),
	}
	for command, body := range pushes {
		t.Run(command.String(), func(t *testing.T) {
			pushed := make(chan client.Push, 1)
			c := dial(t, func(c *fakeConn, m codec.Message) { c.push(command, 0, body) }, client.Options{OnPush: func(p client.Push) { pushed <- p }, HeartbeatInterval: -1})
			go c.Heartbeat(t.Context()) // makes the server push
			equalJSON(t, (<-pushed).Event, body.(proto.Message))
		})
	}
}

// TestJSONOfReplies: no field of a reply is lost, except that lists are whole.
func TestJSONOfReplies(t *testing.T) {
	positions := filled(new(pb.PositionsReply))
	positions.More = false
	placed := filled(new(pb.PlaceOrderReply))
	quotes := filled(new(pb.QuotesReply))
	quotes.More = false
	orders := filled(new(pb.OrdersReply))
	orders.More, orders.NextBeforeOrderId = false, 0
	replies := map[codec.Command]codec.Body{
		codec.CommandCancelOrder: filled(new(pb.CancelOrderReply)), codec.CommandReplaceOrder: filled(new(pb.ReplaceOrderReply)),
		codec.CommandOrders: orders, codec.CommandCorrect: filled(new(pb.CorrectReply)), codec.CommandOperate: filled(new(pb.OperateReply)),
		codec.CommandPositions: positions, codec.CommandPlaceOrder: placed, codec.CommandHistory: filled(new(pb.HistoryReply)),
		codec.CommandQuotes: quotes, codec.CommandBust: filled(new(pb.BustReply)), codec.CommandChat: filled(new(pb.ChatReply)),
	}
	refusal := filled(new(pb.Error))
	c := dial(t, func(c *fakeConn, m codec.Message) {
		if body, ok := replies[m.Command]; ok {
			c.answer(m, codec.ResultOK, body)
		} else {
			c.answer(m, codec.ResultRejected, refusal)
		}
	}, client.Options{HeartbeatInterval: -1})
	calls := map[codec.Command]func() (any, error){
		codec.CommandPositions:  func() (any, error) { return c.Positions(t.Context()) },
		codec.CommandPlaceOrder: func() (any, error) { return c.PlaceOrder(t.Context(), client.Order{}) },
		codec.CommandHistory:    func() (any, error) { return c.History(t.Context(), client.HistoryQuery{}) },
		codec.CommandQuotes: func() (any, error) {
			list, err := c.Quotes(t.Context(), nil, false)
			return client.Instruments(list), err
		},
		codec.CommandBust: func() (any, error) { return c.Bust(t.Context(), 1, "x") },
		codec.CommandChat: func() (any, error) { return c.Members(t.Context(), "", 0) },

		codec.CommandCancelOrder:  func() (any, error) { return c.CancelOrder(t.Context(), client.OrderRef{}) },
		codec.CommandReplaceOrder: func() (any, error) { return c.ReplaceOrder(t.Context(), client.Replacement{}) },
		codec.CommandOrders:       func() (any, error) { return c.Orders(t.Context(), 0) },
		codec.CommandCorrect:      func() (any, error) { return c.Correct(t.Context(), client.Correction{}) },
		codec.CommandOperate:      func() (any, error) { return c.Operate(t.Context(), client.Clock{}) },
	}
	for command, call := range calls {
		t.Run(command.String(), func(t *testing.T) {
			v, err := call()
			if err != nil {
				t.Fatal(err)
			}
			equalJSON(t, v, replies[command].(proto.Message))
		})
	}
	equalJSON(t, c.Heartbeat(t.Context()), refusal)
	equalJSON(t, c.Hello(), &pb.ConnReply{Uid: 7, HeartbeatInterval: 20e9, ServerVersion: "test"})
}

// TestJSONOfMissing: what a message did not have is not in its JSON.
func TestJSONOfMissing(t *testing.T) {
	for want, list := range map[string][]any{
		`{}`:           {client.Placed{}, client.Cancelled{}, client.Busted{}, client.Operated{}, client.OrderState{}, &client.Error{}},
		`{"order":{}}`: {client.OrderUpdate{}, client.Replaced{}},
	} {
		for _, v := range list {
			if text, err := json.Marshal(v); err != nil || string(text) != want {
				t.Errorf("%T: %s, %v; want %s", v, text, err, want)
			}
		}
	}
}

// TestJSONOfInvalidText: what a server should not send does not make an event unreadable.
func TestJSONOfInvalidText(t *testing.T) {
	text, err := json.Marshal(client.Notice{Text: "a\xffb"})
	if want := `{"text":"a` + "\ufffd" + `b"}`; err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
	if text, err := json.Marshal(client.Execution{}); err != nil || string(text) != "{}" {
		t.Errorf("%s, %v", text, err)
	}
}
