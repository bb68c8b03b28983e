package client_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

func orderState(n uint32, status client.OrderStatus, leaves client.Quantity) client.OrderState {
	return client.OrderState{ID: client.NewOrderID(100001, n), Status: status, Leaves: leaves}
}

// orderListing returns the working orders and the cash of a view as one line.
func orderListing(d client.Display) string {
	text := ""
	for _, o := range d.Orders {
		text += fmt.Sprintf("%d:%s ", o.ID.Number(), o.Leaves)
	}
	return text + fmt.Sprintf("| %s frozen %s free %s", d.Account.Cash, d.Account.FrozenCash, d.Account.FreeCash)
}

func TestViewOrders(t *testing.T) {
	type push = client.Push
	update := func(n uint32, status client.OrderStatus, leaves client.Quantity, cash, frozen client.Money) client.OrderUpdate {
		return client.OrderUpdate{Order: orderState(n, status, leaves), Cash: cash, FrozenCash: frozen, UnsettledCash: 1_0000}
	}
	start := client.Snapshot{Account: client.Account{Cash: 100_0000, UnsettledCash: 1_0000}, Sequence: 10}
	opened := push{11, update(7, client.StatusNew, 100, 100_0000, 30_0000)}
	cases := []struct {
		name   string
		pushes []push
		want   string
	}{
		{"nothing", nil, "| 100.00 frozen 0.00 free 0.00"},
		{"accepted", []push{opened}, "7:100 | 100.00 frozen 30.00 free 69.00"},
		{"sorted", []push{opened, {12, update(5, client.StatusNew, 1, 1, 1)}, {13, update(6, client.StatusPartiallyFilled, 2, 5_0000, 2_0000)}},
			"5:1 6:2 7:100 | 5.00 frozen 2.00 free 2.00"},
		{"partially filled", []push{opened, {12, update(7, client.StatusPartiallyFilled, 40, 80_0000, 10_0000)}}, "7:40 | 80.00 frozen 10.00 free 69.00"},
		{"filled", []push{opened, {12, update(7, client.StatusFilled, 0, 70_0000, 0)}}, "| 70.00 frozen 0.00 free 69.00"},
		{"cancelled", []push{opened, {12, update(7, client.StatusCancelled, 0, 100_0000, 0)}}, "| 100.00 frozen 0.00 free 99.00"},
		{"expired", []push{opened, {12, update(7, client.StatusExpired, 0, 100_0000, 0)}}, "| 100.00 frozen 0.00 free 99.00"},
		{"filled at once", []push{{11, update(7, client.StatusFilled, 0, 70_0000, 0)}}, "| 70.00 frozen 0.00 free 69.00"},
		{"reopened", []push{{11, update(7, client.StatusFilled, 0, 70_0000, 0)}, {12, update(7, client.StatusNew, 5, 80_0000, 0)}}, "7:5 | 80.00 frozen 0.00 free 79.00"},
		{"deposit", []push{opened, {12, client.AccountUpdate{Change: client.AccountDeposit, Account: client.Account{Cash: 200_0000, FreeCash: 3}}}},
			"7:100 | 200.00 frozen 0.00 free 0.0003"},
		{"reset", []push{opened, {12, client.AccountUpdate{Change: client.AccountReset, Account: client.Account{Cash: 5_0000, FreeCash: 5_0000}}},
			{13, update(9, client.StatusNew, 1, 5_0000, 0)}}, "9:1 | 5.00 frozen 0.00 free 4.00"},
		{"twice", []push{opened, opened}, "7:100 | 100.00 frozen 30.00 free 69.00"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			v := client.NewView()
			v.Reset(start)
			for _, p := range tc.pushes {
				v.Apply(p)
			}
			if got := orderListing(v.Display()); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// A position update brings the cash, but not that of a server of an earlier release, which has
// none.
func TestViewCash(t *testing.T) {
	for _, tc := range []struct {
		name   string
		start  client.Account
		pushed client.PositionUpdate
		want   string
	}{
		{"all spent", client.Account{Cash: 9_0000, FreeCash: 9_0000}, client.PositionUpdate{}, "| 0.00 frozen 0.00 free 0.00"},
		{"frozen and unsettled", client.Account{Cash: 9_0000, FreeCash: 2_0000, FrozenCash: 3_0000, UnsettledCash: 4_0000},
			client.PositionUpdate{Cash: 8_0000, FrozenCash: 1_0000, UnsettledCash: 5_0000}, "| 8.00 frozen 1.00 free 2.00"},
		{"earlier release", client.Account{Cash: 9_0000}, client.PositionUpdate{}, "| 9.00 frozen 0.00 free 0.00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := client.NewView()
			v.Reset(client.Snapshot{Account: tc.start})
			v.Apply(client.Push{Sequence: 1, Event: tc.pushed})
			if got := orderListing(v.Display()); got != tc.want {
				t.Errorf("shows %q, want %q", got, tc.want)
			}
		})
	}
}

// A market order that is filled at once has no OrderUpdate: the position and the execution are
// shown, and the cash is as it was.
func TestViewOfSimpleFill(t *testing.T) {
	c, stop := exampleClient(client.Options{})
	defer stop()
	before := c.View().Display()
	if _, err := c.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 100}); err != nil {
		t.Fatal(err)
	}
	d, err := c.View().Wait(t.Context(), func(d *client.Display) bool { return d.Sequence >= 2 })
	if err != nil || d.Sequence != 2 || d.Gaps+d.Doubles != 0 || len(d.Orders) != 0 || len(d.Executions) != 1 ||
		d.Positions[0].Quantity != 200 || d.Account != before.Account {
		t.Errorf("%+v, %v", d, err)
	}
}

