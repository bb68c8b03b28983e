package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// TestRepliesInOrder pipelines commands that are answered at once and commands that wait for
// the disk, on several sessions: each session gets its replies in the order of its requests.
func TestRepliesInOrder(t *testing.T) {
	s := start(t, setup{})
	mixed := []struct {
		cmd  codec.Command
		body codec.Body
	}{
		{codec.CommandPlaceOrder, buyOne()},
		{codec.CommandSubmit, raw("payload")},
		{codec.CommandHeartbeat, nil},
		{codec.CommandPlaceOrder, order(func(r *pb.PlaceOrderRequest) { r.Quantity = -1 })},
		{codec.CommandSubmit, nil},
		{codec.CommandPositions, nil},
		{codec.CommandHeartbeat, nil},
		{codec.CommandQuotes, nil},
		{codec.CommandConn, nil},
		{0x3F, nil},
	}
	const requests = 2000
	done := make(chan struct{})
	customers := []client.Customer{alice, bob, dave}
	for _, c := range customers {
		w := s.wire()
		w.login(c)
		go func() {
			var frames []byte
			for id := range uint64(requests) {
				next := mixed[id*uint64(c)%7%uint64(len(mixed))]
				if id%5 == 0 {
					next = mixed[id/5%uint64(len(mixed))]
				}
				frames = codec.AppendRequest(frames, next.cmd, id+2, next.body)
			}
			if _, err := w.conn.Write(frames); err != nil {
				t.Error(err)
			}
		}()
		go func() {
			defer func() { done <- struct{}{} }()
			expectInOrder(t, w, requests)
		}()
	}
	for range customers {
		<-done
	}
}

func expectInOrder(t *testing.T, w *wire, requests uint64) {
	for id := uint64(2); id < requests+2; {
		m, err := w.read()
		switch {
		case err != nil:
			t.Error(err)
			return
		case m.Command.IsPush():
		case m.ID != id:
			t.Errorf("%s %d, want the reply to %d", m.Command, m.ID, id)
			return
		default:
			id++
		}
	}
}

// TestImmediateReplyBeforeOrder pipelines a request that is answered at once, an order, and
// then so much work that the order is durable before the work is done.
func TestImmediateReplyBeforeOrder(t *testing.T) {
	s := start(t, setup{})
	w := s.wire()
	w.login(alice)
	work := raw(strings.Repeat("\xa0\x06\x01", 20_000)) // slow to read, refused at once
	for range 10 {
		frames := codec.AppendRequest(nil, codec.CommandSubmit, 2, nil)
		frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, 3, buyOne())
		for id := range uint64(12) {
			frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, 4+id, work)
		}
		w.write(frames)
		expectInOrder(t, w, 14)
	}
}

// TestClientOrderID sends an order again: on the same connection, on another one, with another
// dialect, and after a stop and a crash. The reply is always the first one, and the order is
// executed once.
func TestClientOrderID(t *testing.T) {
	cases := []struct {
		name string
		id   string
	}{
		{"one byte", "a"},
		{"longest", strings.Repeat("x", 36)},
		{"not ASCII", "Bestellung № 1"},
	}
	s := start(t, setup{})
	tr := s.login(alice)
	first := make([]client.Placed, len(cases))
	for n, tc := range cases {
		first[n] = tr.place(client.Order{ClientOrderID: tc.id, Side: client.Buy, Key: tin, Quantity: client.Quantity(n + 1)})
		if first[n].Duplicate || first[n].Executions[0].ClientOrderID != tc.id {
			t.Fatalf("%s: %+v", tc.name, first[n])
		}
	}
	state := s.service.Hashes()
	again := func(where string, s *server, tr *trader) {
		t.Helper()
		for n, tc := range cases {
			for _, o := range []client.Order{
				{ClientOrderID: tc.id, Side: client.Buy, Key: tin, Quantity: client.Quantity(n + 1)},
				{ClientOrderID: tc.id, Side: client.Sell, Key: rail, Quantity: 1_000_000},
			} {
				got := tr.place(o)
				want := first[n]
				want.Duplicate = true
				got.Position.Sellable = want.Position.Sellable // as it is now
				if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
					t.Errorf("%s, %s: got %+v, want %+v", where, tc.name, got, want)
				}
			}
		}
		for c, hash := range s.service.Hashes() {
			if hash != state[c] {
				t.Errorf("%s: account %d has changed", where, c)
			}
		}
	}
	again("same connection", s, tr)
	again("other connection", s, s.login(alice))
	for range executionPushes * len(cases) { // the pushes of the first orders, and no others
		tr.push()
	}
	tr.noPush()
	crashed := start(t, setup{dir: s.copyData()})
	again("after a crash", crashed, crashed.login(alice))
	s = s.restart()
	again("after a restart", s, s.login(alice))
	other := s.login(dave).place(client.Order{ClientOrderID: "a", Side: client.Buy, Key: tin, Quantity: 1})
	if other.Duplicate {
		t.Error("the id of another customer counts")
	}
}

// TestWithoutClientOrderID: two orders without an id are two orders.
func TestWithoutClientOrderID(t *testing.T) {
	s := start(t, setup{})
	tr := s.login(alice)
	if a, b := tr.buy(tin, 5), tr.buy(tin, 5); a.ID.Number() != 1 || b.ID.Number() != 2 || !b.Time.After(a.Time) {
		t.Errorf("executions %s and %s", a.ID, b.ID)
	}
	now := tr.positions()
	if p, _ := now.Find(tin); p.Quantity != 10 {
		t.Errorf("%+v", p)
	}
}

// TestSubmitOnLoop answers Submit in order too where it runs on the event loop.
func TestSubmitOnLoop(t *testing.T) {
	s := start(t, setup{submitOnLoop: true, limits: engine.Limits{InFlightRequests: 100}})
	w := s.wire()
	w.login(alice)
	for round := range uint64(50) {
		var frames []byte
		for id := range uint64(9) {
			if (round+id)%3 == 0 {
				frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id+2, buyOne())
				continue
			}
			frames = codec.AppendRequest(frames, codec.CommandSubmit, id+2, nil)
		}
		w.write(frames)
		expectInOrder(t, w, 9)
	}
}
