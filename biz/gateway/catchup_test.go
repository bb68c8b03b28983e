package gateway_test

import (
	"strconv"
	"testing"
	"time"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// slowSetup allows a session much unsent output for a long time.
func slowSetup() setup {
	return setup{limits: engine.Limits{
		OutboundSoftBytes: 16 << 10, OutboundHardBytes: 64 << 20,
		OutboundSoftTime: time.Hour, WriteStallTime: time.Hour, InFlightRequests: 1 << 20, InFlightBytes: 1 << 30,
	}}
}

// fallBehind sends requests and does not read the replies yet. It returns how many replies
// wait.
func (w *wire) fallBehind(s *server) (replies int) {
	w.t.Helper()
	for s.core.Load().UnsentBytes <= 4*s.core.Limits().OutboundSoftBytes {
		for range 100 {
			w.send(codec.CommandQuotes, 7, &pb.QuotesRequest{Subscribe: true})
			replies++
		}
		eventually(w.t, "the replies", func() bool { // requests beyond a bound wait until the replies are read
			t := s.core.Traffic()
			return t.Replies == t.Requests || s.core.Load().Held > 0
		})
	}
	return replies
}

// lastShown reads until the session has received every price in want, as a quote and, for
// positions held, as the price of the position. No older price may follow.
func (w *wire) lastShown(want map[string]int64, held ...string) {
	w.t.Helper()
	quotes, positions := make(map[string]int64), make(map[string]int64)
	shown := func() bool {
		for code, price := range want {
			if quotes[code] != price {
				return false
			}
		}
		for _, code := range held {
			if positions[code] != want[code] {
				return false
			}
		}
		return true
	}
	for !shown() {
		switch m := w.next(); m.Command {
		case codec.PushQuote:
			var q pb.Quote
			must(w.t, q.UnmarshalVT(m.Body))
			quotes[q.Code] = q.LastPrice
		case codec.PushPositionUpdate:
			var u pb.PositionUpdate
			must(w.t, u.UnmarshalVT(m.Body))
			positions[u.Position.Code] = u.Position.LastPrice
		}
	}
}

// TestSlowReaderEndsWithTheLatest: a slow session does not get the missed pushes later, but it
// gets the last price of each instrument, without a further price move.
func TestSlowReaderEndsWithTheLatest(t *testing.T) {
	s := start(t, slowSetup())
	w := s.wire()
	w.login(bob)
	w.fallBehind(s)
	ids := map[string]ledger.InstrumentID{tin.Code: tinID, rail.Code: railID, mills.Code: millsID}
	want := make(map[string]int64)
	for step := range int64(3) {
		before := s.core.Stats.Dropped.Load()
		for code, id := range ids {
			want[code] = 5_0000 + int64(id)*1_0000 + step*100
			s.service.MovePrice(id, ledger.Price(want[code]))
		}
		// Three quotes, and the position that bob has.
		eventually(t, "pushes to be dropped", func() bool { return s.core.Stats.Dropped.Load() >= before+4 })
	}
	w.lastShown(want, tin.Code)
	if s.core.Stats.Conflated.Load() < 4 {
		t.Errorf("%d states were sent instead of those dropped", s.core.Stats.Conflated.Load())
	}
}

// TestSlowReaderOfManyInstruments: a session that has missed the prices of more instruments than
// the server remembers for it, and than it takes at once, ends with the latest of all.
func TestSlowReaderOfManyInstruments(t *testing.T) {
	with := slowSetup()
	with.seed = manyInstruments(t, 3000, 0, 0)
	s := start(t, with)
	w := s.wire()
	w.login(dave)
	w.fallBehind(s)
	want := make(map[string]int64)
	before := s.core.Stats.Dropped.Load()
	for n, i := range with.seed.Instruments[4:] { // codes of the first four are in two markets
		want[i.Code] = 5_0000 + int64(n)*100
		s.service.MovePrice(i.ID, ledger.Price(want[i.Code]))
	}
	eventually(t, "pushes to be dropped", func() bool { return s.core.Stats.Dropped.Load() >= before+uint64(len(want)) })
	w.lastShown(want)
}

// TestCatchUpWithoutSubscription: a session without a subscription, or that has logged out,
// gets none of the missed prices.
func TestCatchUpWithoutSubscription(t *testing.T) {
	s := start(t, slowSetup())
	w := s.wire()
	w.login(bob)
	replies := w.fallBehind(s)
	s.service.MovePrice(tinID, 9_0000)
	eventually(t, "pushes to be dropped", func() bool { return s.core.Stats.Dropped.Load() >= 2 })
	w.send(codec.CommandLogout, 8, nil)
	eventually(t, "the logout", func() bool { return s.service.LoggedIn(ledger.Customer(bob)) == 0 })
	for range replies {
		w.reply(codec.CommandQuotes, 7)
	}
	w.reply(codec.CommandLogout, 8)
	eventually(t, "the room", func() bool { return s.core.Stats.Conflated.Load() == 2 })
	watcher := s.login(dave)
	watcher.quotes(true)
	for price := range ledger.Price(2) { // two rounds of the publisher: the first may have started before
		s.service.MovePrice(railID, 70_0000+price*100)
		watcher.push()
	}
	if r, _ := w.ask(codec.CommandHeartbeat, 9, nil); r != codec.ResultOK {
		t.Errorf("heartbeat: %s", r)
	}
}

// TestRepliesHeldAreBounded: while too many replies wait for a commit, orders are refused and
// change nothing.
func TestRepliesHeldAreBounded(t *testing.T) {
	for name, with := range map[string]setup{"replies": {heldBytes: 1}, "records": {openBytes: 1}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, with)
			w := s.wire()
			w.login(dave)
			const orders = 2000
			var b []byte
			for i := range orders {
				b = codec.AppendRequest(b, codec.CommandPlaceOrder, uint64(i), &pb.PlaceOrderRequest{
					Market: tin.Market, Code: tin.Code, Side: pb.Side_SIDE_BUY, Quantity: 1,
				})
			}
			w.write(b)
			results := make(map[codec.Result]int)
			for n := 0; n < orders; {
				if m := w.next(); m.Command == codec.CommandPlaceOrder.Reply() {
					results[codec.Result(m.Body[0])]++
					n++
				}
			}
			bought := 0
			if row := s.login(dave).positions().Positions; len(row) > 0 {
				bought = int(row[0].Quantity)
			}
			if results[codec.ResultOverloaded] == 0 || results[codec.ResultOK] == 0 || bought != results[codec.ResultOK] {
				t.Errorf("results %v, %d bought", results, bought)
			}
		})
	}
}

