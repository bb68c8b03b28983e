package client_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

const anOrder = 100001<<32 | 3

// message is a body that proto can compare.
type message interface {
	proto.Message
	UnmarshalVT([]byte) error
}

// TestRequests: each call sends the request that it should, and decodes its reply.
func TestRequests(t *testing.T) {
	id, key, at := client.NewOrderID(100001, 3), client.Key{Market: "ALFA", Code: "600100"}, time.Unix(0, 77)
	execution := client.ExecutionID(9)
	ctx := t.Context()
	place := func(o client.Order) func(c *client.Client) error {
		return func(c *client.Client) error { _, err := c.PlaceOrder(ctx, o); return err }
	}
	cancel := func(o client.OrderRef) func(c *client.Client) error {
		return func(c *client.Client) error { _, err := c.CancelOrder(ctx, o); return err }
	}
	cancelAll := func(s client.OrderScope) func(c *client.Client) error {
		return func(c *client.Client) error { _, err := c.CancelAll(ctx, s); return err }
	}
	find := func(o client.OrderRef) func(c *client.Client) error {
		return func(c *client.Client) error { _, err := c.FindOrder(ctx, o); return err }
	}
	operate := func(o client.Operation) func(c *client.Client) error {
		return func(c *client.Client) error { _, err := c.Operate(ctx, o); return err }
	}
	cases := []struct {
		name    string
		call    func(c *client.Client) error
		command codec.Command
		want    message
	}{
		{"order with zero values", place(client.Order{Side: client.Buy, Key: key, Quantity: 1}), codec.CommandPlaceOrder,
			&pb.PlaceOrderRequest{Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Quantity: 1}},
		{"order with all values", place(client.Order{ClientOrderID: "a", Side: client.Sell, Key: key, Quantity: 2, Price: 3, History: before, Type: client.TypeStopLimit, TimeInForce: client.GoodTillDate, Stop: 4, Expires: at}), codec.CommandPlaceOrder,
			&pb.PlaceOrderRequest{ClientOrderId: "a", Side: pb.Side_SIDE_SELL, Market: "ALFA", Code: "600100", Quantity: 2, Price: 3, HistoryId: before[:], Type: pb.OrderType_ORDER_TYPE_STOP_LIMIT, TimeInForce: pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_DATE, StopPrice: 4, Expires: 77}},
		{"cancel", cancel(client.OrderRef{ID: id, History: before}), codec.CommandCancelOrder,
			&pb.CancelOrderRequest{OrderId: anOrder, HistoryId: before[:]}},
		{"cancel by client order id", cancel(client.OrderRef{ClientOrderID: "a", Customer: 5}), codec.CommandCancelOrder,
			&pb.CancelOrderRequest{ClientOrderId: "a", Customer: 5}},
		{"cancel all", cancelAll(client.OrderScope{}), codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true}},
		{"cancel all of an instrument", cancelAll(client.OrderScope{Key: key, Customer: 5}), codec.CommandCancelOrder,
			&pb.CancelOrderRequest{All: true, Market: "ALFA", Code: "600100", Customer: 5}},
		{"cancel all of everyone", cancelAll(client.OrderScope{Everyone: true}), codec.CommandCancelOrder,
			&pb.CancelOrderRequest{All: true, Everyone: true}},
		{"replace", func(c *client.Client) error {
			_, err := c.ReplaceOrder(ctx, client.Replacement{ID: id, ClientOrderID: "a", NewClientOrderID: "b", Quantity: 1, Price: 2, Stop: 3, TimeInForce: client.GoodTillDate, Expires: at, History: before})
			return err
		}, codec.CommandReplaceOrder,
			&pb.ReplaceOrderRequest{OrderId: anOrder, ClientOrderId: "a", NewClientOrderId: "b", Quantity: 1, Price: 2, StopPrice: 3, TimeInForce: pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_DATE, Expires: 77, HistoryId: before[:]}},
		{"orders", func(c *client.Client) error { _, err := c.Orders(ctx, 0); return err }, codec.CommandOrders, &pb.OrdersRequest{}},
		{"orders of another", func(c *client.Client) error { _, err := c.Orders(ctx, 5); return err }, codec.CommandOrders, &pb.OrdersRequest{Customer: 5}},
		{"find", find(client.OrderRef{ID: id, History: before}), codec.CommandOrders, &pb.OrdersRequest{OrderId: anOrder, HistoryId: before[:]}},
		{"find by client order id", find(client.OrderRef{ClientOrderID: "a", Customer: 5}), codec.CommandOrders, &pb.OrdersRequest{ClientOrderId: "a", Customer: 5}},
		{"bust", func(c *client.Client) error { _, err := c.Bust(ctx, execution, "why"); return err }, codec.CommandBust,
			&pb.BustRequest{ExecutionId: 9, Reason: "why"}},
		{"bust with options", func(c *client.Client) error {
			_, err := c.BustWith(ctx, execution, "why", client.BustOptions{Reopen: true, Cascade: true, DryRun: true, History: before})
			return err
		}, codec.CommandBust, &pb.BustRequest{ExecutionId: 9, Reason: "why", Reopen: true, Cascade: true, DryRun: true, HistoryId: before[:]}},
		{"bust a range", func(c *client.Client) error {
			_, err := c.BustRange(ctx, client.ExecutionRange{Key: key, From: at, To: at.Add(1), Customer: 5}, "why", client.BustOptions{Cascade: true})
			return err
		}, codec.CommandBust, &pb.BustRequest{Market: "ALFA", Code: "600100", From: 77, To: 78, Customer: 5, Reason: "why", Cascade: true}},
		{"correct", func(c *client.Client) error {
			_, err := c.Correct(ctx, client.Correction{ID: execution, Quantity: 1, Price: 2, Reason: "why", DryRun: true, History: before})
			return err
		}, codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: 9, Quantity: 1, Price: 2, Reason: "why", DryRun: true, HistoryId: before[:]}},
		{"halt", operate(client.Halt{Key: key}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Halt{Halt: &pb.HaltCommand{Market: "ALFA", Code: "600100"}}}},
		{"resume", operate(client.Resume{Key: client.Key{Market: "ALFA"}}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Resume{Resume: &pb.HaltCommand{Market: "ALFA"}}}},
		{"jump", operate(client.Jump{Key: key, Price: 8}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Jump{Jump: &pb.JumpCommand{Market: "ALFA", Code: "600100", Price: 8}}}},
		{"step", operate(client.Step{Duration: time.Second}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Step{Step: &pb.StepCommand{Duration: 1e9}}}},
		{"clock", operate(client.Clock{}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Clock{Clock: &pb.ClockCommand{}}}},
		{"deposit", operate(client.Deposit{Customer: 5, Amount: 6, Text: "gift"}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Deposit{Deposit: &pb.CashCommand{Customer: 5, Amount: 6, Text: "gift"}}}},
		{"withdraw", operate(client.Withdraw{Customer: 5, Amount: 6, Text: "fine"}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Withdraw{Withdraw: &pb.CashCommand{Customer: 5, Amount: 6, Text: "fine"}}}},
		{"reset", operate(client.Reset{Customer: 5, Text: "again"}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Reset_{Reset_: &pb.CashCommand{Customer: 5, Text: "again"}}}},
		{"fill", operate(client.Fill{Order: id, Quantity: 1, Price: 2, Late: true, History: before}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Fill{Fill: &pb.FillCommand{OrderId: anOrder, Quantity: 1, Price: 2, Late: true, HistoryId: before[:]}}}},
		{"reject", operate(client.RejectNext{Customer: 5, Count: 2, Reason: client.ReasonHalted}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Reject{Reject: &pb.RejectCommand{Customer: 5, Count: 2, Reason: pb.Reason_REASON_HALTED}}}},
		{"disconnect", operate(client.Disconnect{Customer: 5, AfterPush: 6}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_Disconnect{Disconnect: &pb.DisconnectCommand{Customer: 5, AfterPush: 6}}}},
		{"hold pushes", operate(client.HoldPushes{Customer: 5, Duration: time.Second}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_HoldPushes{HoldPushes: &pb.HoldCommand{Customer: 5, Duration: 1e9}}}},
		{"spoil FIX", operate(client.SpoilFIX{Customer: 5, Session: "T", Fault: client.FIXDelay, Count: 2, Delay: time.Second}), codec.CommandOperate,
			&pb.OperateRequest{Command: &pb.OperateRequest_FixFault{FixFault: &pb.FixFaultCommand{Customer: 5, Session: "T", Fault: pb.FixFault_FIX_FAULT_DELAY, Count: 2, Delay: 1e9}}}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var got codec.Message
			f := newPlainFake(func(c *fakeConn, m codec.Message) {
				if m.Command == codec.CommandConn {
					c.answer(m, codec.ResultOK, &pb.ConnReply{HistoryId: before[:]})
					return
				}
				got = codec.Message{Command: m.Command, Body: bytes.Clone(m.Body)}
				c.answer(m, codec.ResultRejected, &pb.Error{})
			})
			defer f.close()
			c, err := client.Dial(ctx, f.addr(), client.Options{HeartbeatInterval: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := tc.call(c); !errors.Is(err, client.ErrRejected) {
				t.Errorf("got %v", err)
			}
			request := tc.want.ProtoReflect().New().Interface().(message)
			if err := request.UnmarshalVT(got.Body); err != nil || got.Command != tc.command || !proto.Equal(request, tc.want) {
				t.Errorf("%v\ngot  %s %v\nwant %s %v", err, got.Command, request, tc.command, tc.want)
			}
		})
	}
}

