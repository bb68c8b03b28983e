package gateway_test

import (
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// TestAccess sends all requests before a login, as another customer and without the operator
// role: other customers' data is neither returned nor changed.
func TestAccess(t *testing.T) {
	s := start(t, setup{})
	her := s.login(alice)
	x := her.buy(tin, 7)
	her.place(client.Order{ClientOrderID: "hers", Side: client.Buy, Key: tin, Quantity: 5, Price: 9_0000})
	bust := &pb.BustRequest{ExecutionId: uint64(x.ID), Reason: "not mine"}
	const ok, unauthenticated, forbidden, rejected = codec.ResultOK, codec.ResultUnauthenticated, codec.ResultForbidden, codec.ResultRejected
	cases := []struct {
		name            string
		cmd             codec.Command
		body            codec.Body
		before, another codec.Result // before the login, and logged in as bob
	}{
		{"conn", codec.CommandConn, nil, ok, ok},
		{"submit", codec.CommandSubmit, nil, ok, ok},
		{"heartbeat", codec.CommandHeartbeat, nil, ok, ok},
		{"login with another's token", codec.CommandLogin, &pb.LoginRequest{Customer: uint32(alice),
			Credential: &pb.LoginRequest_Token{Token: demoToken(bob)}}, unauthenticated, unauthenticated},
		{"login without a credential", codec.CommandLogin, &pb.LoginRequest{Customer: uint32(alice)}, unauthenticated, unauthenticated},
		{"login to resume another's pushes", codec.CommandLogin, &pb.LoginRequest{Customer: uint32(alice), ResumeFrom: 1,
			Credential: &pb.LoginRequest_Token{Token: demoToken(bob)}}, unauthenticated, unauthenticated},
		{"positions", codec.CommandPositions, nil, unauthenticated, ok},
		{"order that can't be", codec.CommandPlaceOrder, order(func(r *pb.PlaceOrderRequest) { r.Quantity = 0 }), unauthenticated, rejected},
		{"sell of another's shares", codec.CommandPlaceOrder, order(func(r *pb.PlaceOrderRequest) { r.Quantity, r.Side = 101, pb.Side_SIDE_SELL }),
			unauthenticated, rejected},
		{"another's positions", codec.CommandPositions, &pb.PositionsRequest{Customer: uint32(alice)}, unauthenticated, forbidden},
		{"own history", codec.CommandHistory, nil, unauthenticated, ok},
		{"another's history", codec.CommandHistory, &pb.HistoryRequest{Customer: uint32(alice)}, unauthenticated, forbidden},
		{"the operator's history", codec.CommandHistory, &pb.HistoryRequest{Customer: uint32(operator)}, unauthenticated, forbidden},
		{"quotes", codec.CommandQuotes, nil, unauthenticated, ok},
		{"bust of another's execution", codec.CommandBust, bust, unauthenticated, forbidden},
		{"bust of what never was", codec.CommandBust, &pb.BustRequest{ExecutionId: 1 << 60}, unauthenticated, forbidden},
		{"cancel of nothing", codec.CommandCancelOrder, nil, unauthenticated, rejected},
		{"cancel of another's order", codec.CommandCancelOrder, &pb.CancelOrderRequest{OrderId: uint64(x.Order)}, unauthenticated, forbidden},
		{"cancel of another's order by its name", codec.CommandCancelOrder, &pb.CancelOrderRequest{ClientOrderId: "hers"}, unauthenticated, rejected},
		{"cancel for another customer", codec.CommandCancelOrder, &pb.CancelOrderRequest{ClientOrderId: "hers", Customer: uint32(alice)}, unauthenticated, forbidden},
		{"cancel all of another customer", codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Customer: uint32(alice)}, unauthenticated, forbidden},
		{"cancel all of everyone", codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Everyone: true}, unauthenticated, forbidden},
		{"cancel all", codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true}, unauthenticated, ok},
		{"replacement of another's order", codec.CommandReplaceOrder, &pb.ReplaceOrderRequest{OrderId: uint64(x.Order), Quantity: 9}, unauthenticated, forbidden},
		{"own orders", codec.CommandOrders, nil, unauthenticated, ok},
		{"another's orders", codec.CommandOrders, &pb.OrdersRequest{Customer: uint32(alice)}, unauthenticated, forbidden},
		{"another's order", codec.CommandOrders, &pb.OrdersRequest{OrderId: uint64(x.Order)}, unauthenticated, forbidden},
		{"correction of another's execution", codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: uint64(x.ID), Quantity: 1, Price: 1}, unauthenticated, forbidden},
		{"deposit", codec.CommandOperate, depositOf(bob, 1), unauthenticated, forbidden},
		{"operate nothing", codec.CommandOperate, nil, unauthenticated, forbidden},
		{"read the clock", codec.CommandOperate, &pb.OperateRequest{Command: &pb.OperateRequest_Clock{Clock: &pb.ClockCommand{}}}, unauthenticated, ok},
		{"say nothing", codec.CommandChat, nil, unauthenticated, rejected},
		{"join", codec.CommandChat, &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_JOIN, Room: "access"}, unauthenticated, ok},
		{"who", codec.CommandChat, &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_WHO, Room: "access"}, unauthenticated, ok},
		{"leave", codec.CommandChat, &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_LEAVE, Room: "access"}, unauthenticated, ok},
		{"logout", codec.CommandLogout, nil, unauthenticated, ok},
		{"positions after it", codec.CommandPositions, nil, unauthenticated, unauthenticated},
	}
	before := s.service.StateHash()
	nobody, another := s.wire(), s.wire()
	another.login(bob)
	for n, tc := range cases {
		id := uint64(n + 10)
		if r, _ := nobody.ask(tc.cmd, id, tc.body); r != tc.before {
			t.Errorf("%s before the login: %s, want %s", tc.name, r, tc.before)
		}
		r, body := another.ask(tc.cmd, id, tc.body)
		if r != tc.another {
			t.Errorf("%s as another customer: %s, want %s", tc.name, r, tc.another)
		}
		switch {
		case r != ok:
		case tc.cmd == codec.CommandPositions:
			var reply pb.PositionsReply
			must(t, reply.UnmarshalVT(body))
			if reply.Account.Customer != uint32(bob) || len(reply.Positions) != 1 || reply.Positions[0].Quantity != 100 {
				t.Errorf("%s: %v", tc.name, &reply)
			}
		case tc.cmd == codec.CommandHistory:
			var reply pb.HistoryReply
			must(t, reply.UnmarshalVT(body))
			if len(reply.Executions) != 0 {
				t.Errorf("%s: %v", tc.name, &reply)
			}
		}
	}
	if s.service.StateHash() != before {
		t.Error("the accounts have changed")
	}
}

func depositOf(c client.Customer, amount int64) *pb.OperateRequest {
	return &pb.OperateRequest{Command: &pb.OperateRequest_Deposit{Deposit: &pb.CashCommand{Customer: uint32(c), Amount: amount}}}
}

// TestPushesAreOfOwnAccount: sessions of other customers get no pushes of an account.
func TestPushesAreOfOwnAccount(t *testing.T) {
	s := start(t, setup{})
	nobody, another := s.wire(), s.wire()
	another.login(bob)
	op := s.login(operator)
	op.bust(s.login(alice).buy(tin, 7).ID, "typo")
	for _, w := range []*wire{nobody, another} {
		if r, _ := w.ask(codec.CommandConn, 9, nil); r != codec.ResultOK { // a push would come before the reply
			t.Errorf("conn: %s", r)
		}
	}
	op.noPush()
}
