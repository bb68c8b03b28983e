package gateway_test

import (
	"context"
	"errors"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// durableFills returns how many executions of a customer are on the disk now.
func (s *server) durableFills(c client.Customer) (n uint32) {
	s.t.Helper()
	must(s.t, s.journal.Replay(s.t.Context(), 1, func(_ journal.Position, record []byte) error {
		if e, ok := executionOf(record); ok && e.ID.Customer() == ledger.Customer(c) {
			n = e.ID.Number()
		}
		return nil
	}))
	return n
}

// TestShownIsDurable: whenever a reply, a push to another session or a query shows an order,
// the journal has it.
func TestShownIsDurable(t *testing.T) {
	s := start(t, setup{})
	placing, watching, asking := s.wire(), s.wire(), s.wire()
	for _, w := range []*wire{placing, watching, asking} {
		w.login(alice)
	}
	check := func(where string, shown uint32) {
		t.Helper()
		if durable := s.durableFills(alice); durable < shown {
			t.Fatalf("%s shows execution %d, durable are %d", where, shown, durable)
		}
	}
	skipTo := func(w *wire, cmd codec.Command) codec.Message {
		m := w.next()
		for m.Command != cmd {
			m = w.next()
		}
		return m
	}
	for n := range uint32(100) {
		id := uint64(n + 2)
		placing.send(codec.CommandPlaceOrder, id, buyOne())
		switch n % 5 {
		case 0:
			skipTo(placing, codec.CommandPlaceOrder.Reply())
			check("the reply", n+1)
		case 1:
			skipTo(watching, codec.PushExecution)
			check("the push", n+1)
		case 2:
			asking.send(codec.CommandPositions, id, nil)
			m := skipTo(asking, codec.CommandPositions.Reply())
			var body pb.PositionsReply
			must(t, body.UnmarshalVT(m.Body[1:]))
			check("a query", uint32(body.PushSequence/executionPushes))
		case 3:
			asking.send(codec.CommandHistory, id, nil)
			m := skipTo(asking, codec.CommandHistory.Reply())
			var body pb.HistoryReply
			must(t, body.UnmarshalVT(m.Body[1:]))
			check("the history", uint32(body.Executions[0].ExecutionId))
		case 4:
			check("a login", uint32(s.dial().login(alice).Sequence/executionPushes))
		}
		if n%5 != 0 {
			skipTo(placing, codec.CommandPlaceOrder.Reply())
		}
		if n%5 != 1 {
			skipTo(watching, codec.PushExecution)
		}
	}
}

// TestRefusalsAreDurable looks into the journal whenever an order is refused for want
// of the shares that another session has just sold.
func TestRefusalsAreDurable(t *testing.T) {
	s := start(t, setup{})
	first, second := s.wire(), s.wire()
	first.login(alice)
	second.login(alice)
	reply := func(w *wire) codec.Result {
		for {
			if m := w.next(); m.Command == codec.CommandPlaceOrder.Reply() {
				return codec.Result(m.Body[0])
			}
		}
	}
	sell := buyOne()
	sell.Side = pb.Side_SIDE_SELL
	buyOneWith := func(w *wire, id uint64) {
		w.send(codec.CommandPlaceOrder, id, buyOne())
		if r := reply(w); r != codec.ResultOK {
			t.Fatalf("a purchase: result %d", r)
		}
	}
	for n := range uint32(100) { // executions 2n+1 and 2n+2
		id := uint64(2*n + 2)
		buyOneWith(first, id)
		first.send(codec.CommandPlaceOrder, id+1, sell)
		second.send(codec.CommandPlaceOrder, id+1, sell)
		sold := reply(second) == codec.ResultOK
		if durable := s.durableFills(alice); durable < 2*n+2 {
			t.Fatalf("sale %d was answered (sold: %v) by its competitor's effect, and %d executions are durable", n, sold, durable)
		}
		if other := reply(first) == codec.ResultOK; other == sold {
			t.Fatalf("one share, and the two sales: %v and %v", sold, other)
		}
	}
}

// TestFullJournal: an order that can't be made durable is never shown. The sessions get a
// Notice, Fatal is called once, and the checkpoint that the server saves at its end does not
// have the order.
func TestFullJournal(t *testing.T) {
	s := start(t, setup{maxStore: 6 << 10})
	placing, watching := s.wire(), s.wire()
	watching.login(alice)
	placing.login(alice)
	waited := make(chan error, 1)
	go func() { waited <- drainUntilError(s) }()
	answered := placeUntilNotice(t, placing)
	pushed := executionsUntilNotice(t, watching)
	if err := <-s.fatal; !errors.Is(err, journal.ErrRefused) {
		t.Errorf("the reason is %v", err)
	}
	durable := s.durableFills(alice)
	if durable == 0 || answered != durable || pushed != durable {
		t.Errorf("%d answered, %d pushed, %d durable", answered, pushed, durable)
	}
	if err := <-waited; !errors.Is(err, journal.ErrRefused) {
		t.Errorf("who waited for the commit was told %v", err)
	}
	failedForGood(t, s)
	s.stop()
	s.setup.maxStore = 0
	s = start(t, s.setup)
	tr := s.login(alice)
	if now := tr.positions(); now.Sequence != executionPushes*uint64(durable) {
		t.Errorf("push %d after the restart, want %d", now.Sequence, executionPushes*durable)
	}
	if x := tr.buy(tin, 1); x.ID.Number() != durable+1 {
		t.Errorf("execution %s, want number %d", x.ID, durable+1)
	}
}

// drainUntilError waits for one commit after another. Goroutine: any.
func drainUntilError(s *server) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if err := s.service.Drain(ctx); err != nil {
			return err
		}
	}
}

