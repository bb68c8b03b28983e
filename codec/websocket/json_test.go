package websocket_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
)

func next(text string) (codec.Message, error) {
	var m codec.Message
	used, err := websocket.JSON{}.Next(append(inbound([]byte(text)), "the next message"...), &m)
	if used != 4+len(text) {
		panic("took other bytes than those of the message")
	}
	return m, err
}

func TestJSONRequests(t *testing.T) {
	order := &pb.PlaceOrderRequest{ClientOrderId: "a", Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Quantity: 100, Price: 1 << 60, HistoryId: []byte{1, 2}}
	tests := []struct {
		name, text string
		command    codec.Command
		id         uint64
		body       any // a message, a string of bytes, or nil
	}{
		{"order", `{"command":"PlaceOrder","id":7,"body":{"clientOrderId":"a","side":"SIDE_BUY","market":"ALFA","code":"600100","quantity":100,"price":"1152921504606846976","historyId":"AQI="}}`,
			codec.CommandPlaceOrder, 7, order},
		{"the names of the proto file", `{"command":"PlaceOrder","id":7,"body":{"client_order_id":"a","side":1,"market":"ALFA","code":"600100","quantity":"100","price":"1152921504606846976","history_id":"AQI"}}`,
			codec.CommandPlaceOrder, 7, order},
		{"any order of members, and space", " {\t\"body\" : {\"code\":\"}\\\"]\"} ,\r\n\"id\":\"8\",\"command\":\"PlaceOrder\" } ", codec.CommandPlaceOrder, 8, &pb.PlaceOrderRequest{Code: `}"]`}},
		{"escapes", `{"\u0063ommand":"\u0050laceOrder","body":{"code":"\u20ac"}}`, codec.CommandPlaceOrder, 0, &pb.PlaceOrderRequest{Code: "€"}},
		{"no id", `{"command":"Heartbeat"}`, codec.CommandHeartbeat, 0, nil},
		{"null", `{"command":"Heartbeat","id":null,"body":null}`, codec.CommandHeartbeat, 0, nil},
		{"null where a message is", `{"command":"Positions","id": 3 ,"body": null }`, codec.CommandPositions, 3, nil},
		{"space after a number", "{\"command\":\"Heartbeat\",\"id\":3\t}", codec.CommandHeartbeat, 3, nil},
		{"largest id", `{"command":"Heartbeat","id":18446744073709551615}`, codec.CommandHeartbeat, 1<<64 - 1, nil},
		{"largest id as a string", `{"command":"Heartbeat","id":"18446744073709551615"}`, codec.CommandHeartbeat, 1<<64 - 1, nil},
		{"an empty body", `{"command":"Positions","id":1,"body":{}}`, codec.CommandPositions, 1, nil},
		{"an empty body where there is none", `{"command":"Logout","body":{ }}`, codec.CommandLogout, 0, nil},
		{"raw", `{"command":"Submit","id":1,"body":"AP8+Pw=="}`, codec.CommandSubmit, 1, "\x00\xff>?"},
		{"raw without padding", `{"command":"Submit","id":1,"body":"AP8+Pw"}`, codec.CommandSubmit, 1, "\x00\xff>?"},
		{"raw in the other alphabet", `{"command":"Conn","id":1,"body":"_-8="}`, codec.CommandConn, 1, "\xff\xef"},
		{"raw and empty", `{"command":"Conn","id":1,"body":""}`, codec.CommandConn, 1, nil},
		{"oneof", `{"command":"Login","id":1,"body":{"customer":1001,"password":"p"}}`, codec.CommandLogin, 1,
			&pb.LoginRequest{Customer: 1001, Credential: &pb.LoginRequest_Password{Password: "p"}}},
		{"oneof of messages", `{"command":"Operate","id":1,"body":{"jump":{"market":"ALFA","code":"600100","price":112000}}}`, codec.CommandOperate, 1,
			&pb.OperateRequest{Command: &pb.OperateRequest_Jump{Jump: &pb.JumpCommand{Market: "ALFA", Code: "600100", Price: 11_2000}}}},
		{"an empty message in a oneof", `{"command":"Operate","id":1,"body":{"clock":{}}}`, codec.CommandOperate, 1,
			&pb.OperateRequest{Command: &pb.OperateRequest_Clock{Clock: &pb.ClockCommand{}}}},
		{"cancel of all", `{"command":"CancelOrder","id":1,"body":{"all":true,"market":"ALFA","code":"600100"}}`, codec.CommandCancelOrder, 1,
			&pb.CancelOrderRequest{All: true, Market: "ALFA", Code: "600100"}},
		{"replace", `{"command":"ReplaceOrder","id":1,"body":{"orderId":"429501024567297","newClientOrderId":"b","timeInForce":"TIME_IN_FORCE_GOOD_TILL_CANCELLED"}}`, codec.CommandReplaceOrder, 1,
			&pb.ReplaceOrderRequest{OrderId: 100001<<32 | 1, NewClientOrderId: "b", TimeInForce: pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_CANCELLED}},
		{"unknown members", `{"command":"Heartbeat","at":[1,{"a":"]"},true],"id":2}`, codec.CommandHeartbeat, 2, nil},
		{"unknown command", `{"command":"Nothing","id":5,"body":[1,{"a":null}]}`, 0, 5, nil},
		{"a reply is no command", `{"command":"PlaceOrderReply","id":5}`, 0, 5, nil},
		{"a number is no command", `{"command":"0x7","id":5}`, 0, 5, nil},
		{"names have a case", `{"command":"placeorder","id":5,"ID":6}`, 0, 5, nil},
		{"empty command", `{"command":"","id":5}`, 0, 5, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := next(tt.text)
			if err != nil || m.Command != tt.command || m.ID != tt.id {
				t.Fatalf("got %v, %d, %v", m.Command, m.ID, err)
			}
			switch want := tt.body.(type) {
			case nil:
				if len(m.Body) != 0 {
					t.Errorf("the body is %q", m.Body)
				}
			case string:
				if string(m.Body) != want {
					t.Errorf("the body is %q, want %q", m.Body, want)
				}
			case proto.Message:
				body := websocket.NewRequest(m.Command)
				if err := body.UnmarshalVT(m.Body); err != nil || !proto.Equal(body, want) {
					t.Errorf("the body is %v, %v; want %v", body, err, want)
				}
			}
		})
	}
}

