package gateway_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// tlvListener takes sessions of the tlv dialect on a free port.
func tlvListener(with engine.Listener) []engine.Listener {
	with.Address = "127.0.0.1:0"
	if with.Dialect == nil {
		with.Dialect = codec.TLV{}
	}
	return []engine.Listener{with}
}

// pipeline returns n orders in one piece.
func (w *wire) pipeline(n int) (frames []byte) {
	for id := range n {
		frames = w.dialect.AppendPush(frames, codec.CommandPlaceOrder, uint64(id+10), order(func(r *pb.PlaceOrderRequest) { r.Quantity = int64(id + 1) }))
	}
	return frames
}

// collect reads until that many replies, all OK, and pushes have come, and returns the pushes.
func (w *wire) collect(replies, pushes int) (pushed []codec.Message) {
	w.t.Helper()
	for replies > 0 || len(pushed) < pushes {
		m := w.next()
		if m.Command.IsPush() {
			pushed = append(pushed, m)
			continue
		}
		if replies--; replies < 0 || codec.Result(m.Body[0]) != codec.ResultOK {
			w.t.Fatalf("%s %s, with %d pushes", m.Command, codec.Result(m.Body[0]), len(pushed))
		}
	}
	return pushed
}

// TestSamePushesInEveryDialect: a packet and a tlv session of one customer, which both
// trade, and a third one that watches get the same pushes in the same order.
func TestSamePushesInEveryDialect(t *testing.T) {
	const orders = 300
	s := start(t, setup{listeners: tlvListener(engine.Listener{})})
	packet, tlv, watching := s.wire(), s.wireAt(0), s.wireAt(0)
	all := []*wire{packet, tlv, watching}
	for _, w := range all {
		w.login(alice)
	}
	op := s.login(operator)
	for _, w := range all[:2] {
		w.write(w.pipeline(orders))
	}
	eventually(t, "the first order", func() bool { return s.service.Stats().Records > 0 })
	op.bust(client.NewExecutionID(alice, 1), "while others trade")
	const pushes = executionPushes*2*orders + bustPushes
	want := packet.collect(orders, pushes)
	for n, m := range want {
		if m.ID != uint64(n+1) {
			t.Fatalf("push %d of the packet session has number %d", n+1, m.ID)
		}
	}
	for _, w := range all[1:] {
		replies := orders
		if w == watching {
			replies = 0
		}
		for n, m := range w.collect(replies, pushes) {
			if m.Command != want[n].Command || !bytes.Equal(m.Body, want[n].Body) {
				t.Fatalf("push %d: the tlv session has %s %x, the packet session %s %x", n+1, m.Command, m.Body, want[n].Command, want[n].Body)
			}
		}
		if r, _ := w.ask(codec.CommandSubmit, 0, nil); r != codec.ResultOK { // and nothing more
			t.Errorf("submit: %s", r)
		}
	}
}

// question is a request with what must be in the reply to it.
type question struct {
	cmd   codec.Command
	body  codec.Body
	check func(r codec.Result, body []byte) error
}

// parsed checks a reply that is OK.
func parsed[M interface{ UnmarshalVT([]byte) error }](m M, check func() bool) func(codec.Result, []byte) error {
	return func(r codec.Result, body []byte) error {
		if err := m.UnmarshalVT(body); err != nil || r != codec.ResultOK || !check() {
			return fmt.Errorf("%s %v (%w)", r, m, err)
		}
		return nil
	}
}