// A cancel that has lost gets the order as it is.
func TestRefusalWithOrder(t *testing.T) {
	c := dial(t, func(c *fakeConn, m codec.Message) {
		c.answer(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_TOO_LATE, Order: &pb.Order{
			OrderId: anOrder, Status: pb.OrderStatus_ORDER_STATUS_FILLED, Filled: 100, Expires: 5,
		}})
	}, client.Options{})
	_, err := c.CancelOrder(t.Context(), client.OrderRef{ID: anOrder})
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Reason != client.ReasonTooLate {
		t.Fatalf("got %v", err)
	}
	if o := refused.Order; o.ID.Customer() != 100001 || o.ID.Number() != 3 || o.Status != client.StatusFilled || o.Working() ||
		o.Filled != 100 || !o.Expires.Equal(time.Unix(0, 5)) || !o.Time.IsZero() {
		t.Errorf("order %+v", o)
	}
}

func TestFindOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		orders []*pb.Order
		ok     bool
	}{
		"none":    {nil, false},
		"one":     {[]*pb.Order{{OrderId: anOrder}}, true},
		"several": {[]*pb.Order{{OrderId: anOrder}, {OrderId: 4}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, func(c *fakeConn, m codec.Message) { c.answer(m, codec.ResultOK, &pb.OrdersReply{Orders: tc.orders}) }, client.Options{})
			o, err := c.FindOrder(t.Context(), client.OrderRef{ID: anOrder})
			if tc.ok && (err != nil || o.ID != anOrder) || !tc.ok && !errors.Is(err, client.ErrProtocol) {
				t.Errorf("%+v, %v", o, err)
			}
			if len(c.View().Display().Orders) != 0 {
				t.Error("the view has changed")
			}
		})
	}
}