func TestJSONRefusesMessages(t *testing.T) {
	for _, text := range []string{
		``, ` `, `null`, `7`, `"PlaceOrder"`, `[]`, `{`, `}`, `{}`, `{"id":7}`, `{"command"}`, `{"command":}`, `{"command":"Login"`, `{"command":"Login}`,
		`{"command":"Login"},`, `{"command":"Login"}{}`, `{"command":"Login",}`, `{,"command":"Login"}`, `{"command":"Login" "id":7}`, `{command:"Login"}`,
		`{"command":7}`, `{"command":7`, `{"command":"Login","body":[`, `{"command":"Login","body":{"a":[}`, `{"command":"PlaceOrder","body":{"code":"a",}}`, `{"command":null}`, `{"command":["Login"]}`, `{"command":"Lo` + "\n" + `gin"}`, `{"command":"\x"}`, `{"command":"Login","command":"Login"}`,
		`{"command":"Login","id":-1}`, `{"command":"Login","id":+1}`, `{"command":"Login","id":1.0}`, `{"command":"Login","id":1e3}`, `{"command":"Login","id":01}`,
		`{"command":"Login","id":18446744073709551616}`, `{"command":"Login","id":""}`, `{"command":"Login","id":"x"}`, `{"command":"Login","id":"-1"}`,
		`{"command":"Login","id":" 1"}`, `{"command":"Login","id":true}`, `{"command":"Login","id":{}}`, `{"command":"Login","id":[1]}`, `{"command":"Login","id":"1}`,
		`{"command":"Login","id":1,"id":2}`, `{"command":"Login","body":}`, `{"command":"Login","body":{}`, `{"command":"Login","body":{"a":"}`,
		`{"command":"Nothing","body":{1}}`, `{"command":"Login","other":{1}}`, `{"command":"Login","other":tru}`, `{"command":"Quotes","body":{"limit":0e}}`, `{"command":"Login"}` + "\x00",
	} {
		if m, err := next(text); !errors.Is(err, codec.ErrMessage) || errors.Is(err, codec.ErrBody) {
			t.Errorf("%s: got %v, %d, %v", text, m.Command, m.ID, err)
		}
	}
}

