package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// exampleServer plays a server: it fills each order at 10.00 and refuses all other
// requests.
func exampleServer() *fake {
	return newFake(loggedIn(account{positions: []*pb.Position{row("600100", 100)}}, func(c *fakeConn, m codec.Message) {
		switch m.Command {
		case codec.CommandPlaceOrder:
			fillExample(c, m)
		case codec.CommandQuotes:
			c.answer(m, codec.ResultOK, &pb.QuotesReply{Instruments: []*pb.Instrument{{Market: "ALFA", Code: "600100", Name: "Northern Tin", LastPrice: 10_0000}}})
		case codec.CommandBust:
			c.answer(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_BUST_BLOCKED, Message: "sold since", BlockingExecutionIds: []uint64{100001<<32 | 2}})
		default:
			exampleOrders(c, m)
		}
	}))
}

// fillExample fills an order at 10.00. All but a market order have an OrderUpdate.
func fillExample(c *fakeConn, m codec.Message) {
	x := &pb.Execution{ExecutionId: 100001<<32 | 1, Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Quantity: 100, Price: 10_0000}
	c.answer(m, codec.ResultOK, &pb.PlaceOrderReply{
		OrderId: x.ExecutionId, Status: pb.OrderStatus_ORDER_STATUS_FILLED, Filled: 100,
		Executions: []*pb.Execution{x}, Position: row("600100", 200),
	})
	c.push(codec.PushExecution, 1, x)
	c.send(updateFrame(2, pb.Change_CHANGE_INCREASED, row("600100", 200)))
	var request pb.PlaceOrderRequest
	if err := request.UnmarshalVT(m.Body); err == nil && request.Price != 0 {
		c.push(codec.PushOrderUpdate, 3, &pb.OrderUpdate{Order: &pb.Order{OrderId: x.ExecutionId, Status: pb.OrderStatus_ORDER_STATUS_FILLED}, Cash: 49_0000})
	}
}

// exampleOrders plays a server with one working order.
func exampleOrders(c *fakeConn, m codec.Message) {
	order := &pb.Order{
		OrderId: 100001<<32 | 7, Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Type: pb.OrderType_ORDER_TYPE_LIMIT,
		Quantity: 100, Price: 9_0000, Status: pb.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED, Filled: 40, Leaves: 60,
	}
	switch m.Command {
	case codec.CommandOrders:
		c.answer(m, codec.ResultOK, &pb.OrdersReply{Orders: []*pb.Order{order}})
	case codec.CommandCancelOrder:
		c.answer(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_TOO_LATE, Message: "too late: the order is filled", Order: &pb.Order{Status: pb.OrderStatus_ORDER_STATUS_FILLED, Filled: 100}})
	case codec.CommandReplaceOrder:
		order.Price = 9_5000
		c.answer(m, codec.ResultOK, &pb.ReplaceOrderReply{Order: order})
	case codec.CommandCorrect:
		c.answer(m, codec.ResultOK, &pb.CorrectReply{Busted: &pb.Execution{ExecutionId: 100001<<32 | 1}, Replacement: &pb.Execution{ExecutionId: 100001<<32 | 2, Corrects: 100001<<32 | 1, Price: 9_0000}})
	case codec.CommandOperate:
		c.answer(m, codec.ResultOK, &pb.OperateReply{Account: &pb.Account{Customer: 100001, Cash: 150_0000}})
	default:
		ok(c, m)
	}
}

// exampleClient returns a client that is logged in to server.
func exampleClient(o client.Options) (c *client.Client, stop func()) {
	server := exampleServer()
	c, err := client.Dial(context.Background(), server.addr(), o)
	if err != nil {
		panic(err)
	}
	if _, err := c.Login(context.Background(), 100001, client.DemoToken(100001)); err != nil {
		panic(err)
	}
	return c, func() {
		c.Close()
		server.close()
	}
}

func ExampleDial() {
	server := exampleServer() // or: holdfast serve
	defer server.close()

	ctx := context.Background()
	c, err := client.Dial(ctx, server.addr(), client.Options{})
	if err != nil {
		fmt.Println(err, client.Explain(err))
		return
	}
	defer c.Close()
	account, err := c.Login(ctx, 100001, client.Password(client.DemoPassword))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range account.Positions {
		fmt.Println(p.Key, p.Quantity, p.MarketValue)
	}
	// Output: ALFA/600100 100 1,000.00
}

func ExampleClient_PlaceOrder() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	placed, err := c.PlaceOrder(context.Background(), client.Order{
		ClientOrderID: client.NewClientOrderID(),
		Side:          client.Buy,
		Key:           client.Key{Market: "ALFA", Code: "600100"},
		Quantity:      100,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(placed.Status, placed.Executions[0].ID, placed.Position.Quantity, placed.Position.MarketValue)
	// Output: filled 100001-1 200 2,000.00
}

func ExampleClient_View() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	ctx := context.Background()
	if _, err := c.PlaceOrder(ctx, client.Order{Side: client.Buy, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 100, Price: 10_0000}); err != nil {
		fmt.Println(err)
		return
	}
	shown, err := c.View().Wait(ctx, func(d *client.Display) bool { return d.Sequence >= 3 })
	fmt.Println(shown.Positions[0].Quantity, len(shown.Orders), len(shown.Executions), shown.Account.Cash, shown.MarketValue, err)
	// Output: 200 0 1 49.00 2,000.00 <nil>
}