// What a snapshot has already, no push before it changes.
func TestViewAccountOfSnapshot(t *testing.T) {
	v := client.NewView()
	v.Reset(client.Snapshot{Sequence: 2})
	v.Refresh(client.Snapshot{Account: client.Account{Cash: 9_0000}, MarketValue: 8_0000, Sequence: 5}, false)
	v.Apply(client.Push{Sequence: 3, Event: client.OrderUpdate{Cash: 1}})
	v.Apply(client.Push{Sequence: 4, Event: client.AccountUpdate{Change: client.AccountDeposit, Account: client.Account{Cash: 1, MarketValue: 1}}})
	if d := v.Display(); d.Account.Cash != 9_0000 || d.MarketValue != 8_0000 {
		t.Errorf("cash %s, value %s", d.Account.Cash, d.MarketValue)
	}
	v.Apply(client.Push{Sequence: 5, Event: client.ExecutionBusted{}})
	v.Apply(client.Push{Sequence: 6, Event: client.OrderUpdate{Cash: 2}})
	v.Apply(client.Push{Sequence: 7, Event: client.AccountUpdate{Change: client.AccountDeposit, Account: client.Account{Cash: 3, MarketValue: 4}}})
	if d := v.Display(); d.Account.Cash != 3 || d.MarketValue != 4 {
		t.Errorf("cash %s, value %s", d.Account.Cash, d.MarketValue)
	}
	v.Extend(client.Snapshot{Account: client.Account{Cash: 1}, Sequence: 6})
	if d := v.Display(); d.Account.Cash != 3 {
		t.Errorf("an older page is shown: cash %s", d.Account.Cash)
	}
}

// Shares that are frozen for orders are those of the last numbered push.
func TestViewFrozenShares(t *testing.T) {
	held := func(frozen client.Quantity, price client.Price) client.Position {
		p := position("A", 100, price)
		p.Sellable, p.Frozen = 100-frozen, frozen
		return p
	}
	v := client.NewView()
	v.Reset(client.Snapshot{Positions: []client.Position{held(0, 1)}})
	check := func(what string, want client.Position) {
		t.Helper()
		if d := v.Display(); len(d.Positions) != 1 || d.Positions[0] != want {
			t.Errorf("%s: got %+v, want %+v", what, d.Positions, want)
		}
	}
	v.Apply(client.Push{Sequence: 1, Event: client.OrderUpdate{Order: orderState(1, client.StatusNew, 40), Position: held(40, 1)}})
	check("order", held(40, 1))
	v.Apply(client.Push{Sequence: 2, Event: client.OrderUpdate{Order: orderState(2, client.StatusNew, 1)}})
	check("order without a position", held(40, 1))
	v.Apply(client.Push{Event: update(client.Repriced, held(0, 2), 0)})
	check("repriced, of another moment", held(40, 2))
	settled := held(40, 3)
	settled.Sellable = 7
	v.Apply(client.Push{Event: update(client.Repriced, settled, 0)})
	check("repriced", settled)
	v.Apply(client.Push{Sequence: 3, Event: client.OrderUpdate{Order: orderState(1, client.StatusCancelled, 0), Position: held(0, 3)}})
	check("cancelled", held(0, 3))
}