// A replacement that is sent again carries the history of its first send, as an order does.
func TestReplacementSentAgainAfterReset(t *testing.T) {
	s := &resettable{history: before, silent: true}
	c := s.dial(t)
	replace := func(c *client.Client, id string, want []byte) error {
		t.Helper()
		_, err := c.ReplaceOrder(t.Context(), client.Replacement{ID: anOrder, NewClientOrderID: id, Quantity: 5})
		if got := s.lastReplacement(); got.NewClientOrderId != id || !bytes.Equal(got.HistoryId, want) {
			t.Errorf("replacement %s was sent with history %x, want %x", got.NewClientOrderId, got.HistoryId, want)
		}
		return err
	}
	for _, want := range [][]byte{nil, before[:]} {
		if err := replace(c, "lost", want); err == nil {
			t.Error("no error")
		}
		c, _ = reconnect(t, c)
	}
	if err := replace(c, "", nil); err == nil { // not named: it is not remembered
		t.Error("no error")
	}
	s.set(func() { s.silent, s.history = false, after })
	c, _ = reconnect(t, c)
	var refused *client.Error
	if err := replace(c, "lost", before[:]); !errors.As(err, &refused) || refused.Reason != client.ReasonHistoryReset {
		t.Errorf("got %v", err)
	}
	for _, id := range []string{"fresh", ""} {
		if err := replace(c, id, nil); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	s.set(func() { s.history = client.HistoryID{} }) // an earlier release
	c, _ = reconnect(t, c)
	sent := len(s.replacements)
	if _, err := c.ReplaceOrder(t.Context(), client.Replacement{NewClientOrderID: "lost"}); !errors.As(err, &refused) || refused.Reason != client.ReasonHistoryReset {
		t.Errorf("got %v", err)
	}
	if n := len(s.replacements); n != sent {
		t.Error("it was sent to a server that can't check its history")
	}
}

// The first reply to a replacement comes again, marked as a duplicate.
func TestReplaceOrderTwice(t *testing.T) {
	result := codec.ResultOK
	c := dial(t, func(c *fakeConn, m codec.Message) {
		c.answer(m, result, &pb.ReplaceOrderReply{
			Order: &pb.Order{OrderId: anOrder, Quantity: 5, Price: 7}, Executions: []*pb.Execution{{ExecutionId: 8}}, Position: row("600100", 100),
		})
	}, client.Options{})
	for _, result = range []codec.Result{codec.ResultOK, codec.ResultDuplicate} {
		r, err := c.ReplaceOrder(t.Context(), client.Replacement{ID: anOrder, NewClientOrderID: "b", Quantity: 5, Price: 7})
		if err != nil || r.Duplicate != (result == codec.ResultDuplicate) || r.Order.Quantity != 5 || r.Order.Price != 7 ||
			len(r.Executions) != 1 || r.Position.Quantity != 100 {
			t.Errorf("%s: got %+v, %v", result, r, err)
		}
	}
}

// The reply to an order that works on says so.
func TestPlacedThatWorksOn(t *testing.T) {
	c := dial(t, func(c *fakeConn, m codec.Message) {
		c.answer(m, codec.ResultOK, &pb.PlaceOrderReply{
			OrderId: anOrder, Status: pb.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED, Filled: 40, Leaves: 60, AveragePrice: 10_5000,
			Cause: pb.OrderCause_ORDER_CAUSE_STOP_PRICE,
		})
	}, client.Options{})
	placed, err := c.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Quantity: 100, Price: 11_0000})
	if err != nil || placed.Order != anOrder || placed.Status != client.StatusPartiallyFilled || !placed.Status.Working() || placed.Filled != 40 ||
		placed.Leaves != 60 || placed.AveragePrice != 10_5000 || placed.Cause != client.CauseStopPrice || placed.Position != (client.Position{}) {
		t.Errorf("%+v, %v", placed, err)
	}
}

