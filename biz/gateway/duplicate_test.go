package gateway_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// colliding returns two client order ids with the same hash. They differ in bytes 16 to 35: the
// last four cancel the difference of the others' hash if that is in its low half.
func colliding(t testing.TB) (first, second string) {
	t.Helper()
	const seed, prime = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	fold := func(h, word uint64) uint64 {
		hi, lo := bits.Mul64(h^word, prime)
		return hi ^ lo ^ seed
	}
	middles := map[uint64][]string{} // by the high half of their hash
	for n := range uint64(1 << 24) {
		middle := fmt.Sprintf("%016x", n)
		word := func(at int) uint64 { return binary.LittleEndian.Uint64([]byte(middle[at:])) }
		g := fold(fold(^uint64(seed), word(0)), word(8))
		for _, other := range middles[g>>32] {
			word := func(at int) uint64 { return binary.LittleEndian.Uint64([]byte(other[at:])) }
			const zeros = 0x30303030 // "0000"
			difference := uint32(g^fold(fold(^uint64(seed), word(0)), word(8))) ^ zeros
			end := binary.LittleEndian.AppendUint32(nil, difference)
			if end[0]|end[1]|end[2]|end[3] < 0x80 && !bytes.ContainsRune(end, 0) {
				prefix := strings.Repeat("x", 16)
				return prefix + middle + string(end), prefix + other + "0000"
			}
		}
		middles[g>>32] = append(middles[g>>32], middle)
	}
	t.Fatal("no ids with the same hash")
	return "", ""
}

// TestIDsWithTheSameHash: while the first order is in memory, an id with the same hash is another
// one. When it is only in the history, it is refused: nothing shows that it was not the id of a
// replacement.
func TestIDsWithTheSameHash(t *testing.T) {
	first, second := colliding(t)
	s := start(t, setup{recent: 4})
	tr := s.login(alice)
	buy := func(name string) (client.Placed, error) {
		return tr.PlaceOrder(t.Context(), client.Order{ClientOrderID: name, Side: client.Buy, Key: tin, Quantity: 1})
	}
	one, err := buy(first)
	must(t, err)
	if again, err := buy(first); err != nil || !again.Duplicate || again.Order != one.Order {
		t.Errorf("again: %+v, %v", again, err)
	}
	for range 10 {
		tr.buy(rail, 1)
	}
	if again, err := buy(first); err != nil || !again.Duplicate || again.Order != one.Order {
		t.Errorf("from the history: %+v, %v", again, err)
	}
	_, err = buy(second)
	if e := refused(t, err); e.Reason != client.ReasonBadClientOrderID || !strings.Contains(e.Message, "used before") {
		t.Errorf("the same hash: %s %q", e.Reason, e.Message)
	}
	fresh := s.login(bob)
	for _, name := range []string{first, second} {
		p, err := fresh.PlaceOrder(t.Context(), client.Order{ClientOrderID: name, Side: client.Buy, Key: tin, Quantity: 1})
		if err != nil || p.Duplicate {
			t.Errorf("in memory: %+v, %v", p, err)
		}
	}
}

// TestRetryOfReplaced: an order whose client order id was replaced is not executed again under
// either id, also when both are only in the history. There, the id of a replacement has no answer.
func TestRetryOfReplaced(t *testing.T) {
	s := start(t, setup{recent: 4})
	tr := s.login(alice)
	o := client.Order{ClientOrderID: "old", Side: client.Buy, Key: tin, Quantity: 5, Price: 9_0000}
	replacement := client.Replacement{ClientOrderID: "old", NewClientOrderID: "new", Quantity: 6}
	first := tr.place(o)
	_, err := tr.ReplaceOrder(t.Context(), replacement)
	must(t, err)
	if again := tr.place(o); !again.Duplicate || again.Order != first.Order {
		t.Errorf("in memory: %+v", again)
	}
	if again, err := tr.ReplaceOrder(t.Context(), replacement); err != nil || !again.Duplicate || again.Order.Quantity != 6 {
		t.Errorf("the replacement again: %+v, %v", again, err)
	}
	for range 10 {
		tr.buy(rail, 1)
	}
	before := s.service.StateHash()
	if again := tr.place(o); !again.Duplicate || again.Order != first.Order || again.Status != client.StatusNew {
		t.Errorf("from the history: %+v", again)
	}
	_, err = tr.ReplaceOrder(t.Context(), replacement)
	if e := refused(t, err); e.Reason != client.ReasonBadClientOrderID {
		t.Errorf("the replacement again: %s %q", e.Reason, e.Message)
	}
	o.ClientOrderID = "new"
	_, err = tr.PlaceOrder(t.Context(), o)
	if e := refused(t, err); e.Reason != client.ReasonBadClientOrderID {
		t.Errorf("an order with the id of the replacement: %s %q", e.Reason, e.Message)
	}
	if s.service.StateHash() != before {
		t.Error("the account has changed")
	}
	if done, err := tr.CancelOrder(t.Context(), client.OrderRef{ClientOrderID: "old"}); err != nil || done.Order.ID != first.Order {
		t.Errorf("cancel by the first id: %+v, %v", done, err)
	}
	_, err = tr.CancelOrder(t.Context(), client.OrderRef{ClientOrderID: "old"})
	if e := refused(t, err); e.Reason != client.ReasonTooLate || e.Order.ID != first.Order {
		t.Errorf("cancel again: %s %q", e.Reason, e.Message)
	}
	_, err = tr.CancelOrder(t.Context(), client.OrderRef{ClientOrderID: "new"})
	if e := refused(t, err); e.Reason != client.ReasonUnknownOrder || !strings.Contains(e.Message, "was used") {
		t.Errorf("cancel by the second id: %s %q", e.Reason, e.Message)
	}
}

