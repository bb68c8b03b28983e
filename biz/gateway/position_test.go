package gateway_test

import (
	"slices"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// TestPositionChanges is the worked example: opened, increased, repriced, decreased, closed;
// two sessions of the customer get the pushes.
func TestPositionChanges(t *testing.T) {
	s := start(t, setup{})
	asking, watching := s.login(alice), s.login(alice)
	stranger := s.login(bob)
	steps := []struct {
		name     string
		side     client.Side
		change   client.Change
		quantity client.Quantity
		value    client.Money
		rows     int
		price    ledger.Price // for repriced
	}{
		{"buy of none held", client.Buy, client.Opened, 100, 1000_0000, 1, 0},
		{"buy of some held", client.Buy, client.Increased, 200, 2000_0000, 1, 0},
		{"another price", 0, client.Repriced, 200, 2200_0000, 1, 11_0000},
		{"the old price", 0, client.Repriced, 200, 2000_0000, 1, 10_0000},
		{"sell of a part", client.Sell, client.Decreased, 100, 1000_0000, 1, 0},
		{"sell of the rest", client.Sell, client.Closed, 0, 0, 0, 0},
	}
	sequence := uint64(0)
	for _, step := range steps {
		var x client.Execution
		if step.change == client.Repriced {
			s.service.MovePrice(tinID, step.price)
		} else {
			x = asking.place(client.Order{Side: step.side, Key: tin, Quantity: 100}).Executions[0]
		}
		for who, tr := range []*trader{asking, watching} {
			want := sequence
			if step.change != client.Repriced {
				if p := tr.push(); p.Sequence != want+1 || p.Event != client.Event(x) {
					t.Fatalf("%s: session %d got %+v, want execution %+v as push %d", step.name, who, p, x, want+1)
				}
				want += executionPushes
			} else {
				want = 0
			}
			p := tr.push()
			u, ok := p.Event.(client.PositionUpdate)
			if !ok || p.Sequence != want || u.Change != step.change || u.Position.Quantity != step.quantity ||
				u.Position.MarketValue != step.value || u.MarketValue != step.value || u.Rows != step.rows || u.Position.Key != tin {
				t.Fatalf("%s: session %d got %+v as push %d, want %+v", step.name, who, p, want, step)
			}
		}
		if step.change != client.Repriced {
			sequence += executionPushes
		}
	}
	for _, tr := range []*trader{asking, watching} {
		tr.noPush()
		if now := tr.positions(); len(now.Positions) != 0 || now.Account.Cash != 1_000_000_0000 || now.Sequence != sequence {
			t.Errorf("in the end %+v", now)
		}
		if d := tr.View().Display(); d.Gaps != 0 || d.Doubles != 0 || len(d.Positions) != 0 {
			t.Errorf("in the end the view is %+v", d)
		}
	}
	stranger.push() // bob holds tin too: repriced
	stranger.push()
	stranger.noPush()
}

// TestPushesOfFills: a market order that one execution fills at once has two pushes, as clients
// of before know them; all other fills have the order, too.
func TestPushesOfFills(t *testing.T) {
	s := start(t, worldOf(t, []string{"directives"}))
	w := s.wire()
	w.login(alice)
	simple := []codec.Command{codec.PushExecution, codec.PushPositionUpdate}
	full := []codec.Command{codec.PushExecution, codec.PushPositionUpdate, codec.PushOrderUpdate}
	last, id := uint64(0), uint64(5)
	for _, tc := range []struct {
		name   string
		change func(*pb.PlaceOrderRequest)
		want   []codec.Command
	}{
		{"without a type", func(*pb.PlaceOrderRequest) {}, simple},
		{"market", func(r *pb.PlaceOrderRequest) { r.Type = pb.OrderType_ORDER_TYPE_MARKET }, simple},
		{"market for the day", func(r *pb.PlaceOrderRequest) { r.TimeInForce = pb.TimeInForce_TIME_IN_FORCE_DAY }, simple},
		{"sell", func(r *pb.PlaceOrderRequest) { r.Side = pb.Side_SIDE_SELL }, simple},
		{"one part", func(r *pb.PlaceOrderRequest) { r.ClientOrderId = "1!parts=1" }, simple},
		{"two parts", func(r *pb.PlaceOrderRequest) { r.ClientOrderId, r.Quantity = "2!parts=2", 2 }, slices.Concat(full, full)},
		{"limit", func(r *pb.PlaceOrderRequest) { r.Price = 11_0000 }, full},
		{"all or nothing", func(r *pb.PlaceOrderRequest) { r.TimeInForce = pb.TimeInForce_TIME_IN_FORCE_FILL_OR_KILL }, full},
		{"at once or never", func(r *pb.PlaceOrderRequest) { r.TimeInForce = pb.TimeInForce_TIME_IN_FORCE_IMMEDIATE_OR_CANCEL }, full},
	} {
		request := buyOne()
		tc.change(request)
		id++
		w.send(codec.CommandPlaceOrder, id, request)
		if r, _ := w.reply(codec.CommandPlaceOrder, id); r != codec.ResultOK {
			t.Fatalf("%s: %s", tc.name, r)
		}
		for n, want := range tc.want {
			m := w.next()
			if last++; m.Command != want || m.ID != last {
				t.Fatalf("%s: %s %d as push %d, want %s %d", tc.name, m.Command, m.ID, n, want, last)
			}
		}
	}
}

// TestPushesStartAfterTheLogin logs in while orders are filled: each session gets the account
// at its login, and then all later pushes.
func TestPushesStartAfterTheLogin(t *testing.T) {
	s := start(t, setup{})
	trading := s.wire()
	trading.login(alice)
	const orders = 500
	var frames []byte
	for id := range uint64(orders) {
		frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id+2, buyOne())
	}
	for round := range uint64(20) {
		trading.write(frames)
		w := s.wire()
		w.send(codec.CommandLogin, 1, tokenLogin(alice))
		expectInOrder(t, trading, orders)
		watchFromLogin(t, w, executionPushes*orders*(round+1))
		w.close()
	}
}