func TestRefusedInAccounts(t *testing.T) {
	c := dial(t, func(c *fakeConn, m codec.Message) {
		c.answer(m, codec.ResultOK, &pb.BustReply{Count: 3, Accounts: 2, Executions: []*pb.Execution{{ExecutionId: 1}}, Refused: []*pb.BustRefusal{
			{Customer: 5, Error: &pb.Error{Reason: pb.Reason_REASON_BUST_BLOCKED, BlockingExecutionIds: []uint64{5<<32 | 1}}}, {Customer: 6},
		}})
	}, client.Options{})
	b, err := c.BustRange(t.Context(), client.ExecutionRange{}, "why", client.BustOptions{})
	if err != nil || b.Count != 3 || b.Accounts != 2 || len(b.Executions) != 1 || len(b.Refused) != 2 {
		t.Fatalf("%+v, %v", b, err)
	}
	if r := b.Refused[0]; r.Customer != 5 || r.Err.Reason != client.ReasonBustBlocked || len(r.Err.Blocking) != 1 || !errors.Is(r.Err, client.ErrRejected) {
		t.Errorf("%+v", r)
	}
}

func TestOperated(t *testing.T) {
	c := dial(t, func(c *fakeConn, m codec.Message) {
		c.answer(m, codec.ResultOK, &pb.OperateReply{Time: 5, Count: 2, Account: &pb.Account{Customer: 6, FreeCash: 7}})
	}, client.Options{})
	o, err := c.Operate(t.Context(), client.Deposit{Customer: 6, Amount: 7})
	if err != nil || !o.Time.Equal(time.Unix(0, 5)) || o.Count != 2 || o.Account.FreeCash != 7 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestOrderWords(t *testing.T) {
	for _, tc := range []struct {
		got  interface{ String() string }
		want string
	}{
		{client.TypeStopLimit, "stop limit"}, {client.OrderType(0), "?"}, {client.OrderType(99), "?"},
		{client.GoodTillCancelled, "good till cancelled"}, {client.TimeInForce(0), "?"},
		{client.StatusPartiallyFilled, "partially filled"}, {client.OrderStatus(99), "?"},
		{client.CauseStopPrice, "STOP_PRICE"}, {client.OrderCause(0), "UNSPECIFIED"},
		{client.AccountWithdrawal, "withdrawal"}, {client.AccountChange(0), "?"},
		{client.ReasonNotStepped, "NOT_STEPPED"},
	} {
		if got := tc.got.String(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
	texts := map[string]bool{}
	for number := range pb.OrderCause_name {
		texts[client.OrderCause(number).Text()] = true
	}
	if len(texts) != len(pb.OrderCause_name) || !texts[""] {
		t.Errorf("not a text for each cause: %v", texts)
	}
	for status, works := range map[client.OrderStatus]bool{
		client.StatusNew: true, client.StatusPartiallyFilled: true, client.StatusFilled: false, client.StatusCancelled: false, client.StatusExpired: false,
	} {
		if status.Working() != works {
			t.Errorf("%s works: %t", status, !works)
		}
	}
}
