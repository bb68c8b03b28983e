package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// longNames returns the test seed with the longest names, where alice may use directives.
func longNames(t testing.TB) *market.Instrument {
	t.Helper()
	name := strings.Repeat("n", market.MaxNameSize)
	return &market.Instrument{Market: name, Code: name, Name: name}
}

// placeMany places n orders that rest, each with the longest client order id.
func (w *wire) placeMany(n int, key client.Key) {
	w.t.Helper()
	var frames []byte
	for id := range uint64(n) {
		frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id, &pb.PlaceOrderRequest{
			Side: pb.Side_SIDE_BUY, Market: key.Market, Code: key.Code, Quantity: 1, Price: 1_0000,
			ClientOrderId: fmt.Sprintf("%0*d", ledger.ClientOrderIDSize, id),
		})
	}
	w.write(frames)
	for replies, pushes := 0, 0; replies+pushes < 2*n; {
		m := w.next()
		switch {
		case m.Command.IsPush():
			pushes++
		case codec.Result(m.Body[0]) != codec.ResultOK:
			w.t.Fatalf("order %d: %s", replies, codec.Result(m.Body[0]))
		default:
			replies++
		}
	}
}

// withLongNames returns a setup whose first instrument has the longest names, and its key.
func withLongNames(t testing.TB) (setup, client.Key) {
	t.Helper()
	i := longNames(t)
	return setup{seed: edited(t, `{"market": "ALFA", "code": "600100", "name": "Tin"`,
		fmt.Sprintf(`{"market": %q, "code": %q, "name": %q`, i.Market, i.Code, i.Name),
		`"positions": [{"market": "ALFA", "code": "600100", "quantity": 100, "average_cost": "9.00"}]`, `"positions": []`,
		`"name": "Alice"`, `"name": "Alice", "directives": true`)}, client.Key{Market: i.Market, Code: i.Code}
}

// TestCancelAllOfMany: all 4,096 orders of an account are cancelled by one command. The reply is
// small, and the sessions get a push for each, also one that resumes.
func TestCancelAllOfMany(t *testing.T) {
	with, key := withLongNames(t)
	with.recent = ledger.MaxRecent
	with.limits = engine.Limits{OutboundHardBytes: 8 << 20}
	s := start(t, with)
	w, watching, over := s.wire(), s.watch(alice, 0), s.login(alice)
	w.login(alice)
	w.placeMany(ledger.MaxOrders, key)
	watching.until(ledger.MaxOrders)
	watching.close()
	_, err := over.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: key, Quantity: 1, Price: 1_0000})
	if e := refused(t, err); e.Reason != client.ReasonTooManyOrders {
		t.Errorf("one more: %s", e.Reason)
	}
	list, err := over.Orders(t.Context(), 0)
	if err != nil || len(list.Orders) != ledger.MaxOrders {
		t.Errorf("%d orders, %v", len(list.Orders), err)
	}
	w.send(codec.CommandCancelOrder, 5, &pb.CancelOrderRequest{All: true})
	for n := uint64(ledger.MaxOrders) + 1; n <= 2*ledger.MaxOrders; {
		m := w.next()
		if m.Command == codec.CommandCancelOrder.Reply() {
			var reply pb.CancelOrderReply
			must(t, reply.UnmarshalVT(m.Body[1:]))
			if reply.Count != ledger.MaxOrders || reply.Order != nil || len(m.Body) > 10 {
				t.Errorf("%v", &reply)
			}
			continue
		}
		if m.ID != n {
			t.Fatalf("push %d, want %d", m.ID, n)
		}
		n++
	}
	if reply := watching.again(s, alice); !reply.Resumed {
		t.Error("not resumed")
	}
	watching.until(2 * ledger.MaxOrders)
	if now := over.positions(); now.Account.WorkingOrders != 0 || now.Account.FrozenCash != 0 {
		t.Errorf("%+v", now.Account)
	}
}

