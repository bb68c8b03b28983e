//go:build !race

// The race detector allocates.

package desk_test

import (
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// quiet is a Watcher that reads the same data as the gateway.
type quiet struct{ total ledger.Money }

func (q *quiet) Changed(t *desk.Turn) { q.total = t.Ledger().MarketValue() }

func TestTurnsDoNotAllocate(t *testing.T) {
	d := open(t, setup{
		newOutbound:  func() desk.Outbound { return void{} },
		newCommitLog: func(desk.CommitLogOptions) desk.CommitLog { return new(forgetful) },
		watcher:      func(*desk.Account) desk.Watcher { return new(quiet) },
	})
	a, n := d.Account(alice), 0
	name, err := ledger.ParseClientOrderID("order 0000000")
	must(t, err)
	turn := func() {
		n++
		for i, rest := len("order 0000000")-1, n; rest > 0; i, rest = i-1, rest/10 {
			name[i] = '0' + byte(rest%10)
		}
		must(t, a.Do(d.turn, func(turn *desk.Turn) {
			o := marketOrder(ledger.Buy+ledger.Side(n%2), tin, 1, 1)
			o.ClientOrderID = name
			if _, err := turn.Place(&o); err != nil {
				t.Fatal(n, err)
			}
		}))
	}
	n = 1 // the first one buys
	for range 2 * ledger.DefaultRecent {
		turn()
	}
	if allocations := testing.AllocsPerRun(10_000, turn); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}
