package desk_test

import (
	"testing"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// TestLastPriceOfTheLastTrade: after a restart the last price is that of the last trade in the
// order of the journal, also if the clock went back or trades have the same time, whatever the
// accounts, whether it is in the checkpoint or only in the journal.
func TestLastPriceOfTheLastTrade(t *testing.T) {
	now := timeOf(0)
	var d *opened
	trade := func(customer ledger.Customer, id ledger.InstrumentID, price ledger.Price, step time.Duration) {
		t.Helper()
		now += int64(step)
		d.price(id, price, 0)
		must(t, d.Account(customer).Do(d.turn, func(turn *desk.Turn) {
			order := marketOrder(ledger.Buy, id, 1, 0)
			if id == mills {
				order.Quantity = 100
			}
			order.Terms.Time = now
			if _, err := turn.Place(&order); err != nil {
				t.Error(err)
			}
		}))
	}
	for _, way := range ways {
		for _, saved := range []string{"no checkpoint", "a checkpoint before the end", "a checkpoint"} {
			t.Run(way.name+", "+saved, func(t *testing.T) {
				d = open(t, setup{recent: 2})
				for n := range ledger.Price(4) { // the clock goes back all the time
					trade(carol, tin, 10_0000+n, -time.Second)
					trade(bob, tin, 11_0000+n, -time.Second)
					trade(carol, mills, 2_0000+n*100, -time.Second)
				}
				if saved == "a checkpoint before the end" {
					must(t, d.SaveCheckpoint(t.Context()))
				}
				trade(bob, tin, 12_0000, 0)
				trade(carol, rail, 80_0000, -time.Hour)
				trade(carol, rail, 81_0000, -time.Hour)
				if saved == "a checkpoint" {
					must(t, d.SaveCheckpoint(t.Context()))
				}
				d = open(t, way.do(d))
				for id, want := range map[ledger.InstrumentID]ledger.Price{tin: 12_0000, rail: 81_0000, mills: 2_0300} {
					if p := d.Market().Last(id); p != want {
						t.Errorf("the last price of %d is %s, want %s", id, p, want)
					}
				}
			})
		}
	}
}

// TestListsAreInTheOrderOfTheJournal: executions are listed by their order in the journal, not by
// time.
func TestListsAreInTheOrderOfTheJournal(t *testing.T) {
	d := open(t, setup{recent: 2})
	for n := range 6 {
		must(t, d.Account(alice).Do(d.turn, func(turn *desk.Turn) {
			order := marketOrder(ledger.Buy, tin, ledger.Quantity(n+1), -n)
			if _, err := turn.Place(&order); err != nil {
				t.Error(err)
			}
		}))
	}
	d.catchUp()
	page, _, err := d.Executions(t.Context(), d.Account(alice), desk.Query{})
	must(t, err)
	if len(page) != 6 {
		t.Fatalf("%d executions", len(page))
	}
	for n, x := range page {
		if x.ID != ledger.NewExecutionID(alice, uint32(6-n)) {
			t.Errorf("execution %s is in place %d", x.ID, n)
		}
	}
}