// TestOrdersPagesAreBounded: a page of orders has at most 1,000 rows and 128 KiB, and the pages
// have every order once.
func TestOrdersPagesAreBounded(t *testing.T) {
	with, key := withLongNames(t)
	s := start(t, with)
	w := s.wire()
	w.login(alice)
	const orders = 1500
	w.placeMany(orders, key)
	for _, limit := range []uint32{0, 7, 1000, 1 << 31} {
		request := &pb.OrdersRequest{Limit: limit}
		seen, pages := 0, 0
		for more := true; more; pages++ {
			r, body := w.ask(codec.CommandOrders, 5, request)
			var page pb.OrdersReply
			must(t, page.UnmarshalVT(body))
			if r != codec.ResultOK || len(body) > pageBytes || len(page.Orders) == 0 || limit == 7 && len(page.Orders) > 7 {
				t.Fatalf("%s, %d orders in %d bytes", r, len(page.Orders), len(body))
			}
			for _, o := range page.Orders {
				if seen++; o.OrderId != uint64(ledger.NewOrderID(ledger.Customer(alice), uint32(seen))) {
					t.Fatalf("row %d is %d", seen, o.OrderId)
				}
			}
			request.AfterOrderId, more = page.Orders[len(page.Orders)-1].OrderId, page.More
		}
		if seen != orders || limit == 0 && pages < 3 {
			t.Errorf("limit %d: %d orders on %d pages", limit, seen, pages)
		}
	}
}

// TestManyExecutionsOfOneOrder: the reply to an order with very many executions is bounded and says
// how much was filled; each execution is pushed.
func TestManyExecutionsOfOneOrder(t *testing.T) {
	with, key := withLongNames(t)
	for i := range with.seed.Instruments {
		with.seed.Instruments[i].Depth = 100
	}
	with.limits = engine.Limits{OutboundHardBytes: 64 << 20}
	s := start(t, with)
	w := s.wire()
	w.login(alice)
	w.send(codec.CommandPlaceOrder, 5, &pb.PlaceOrderRequest{
		Side: pb.Side_SIDE_BUY, Market: key.Market, Code: key.Code, Quantity: 10_000, ClientOrderId: fmt.Sprintf("%0*d!parts=100", ledger.ClientOrderIDSize-10, 1),
	})
	r, body := w.reply(codec.CommandPlaceOrder, 5)
	var reply pb.PlaceOrderReply
	must(t, reply.UnmarshalVT(body))
	if r != codec.ResultOK || reply.Filled != 10_000 || len(body) > pageBytes || len(reply.Executions) == 0 || reply.Position.Quantity != 10_000 {
		t.Errorf("%s in %d bytes: %d filled, %d executions", r, len(body), reply.Filled, len(reply.Executions))
	}
	executions := int(s.login(alice).history(client.HistoryQuery{Limit: 1}).Executions[0].ID.Number())
	for n := range executions {
		for _, cmd := range []codec.Command{codec.PushExecution, codec.PushPositionUpdate, codec.PushOrderUpdate} {
			if m := w.next(); m.Command != cmd {
				t.Fatalf("execution %d: %s", n, m.Command)
			}
		}
	}
	r, body = w.ask(codec.CommandPlaceOrder, 6, &pb.PlaceOrderRequest{
		Side: pb.Side_SIDE_BUY, Market: key.Market, Code: key.Code, Quantity: 1, ClientOrderId: fmt.Sprintf("%0*d!parts=100", ledger.ClientOrderIDSize-10, 1),
	})
	if r != codec.ResultDuplicate || len(body) > pageBytes {
		t.Errorf("again: %s in %d bytes", r, len(body))
	}
}

