package gateway_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// TestBust takes an execution back: the customer's sessions get a push, the position is as
// before, and the history shows the execution as busted.
func TestBust(t *testing.T) {
	s := start(t, setup{})
	op, tr := s.login(operator), s.login(alice)
	kept, wrong := tr.buy(tin, 100), tr.buy(tin, 50)
	for range 2 * executionPushes {
		tr.push()
	}
	first := op.bust(wrong.ID, "wrong price")
	want := wrong
	want.Busted, want.BustReason = true, "wrong price"
	if first.Execution != want || first.Position.Quantity != 100 || first.Position.Key != tin {
		t.Errorf("reply %+v", first)
	}
	p := tr.push()
	if b, ok := p.Event.(client.ExecutionBusted); !ok || p.Sequence != 5 || b.ID != wrong.ID || b.Reason != "wrong price" || b.Position != first.Position {
		t.Errorf("push %+v", p)
	}
	p = tr.push() // at once after it, for clients that know no orders
	if u, ok := p.Event.(client.PositionUpdate); !ok || p.Sequence != 6 || u.Change != client.Decreased || u.Position != first.Position || u.MarketValue != 1000_0000 {
		t.Errorf("push %+v", p)
	}
	p = tr.push()
	if u, ok := p.Event.(client.OrderUpdate); !ok || p.Sequence != 7 || u.Order.ID != wrong.Order || u.Order.Filled != 0 || u.Order.Cause != client.CauseBust {
		t.Errorf("push %+v", p)
	}
	state := s.service.Hashes()
	for range 2 { // again, with another reason: nothing happens
		if again := op.bust(wrong.ID, "another reason"); !reflect.DeepEqual(again, first) {
			t.Errorf("again: %+v, want %+v", again, first)
		}
	}
	tr.noPush()
	sameHashes(t, s, state)
	if page := tr.history(client.HistoryQuery{}); !slices.Equal(page.Executions, []client.Execution{want, kept}) {
		t.Errorf("history %+v", page.Executions)
	}
	if d := tr.View().Display(); d.Shows(wrong.ID) || !d.Shows(kept.ID) {
		t.Errorf("shown: %+v", d.Executions)
	}
}

// TestBustAfterAPriceMove: a position that a bust opens again has the last price, in the push
// and afterwards.
func TestBustAfterAPriceMove(t *testing.T) {
	s := start(t, setup{})
	op, tr := s.login(operator), s.login(alice)
	tr.buy(tin, 100)
	sold := tr.sell(tin, 100)
	s.service.MovePrice(tinID, 20_0000)
	op.bust(sold.ID, "keyed in wrong")
	for {
		p := tr.push()
		u, ok := p.Event.(client.PositionUpdate)
		if !ok || p.Sequence != 2*executionPushes+2 {
			continue
		}
		if u.Position.MarketValue != 2000_0000 || u.MarketValue != 2000_0000 {
			t.Errorf("the row is worth %v, all of it %v", u.Position.MarketValue, u.MarketValue)
		}
		return
	}
}

func TestBustRefused(t *testing.T) {
	s := start(t, setup{})
	op, tr := s.login(operator), s.login(alice)
	x := tr.buy(tin, 1)
	state := s.service.Hashes()
	const badReason = client.Reason(pb.Reason_REASON_BAD_BUST_REASON)
	cases := []struct {
		name   string
		from   *trader
		id     client.ExecutionID
		reason string
		result codec.Result
		why    client.Reason
	}{
		{"by the customer", tr, x.ID, "", codec.ResultForbidden, 0},
		{"of a number not reached", op, x.ID + 1, "", codec.ResultRejected, client.ReasonUnknownExecution},
		{"of number 0", op, client.NewExecutionID(alice, 0), "", codec.ResultRejected, client.ReasonUnknownExecution},
		{"of one who never traded", op, client.NewExecutionID(bob, 1), "", codec.ResultRejected, client.ReasonUnknownExecution},
		{"of nobody", op, client.NewExecutionID(424242, 1), "", codec.ResultRejected, client.ReasonUnknownExecution},
		{"with a reason too long", op, x.ID, strings.Repeat("x", 121), codec.ResultRejected, badReason},
		{"with a reason not UTF-8", op, x.ID, "\xff", codec.ResultRejected, badReason},
		{"with a reason that clears screens", op, x.ID, "\x1b[2J", codec.ResultRejected, badReason},
		{"with a reason of two lines", op, x.ID, "wrong\nprice", codec.ResultRejected, badReason},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := tc.from.Bust(t.Context(), tc.id, tc.reason)
			if e := refused(t, err); e.Result != tc.result || e.Reason != tc.why {
				t.Errorf("%s %s, want %s %s", e.Result, e.Reason, tc.result, tc.why)
			}
		})
	}
	sameHashes(t, s, state)
}