// TestAllInFlightAreAnswered: a client may have as many orders in flight as the limit allows,
// and start to read after all of them are executed.
func TestAllInFlightAreAnswered(t *testing.T) {
	s := start(t, setup{limits: engine.Limits{OutboundSoftTime: time.Hour, WriteStallTime: time.Hour}})
	w := s.wire()
	w.login(dave)
	orders := s.core.Limits().InFlightRequests
	var b []byte
	for i := range orders {
		b = codec.AppendRequest(b, codec.CommandPlaceOrder, uint64(i), &pb.PlaceOrderRequest{
			ClientOrderId: strconv.Itoa(i), Market: tin.Market, Code: tin.Code, Side: pb.Side_SIDE_BUY, Quantity: 1,
		})
	}
	w.write(b)
	eventually(t, "all orders to be answered", func() bool { return s.core.Traffic().Replies == uint64(1+orders) })
	replies, pushes := 0, 0
	for replies+pushes < (1+executionPushes)*orders {
		m := w.next()
		switch m.Command {
		case codec.CommandPlaceOrder.Reply():
			replies++
		case codec.PushExecution, codec.PushPositionUpdate:
			pushes++
		default:
			t.Fatalf("%s after %d replies and %d pushes", m.Command, replies, pushes)
		}
	}
	if replies != orders {
		t.Errorf("%d replies, want %d", replies, orders)
	}
}
