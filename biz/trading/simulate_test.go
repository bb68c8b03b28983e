package trading_test

import (
	"slices"
	"testing"

	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/trading"
)

// simulated lets a server trade by itself until it has so many executions, and
// returns them in the journal's order, without their times.
func simulated(t *testing.T, m trading.Simulation, enough uint64) (list []ledger.Execution) {
	t.Helper()
	s := start(t, setup{simulation: m})
	eventually(t, "simulated orders", func() bool { return s.service.Stats().Records > enough })
	s.stop()
	j, err := journal.Open(t.Context(), journal.Options{Dir: s.setup.dir + "/journal"})
	must(t, err)
	defer func() { must(t, j.Close(t.Context())) }()
	must(t, j.Replay(t.Context(), 1, func(_ journal.Position, record []byte) error {
		if e, ok := trading.ExecutionOf(record); ok {
			e.Time = 0
			list = append(list, e)
		}
		return nil
	}))
	return list
}

// TestSimulationRepeats: the same random seed and rates give the same trades,
// however the ticks of the clock fall.
func TestSimulationRepeats(t *testing.T) {
	for _, tc := range []struct {
		name string
		m    trading.Simulation
	}{
		{"orders and prices", trading.Simulation{Orders: 3000, PriceMoves: 5000, Random: 7}},
		{"orders alone", trading.Simulation{Orders: 3000, Random: 7}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := simulated(t, tc.m, 600), simulated(t, tc.m, 600)
			n := min(len(a), len(b))
			for i := range n {
				if a[i] != b[i] {
					t.Fatalf("execution %d of %d differs:\n%+v\n%+v", i, n, a[i], b[i])
				}
			}
			if n < 500 {
				t.Errorf("%d executions", n)
			}
			other := tc.m
			other.Random++
			if c := simulated(t, other, 600); slices.Equal(a[:500], c[:500]) {
				t.Error("another random seed gives the same")
			}
		})
	}
}

// TestSimulationSpares trades on the second half of the customers only, and on
// both sides of the market.
func TestSimulationSpares(t *testing.T) {
	half := map[ledger.Customer]bool{ledger.Customer(bob): true, ledger.Customer(carol): true, ledger.Customer(dave): true}
	sides := make(map[ledger.Side]int)
	for _, e := range simulated(t, trading.Simulation{Orders: 5000, Random: 3}, 500) {
		if !half[e.ID.Customer()] {
			t.Fatalf("trade of customer %d", e.ID.Customer())
		}
		sides[e.Side]++
	}
	if sides[ledger.Buy] == 0 || sides[ledger.Sell] == 0 {
		t.Errorf("sides %v", sides)
	}
}

// TestSimulatedPushes: a customer who looks on sees the trades and prices.
func TestSimulatedPushes(t *testing.T) {
	s := start(t, setup{simulation: trading.Simulation{Orders: 2000, PriceMoves: 200, Random: 1}})
	tr := s.login(dave)
	tr.quotes(true)
	eventually(t, "trades and prices on the screen", func() bool {
		d := tr.View().Display()
		if d.Gaps+d.Doubles > 0 {
			t.Fatalf("%d gaps, %d doubles", d.Gaps, d.Doubles)
		}
		return len(d.Executions) > 50 && len(tr.pushes) > 200
	})
}