// TestBustBlocked: the refusal lists the sells that would lack shares, also those that are only
// in the database: 3 events are in memory.
func TestBustBlocked(t *testing.T) {
	for _, tc := range []struct {
		name   string
		recent int
	}{{"in memory", 0}, {"in the database too", 3}} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{recent: tc.recent})
			op, tr := s.login(operator), s.login(bob)
			tr.sell(tin, 10) // before the buy: does not block
			buy := tr.buy(tin, 100)
			tr.buy(rail, 10)
			sells := []client.ExecutionID{tr.sell(tin, 60).ID, tr.sell(tin, 60).ID}
			tr.sell(rail, 5)
			sells = append(sells, tr.sell(tin, 30).ID, tr.sell(tin, 30).ID)
			state := s.service.Hashes()
			blocked := func(want []client.ExecutionID) {
				t.Helper()
				_, err := op.Bust(t.Context(), buy.ID, "")
				if e := refused(t, err); e.Result != codec.ResultRejected || e.Reason != client.ReasonBustBlocked || !slices.Equal(e.Blocking, want) {
					t.Errorf("%s %s by %v, want %v", e.Result, e.Reason, e.Blocking, want)
				}
			}
			blocked([]client.ExecutionID{sells[1], sells[3]}) // without these two, the others have their shares
			sameHashes(t, s, state)
			op.bust(sells[1], "in the way")
			blocked([]client.ExecutionID{sells[3]})
			op.bust(sells[0], "in the way")
			op.bust(buy.ID, "wrong")
			now := tr.positions()
			if p, _ := now.Find(tin); p.Quantity != 30 {
				t.Errorf("in the end %d shares, want 100 - 10 - 30 - 30", p.Quantity)
			}
		})
	}
}

// TestBustOfOld busts executions that are only in the database, also one whose bust is no
// longer in memory.
func TestBustOfOld(t *testing.T) {
	s := start(t, setup{recent: 2})
	op, tr := s.login(operator), s.login(alice)
	var all []client.Execution
	for n := range 12 {
		all = append(all, tr.buy(tin, client.Quantity(n+1)))
	}
	first := op.bust(all[0].ID, "first")
	for n := 1; n < 6; n++ {
		if b := op.bust(all[n].ID, "old"); b.Execution.Quantity != all[n].Quantity || b.Execution.Time != all[n].Time {
			t.Errorf("busted %+v, want %+v", b.Execution, all[n])
		}
	}
	again := op.bust(all[0].ID, "again")
	if again.Execution != first.Execution {
		t.Errorf("again %+v, want %+v", again.Execution, first.Execution)
	}
	now := tr.positions()
	if p, _ := now.Find(tin); p.Quantity != 7+8+9+10+11+12 || now.Sequence != 12*executionPushes+6*bustPushes {
		t.Errorf("in the end %d shares at push %d", p.Quantity, now.Sequence)
	}
	s = s.restart()
	if got := s.login(operator).bust(all[0].ID, ""); got.Execution != first.Execution {
		t.Errorf("after the restart %+v, want %+v", got.Execution, first.Execution)
	}
}

// TestBustWhileAway: a customer who was not connected sees the bust after the login and in
// the history, also after a restart.
func TestBustWhileAway(t *testing.T) {
	s := start(t, setup{})
	tr := s.login(alice)
	x := tr.buy(tin, 100)
	must(t, tr.Close())
	s.login(operator).bust(x.ID, "while away")
	check := func(where string) {
		t.Helper()
		tr := s.dial()
		if now := tr.login(alice); len(now.Positions) != 0 || now.Sequence != executionPushes+bustPushes || now.Account.Cash != 1_000_000_0000 {
			t.Errorf("%s: login shows %+v", where, now)
		}
		page := tr.history(client.HistoryQuery{})
		if len(page.Executions) != 1 || !page.Executions[0].Busted || page.Executions[0].BustReason != "while away" {
			t.Errorf("%s: history %+v", where, page)
		}
		tr.noPush()
	}
	check("at once")
	s = s.restart()
	check("after a restart")
}