func TestViewLimitOfOrders(t *testing.T) {
	v := client.NewView()
	for n := range uint32(client.MaxOrders + 5) {
		v.Apply(client.Push{Sequence: uint64(n + 1), Event: client.OrderUpdate{Order: orderState(n+1, client.StatusNew, 1)}})
	}
	d := v.Display()
	if len(d.Orders) != client.MaxOrders || d.Orders[0].ID.Number() != 1 {
		t.Errorf("%d orders from %s", len(d.Orders), d.Orders[0].ID)
	}
	if o, found := d.FindOrder(client.NewOrderID(100001, 8)); !found || o.ID.Number() != 8 {
		t.Errorf("found %+v", o)
	}
	if _, found := d.FindOrder(client.NewOrderID(100001, client.MaxOrders+1)); found {
		t.Error("found what is not there")
	}
	v.Apply(client.Push{Sequence: client.MaxOrders + 6, Event: client.OrderUpdate{Order: orderState(1, client.StatusFilled, 0)}})
	if n := len(d.Orders); n != client.MaxOrders || d.Orders[0].ID.Number() != 1 {
		t.Error("the copy has changed")
	}
}

// Every push with a number counts, whatever it is, so that a later server does not look like
// one that loses pushes.
func TestEveryNumberCounts(t *testing.T) {
	got := make(chan client.Push, 16)
	earlier := &pb.ChatMessage{Text: "hello", Earlier: true}
	c := dial(t, loggedIn(account{sequence: 4}, scripted(
		codec.AppendMessage(nil, codec.Message{Command: 0x7e, ID: 5, Body: []byte("new")}),
		codec.AppendMessage(nil, codec.Message{Command: codec.PushHeartbeat, ID: 6}),
		codec.AppendRequest(nil, codec.PushChatMessage, 7, earlier),
		codec.AppendRequest(nil, codec.PushChatMessage, 8, earlier),
		codec.AppendRequest(nil, codec.PushNotice, 9, &pb.Notice{}),
		codec.AppendRequest(nil, codec.PushQuote, 10, &pb.Quote{}),
		codec.AppendRequest(nil, codec.PushOrderUpdate, 11, &pb.OrderUpdate{}),
		codec.AppendRequest(nil, codec.PushAccountUpdate, 12, &pb.AccountUpdate{}),
		executionFrame(13, 1),
	)), client.Options{OnPush: func(p client.Push) { got <- p }})
	login(t, c)
	if err := c.Submit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for want := uint64(5); want <= 13; want++ {
		if p := <-got; p.Sequence != want {
			t.Errorf("got push %d %T, want %d", p.Sequence, p.Event, want)
		}
	}
	if d := c.View().Display(); d.Sequence != 13 || d.Gaps+d.Doubles > 0 {
		t.Errorf("at push %d with %d gaps, %d doubles", d.Sequence, d.Gaps, d.Doubles)
	}
}

// lender is a fake server with an account that has one working order. Submit resets it.
type lender struct {
	working atomic.Uint32 // orders
	down    atomic.Bool   // it closes the connection instead of sending the orders
	resumes chan uint64
	pulls   chan codec.Command
}

func (l *lender) handle(c *fakeConn, m codec.Message) {
	sequence := uint64(4)
	if l.working.Load() == 2 {
		sequence = 5
	}
	summary := &pb.Account{Customer: 100001, WorkingOrders: l.working.Load()}
	switch m.Command {
	case codec.CommandLogin:
		var request pb.LoginRequest
		request.UnmarshalVT(m.Body)
		l.resumes <- request.ResumeFrom
		resumed := request.ResumeFrom > 0
		reply := &pb.LoginReply{Account: summary, PushSequence: sequence, Resumed: resumed}
		if !resumed {
			reply.Positions = []*pb.Position{row("A", 1)}
		}
		c.answer(m, codec.ResultOK, reply)
	case codec.CommandPositions:
		l.pulls <- m.Command
		c.answer(m, codec.ResultOK, &pb.PositionsReply{Account: summary, Positions: []*pb.Position{row("Z", 9)}, PushSequence: sequence})
	case codec.CommandOrders:
		l.pulls <- m.Command
		if l.down.Load() {
			c.Close()
			return
		}
		reply := &pb.OrdersReply{PushSequence: sequence}
		for n := range l.working.Load() {
			reply.Orders = append(reply.Orders, workingOrder(uint64(n)+1, 10))
		}
		c.answer(m, codec.ResultOK, reply)
	case codec.CommandSubmit:
		l.working.Store(2)
		c.push(codec.PushAccountUpdate, 5, &pb.AccountUpdate{Change: pb.AccountChange_ACCOUNT_CHANGE_RESET, Account: &pb.Account{Cash: 3}})
		ok(c, m)
	case codec.CommandHistory:
		l.pulls <- m.Command
		c.answer(m, codec.ResultOK, &pb.HistoryReply{})
	}
}