// watchFromLogin reads the reply to a login and all pushes up to the last.
func watchFromLogin(t *testing.T, w *wire, last uint64) {
	t.Helper()
	r, body := w.reply(codec.CommandLogin, 1)
	var welcome pb.LoginReply
	must(t, welcome.UnmarshalVT(body))
	if r != codec.ResultOK {
		t.Fatalf("login: %s", r)
	}
	held := int64(0)
	for _, p := range welcome.Positions {
		held += p.Quantity
	}
	if welcome.PushSequence != executionPushes*uint64(held) { // one event for each share
		t.Fatalf("push sequence %d with %d shares", welcome.PushSequence, held)
	}
	for n := welcome.PushSequence + 1; n <= last; n++ {
		if m := w.next(); m.ID != n {
			t.Fatalf("%s with number %d, want %d", m.Command, m.ID, n)
		}
	}
}

// TestLogoutEndsThePushes logs out while an order of another session is executed: its pushes
// come before the reply to the logout or not at all.
func TestLogoutEndsThePushes(t *testing.T) {
	s := start(t, setup{})
	trading, w := s.wire(), s.wire()
	trading.login(alice)
	for id := uint64(2); id < 300; id++ {
		w.login(alice)
		trading.send(codec.CommandPlaceOrder, id, buyOne())
		w.send(codec.CommandLogout, id, nil)
		for m := w.next(); m.Command != codec.CommandLogout.Reply(); m = w.next() {
			if !m.Command.IsPush() {
				t.Fatalf("%s before the reply to the logout", m.Command)
			}
		}
		for m := trading.next(); m.Command != codec.CommandPlaceOrder.Reply(); m = trading.next() {
		}
	}
}

func buyOne() *pb.PlaceOrderRequest {
	return &pb.PlaceOrderRequest{Side: pb.Side_SIDE_BUY, Market: tin.Market, Code: tin.Code, Quantity: 1}
}