// TestRetriesOfOld: many retries at once whose answers are only in the history: as many as there
// may be off the lane are answered, the others are OVERLOADED, and nothing is executed.
func TestRetriesOfOld(t *testing.T) {
	s := start(t, setup{recent: 1, limits: engine.Limits{OffLaneTasks: 2}})
	w := s.wire()
	w.login(alice)
	const orders = 100
	var frames []byte
	for id := range uint64(orders) {
		frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id, order(func(r *pb.PlaceOrderRequest) { r.ClientOrderId, r.Quantity = fmt.Sprint(id), int64(id+1) }))
	}
	w.write(frames)
	expectInOrderFrom(t, w, 0, orders)
	s.login(alice).buy(rail, 1)
	before := s.service.StateHash()
	again := s.wire()
	again.login(alice)
	again.write(frames)
	answered := 0
	for range orders {
		m := again.next()
		switch r := codec.Result(m.Body[0]); {
		case r == codec.ResultDuplicate:
			var reply pb.PlaceOrderReply
			must(t, reply.UnmarshalVT(m.Body[1:]))
			if reply.Filled != int64(m.ID+1) || reply.Status != pb.OrderStatus_ORDER_STATUS_FILLED || reply.Executions[0].ClientOrderId != fmt.Sprint(m.ID) {
				t.Fatalf("request %d: %v", m.ID, &reply)
			}
			answered++
		case r != codec.ResultOverloaded:
			t.Fatalf("%s", r)
		}
	}
	if answered == 0 || s.service.StateHash() != before {
		t.Errorf("%d answered, or the account has changed", answered)
	}
}

// expectInOrderFrom reads the replies to requests with the ids from first on.
func expectInOrderFrom(t *testing.T, w *wire, first, requests uint64) {
	t.Helper()
	for id := first; id < first+requests; {
		if m := w.next(); m.Command.IsReply() {
			if m.ID != id || codec.Result(m.Body[0]) != codec.ResultOK {
				t.Fatalf("%s %d: %s, want request %d", m.Command, m.ID, codec.Result(m.Body[0]), id)
			}
			id++
		}
	}
}

// TestFirstAnswerFromTheHistory: the first answer of orders of all kinds, whatever has become of
// them, once they are only in the history.
func TestFirstAnswerFromTheHistory(t *testing.T) {
	world := worldOf(t, []string{"thin", "few", "directives"})
	world.orders = 5
	s := start(t, world)
	op, tr := s.login(operator), s.login(alice)
	list := []client.Order{
		{ClientOrderID: "filled", Key: tin, Quantity: 10, Price: 10_0000},
		{ClientOrderID: "market", Key: tin, Quantity: 70},
		{ClientOrderID: "ioc", Key: tin, Quantity: 70, Price: 10_0100, TimeInForce: client.ImmediateOrCancel},
		{ClientOrderID: "fok", Key: tin, Quantity: 700, Price: 10_0100, TimeInForce: client.FillOrKill},
		{ClientOrderID: "rests", Key: tin, Quantity: 10, Price: 9_0000},
		{ClientOrderID: "partial", Key: tin, Quantity: 500, Price: 10_0300},
		{ClientOrderID: "grows", Key: tin, Quantity: 10, Price: 9_0000},
		{ClientOrderID: "shrinks", Key: tin, Quantity: 10, Price: 9_0000},
		{ClientOrderID: "held!hold", Key: tin, Quantity: 10},
	}
	first := make([]client.Placed, len(list))
	for n := range list {
		list[n].Side = client.Buy
		first[n] = tr.place(list[n])
		first[n].Duplicate, first[n].Position = true, client.Position{}
	}
	if len(first[1].Executions) < 2 || first[5].Leaves == 0 || first[5].Filled == 0 || first[2].Status != client.StatusCancelled {
		t.Fatalf("%+v", first)
	}
	op.bust(first[0].Executions[0].ID, "typo")
	op.bust(first[5].Executions[0].ID, "typo")
	for _, r := range []client.Replacement{
		{ClientOrderID: "grows", NewClientOrderID: "has grown", Quantity: 12, Price: 8_0000},
		{ClientOrderID: "shrinks", Quantity: 7},
	} {
		if _, err := tr.ReplaceOrder(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tr.CancelAll(t.Context(), client.OrderScope{}); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		tr.buy(rail, 1)
	}
	before := s.service.StateHash()
	for range 2 {
		tr := s.login(alice)
		for n := range list {
			if got := tr.place(list[n]); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", first[n]) {
				t.Errorf("%s: %+v, want %+v", list[n].ClientOrderID, got, first[n])
			}
		}
		if s.service.StateHash() != before {
			t.Error("the account has changed")
		}
		s = s.restart()
	}
}