func ExampleOptions_onPush() {
	done := make(chan struct{})
	c, stop := exampleClient(client.Options{OnPush: func(p client.Push) {
		switch event := p.Event.(type) {
		case client.Execution:
			fmt.Println(p.Sequence, event.Side, event.Quantity, event.Key, event.Price)
		case client.OrderUpdate:
			fmt.Println(p.Sequence, event.Order.ID, event.Order.Status)
			close(done)
		case client.PositionUpdate:
			fmt.Println(p.Sequence, event.Change, event.Position.Quantity, event.Position.MarketValue)
		}
	}})
	defer stop()

	if _, err := c.PlaceOrder(context.Background(), client.Order{Side: client.Buy, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 100, Price: 10_0000}); err != nil {
		fmt.Println(err)
		return
	}
	<-done
	// Output:
	// 1 buy 100 ALFA/600100 10.00
	// 2 increased 200 2,000.00
	// 3 100001-1 filled
}

func ExampleClient_CancelOrder() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	_, err := c.CancelOrder(context.Background(), client.OrderRef{ID: client.NewOrderID(100001, 7)})
	var refused *client.Error
	if errors.As(err, &refused) && refused.Reason == client.ReasonTooLate {
		fmt.Println("too late:", refused.Order.Status, refused.Order.Filled)
	}
	// Output: too late: filled 100
}

func ExampleClient_CancelAll() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	_, err := c.CancelAll(context.Background(), client.OrderScope{Key: client.Key{Market: "ALFA", Code: "600100"}})
	fmt.Println(err)
	// Output: too late: the order is filled
}

func ExampleClient_ReplaceOrder() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	replaced, err := c.ReplaceOrder(context.Background(), client.Replacement{
		ID:               client.NewOrderID(100001, 7),
		NewClientOrderID: client.NewClientOrderID(),
		Price:            9_5000,
	})
	fmt.Println(replaced.Order.Price, replaced.Order.Leaves, err)
	// Output: 9.50 60 <nil>
}

func ExampleClient_Orders() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	list, err := c.Orders(context.Background(), 0)
	for _, o := range list.Orders {
		fmt.Println(o.ID, o.Side, o.Type, o.Price, o.Status, o.Filled, o.Leaves)
	}
	fmt.Println(err)
	// Output:
	// 100001-7 buy limit 9.00 partially filled 40 60
	// <nil>
}

func ExampleClient_FindOrder() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	o, err := c.FindOrder(context.Background(), client.OrderRef{ClientOrderID: "my-order-1"})
	fmt.Println(o.ID, o.Status, err)
	// Output: 100001-7 partially filled <nil>
}

func ExampleClient_BustRange() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	to := time.Now()
	_, err := c.BustRange(context.Background(), client.ExecutionRange{
		Key: client.Key{Market: "ALFA", Code: "600100"}, From: to.Add(-time.Minute), To: to,
	}, "wrong price feed", client.BustOptions{DryRun: true})
	fmt.Println(err)
	// Output: sold since (in the way: 100001-2)
}

func ExampleClient_Correct() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	corrected, err := c.Correct(context.Background(), client.Correction{
		ID: client.NewExecutionID(100001, 1), Quantity: 100, Price: 9_0000, Reason: "wrong price",
	})
	fmt.Println(corrected.Replacement.ID, "corrects", corrected.Replacement.Corrects, err)
	// Output: 100001-2 corrects 100001-1 <nil>
}

func ExampleClient_Operate() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	done, err := c.Operate(context.Background(), client.Deposit{Customer: 100001, Amount: 100_0000, Text: "for tests"})
	fmt.Println(done.Account.Cash, err)
	// Output: 150.00 <nil>
}

func ExampleClient_Bust() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	_, err := c.Bust(context.Background(), client.NewExecutionID(100001, 1), "keyed in by mistake")
	var refused *client.Error
	if errors.As(err, &refused) && refused.Reason == client.ReasonBustBlocked {
		fmt.Println("bust first:", refused.Blocking)
	}
	// Output: bust first: [100001-2]
}

func ExampleClient_Quotes() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	instruments, err := c.Quotes(context.Background(), nil, false)
	fmt.Println(instruments[0].Key, instruments[0].Name, instruments[0].LastPrice, err)
	// Output: ALFA/600100 Northern Tin 10.00 <nil>
}

func ExampleClient_History() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	page, err := c.History(context.Background(), client.HistoryQuery{Limit: 20})
	fmt.Println(len(page.Executions), page.More, err)
	// Output: 0 false <nil>
}

func ExampleClient_Positions() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	s, err := c.Positions(context.Background())
	p, held := s.Find(client.Key{Market: "ALFA", Code: "600100"})
	fmt.Println(p.Quantity, held, err)
	// Output: 100 true <nil>
}

func ExampleClient_SubmitAs() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	id := client.DecimalRequestID(1)
	fmt.Println(id, c.SubmitAs(context.Background(), id, []byte("hello")))
	// Output: 00000001 <nil>
}

func ExampleParseOrderID() {
	id, err := client.ParseOrderID("100001-17")
	fmt.Println(id.Customer(), id.Number(), err)
	// Output: 100001 17 <nil>
}

func ExampleParseExecutionID() {
	id, err := client.ParseExecutionID("100001-17")
	fmt.Println(id.Customer(), id.Number(), err)
	// Output: 100001 17 <nil>
}

// A program speaks TLS with the certificate of its customer, who then needs no password.
func ExampleOptions_tls() {
	pair, err := tls.LoadX509KeyPair("trader.pem", "trader.key")
	if err != nil {
		fmt.Println("no certificate")
		return
	}
	options := client.Options{TLS: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}
	c, err := client.Dial(context.Background(), "trading.example:8888", options)
	if err != nil {
		fmt.Println(err, client.Explain(err))
		return
	}
	defer c.Close()
	_, _ = c.Login(context.Background(), 100001, client.Credential{})
	// Output: no certificate
}