func newLender(working uint32) *lender {
	l := &lender{resumes: make(chan uint64, 4), pulls: make(chan codec.Command, 16)}
	l.working.Store(working)
	return l
}

func (l *lender) await(t *testing.T, want ...codec.Command) {
	t.Helper()
	for _, command := range want {
		if got := <-l.pulls; got != command {
			t.Errorf("got %s, want %s", got, command)
		}
	}
}

// A login pulls the orders if there are any, and a resumed one goes on with those shown.
func TestLoginPullsOrders(t *testing.T) {
	for _, working := range []uint32{0, 1} {
		t.Run(fmt.Sprint(working), func(t *testing.T) {
			l := newLender(working)
			c := dial(t, l.handle, client.Options{})
			login(t, c)
			d := c.View().Display()
			if len(d.Orders) != int(working) || len(l.pulls) != int(working) {
				t.Errorf("%d orders, %d requests", len(d.Orders), len(l.pulls))
			}
			if working > 0 {
				l.await(t, codec.CommandOrders)
			}
			c, welcome := reconnect(t, c)
			l.await(t, codec.CommandPositions) // for the prices
			if d := c.View().Display(); !welcome.Resumed || len(d.Orders) != int(working) || len(l.pulls) > 0 {
				t.Errorf("%+v: %d orders, %d requests", welcome, len(d.Orders), len(l.pulls))
			}
		})
	}
}

// After a reset of the account the positions and orders from before are gone, and those after it
// are requested.
func TestResetOfAccount(t *testing.T) {
	pushed := make(chan client.Event, 4)
	l := newLender(1)
	c := dial(t, l.handle, client.Options{OnPush: func(p client.Push) { pushed <- p.Event }})
	login(t, c)
	l.await(t, codec.CommandOrders)
	if err := c.Submit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	l.await(t, codec.CommandPositions, codec.CommandOrders, codec.CommandHistory)
	d, err := c.View().Wait(t.Context(), func(d *client.Display) bool { return len(d.Orders) == 2 })
	if err != nil || len(d.Positions) != 1 || d.Positions[0].Key.Code != "Z" || d.Gaps+d.Doubles > 0 || d.Sequence != 5 {
		t.Errorf("%+v, %v", d, err)
	}
	if u, ok := (<-pushed).(client.AccountUpdate); !ok || u.Change != client.AccountReset || len(pushed) > 0 {
		t.Errorf("%+v, and %d other pushes", u, len(pushed))
	}
	if c, welcome := reconnect(t, c); !welcome.Resumed || len(c.View().Display().Orders) != 2 {
		t.Errorf("%+v", welcome)
	}
}

// A connection that ends before the positions and orders are there again leaves a view that
// lacks them: the next login does not resume from it.
func TestReconnectAfterResetOfAccount(t *testing.T) {
	l := newLender(1)
	c := dial(t, l.handle, client.Options{})
	login(t, c)
	l.await(t, codec.CommandOrders)
	l.down.Store(true)
	if err := c.Submit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	l.await(t, codec.CommandPositions, codec.CommandOrders)
	<-c.Done()
	l.down.Store(false)
	c, welcome := reconnect(t, c)
	if d := c.View().Display(); welcome.Resumed || len(d.Orders) != 2 {
		t.Errorf("%+v: %d orders", welcome, len(d.Orders))
	}
	for _, want := range []uint64{0, 0} {
		if got := <-l.resumes; got != want {
			t.Errorf("resumed from %d, want %d", got, want)
		}
	}
}

// A login whose orders do not come fails, and the next one does not resume.
func TestLoginWithoutItsOrders(t *testing.T) {
	l := newLender(1)
	c := dial(t, l.handle, client.Options{})
	l.down.Store(true)
	if _, err := c.Login(t.Context(), 100001, client.DemoToken(100001)); err == nil {
		t.Error("no error")
	}
	l.down.Store(false)
	c, welcome := reconnect(t, c)
	if d := c.View().Display(); welcome.Resumed || len(d.Orders) != 1 {
		t.Errorf("%+v: %d orders", welcome, len(d.Orders))
	}
}

