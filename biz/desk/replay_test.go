package desk_test

import (
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// TestReplayTogether replays batches of many records, which takes several goroutines, and of one:
// accounts and last prices are the same as before.
func TestReplayTogether(t *testing.T) {
	d := open(t, setup{recent: 10})
	accounts := d.Accounts()
	largest := 0
	for n := 0; largest < 2*desk.ReplayTogether && n < 200; n++ {
		for k := range 500 {
			at := n*500 + k
			if at%97 == 0 {
				d.price(ledger.InstrumentID(at%2), ledger.Price(10_0000+at%500*100), at)
			}
			o := marketOrder(ledger.Buy, ledger.InstrumentID(at%2), 1, at)
			d.at(accounts[at%len(accounts)].Customer(), func(turn *desk.Turn) { _, _ = turn.Place(&o) })
		}
		must(t, d.Durable(t.Context()))
		must(t, d.journal.ReplayBatches(t.Context(), 1, func(b *journal.Batch) error {
			largest = max(largest, b.Count)
			return nil
		}))
	}
	if largest < desk.ReplayTogether {
		t.Fatalf("the largest batch has %d records", largest)
	}
	for n, owner := range []int{0, 1, 1, 0} { // the last price of an instrument is of another goroutine each
		id := ledger.InstrumentID(n / 2)
		d.price(id, ledger.Price(20_0000+n*1_0000), 200_000+n)
		d.place(accounts[owner].Customer(), marketOrder(ledger.Buy, id, 1, 200_000+n))
	}
	must(t, d.Durable(t.Context()))
	hash, prices := d.StateHash(), []ledger.Price{d.Market().Last(0), d.Market().Last(1)}
	again := d.crash()
	if again.StateHash() != hash {
		t.Error("another state")
	}
	for id, p := range prices {
		if got := again.Market().Last(ledger.InstrumentID(id)); got != p {
			t.Errorf("last price %s of instrument %d, want %s", got, id, p)
		}
	}
}
