package gateway_test

import (
	"errors"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// TestDisconnectAtAPush: a customer's sessions are cut after exactly the chosen push, also in the
// middle of an event's, with no push after it and none lost; a client that comes back gets the
// rest.
func TestDisconnectAtAPush(t *testing.T) {
	for after := uint64(1); after <= 2*executionPushes+1; after++ {
		s := start(t, setup{listeners: tlvListener(engine.Listener{})})
		op, tr := s.login(operator), s.login(bob)
		w, tlv, away := s.wire(), s.wireAt(0), s.watch(alice, 0)
		w.login(alice)
		tlv.login(alice)
		if done := op.operate(client.Disconnect{Customer: alice, AfterPush: after}); done.Count != 0 {
			t.Errorf("%d sessions are cut at once", done.Count)
		}
		trading := s.wire()
		trading.login(alice)
		for id := range uint64(2) {
			trading.send(codec.CommandPlaceOrder, 10+id, buyOne())
		}
		op.operate(client.Deposit{Customer: alice, Amount: 1})
		for n, w := range []*wire{w, tlv, away.wire} {
			last := uint64(0)
			for {
				m, err := w.read()
				if err != nil {
					break
				}
				if last++; w != tlv && m.ID != last {
					t.Errorf("cut after %d: session %d gets push %d after %d", after, n, m.ID, last-1)
				}
			}
			if last != after {
				t.Errorf("cut after %d: session %d has %d", after, n, last)
			}
		}
		away.last = after
		if reply := away.again(s, alice); !reply.Resumed {
			t.Errorf("cut after %d: no resume", after)
		}
		away.until(s.dial().login(alice).Sequence)
		if away.problem != "" {
			t.Error(away.problem)
		}
		w.close()
		tlv.close()
		eventually(t, "the count", func() bool { return s.core.Stats.Closes(engine.ReasonOnDemand) >= 3 })
		tr.buy(tin, 1) // nobody else is cut
	}
}

// TestDisconnectAtOnce: without a push, or with one that was sent, the sessions are cut at once,
// after the pushes so far; the next login is not cut.
func TestDisconnectAtOnce(t *testing.T) {
	s := start(t, setup{})
	op, tr := s.login(operator), s.login(alice)
	for _, after := range []uint64{0, 1, executionPushes} {
		first, second := s.login(alice), s.login(alice)
		x := tr.buy(tin, 1)
		if done := op.operate(client.Disconnect{Customer: alice, AfterPush: after}); done.Count != 3 {
			t.Errorf("after %d: %d sessions", after, done.Count)
		}
		for _, cut := range []*trader{first, second, tr} {
			cut.ended()
			if d := cut.View().Display(); !d.Shows(x.ID) {
				t.Errorf("after %d: cut before the push", after)
			}
			var closed *client.NoticeError
			if errors.As(cut.Err(), &closed) {
				t.Errorf("after %d: a notice %v", after, cut.Err())
			}
		}
		eventually(t, "the sessions to be gone", func() bool { return s.core.Len() == 1 })
		tr = s.login(alice)
		tr.buy(tin, 1)
	}
	_, err := op.Operate(t.Context(), client.Disconnect{Customer: 4242})
	if e := refused(t, err); e.Reason != client.ReasonUnknownCustomer {
		t.Errorf("%s", e.Reason)
	}
	_, err = op.Operate(t.Context(), client.Disconnect{Customer: operator}) // itself: without a reply
	if op.ended(); errors.Is(err, client.ErrRejected) {
		t.Error(err)
	}
}

// TestHoldThenDisconnect: while pushes are held, a push counts as sent only after the release.
func TestHoldThenDisconnect(t *testing.T) {
	s := start(t, worldOf(t, nil))
	op, tr := s.login(operator), s.login(alice)
	op.operate(client.HoldPushes{Customer: alice, Duration: time.Second})
	tr.buy(tin, 1)
	if done := op.operate(client.Disconnect{Customer: alice, AfterPush: 2}); done.Count != 0 {
		t.Errorf("%d sessions are cut at once", done.Count)
	}
	op.step(time.Second)
	tr.ended()
	if n := tr.View().Display().Sequence; n != 2 {
		t.Errorf("cut at push %d", n)
	}
}

// TestHoldTooMuch: more is held than is in memory, or than a session may have unsent: the sessions
// are cut, and get a snapshot or the missed pushes when they come back.
func TestHoldTooMuch(t *testing.T) {
	for name, with := range map[string]setup{"events": worldOf(t, []string{"few"}), "bytes": worldOf(t, nil)} {
		t.Run(name, func(t *testing.T) {
			with.limits.OutboundHardBytes = 2000
			s := start(t, with)
			op, tr, trading := s.login(operator), s.login(alice), s.wire()
			trading.login(alice)
			op.operate(client.HoldPushes{Customer: alice, Duration: time.Second})
			for id := range uint64(10) {
				if r, _ := trading.ask(codec.CommandPlaceOrder, id, buyOne()); r != codec.ResultOK {
					t.Fatal(r)
				}
			}
			op.step(time.Second)
			tr.ended()
			if n := tr.View().Display().Sequence; n != 0 {
				t.Errorf("cut at push %d", n)
			}
			again := s.dial()
			if now := again.login(alice); now.Sequence != 10*executionPushes {
				t.Errorf("at push %d", now.Sequence)
			}
			again.buy(tin, 1)
			if p := again.push(); p.Sequence != 10*executionPushes+1 {
				t.Errorf("push %+v", p)
			}
		})
	}
}

// TestHoldWithPrices: a position is not repriced while pushes are held, and has the last price
// afterwards.
func TestHoldWithPrices(t *testing.T) {
	s := start(t, worldOf(t, nil))
	op, tr, other := s.login(operator), s.login(alice), s.login(bob)
	op.operate(client.HoldPushes{Customer: alice, Duration: time.Second})
	tr.buy(tin, 1)
	s.service.MovePrice(tinID, 11_0000)
	other.push() // the publisher has been at everybody's, in this round or the one before
	s.service.MovePrice(tinID, 12_0000)
	for {
		if u, ok := other.push().Event.(client.PositionUpdate); ok && u.Position.LastPrice == 12_0000 {
			break
		}
	}
	select {
	case p := <-tr.pushes:
		t.Errorf("push %+v", p)
	default:
	}
	op.step(time.Second)
	for n := uint64(1); n <= executionPushes; n++ {
		if p := tr.push(); p.Sequence != n {
			t.Errorf("push %+v, want number %d", p, n)
		}
	}
	if u, ok := tr.push().Event.(client.PositionUpdate); !ok || u.Change != client.Repriced || u.Position.LastPrice != 12_0000 {
		t.Errorf("then %+v", u)
	}
}

// TestHoldOfNobody: pushes may be held while no session is logged in, and a login that resumes
// gets them by its reply.
func TestHoldOfNobody(t *testing.T) {
	s := start(t, worldOf(t, nil))
	op := s.login(operator)
	away := s.watch(alice, 0)
	away.close()
	eventually(t, "the session to be gone", func() bool { return s.core.Len() == 1 })
	if done := op.operate(client.HoldPushes{Customer: alice, Duration: time.Second}); done.Count != 0 {
		t.Errorf("%d sessions", done.Count)
	}
	op.operate(client.Deposit{Customer: alice, Amount: 5})
	if reply := away.again(s, alice); reply.PushSequence != 1 {
		t.Errorf("at push %d", reply.PushSequence)
	}
	op.step(time.Second)
	op.operate(client.Deposit{Customer: alice, Amount: 5})
	if away.until(2); away.problem != "" {
		t.Error(away.problem)
	}
}

// TestHoldEndsAtALoginWithTooMuch: a login ends a hold. That it can't resume itself, because it has
// missed too much, costs the other sessions nothing of what was held.
func TestHoldEndsAtALoginWithTooMuch(t *testing.T) {
	with := worldOf(t, nil)
	with.limits.OutboundHardBytes = 4000
	s := start(t, with)
	op, present, away := s.login(operator), s.watch(alice, 0), s.watch(alice, 0)
	away.close()
	const before, held = 25, 15
	for n := range before + held {
		if n == before {
			present.until(before)
			op.operate(client.HoldPushes{Customer: alice, Duration: time.Hour})
		}
		op.operate(client.Deposit{Customer: alice, Amount: 5})
	}
	away.last = 1
	if reply := away.again(s, alice); reply.Resumed || reply.PushSequence != before+held {
		t.Fatalf("%+v: the test needs a login that has missed too much", reply)
	}
	if present.until(before + held); present.problem != "" {
		t.Error(present.problem)
	}
}

// TestRejectUnknownReason: only the reasons of the protocol can be demanded.
func TestRejectUnknownReason(t *testing.T) {
	s := start(t, setup{})
	op := s.login(operator)
	for _, reason := range []client.Reason{-1, 37, 257, 1 << 30} {
		_, err := op.Operate(t.Context(), client.RejectNext{Customer: alice, Count: 1, Reason: reason})
		if e := refused(t, err); e.Reason != client.Reason(pb.Reason_REASON_BAD_DIRECTIVE) {
			t.Errorf("%d: %s", reason, e.Reason)
		}
	}
	s.login(alice).buy(tin, 1)
}
