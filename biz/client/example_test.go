package client_test

import (
	"context"
	"errors"
	"fmt"

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
			x := &pb.Execution{ExecutionId: 100001<<32 | 1, Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Quantity: 100, Price: 10_0000}
			c.answer(m, codec.ResultOK, &pb.PlaceOrderReply{OrderId: x.ExecutionId, Executions: []*pb.Execution{x}, Position: row("600100", 200)})
			c.push(codec.PushExecution, 1, x)
			c.send(updateFrame(2, pb.Change_CHANGE_INCREASED, row("600100", 200)))
		case codec.CommandQuotes:
			c.answer(m, codec.ResultOK, &pb.QuotesReply{Instruments: []*pb.Instrument{{Market: "ALFA", Code: "600100", Name: "Northern Tin", LastPrice: 10_0000}}})
		case codec.CommandBust:
			c.answer(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_BUST_BLOCKED, Message: "sold since", BlockingExecutionIds: []uint64{100001<<32 | 2}})
		default:
			ok(c, m)
		}
	}))
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
	fmt.Println(placed.Executions[0].ID, placed.Position.Quantity, placed.Position.MarketValue)
	// Output: 100001-1 200 2,000.00
}

func ExampleClient_View() {
	c, stop := exampleClient(client.Options{})
	defer stop()

	ctx := context.Background()
	if _, err := c.PlaceOrder(ctx, client.Order{Side: client.Buy, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 100}); err != nil {
		fmt.Println(err)
		return
	}
	shown, err := c.View().Wait(ctx, func(d *client.Display) bool { return d.Sequence >= 2 })
	fmt.Println(shown.Positions[0].Quantity, len(shown.Executions), shown.MarketValue, err)
	// Output: 200 1 2,000.00 <nil>
}

func ExampleOptions_onPush() {
	done := make(chan struct{})
	c, stop := exampleClient(client.Options{OnPush: func(p client.Push) {
		switch event := p.Event.(type) {
		case client.Execution:
			fmt.Println(p.Sequence, event.Side, event.Quantity, event.Key, event.Price)
		case client.PositionUpdate:
			fmt.Println(p.Sequence, event.Change, event.Position.Quantity, event.Position.MarketValue)
			close(done)
		}
	}})
	defer stop()

	if _, err := c.PlaceOrder(context.Background(), client.Order{Side: client.Buy, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 100}); err != nil {
		fmt.Println(err)
		return
	}
	<-done
	// Output:
	// 1 buy 100 ALFA/600100 10.00
	// 2 increased 200 2,000.00
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

func ExampleParseExecutionID() {
	id, err := client.ParseExecutionID("100001-17")
	fmt.Println(id.Customer(), id.Number(), err)
	// Output: 100001 17 <nil>
}