// placeUntilNotice places one order after another and returns how many were filled.
func placeUntilNotice(t *testing.T, w *wire) (filled uint32) {
	t.Helper()
	w.send(codec.CommandPlaceOrder, 1, buyOne())
	for {
		m := w.next()
		switch m.Command {
		case codec.CommandPlaceOrder.Reply():
			if m.Body[0] != byte(codec.ResultOK) {
				t.Errorf("order %d: result %d", m.ID, m.Body[0])
			}
			filled++
			w.send(codec.CommandPlaceOrder, m.ID+1, buyOne())
		case codec.PushNotice:
			checkUnavailable(t, m)
			return filled
		}
	}
}

func executionsUntilNotice(t *testing.T, w *wire) (pushed uint32) {
	t.Helper()
	m := w.next()
	for ; m.Command != codec.PushNotice; m = w.next() {
		if m.Command == codec.PushExecution {
			pushed++
		}
	}
	checkUnavailable(t, m)
	return pushed
}

func checkUnavailable(t *testing.T, m codec.Message) {
	t.Helper()
	var notice pb.Notice
	must(t, notice.UnmarshalVT(m.Body))
	if notice.Code != pb.NoticeCode_NOTICE_CODE_UNAVAILABLE {
		t.Errorf("notice %s", notice.Code)
	}
}

// failedForGood checks that nothing waits for a commit any more, and that nothing is saved
// that is not durable.
func failedForGood(t *testing.T, s *server) {
	t.Helper()
	if err := s.service.Ready(); err == nil {
		t.Error("ready")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.service.Drain(ctx); !errors.Is(err, journal.ErrRefused) {
		t.Errorf("drain: %v", err)
	}
	if err := s.service.SaveCheckpoint(ctx); !errors.Is(err, journal.ErrRefused) {
		t.Errorf("checkpoint: %v", err)
	}
	select {
	case err := <-s.fatal:
		t.Errorf("once more: %v", err)
	default:
	}
}

// TestStopAnswers stops the server while orders arrive: each executed order is answered before
// the Notice, and exists after the restart.
func TestStopAnswers(t *testing.T) {
	s := start(t, setup{})
	w := s.wire()
	w.login(alice)
	var frames []byte
	for id := range uint64(2000) {
		frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id, buyOne())
	}
	w.write(frames)
	if r, _ := w.reply(codec.CommandPlaceOrder, 0); r != codec.ResultOK {
		t.Errorf("the first order: %s", r)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	answered := uint64(1)
	for m := w.next(); m.Command != codec.PushNotice; m = w.next() {
		if m.Command.IsReply() {
			answered++
		}
	}
	<-stopped
	s = start(t, s.setup)
	if now := s.dial().login(alice); now.Sequence != executionPushes*answered {
		t.Errorf("%d orders were answered, %d are there", answered, now.Sequence/executionPushes)
	}
}

// TestOrdersWithoutJournal refuses orders and busts when nothing can be made
// durable any more, and changes nothing.
func TestOrdersWithoutJournal(t *testing.T) {
	s := start(t, setup{})
	tr, op := s.login(alice), s.login(operator)
	x := tr.buy(tin, 1)
	state := s.service.Hashes()[ledger.Customer(alice)]
	must(t, s.journal.Close(t.Context()))
	for range 3 {
		_, err := tr.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 1})
		if e := refused(t, err); e.Result != codec.ResultUnavailable {
			t.Errorf("order: %s", e.Result)
		}
		_, err = op.Bust(t.Context(), x.ID, "")
		if e := refused(t, err); e.Result != codec.ResultUnavailable {
			t.Errorf("bust: %s", e.Result)
		}
	}
	if s.service.Hashes()[ledger.Customer(alice)] != state {
		t.Error("the account has changed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.service.Drain(ctx); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("drain: %v", err)
	}
}