func TestJSONRefusesBodies(t *testing.T) {
	tests := []struct{ command, body, says string }{
		{"PlaceOrder", `{"unheard":1}`, `unheard`},
		{"PlaceOrder", `{"quantity":"x"}`, `quantity`},
		{"PlaceOrder", `{"quantity":1.5}`, `quantity`},
		{"PlaceOrder", `{"quantity":9223372036854775808}`, `quantity`},
		{"PlaceOrder", `{"side":"BUY"}`, `side`},
		{"PlaceOrder", `{"type":"LIMIT"}`, `type`},
		{"Operate", `{"halt":{"market":"A"},"resume":{"market":"A"}}`, `oneof`},
		{"Operate", `{"explode":{}}`, `explode`},
		{"Operate", `{"deposit":{"amount":"1.5"}}`, `amount`},
		{"Orders", `{"orderId":-1}`, `orderId`},
		{"PlaceOrder", `{"code":1}`, `code`},
		{"PlaceOrder", `{"code":"a","code":"b"}`, `duplicate`},
		{"PlaceOrder", `[]`, `[`},
		{"PlaceOrder", `7`, `7`},
		{"PlaceOrder", `"eA=="`, `eA==`},
		{"Login", `{"password":"p","token":"AA=="}`, `token`},
		{"Submit", `{}`, `Submit is a base64 string`},
		{"Submit", `"?"`, `Submit is a base64 string`},
		{"Conn", `"A"`, `Conn is a base64 string`},
		{"Conn", `7`, `Conn is a base64 string`},
		{"Logout", `{"a":1}`, `Logout has no body`},
		{"Logout", `"AA=="`, `Logout has no body`},
		{"Heartbeat", `[]`, `Heartbeat has no body`},
	}
	for _, tt := range tests {
		for _, text := range []string{
			`{"command":"` + tt.command + `","id":9,"body":` + tt.body + `}`,
			`{"body":` + tt.body + `,"id":9,"command":"` + tt.command + `"}`,
		} {
			m, err := next(text)
			if !errors.Is(err, codec.ErrBody) || errors.Is(err, codec.ErrMessage) || m.Command.String() != tt.command || m.ID != 9 || len(m.Body) != 0 {
				t.Errorf("%s: got %v, %d, %q, %v", text, m.Command, m.ID, m.Body, err)
			} else if !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "proto:") {
				t.Errorf("%s: %v does not say %q", text, err, tt.says)
			}
		}
	}
}

// What an error quotes of the peer is short.
func TestJSONErrorsAreShort(t *testing.T) {
	for _, body := range []string{`{"quantity":"` + strings.Repeat("€", 1000) + `"}`, `{"` + strings.Repeat("x", 1000) + `":1}`} {
		_, err := next(`{"command":"PlaceOrder","body":` + body + `}`)
		if !errors.Is(err, codec.ErrBody) || len(err.Error()) > 300 || strings.Contains(err.Error(), "\uFFFD") {
			t.Errorf("%d bytes: %.400v", len(err.Error()), err)
		}
	}
}

func TestJSONReusesScratch(t *testing.T) {
	m := codec.Message{Scratch: make([]byte, 0, 64)}
	memory := &m.Scratch[:1][0]
	for _, body := range []string{"first", "second body", ""} {
		frame := websocket.JSON{}.AppendPush(nil, codec.CommandSubmit, 1, codec.Raw(body))
		if _, err := (websocket.JSON{}).Next(inbound(open(t, frame, text)), &m); err != nil || string(m.Body) != body {
			t.Errorf("%q: %q, %v", body, m.Body, err)
		}
		if body != "" && &m.Body[0] != memory {
			t.Errorf("%q is not in Scratch", body)
		}
	}
	if _, err := (websocket.JSON{}).Next(inbound([]byte(`{"command":"Submit","body":7}`)), &m); err == nil || cap(m.Scratch) != 64 {
		t.Errorf("an error loses Scratch: %v", err)
	}
}