// questions returns a mix of n commands whose replies come in different ways: at once,
// after the commit, from a separate task, after a password. Most replies can be
// told from all others. busts are executions to bust; orders have names from from on.
func questions(from, n int, busts []client.ExecutionID) (list []question) {
	passwords := 0
	for i := from; i < from+n; i++ {
		switch kind := i * 7 % 11; {
		case kind == 1:
			limit := 1 + i%5
			reply := new(pb.HistoryReply)
			list = append(list, question{codec.CommandHistory, &pb.HistoryRequest{Customer: uint32(alice), Limit: uint32(limit)},
				parsed(reply, func() bool { return len(reply.Executions) == limit })})
		case kind == 2 && len(busts) > 0:
			id := uint64(busts[0])
			busts = busts[1:]
			reply := new(pb.BustReply)
			list = append(list, question{codec.CommandBust, &pb.BustRequest{ExecutionId: id},
				parsed(reply, func() bool { return reply.Execution.ExecutionId == id })})
		case kind == 3:
			passwords++
			first := passwords == 1
			list = append(list, question{codec.CommandLogin,
				&pb.LoginRequest{Customer: uint32(operator), Credential: &pb.LoginRequest_Password{Password: password}},
				func(r codec.Result, _ []byte) error {
					if r != codec.ResultOK && (first || r != codec.ResultOverloaded) { // one at a time is verified
						return fmt.Errorf("%s", r)
					}
					return nil
				}})
		case kind == 4:
			list = append(list, question{codec.CommandSubmit, raw("payload"), func(r codec.Result, b []byte) error {
				if r != codec.ResultOK || len(b) > 0 {
					return fmt.Errorf("%s and %d bytes", r, len(b))
				}
				return nil
			}})
		case kind == 5:
			reply := new(pb.PositionsReply)
			list = append(list, question{codec.CommandPositions, nil, parsed(reply, func() bool { return reply.Account.Operator })})
		case kind == 6:
			key := []client.Key{tin, rail, mills, gold}[i%4]
			reply := new(pb.QuotesReply)
			list = append(list, question{codec.CommandQuotes,
				&pb.QuotesRequest{Instruments: []*pb.InstrumentKey{{Market: key.Market, Code: key.Code}}},
				parsed(reply, func() bool { return len(reply.Instruments) == 1 && reply.Instruments[0].Code == key.Code })})
		default:
			name := fmt.Sprint("order ", i)
			reply := new(pb.PlaceOrderReply)
			list = append(list, question{codec.CommandPlaceOrder, order(func(r *pb.PlaceOrderRequest) { r.ClientOrderId, r.Quantity = name, 1 }),
				parsed(reply, func() bool { return reply.Executions[0].ClientOrderId == name })})
		}
	}
	return list
}

// TestOrderedReplies pipelines requests in one write that the server answers in different
// ways, while pushes arrive: a tlv session gets the replies in the order of its requests,
// since they have no request id.
func TestOrderedReplies(t *testing.T) {
	s := start(t, setup{listeners: tlvListener(engine.Listener{}), seed: richOperator(t)})
	trading := s.login(alice)
	var busts []client.ExecutionID
	for range 20 {
		busts = append(busts, trading.buy(tin, 1).ID)
	}
	w, other := s.wireAt(0), s.login(operator)
	w.login(operator)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			default:
				if _, err := other.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 1}); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	for round := range 5 {
		list := questions(200*round, 200, busts[:4])
		busts = busts[4:]
		var frames []byte
		for _, q := range list {
			frames = w.dialect.AppendPush(frames, q.cmd, 0, q.body)
		}
		w.write(frames)
		pushes := 0
		for n, q := range list {
			m := w.next()
			for ; m.Command.IsPush(); m = w.next() {
				pushes++
			}
			if m.Command != q.cmd.Reply() {
				t.Fatalf("reply %d is %s, the request was %s", n, m.Command, q.cmd)
			}
			if err := q.check(codec.Result(m.Body[0]), m.Body[1:]); err != nil {
				t.Fatalf("reply %d, to %s: %v", n, q.cmd, err)
			}
		}
		if pushes == 0 {
			t.Error("no push came between the replies")
		}
	}
	close(done)
	<-stopped
}

