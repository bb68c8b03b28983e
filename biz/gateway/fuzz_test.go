package gateway_test

import (
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// FuzzRequests sends any command with any body, from a session that is not logged in, or of a
// customer, or of an operator. There is exactly one reply, the session goes on, and nothing
// panics.
func FuzzRequests(f *testing.F) {
	with := worldOf(f, []string{"thin", "band", "fees", "settlement"})
	with.guesses = 1 << 20
	s := start(f, with)
	holder := s.login(bob)
	holder.buy(tin, 5)
	holder.place(client.Order{ClientOrderID: "rests", Side: client.Buy, Key: tin, Quantity: 5, Price: 9_0000})
	marshal := func(cmd codec.Command, body interface{ MarshalVT() ([]byte, error) }) {
		b, err := body.MarshalVT()
		must(f, err)
		for who := range byte(3) {
			f.Add(who, byte(cmd), b)
			f.Add(who, byte(cmd), b[:len(b)/2])
		}
	}
	for n := range 256 {
		f.Add(byte(n), byte(n), []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
		f.Add(byte(1), byte(n), []byte{})
	}
	marshal(codec.CommandLogin, tokenLogin(bob))
	marshal(codec.CommandLogin, guessOf(carol, password))
	marshal(codec.CommandLogin, &pb.LoginRequest{Customer: uint32(bob), ResumeFrom: 1, Credential: &pb.LoginRequest_Token{Token: demoToken(bob)}})
	marshal(codec.CommandPlaceOrder, &pb.PlaceOrderRequest{ClientOrderId: "a", Side: 1, Market: tin.Market, Code: tin.Code, Quantity: 1})
	marshal(codec.CommandPlaceOrder, &pb.PlaceOrderRequest{Market: tin.Market, Code: tin.Code, Quantity: 1}) // without a side, where there is a depth
	marshal(codec.CommandPlaceOrder, &pb.PlaceOrderRequest{Side: 2, Market: gold.Market, Code: gold.Code, Quantity: 1<<63 - 1, Price: -1 << 63})
	marshal(codec.CommandHistory, &pb.HistoryRequest{BeforeExecutionId: 1<<64 - 1, Limit: 1<<32 - 1, Customer: uint32(bob), Market: tin.Market})
	marshal(codec.CommandQuotes, &pb.QuotesRequest{Subscribe: true, Instruments: []*pb.InstrumentKey{{Market: tin.Market, Code: tin.Code}, {}}})
	marshal(codec.CommandBust, &pb.BustRequest{ExecutionId: uint64(client.NewExecutionID(bob, 1)), Reason: "fuzz"})
	rests := uint64(client.NewOrderID(bob, 2))
	marshal(codec.CommandPlaceOrder, &pb.PlaceOrderRequest{
		ClientOrderId: "!hold", Side: 1, Market: tin.Market, Code: tin.Code, Quantity: 70, Type: 4, TimeInForce: 3, Price: 11_0000, StopPrice: 10_5000, Expires: 1 << 62,
	})
	marshal(codec.CommandCancelOrder, &pb.CancelOrderRequest{OrderId: rests, Customer: uint32(bob)})
	marshal(codec.CommandCancelOrder, &pb.CancelOrderRequest{ClientOrderId: "rests"})
	marshal(codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Everyone: true, Market: tin.Market, Code: tin.Code})
	marshal(codec.CommandReplaceOrder, &pb.ReplaceOrderRequest{OrderId: rests, NewClientOrderId: "other", Quantity: 6, Price: 9_1000, TimeInForce: 2})
	marshal(codec.CommandReplaceOrder, &pb.ReplaceOrderRequest{ClientOrderId: "rests", StopPrice: -1, TimeInForce: -1, Expires: -1})
	marshal(codec.CommandOrders, &pb.OrdersRequest{Limit: 1<<32 - 1, AfterOrderId: 1<<64 - 1, Customer: uint32(bob)})
	marshal(codec.CommandOrders, &pb.OrdersRequest{OrderId: rests, ClientOrderId: "rests"})
	marshal(codec.CommandBust, &pb.BustRequest{ExecutionId: uint64(client.NewExecutionID(bob, 1)), Reopen: true, Cascade: true, DryRun: true})
	marshal(codec.CommandBust, &pb.BustRequest{Market: tin.Market, Code: tin.Code, From: -1 << 63, To: 1<<63 - 1, Customer: uint32(bob)})
	marshal(codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: uint64(client.NewExecutionID(bob, 1)), Quantity: 4, Price: 10_0100, Reason: "fuzz"})
	for _, o := range []*pb.OperateRequest{
		{Command: &pb.OperateRequest_Halt{Halt: &pb.HaltCommand{Market: tin.Market, Code: tin.Code}}},
		{Command: &pb.OperateRequest_Resume{Resume: &pb.HaltCommand{}}},
		{Command: &pb.OperateRequest_Jump{Jump: &pb.JumpCommand{Market: tin.Market, Code: tin.Code, Price: 9_5000}}},
		{Command: &pb.OperateRequest_Step{Step: &pb.StepCommand{Duration: 1_000_000}}},
		depositOf(bob, 1<<63-1),
		{Command: &pb.OperateRequest_Withdraw{Withdraw: &pb.CashCommand{Customer: uint32(bob), Amount: 1, Text: "fuzz"}}},
		{Command: &pb.OperateRequest_Reset_{Reset_: &pb.CashCommand{Customer: uint32(bob), Amount: -1 << 63}}},
		{Command: &pb.OperateRequest_Fill{Fill: &pb.FillCommand{OrderId: rests, Quantity: 1, Price: 1<<63 - 1, Late: true}}},
		{Command: &pb.OperateRequest_Reject{Reject: &pb.RejectCommand{Customer: uint32(bob), Count: 1<<32 - 1, Reason: 3}}},
		{Command: &pb.OperateRequest_Disconnect{Disconnect: &pb.DisconnectCommand{Customer: uint32(bob), AfterPush: 1<<64 - 1}}},
		{Command: &pb.OperateRequest_HoldPushes{HoldPushes: &pb.HoldCommand{Customer: uint32(bob), Duration: 1_000_000}}},
		{Command: &pb.OperateRequest_FixFault{FixFault: &pb.FixFaultCommand{Customer: uint32(bob), Session: "x", Fault: -1, Count: 1<<32 - 1, Delay: -1 << 63}}},
		{Command: &pb.OperateRequest_Clock{Clock: &pb.ClockCommand{}}},
	} {
		marshal(codec.CommandOperate, o)
	}
	f.Fuzz(func(t *testing.T, who, command byte, body []byte) {
		if len(body) > 32<<10 {
			return // the frame limit, which other tests cover
		}
		w := newWire(t, s.addr)
		if who %= 3; who > 0 {
			w.login([]client.Customer{0, bob, operator}[who])
		}
		cmd := codec.Command(command)
		replies := map[uint64]int{}
		for id := range uint64(2) { // the second request finds the session as it was, and a second reply to the first
			w.send(cmd, 2*id, codec.Raw(body))
			w.send(codec.CommandConn, 2*id+1, nil)
			for replies[2*id] == 0 || replies[2*id+1] == 0 {
				m, err := w.read()
				if err != nil && cmd == codec.CommandOperate && who == 2 {
					return // it has disconnected itself
				}
				must(t, err)
				if m.Command.IsPush() {
					continue
				}
				if want := [2]codec.Command{cmd.Reply(), codec.CommandConn.Reply()}[m.ID%2]; m.Command != want || len(m.Body) == 0 {
					t.Fatalf("%s %d of %d bytes as a reply to %s", m.Command, m.ID, len(m.Body), cmd)
				}
				replies[m.ID]++
			}
		}
		for id, n := range replies {
			if n != 1 {
				t.Errorf("%d replies to request %d", n, id)
			}
		}
		if n := s.core.Stats.Panics.Load(); n != 0 {
			t.Fatalf("%d handlers panicked", n)
		}
	})
}