func TestJSONReplies(t *testing.T) {
	tests := []struct {
		name    string
		command codec.Command
		id      uint64
		result  codec.Result
		body    codec.Body
		want    string
	}{
		{"no body", codec.CommandHeartbeat, 7, codec.ResultOK, nil, `{"command":"HeartbeatReply","id":7,"result":"OK"}`},
		{"empty body", codec.CommandQuotes, 7, codec.ResultOK, &pb.QuotesReply{}, `{"command":"QuotesReply","id":7,"result":"OK"}`},
		{"empty raw body", codec.CommandSubmit, 7, codec.ResultOK, codec.Raw(""), `{"command":"SubmitReply","id":7,"result":"OK"}`},
		{"raw body", codec.CommandSubmit, 0, codec.ResultFailed, codec.Raw("\x00\xff>?"), `{"command":"SubmitReply","id":0,"result":"FAILED","body":"AP8+Pw=="}`},
		{"message", codec.CommandChat, 9007199254740991, codec.ResultOK, &pb.ChatReply{Members: []*pb.ChatMember{{Uid: 1, Sender: `a "b, c": {}`}}, Count: 2},
			`{"command":"ChatReply","id":9007199254740991,"result":"OK","body":{"members":[{"uid":"1","sender":"a \"b, c\": {}"}],"count":2}}`},
		{"large id", codec.CommandChat, 9007199254740992, codec.ResultOK, nil, `{"command":"ChatReply","id":"9007199254740992","result":"OK"}`},
		{"largest id", codec.CommandChat, 1<<64 - 1, codec.ResultOK, nil, `{"command":"ChatReply","id":"18446744073709551615","result":"OK"}`},
		{"error", codec.CommandBust, 7, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_BUST_BLOCKED, Message: `sold \ "since"`, BlockingExecutionIds: []uint64{1, 2}},
			`{"command":"BustReply","id":7,"result":"REJECTED","body":{"reason":"REASON_BUST_BLOCKED","message":"sold \\ \"since\"","blockingExecutionIds":["1","2"]}}`},
		{"error with an order", codec.CommandCancelOrder, 7, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_TOO_LATE, Order: &pb.Order{OrderId: 1 << 60, Status: pb.OrderStatus_ORDER_STATUS_FILLED}},
			`{"command":"CancelOrderReply","id":7,"result":"REJECTED","body":{"reason":"REASON_TOO_LATE","order":{"orderId":"1152921504606846976","status":"ORDER_STATUS_FILLED"}}}`},
		{"refusals of a bust", codec.CommandBust, 7, codec.ResultOK, &pb.BustReply{Count: 3, Accounts: 2, Refused: []*pb.BustRefusal{{Customer: 9, Error: &pb.Error{Reason: pb.Reason_REASON_BUST_BLOCKED}}}},
			`{"command":"BustReply","id":7,"result":"OK","body":{"count":3,"accounts":2,"refused":[{"customer":9,"error":{"reason":"REASON_BUST_BLOCKED"}}]}}`},
		{"unknown command and result", 0, 7, 77, nil, `{"command":"0x0Reply","id":7,"result":"77"}`},
	}
	for _, tt := range tests {
		got := websocket.JSON{}.AppendReply([]byte("before"), tt.command, tt.id, tt.result, tt.body)
		if string(got[:6]) != "before" || string(open(t, got[6:], text)) != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestJSONPushes(t *testing.T) {
	quote := &pb.Quote{Market: "A B", Code: "\u2028 €", LastPrice: -1}
	order := &pb.OrderUpdate{Order: &pb.Order{OrderId: 5, Status: pb.OrderStatus_ORDER_STATUS_CANCELLED, Cause: pb.OrderCause_ORDER_CAUSE_CLIENT}, Cash: -7}
	account := &pb.AccountUpdate{Change: pb.AccountChange_ACCOUNT_CHANGE_WITHDRAWAL, Amount: -100, Account: &pb.Account{Customer: 9, FreeCash: -1}}
	for want, got := range map[string][]byte{
		`{"command":"HeartbeatPush","id":0}`: websocket.JSON{}.AppendPush(nil, codec.PushHeartbeat, 0, nil),
		`{"command":"Quote","id":12,"body":{"market":"A B","code":"` + "\u2028 €" + `","lastPrice":"-1"}}`:                                             websocket.JSON{}.AppendPush(nil, codec.PushQuote, 12, quote),
		`{"command":"OrderUpdate","id":3,"body":{"order":{"orderId":"5","status":"ORDER_STATUS_CANCELLED","cause":"ORDER_CAUSE_CLIENT"},"cash":"-7"}}`: websocket.JSON{}.AppendPush(nil, codec.PushOrderUpdate, 3, order),
		`{"command":"AccountUpdate","id":4,"body":{"change":"ACCOUNT_CHANGE_WITHDRAWAL","amount":"-100","account":{"customer":9,"freeCash":"-1"}}}`:    websocket.JSON{}.AppendPush(nil, codec.PushAccountUpdate, 4, account),
	} {
		if string(open(t, got, text)) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Text that is not UTF-8 can come from a client of the packet dialect. In JSON it is mended,
// not in the message that other sessions share.
func TestJSONMendsText(t *testing.T) {
	bad := &pb.ChatReply{Members: []*pb.ChatMember{{Uid: 1, Sender: "a\xffb"}, {Address: "\xe2\x82"}}, Count: 2}
	want := `{"command":"ChatReply","id":7,"result":"OK","body":{"members":[{"uid":"1","sender":"a` + "\uFFFD" + `b"},{"address":"` + "\uFFFD" + `"}],"count":2}}`
	if got := open(t, websocket.JSON{}.AppendReply(nil, codec.CommandChat, 7, codec.ResultOK, bad), text); string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if bad.Members[0].Sender != "a\xffb" {
		t.Error("the message was changed")
	}
	for c, nested := range map[codec.Command]codec.Body{
		codec.PushPositionUpdate: &pb.PositionUpdate{Position: &pb.Position{Market: "\xff"}},
		codec.PushOrderUpdate:    &pb.OrderUpdate{Order: &pb.Order{ClientOrderId: "\xff"}},
		codec.PushAccountUpdate:  &pb.AccountUpdate{Account: &pb.Account{Name: "\xff"}},
	} {
		if got := open(t, websocket.JSON{}.AppendPush(nil, c, 1, nested), text); !json.Valid(got) || !bytes.Contains(got, []byte("\uFFFD")) {
			t.Errorf("%s: got %s", c, got)
		}
	}
}

// Every command has a row in the table of bodies, with the type of its name in codec/pb, or
// is listed here as one without.
func TestEveryCommandHasABody(t *testing.T) {
	requests := map[string]string{ // the bodies that have no type
		"Conn": "raw", "Submit": "raw", "Heartbeat": "empty", "Logout": "empty", "HeartbeatPush": "empty",
	}
	noReply := map[string]bool{"Submit": true, "Heartbeat": true, "Logout": true}
	for _, c := range commands(t) {
		if c == codec.CommandFIX { // only FIX listeners have it
			continue
		}
		name := c.String()
		if m, err := next(`{"command":"` + name + `"}`); m.Command != c || err != nil {
			t.Errorf("%s decodes as %v, %v", name, m.Command, err)
		}
		_, rawErr := next(`{"command":"` + name + `","body":"AA=="}`)
		switch body := websocket.NewRequest(c); {
		case body == nil && (requests[name] == "" || requests[name] == "raw" != (rawErr == nil)):
			t.Errorf("%s is not %q: %v", name, requests[name], rawErr)
		case body != nil:
			if got := body.ProtoReflect().Descriptor().Name(); string(got) != name && (c.IsPush() || string(got) != name+"Request") {
				t.Errorf("%s has a body of the type %s", name, got)
			}
		}
		if c.IsPush() {
			continue
		}
		if body := websocket.NewReply(c.Reply()); (body == nil) != noReply[name] || body != nil && string(body.ProtoReflect().Descriptor().Name()) != name+"Reply" {
			t.Errorf("the reply to %s has the body %T", name, body)
		}
	}
	if websocket.NewRequest(0x3F) != nil || websocket.NewReply(0x3F) != nil {
		t.Error("a number without command has a body")
	}
}

// commands returns the constants of codec/command.go.
func commands(t *testing.T) (all []codec.Command) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../command.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || spec.Names[0].Name == "ReplyBit" {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			c, err := strconv.ParseUint(literal.Value, 0, 8)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, codec.Command(c))
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("found %d commands", len(all))
	}
	return all
}