// TestGreeting: a listener that greets sends the session id before any request, as a push of
// Conn without a result; other listeners only reply to Conn.
func TestGreeting(t *testing.T) {
	s := start(t, setup{listeners: slices.Concat(tlvListener(engine.Listener{Greets: true}), tlvListener(engine.Listener{}))})
	greeted := s.wireAt(0)
	m := greeted.next()
	var hello, again pb.ConnReply
	must(t, hello.UnmarshalVT(m.Body))
	session, found := s.core.Find(engine.SessionID(hello.Uid))
	if m.Command != codec.CommandConn || m.ID != 1 || hello.ServerVersion != "test" || !found || !session.Greets() {
		t.Fatalf("first comes %s %d, %v", m.Command, m.ID, &hello)
	}
	for _, w := range []*wire{greeted, s.wireAt(1)} { // whose first message is the reply
		r, body := w.ask(codec.CommandConn, 0, nil)
		must(t, again.UnmarshalVT(body))
		if same := again.Uid == hello.Uid; r != codec.ResultOK || same != (w == greeted) {
			t.Errorf("asked: %s %v", r, &again)
		}
	}
	request := tokenLogin(alice)
	request.Uid = hello.Uid
	if r, _ := greeted.ask(codec.CommandLogin, 0, request); r != codec.ResultOK {
		t.Errorf("login with the uid of the greeting: %s", r)
	}
}

// TestMessageIDOverOneByte: a message id that is not a command, also one whose low byte is a
// command, is answered under the same id, and the session goes on.
func TestMessageIDOverOneByte(t *testing.T) {
	s := start(t, setup{listeners: tlvListener(engine.Listener{})})
	w := s.wireAt(0)
	w.login(alice)
	before := s.service.StateHash()
	for _, id := range []uint32{0x100, 0x100 | uint32(codec.CommandPlaceOrder), 0x100 | uint32(codec.CommandLogout), 1 << 31, 1<<32 - 1} {
		body, err := buyOne().MarshalVT()
		must(t, err)
		frame := []byte{byte(len(body)), 0, 0, 0, byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24)}
		w.write(append(frame, body...))
		m := w.next()
		var e pb.Error
		must(t, e.UnmarshalVT(m.Body[1:]))
		if m.ID != uint64(id|0x80) || codec.Result(m.Body[0]) != codec.ResultUnknownCommand || e.Message != "unknown message id" {
			t.Errorf("message id %#x: answered under %#x with %s %q", id, m.ID, codec.Result(m.Body[0]), e.Message)
		}
	}
	if r, _ := w.ask(codec.CommandPositions, 0, nil); r != codec.ResultOK || s.service.StateHash() != before {
		t.Errorf("positions afterwards: %s", r)
	}
}

// TestBigEndianListener: the same commands with the other byte order, to the byte.
func TestBigEndianListener(t *testing.T) {
	s := start(t, setup{listeners: tlvListener(engine.Listener{Dialect: codec.TLV{BigEndian: true}})})
	w, packet := s.wireAt(0), s.wire()
	w.write([]byte{0, 0, 0, 2, 0, 0, 0, 2, 'h', 'i'})
	var reply [9]byte
	if _, err := io.ReadFull(w.conn, reply[:]); err != nil || hex.EncodeToString(reply[:]) != "000000010000008200" {
		t.Errorf("submit: %x, %v", reply, err)
	}
	w.login(alice)
	packet.login(alice)
	w.send(codec.CommandPlaceOrder, 0, buyOne())
	got, want := w.collect(1, executionPushes), packet.collect(0, executionPushes)
	for n := range want {
		if got[n].Command != want[n].Command || !bytes.Equal(got[n].Body, want[n].Body) {
			t.Errorf("push %d is %s, want %s", n, got[n].Command, want[n].Command)
		}
	}
	w.write([]byte{2, 0, 0, 0, 2, 0, 0, 0}) // little-endian: a length of 32 MiB
	m := w.next()
	var notice pb.Notice
	must(t, notice.UnmarshalVT(m.Body))
	if m.Command != codec.PushNotice || notice.Code != pb.NoticeCode_NOTICE_CODE_TOO_LARGE {
		t.Errorf("%s %s, want a notice that the frame is too large", m.Command, notice.Code)
	}
}
