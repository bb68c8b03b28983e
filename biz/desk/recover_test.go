package desk_test

import (
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// TestLastPriceOfTheNewestTrade: after a restart the last price is that of the newest trade,
// also if simultaneous orders have the same time.
func TestLastPriceOfTheNewestTrade(t *testing.T) {
	d := open(t, setup{})
	for n, price := range []ledger.Price{10_0000, 11_0000, 12_0000} {
		d.SetPrice(tin, price)
		must(t, d.Account(alice).Do(d.turn, func(turn *desk.Turn) {
			order := d.order(ledger.Buy, tin, 1, 1)
			if _, err := turn.Place(&order); err != nil {
				t.Errorf("order %d: %v", n, err)
			}
		}))
	}
	d = d.restart()
	if p := d.Market().Last(tin); p != 12_0000 {
		t.Errorf("the last price is %s, want 12.0000", p)
	}
}