// TestBustOfMany: a bust of very many executions in a span of time is one command. Its reply is
// bounded.
func TestBustOfMany(t *testing.T) {
	with, key := withLongNames(t)
	with.limits, with.recent = engine.Limits{OutboundHardBytes: 64 << 20}, ledger.MaxRecent
	s := start(t, with)
	op := s.wire()
	op.login(operator)
	const orders = 1400
	for _, c := range []client.Customer{bob, dave} {
		w := s.wire()
		w.login(c)
		var frames []byte
		for id := range uint64(orders / 2) {
			frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id, &pb.PlaceOrderRequest{
				Side: pb.Side_SIDE_BUY, Market: key.Market, Code: key.Code, Quantity: 1, ClientOrderId: fmt.Sprintf("%0*d", ledger.ClientOrderIDSize, id),
			})
			if len(frames) > 100<<10 || id == orders/2-1 {
				w.write(frames)
				frames = frames[:0]
				for m := w.next(); m.Command != codec.CommandPlaceOrder.Reply() || m.ID != id; m = w.next() {
				}
			}
		}
		w.close()
	}
	request := &pb.BustRequest{Market: key.Market, Code: key.Code, To: 1 << 62, Reason: strings.Repeat("r", ledger.MaxReason), DryRun: true}
	for _, request.DryRun = range []bool{true, false} {
		r, body := op.ask(codec.CommandBust, 5, request)
		var reply pb.BustReply
		must(t, reply.UnmarshalVT(body))
		if r != codec.ResultOK || reply.Count != orders || reply.Accounts != 2 || len(body) > pageBytes || len(reply.Executions) < 100 || len(reply.Refused) != 0 {
			t.Fatalf("%s in %d bytes: %d in %d accounts, %d listed, refused %v", r, len(body), reply.Count, reply.Accounts, len(reply.Executions), reply.Refused)
		}
	}
	for _, c := range []client.Customer{bob, dave} {
		if now := s.dial().login(c); len(now.Positions) != 0 {
			t.Errorf("%+v", now.Positions)
		}
	}
}

// placeIn returns what places a market order for one share of tin: a buy at time 1, a sell at time
// 2.
func placeIn(t *testing.T, side ledger.Side) func(*desk.Turn) {
	return func(turn *desk.Turn) {
		o := ledger.NewOrder{Side: side, Type: ledger.Market, TimeInForce: ledger.Day, Instrument: tinID, Quantity: 1}
		o.Terms.Time = int64(side)
		_, err := turn.Place(&o)
		must(t, err)
	}
}

// TestRefusedListIsBounded: a bust that is refused in very many accounts lists what fits.
func TestRefusedListIsBounded(t *testing.T) {
	seed := newSeed(t, "Tin")
	const traders = 1200
	first := seed.Customers[1]
	for n := range traders {
		c := first
		c.Number = ledger.Customer(300_000 + n)
		seed.Customers = append(seed.Customers, c)
	}
	s := start(t, setup{seed: seed})
	for n := range traders {
		a := s.service.Account(ledger.Customer(300_000 + n))
		turn := s.service.NewTurn()
		for _, side := range []ledger.Side{ledger.Buy, ledger.Sell} {
			must(t, a.Do(turn, placeIn(t, side)))
		}
	}
	op := s.wire()
	op.login(operator)
	// Only the buys: their shares were sold.
	request := &pb.BustRequest{Market: tin.Market, Code: tin.Code, From: 1, To: 2}
	r, body := op.ask(codec.CommandBust, 5, request)
	var reply pb.BustReply
	must(t, reply.UnmarshalVT(body))
	if r != codec.ResultOK || reply.Count != 0 || len(body) > pageBytes || len(reply.Refused) < 500 || len(reply.Refused) > 1000 {
		t.Errorf("%s in %d bytes: %d busted, %d refused", r, len(body), reply.Count, len(reply.Refused))
	}
	for _, refused := range reply.Refused {
		if refused.Error.Reason != pb.Reason_REASON_BUST_BLOCKED || len(refused.Error.BlockingExecutionIds) != 1 {
			t.Fatalf("%v", refused)
		}
	}
}
