package front_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// eventually waits until a condition is true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// TestClientCloses: clients close with requests under way. Their sessions at the venue end, too.
func TestClientCloses(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	order := codec.AppendRequest(nil, codec.CommandPlaceOrder, 2, &pb.PlaceOrderRequest{Side: pb.Side_SIDE_BUY, Market: tin.Market, Code: tin.Code, Quantity: 1})
	for range 20 {
		conn, _ := connect(t, n.packet)
		_, err := conn.Write(append(codec.AppendRequest(nil, codec.CommandLogin, 1, &pb.LoginRequest{
			Customer: holder, Credential: &pb.LoginRequest_Token{Token: seed.DemoToken(holder)},
		}), strings.Repeat(string(order), 50)...))
		must(t, err)
		must(t, conn.Close())
	}
	eventually(t, "sessions stay open", func() bool { return n.Core().Len() == 0 && v.Core.Len() == 0 })
	tr := c.login(n.packet, holder) // the front and the venue still work
	tr.buy(1)
}

// TestTwoFronts: clients of one customer at two fronts see the same pushes.
func TestTwoFronts(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	one, other := c.login(c.startFront(engine.Limits{}).packet, holder), c.login(c.startFront(engine.Limits{}).packet, holder)
	const orders = 50
	both := func() {
		var all sync.WaitGroup
		for _, tr := range []*trader{one, other} {
			all.Go(func() {
				for range orders {
					tr.buy(1)
				}
			})
		}
		all.Wait()
	}
	both()
	v.stop(t)
	c.startVenue(0, 2)
	both()
	one.hasPushes(1, 8*orders)
	other.hasPushes(1, 8*orders)
}

// TestRemoteAddress: the venue sees the address of the client.
func TestRemoteAddress(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	c.login(n.packet, holder)
	fronts, venues := n.Core().Sessions(), v.Core.Sessions()
	if len(fronts) != 1 || len(venues) != 1 || fronts[0].RemoteAddr().String() != venues[0].RemoteAddr().String() {
		t.Errorf("%d and %d sessions", len(fronts), len(venues))
	}
}

// TestLargeReplies: a client that reads gets the replies to all its requests, however large they are.
func TestLargeReplies(t *testing.T) {
	c := newCluster(t, 1)
	c.startVenue(0, 1)
	n := c.startFront(engine.Limits{OutboundHardBytes: 64 << 10, OutboundSoftBytes: 32 << 10})
	tr := c.login(n.packet, holder)
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if list, err := tr.Quotes(t.Context(), nil, false); err != nil || len(list) < 10 {
				t.Errorf("%d instruments, %v", len(list), err)
			}
		})
	}
	all.Wait()
}

// TestSlowClient: a client that does not read misses prices and gets the newest ones when it reads. Others
// get all.
func TestSlowClient(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{OutboundSoftBytes: 16 << 10, OutboundSoftTime: patience, WriteStallTime: patience})
	conn, in := connect(t, n.packet)
	requests := codec.AppendRequest(nil, codec.CommandLogin, 1, &pb.LoginRequest{
		Customer: holder, Credential: &pb.LoginRequest_Token{Token: seed.DemoToken(holder)},
	})
	for id := range uint64(4000) { // their replies fill the buffers of the connection
		requests = codec.AppendRequest(requests, codec.CommandQuotes, id+2, &pb.QuotesRequest{Subscribe: true})
	}
	_, err := conn.Write(requests)
	must(t, err)
	price := ledger.Price(10_0000)
	eventually(t, "no price is left out", func() bool {
		price += 100
		if price > 11_0000 {
			price = 9_0100
		}
		for id := range v.Desk.Market().Len() {
			must(t, v.Desk.SetPrice(t.Context(), ledger.InstrumentID(id), price, time.Now().UnixNano()))
		}
		return v.Core.Stats.Dropped.Load() > 0
	})
	var quote pb.Quote
	for quote.Code != tin.Code || quote.LastPrice != int64(price) {
		m := nextMessage(t, in)
		if m.Command == codec.PushQuote {
			must(t, quote.UnmarshalVT(m.Body))
		}
	}
}

// TestOrderTwiceWithoutID: an order without a client order id that a client sends twice is two orders.
func TestOrderTwiceWithoutID(t *testing.T) {
	c := newCluster(t, 1)
	c.startVenue(0, 1)
	tr := c.login(c.startFront(engine.Limits{}).packet, holder)
	if one, two := tr.buy(1), tr.buy(1); one.Order == two.Order || two.Duplicate {
		t.Errorf("%+v, then %+v", one, two)
	}
	named := client.Order{Side: client.Buy, Key: tin, Quantity: 1, ClientOrderID: "mine"}
	_, err := tr.PlaceOrder(t.Context(), named)
	must(t, err)
	if again, err := tr.PlaceOrder(t.Context(), named); err != nil || !again.Duplicate {
		t.Errorf("%+v, %v", again, err)
	}
}
