package gateway_test

import (
	"math"
	"strings"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// order returns a PlaceOrder request that is valid for bob, altered by change.
func order(change func(*pb.PlaceOrderRequest)) codec.Body {
	r := &pb.PlaceOrderRequest{Side: pb.Side_SIDE_BUY, Market: tin.Market, Code: tin.Code, Quantity: 10}
	change(r)
	return r
}

// TestRefusals sends requests that can't be done. The reply says why, nothing changes, and the
// session and the server go on.
func TestRefusals(t *testing.T) {
	s := start(t, setup{})
	w, op := s.wire(), s.wire()
	w.login(bob)
	op.login(operator)
	before := s.service.Hashes()
	notPB := raw("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	type request = pb.PlaceOrderRequest
	cases := []struct {
		name   string
		from   *wire
		cmd    codec.Command
		body   codec.Body
		result codec.Result
		reason pb.Reason
	}{
		{"unknown command", w, 0x3F, nil, codec.ResultUnknownCommand, 0},
		{"a push as a request", w, codec.PushExecution, nil, codec.ResultUnknownCommand, 0},
		{"login that is no protobuf", w, codec.CommandLogin, notPB, codec.ResultMalformed, 0},
		{"order that is no protobuf", w, codec.CommandPlaceOrder, notPB, codec.ResultMalformed, 0},
		{"order cut short", w, codec.CommandPlaceOrder, raw("\x0a\x05ab"), codec.ResultMalformed, 0},
		{"history that is no protobuf", w, codec.CommandHistory, notPB, codec.ResultMalformed, 0},
		{"quotes that is no protobuf", w, codec.CommandQuotes, notPB, codec.ResultMalformed, 0},
		{"chat that is no protobuf", w, codec.CommandChat, notPB, codec.ResultMalformed, 0},
		{"chat without a text", w, codec.CommandChat, nil, codec.ResultRejected, 0},
		{"bust that is no protobuf", op, codec.CommandBust, notPB, codec.ResultMalformed, 0},
		{"empty order", w, codec.CommandPlaceOrder, nil, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT},
		{"unknown code", w, codec.CommandPlaceOrder, order(func(r *request) { r.Code = "999999" }), codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT},
		{"code of another market", w, codec.CommandPlaceOrder, order(func(r *request) { r.Code = rail.Code }), codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT},
		{"no quantity", w, codec.CommandPlaceOrder, order(func(r *request) { r.Quantity = 0 }), codec.ResultRejected, pb.Reason_REASON_BAD_QUANTITY},
		{"negative quantity", w, codec.CommandPlaceOrder, order(func(r *request) { r.Quantity = -10 }), codec.ResultRejected, pb.Reason_REASON_BAD_QUANTITY},
		{"smallest quantity", w, codec.CommandPlaceOrder, order(func(r *request) { r.Quantity = math.MinInt64 }), codec.ResultRejected, pb.Reason_REASON_BAD_QUANTITY},
		{"largest quantity", w, codec.CommandPlaceOrder, order(func(r *request) { r.Quantity = math.MaxInt64 }), codec.ResultRejected, pb.Reason_REASON_TOO_LARGE},
		{"largest quantity sold", w, codec.CommandPlaceOrder, order(func(r *request) { r.Quantity, r.Side = math.MaxInt64, pb.Side_SIDE_SELL }), codec.ResultRejected, pb.Reason_REASON_TOO_LARGE},
		{"value over the limit", w, codec.CommandPlaceOrder, order(func(r *request) {
			r.Market, r.Code, r.Quantity = gold.Market, gold.Code, int64(ledger.MaxQuantity)
		}), codec.ResultRejected, pb.Reason_REASON_TOO_LARGE},
		{"no whole lot", w, codec.CommandPlaceOrder, order(func(r *request) { r.Code, r.Quantity = mills.Code, 150 }), codec.ResultRejected, pb.Reason_REASON_BAD_LOT},
		{"no multiple of the tick", w, codec.CommandPlaceOrder, order(func(r *request) { r.Price = 10_0001 }), codec.ResultRejected, pb.Reason_REASON_BAD_TICK},
		{"a market order with a limit", w, codec.CommandPlaceOrder, order(func(r *request) { r.Type, r.Price = pb.OrderType_ORDER_TYPE_MARKET, 10_0000 }), codec.ResultRejected, pb.Reason_REASON_BAD_PRICE},
		{"a limit order without one", w, codec.CommandPlaceOrder, order(func(r *request) { r.Type = pb.OrderType_ORDER_TYPE_LIMIT }), codec.ResultRejected, pb.Reason_REASON_BAD_PRICE},
		{"a stop order without a stop price", w, codec.CommandPlaceOrder, order(func(r *request) { r.Type = pb.OrderType_ORDER_TYPE_STOP }), codec.ResultRejected, pb.Reason_REASON_BAD_PRICE},
		{"a stop price that is reached", w, codec.CommandPlaceOrder, order(func(r *request) { r.Type, r.StopPrice = pb.OrderType_ORDER_TYPE_STOP, 9_0000 }), codec.ResultRejected, pb.Reason_REASON_BAD_PRICE},
		{"unknown order type", w, codec.CommandPlaceOrder, order(func(r *request) { r.Type = 5 }), codec.ResultRejected, pb.Reason_REASON_BAD_ORDER_TYPE},
		{"order type whose low byte is limit", w, codec.CommandPlaceOrder, order(func(r *request) { r.Type, r.Price = 258, 10_0000 }), codec.ResultRejected, pb.Reason_REASON_BAD_ORDER_TYPE},
		{"negative order type", w, codec.CommandPlaceOrder, order(func(r *request) { r.Type = -1 }), codec.ResultRejected, pb.Reason_REASON_BAD_ORDER_TYPE},
		{"unknown time in force", w, codec.CommandPlaceOrder, order(func(r *request) { r.TimeInForce = 6 }), codec.ResultRejected, pb.Reason_REASON_BAD_TIME_IN_FORCE},
		{"negative time in force", w, codec.CommandPlaceOrder, order(func(r *request) { r.TimeInForce = math.MinInt32 }), codec.ResultRejected, pb.Reason_REASON_BAD_TIME_IN_FORCE},
		{"a market order that is to wait", w, codec.CommandPlaceOrder, order(func(r *request) { r.TimeInForce = pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_CANCELLED }), codec.ResultRejected, pb.Reason_REASON_BAD_TIME_IN_FORCE},
		{"until a date that is missing", w, codec.CommandPlaceOrder, order(func(r *request) { r.Price, r.TimeInForce = 9_0000, pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_DATE }), codec.ResultRejected, pb.Reason_REASON_BAD_EXPIRY},
		{"until a date that is past", w, codec.CommandPlaceOrder, order(func(r *request) {
			r.Price, r.TimeInForce, r.Expires = 9_0000, pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_DATE, 1
		}), codec.ResultRejected, pb.Reason_REASON_BAD_EXPIRY},
		{"cancel that is no protobuf", w, codec.CommandCancelOrder, notPB, codec.ResultMalformed, 0},
		{"cancel of nothing", w, codec.CommandCancelOrder, nil, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_ORDER},
		{"cancel of an order that never was", w, codec.CommandCancelOrder, &pb.CancelOrderRequest{OrderId: uint64(ledger.NewOrderID(ledger.Customer(bob), 99))}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_ORDER},
		{"cancel of a name that never was", w, codec.CommandCancelOrder, &pb.CancelOrderRequest{ClientOrderId: "never"}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_ORDER},
		{"cancel of a name that can't be", w, codec.CommandCancelOrder, &pb.CancelOrderRequest{ClientOrderId: strings.Repeat("x", 37)}, codec.ResultRejected, pb.Reason_REASON_BAD_CLIENT_ORDER_ID},
		{"cancel of another history's order", w, codec.CommandCancelOrder, &pb.CancelOrderRequest{OrderId: 1, HistoryId: make([]byte, 16)}, codec.ResultRejected, pb.Reason_REASON_HISTORY_RESET},
		{"cancel all of an unknown instrument", w, codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Code: "X"}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT},
		{"cancel all of everyone in an unknown instrument", op, codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Everyone: true, Code: "X"}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT},
		{"cancel all of nobody", op, codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Customer: 4242}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_CUSTOMER},
		{"everyone without all", op, codec.CommandCancelOrder, &pb.CancelOrderRequest{Everyone: true}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_ORDER},
		{"replacement that is no protobuf", w, codec.CommandReplaceOrder, notPB, codec.ResultMalformed, 0},
		{"replacement of nothing", w, codec.CommandReplaceOrder, nil, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_ORDER},
		{"replacement with a name that can't be", w, codec.CommandReplaceOrder, &pb.ReplaceOrderRequest{ClientOrderId: "never", NewClientOrderId: "\xff"}, codec.ResultRejected, pb.Reason_REASON_BAD_CLIENT_ORDER_ID},
		{"replacement in another history", w, codec.CommandReplaceOrder, &pb.ReplaceOrderRequest{OrderId: 1, HistoryId: []byte("x")}, codec.ResultRejected, pb.Reason_REASON_HISTORY_RESET},
		{"orders that is no protobuf", w, codec.CommandOrders, notPB, codec.ResultMalformed, 0},
		{"an order that never was", w, codec.CommandOrders, &pb.OrdersRequest{OrderId: uint64(ledger.NewOrderID(ledger.Customer(bob), 99))}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_ORDER},
		{"a name that never was", w, codec.CommandOrders, &pb.OrdersRequest{ClientOrderId: "never"}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_ORDER},
		{"an order of another history", w, codec.CommandOrders, &pb.OrdersRequest{OrderId: 1, HistoryId: []byte("x")}, codec.ResultRejected, pb.Reason_REASON_HISTORY_RESET},
		{"orders of nobody", op, codec.CommandOrders, &pb.OrdersRequest{Customer: 4242}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_CUSTOMER},
		{"bust of all in no instrument", op, codec.CommandBust, &pb.BustRequest{Market: "X", To: 1}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT},
		{"bust of all of nobody", op, codec.CommandBust, &pb.BustRequest{Market: tin.Market, Code: tin.Code, To: 1, Customer: 4242}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_CUSTOMER},
		{"correction that is no protobuf", op, codec.CommandCorrect, notPB, codec.ResultMalformed, 0},
		{"correction of nothing", op, codec.CommandCorrect, nil, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_EXECUTION},
		{"correction of nobody's execution", op, codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: 1 << 60, Quantity: 1, Price: 1}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_EXECUTION},
		{"correction in another history", op, codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: 1, HistoryId: []byte("x")}, codec.ResultRejected, pb.Reason_REASON_HISTORY_RESET},
		{"operate that is no protobuf", op, codec.CommandOperate, notPB, codec.ResultMalformed, 0},
		{"no command of operators", op, codec.CommandOperate, nil, codec.ResultMalformed, 0},
		{"negative price", w, codec.CommandPlaceOrder, order(func(r *request) { r.Price = -1 }), codec.ResultRejected, pb.Reason_REASON_BAD_PRICE},
		{"largest price", w, codec.CommandPlaceOrder, order(func(r *request) { r.Price = math.MaxInt64 }), codec.ResultRejected, pb.Reason_REASON_TOO_LARGE},
		{"of another history", w, codec.CommandPlaceOrder, order(func(r *request) { r.HistoryId = make([]byte, 16) }), codec.ResultRejected, pb.Reason_REASON_HISTORY_RESET},
		{"of a history that there can't be", w, codec.CommandPlaceOrder, order(func(r *request) { r.HistoryId = []byte("x") }), codec.ResultRejected, pb.Reason_REASON_HISTORY_RESET},
		{"no side", w, codec.CommandPlaceOrder, order(func(r *request) { r.Side = 0 }), codec.ResultRejected, pb.Reason_REASON_BAD_SIDE},
		{"third side", w, codec.CommandPlaceOrder, order(func(r *request) { r.Side = 3 }), codec.ResultRejected, pb.Reason_REASON_BAD_SIDE},
		{"negative side", w, codec.CommandPlaceOrder, order(func(r *request) { r.Side = -1 }), codec.ResultRejected, pb.Reason_REASON_BAD_SIDE},
		{"side whose low byte is buy", w, codec.CommandPlaceOrder, order(func(r *request) { r.Side = 257 }), codec.ResultRejected, pb.Reason_REASON_BAD_SIDE},
		{"client order id too long", w, codec.CommandPlaceOrder, order(func(r *request) { r.ClientOrderId = strings.Repeat("x", 37) }), codec.ResultRejected, pb.Reason_REASON_BAD_CLIENT_ORDER_ID},
		{"client order id with NUL", w, codec.CommandPlaceOrder, order(func(r *request) { r.ClientOrderId = "a\x00b" }), codec.ResultRejected, pb.Reason_REASON_BAD_CLIENT_ORDER_ID},
		{"client order id not UTF-8", w, codec.CommandPlaceOrder, order(func(r *request) { r.ClientOrderId = "\xff" }), codec.ResultRejected, pb.Reason_REASON_BAD_CLIENT_ORDER_ID},
		{"more than held", w, codec.CommandPlaceOrder, order(func(r *request) { r.Side, r.Quantity = pb.Side_SIDE_SELL, 101 }), codec.ResultRejected, pb.Reason_REASON_NOT_ENOUGH_SHARES},
		{"none held", w, codec.CommandPlaceOrder, order(func(r *request) { r.Side, r.Market, r.Code = pb.Side_SIDE_SELL, rail.Market, rail.Code }), codec.ResultRejected, pb.Reason_REASON_NOT_ENOUGH_SHARES},
		{"one share more than cash buys", w, codec.CommandPlaceOrder, order(func(r *request) { r.Quantity = 50_001 }), codec.ResultRejected, pb.Reason_REASON_NOT_ENOUGH_CASH},
		{"quotes of an unknown instrument", w, codec.CommandQuotes, &pb.QuotesRequest{Instruments: []*pb.InstrumentKey{{Market: "X", Code: "Y"}}}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT},
		{"history of an unknown instrument", w, codec.CommandHistory, &pb.HistoryRequest{Market: "X", Code: "Y"}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT},
		{"history of half an instrument", w, codec.CommandHistory, &pb.HistoryRequest{Market: tin.Market}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT},
		{"history after an execution of another history", w, codec.CommandHistory, &pb.HistoryRequest{BeforeExecutionId: 1, HistoryId: make([]byte, 16)}, codec.ResultRejected, pb.Reason_REASON_HISTORY_RESET},
		{"bust of an execution of another history", op, codec.CommandBust, &pb.BustRequest{ExecutionId: 1, HistoryId: make([]byte, 16)}, codec.ResultRejected, pb.Reason_REASON_HISTORY_RESET},
		{"bust by a customer", w, codec.CommandBust, &pb.BustRequest{ExecutionId: 1}, codec.ResultForbidden, 0},
		{"bust of nothing", op, codec.CommandBust, &pb.BustRequest{}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_EXECUTION},
	}
	for n, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tc.from.t = t
			id := uint64(n + 2)
			result, body := tc.from.ask(tc.cmd, id, tc.body)
			var e pb.Error
			must(t, e.UnmarshalVT(body))
			if result != tc.result || e.Reason != tc.reason || !forPeople(e.Message) {
				t.Errorf("%s %s %q, want %s %s and words", result, e.Reason, e.Message, tc.result, tc.reason)
			}
		})
	}
	if after := s.service.Hashes(); after[ledger.Customer(bob)] != before[ledger.Customer(bob)] {
		t.Error("the account has changed")
	}
	if r, _ := w.ask(codec.CommandPlaceOrder, 99, order(func(*request) {})); r != codec.ResultOK {
		t.Errorf("good order on the same session: %s", r)
	}
	s.login(alice).buy(mills, 200)
	if n := s.service.Stats().Records; n != 2 {
		t.Errorf("%d events made durable, want those of two orders", n)
	}
}

// TestBrokenFrame: a session that sends an invalid frame gets a Notice and is closed; its
// earlier order stays, and other sessions go on.
func TestBrokenFrame(t *testing.T) {
	cases := []struct {
		name  string
		frame string
		code  pb.NoticeCode
	}{
		{"shorter than its header", "\x00\x00\x00\x0c", pb.NoticeCode_NOTICE_CODE_MALFORMED},
		{"longer than allowed", "\xff\xff\xff\xff", pb.NoticeCode_NOTICE_CODE_TOO_LARGE},
	}
	s := start(t, setup{})
	neighbour := s.login(bob)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w := s.wire()
			w.t = t
			w.login(alice)
			if r, _ := w.ask(codec.CommandPlaceOrder, 2, buyOne()); r != codec.ResultOK {
				t.Errorf("the order before: %s", r)
			}
			w.write([]byte(tc.frame))
			m := w.next()
			for m.ID != 0 { // the pushes of the order
				m = w.next()
			}
			var notice pb.Notice
			must(t, notice.UnmarshalVT(m.Body))
			if m.Command != codec.PushNotice || notice.Code != tc.code {
				t.Errorf("%s %s, want a notice %s", m.Command, notice.Code, tc.code)
			}
			neighbour.positions()
		})
	}
}
