package gateway_test

import (
	"testing"

	"holdfast/biz/simulation"
)

// TestSimulatedPushes: a customer gets the simulated trades and prices as pushes.
func TestSimulatedPushes(t *testing.T) {
	s := start(t, setup{simulation: simulation.Config{Orders: 2000, PriceMoves: 200, Random: 1}})
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
