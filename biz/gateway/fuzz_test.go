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
	s := start(f, setup{guesses: 1 << 20})
	s.login(bob).buy(tin, 5)
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
	marshal(codec.CommandPlaceOrder, &pb.PlaceOrderRequest{Side: 2, Market: gold.Market, Code: gold.Code, Quantity: 1<<63 - 1, Price: -1 << 63})
	marshal(codec.CommandHistory, &pb.HistoryRequest{BeforeExecutionId: 1<<64 - 1, Limit: 1<<32 - 1, Customer: uint32(bob), Market: tin.Market})
	marshal(codec.CommandQuotes, &pb.QuotesRequest{Subscribe: true, Instruments: []*pb.InstrumentKey{{Market: tin.Market, Code: tin.Code}, {}}})
	marshal(codec.CommandBust, &pb.BustRequest{ExecutionId: uint64(client.NewExecutionID(bob, 1)), Reason: "fuzz"})
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
				m := w.next()
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
