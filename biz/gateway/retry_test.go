package gateway_test

import (
	"reflect"
	"testing"

	"holdfast/biz/client"
)

// TestRetryOfBusted: a busted order that is sent again gets its first reply again, on any
// connection and after restarts, and is not executed again. Once the order is no longer in memory,
// the reply comes from the history and has no position.
func TestRetryOfBusted(t *testing.T) {
	const recent = 4
	s := start(t, setup{recent: recent})
	o := client.Order{ClientOrderID: "retry", Side: client.Buy, Key: tin, Quantity: 3}
	first := s.login(alice).place(o)
	first.Duplicate = true
	s.login(operator).bust(first.Executions[0].ID, "typo")
	before := s.service.StateHash()
	again := func(where string) {
		t.Helper()
		got := s.login(alice).place(o)
		got.Position.Sellable = first.Position.Sellable // as it is now
		if !reflect.DeepEqual(got, first) {
			t.Errorf("%s: %+v, want %+v", where, got, first)
		}
		if s.service.StateHash() != before {
			t.Errorf("%s: the account has changed", where)
		}
	}
	again("after a reconnect")
	s = s.restart()
	again("after a restart")
	s = start(t, setup{recent: recent, dir: s.copyData()})
	again("after a crash")
	tr := s.login(alice)
	for range recent - 2 {
		tr.buy(rail, 1)
	}
	before = s.service.StateHash()
	again("as the oldest in memory")
	tr.buy(rail, 1)
	before = s.service.StateHash()
	first.Position = client.Position{}
	again("from the history")
	s = s.restart()
	again("from the history after a restart")
}

// TestOrdersCount: each answered order has one execution, and there are no other executions.
func TestOrdersCount(t *testing.T) {
	s := start(t, setup{})
	tr := s.login(alice)
	want := map[client.ExecutionID]bool{}
	for range 20 {
		want[tr.place(client.Order{ClientOrderID: client.NewClientOrderID(), Side: client.Buy, Key: tin, Quantity: 1}).Executions[0].ID] = true
	}
	got := pages(t, tr, client.HistoryQuery{})
	for _, x := range got {
		delete(want, x.ID)
	}
	now := tr.positions()
	if p, _ := now.Find(tin); len(got) != 20 || len(want) != 0 || p.Quantity != 20 {
		t.Errorf("%d executions, %d not found, %d shares", len(got), len(want), p.Quantity)
	}
}