// Orders of another customer do not change the view.
func TestOrdersOfAnother(t *testing.T) {
	l := newLender(2)
	c := dial(t, l.handle, client.Options{})
	list, err := c.Orders(t.Context(), 7)
	if err != nil || len(list.Orders) != 2 || list.Sequence != 5 || len(c.View().Display().Orders) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// A page from before what is shown is returned, and not shown.
func TestOrdersOlderThanTheView(t *testing.T) {
	c := dial(t, loggedIn(account{sequence: 4}, func(c *fakeConn, m codec.Message) {
		c.answer(m, codec.ResultOK, &pb.OrdersReply{Orders: []*pb.Order{workingOrder(1, 5)}, PushSequence: 3})
	}), client.Options{})
	login(t, c)
	list, err := c.Orders(t.Context(), 0)
	if err != nil || len(list.Orders) != 1 || list.Sequence != 3 || len(c.View().Display().Orders) != 0 {
		t.Errorf("%+v, %v; shown %+v", list, err, c.View().Display().Orders)
	}
}

// If pushes are lost between two pages of the orders, the first page may be wrong: all are
// requested again.
func TestPushesLostBetweenPagesOfOrders(t *testing.T) {
	var lost atomic.Bool
	c := dial(t, func(c *fakeConn, m codec.Message) {
		switch m.Command {
		case codec.CommandLogin:
			c.answer(m, codec.ResultOK, &pb.LoginReply{Account: &pb.Account{}, PushSequence: 4})
		case codec.CommandOrders:
			if !lost.Swap(true) {
				c.answer(m, codec.ResultOK, &pb.OrdersReply{Orders: []*pb.Order{workingOrder(1, 5)}, PushSequence: 4, More: true})
				c.push(codec.PushOrderUpdate, 6, &pb.OrderUpdate{Order: workingOrder(2, 0)})
				return
			}
			c.answer(m, codec.ResultOK, &pb.OrdersReply{Orders: []*pb.Order{workingOrder(3, 5)}, PushSequence: 6})
		case codec.CommandPositions: // no answer: else the client would repair its view by itself
		}
	}, client.Options{})
	login(t, c)
	list, err := c.Orders(t.Context(), 0)
	if err != nil || len(list.Orders) != 1 || list.Orders[0].ID != 3 || list.Sequence != 6 {
		t.Errorf("%+v, %v", list, err)
	}
}

// After a pull that found no orders, a push from before it does not show one.
func TestPushBeforeThePull(t *testing.T) {
	c := dial(t, func(c *fakeConn, m codec.Message) {
		switch m.Command {
		case codec.CommandLogin:
			c.answer(m, codec.ResultOK, &pb.LoginReply{Account: &pb.Account{}, PushSequence: 4})
		case codec.CommandSubmit:
			c.send(executionFrame(6, 1)) // push 5 is lost
			ok(c, m)
		case codec.CommandPositions:
			c.answer(m, codec.ResultOK, &pb.PositionsReply{Account: &pb.Account{}, PushSequence: 9})
		case codec.CommandHistory:
			c.push(codec.PushOrderUpdate, 7, &pb.OrderUpdate{Order: workingOrder(1, 5)})
			c.answer(m, codec.ResultOK, &pb.HistoryReply{Executions: []*pb.Execution{{ExecutionId: 2}}})
		}
	}, client.Options{})
	login(t, c)
	if err := c.Submit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	d, err := c.View().Wait(t.Context(), func(d *client.Display) bool { return d.Shows(2) })
	if err != nil || d.Sequence != 7 || len(d.Orders) != 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// The account is reset while a login reads its positions: the login returns those after it.
func TestResetDuringLogin(t *testing.T) {
	c := dial(t, func(c *fakeConn, m codec.Message) {
		switch m.Command {
		case codec.CommandLogin:
			c.answer(m, codec.ResultOK, &pb.LoginReply{Account: &pb.Account{}, Positions: []*pb.Position{row("C", 1)}, PushSequence: 4, MorePositions: true})
		case codec.CommandPositions:
			var request pb.PositionsRequest
			request.UnmarshalVT(m.Body)
			rows := []*pb.Position{row("B", 7), row("D", 7)}
			if request.After != nil {
				c.push(codec.PushAccountUpdate, 5, &pb.AccountUpdate{Change: pb.AccountChange_ACCOUNT_CHANGE_RESET, Account: &pb.Account{}})
				rows = rows[1:]
			}
			c.answer(m, codec.ResultOK, &pb.PositionsReply{Account: &pb.Account{}, Positions: rows, PushSequence: 5})
		default:
			ok(c, m)
		}
	}, client.Options{})
	if s := login(t, c); len(s.Positions) != 2 || s.Positions[0].Key.Code != "B" || s.Sequence != 5 {
		t.Errorf("%+v", s)
	}
}
