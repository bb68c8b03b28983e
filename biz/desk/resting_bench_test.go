package desk_test

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// The market of the benchmarks of resting orders.
const (
	restingAccounts = 1000
	restingOrders   = 100 // of each account
	restingLimit    = ledger.Price(90_000)
	restingAbove    = ledger.Price(100_000)
)

// restingSeed is a seed of restingAccounts customers.
func restingSeed() string {
	var b strings.Builder
	b.WriteString(`{"format": 1, "instruments": [{"market": "ALFA", "code": "600100", "name": "Tin", "last": "10.00"}], "customers": [`)
	for i := range restingAccounts {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"customer": %d, "name": "Customer", "cash": "1000000000.00"}`, int(alice)+i)
	}
	b.WriteString("]}")
	return b.String()
}

// rest places restingOrders limit orders of each account, which rest. number makes their client
// order ids unique.
func (d *opened) rest(number *int) {
	for _, a := range d.Accounts() {
		for range restingOrders {
			*number++
			name, err := ledger.ParseClientOrderID(fmt.Sprintf("resting order %022d", *number))
			must(d.t, err)
			o := ledger.NewOrder{
				ClientOrderID: name, Side: ledger.Buy, Type: ledger.Limit, TimeInForce: ledger.GoodTillCancelled,
				Instrument: tin, Quantity: 1, Price: restingLimit,
			}
			o.Terms.Time = timeOf(*number)
			must(d.t, d.InTurn(context.Background(), a, d.turn, func(t *desk.Turn) { _, err = t.Place(&o) }))
			must(d.t, err)
		}
	}
}

// BenchmarkStepOverRestingOrders makes a price step that crosses 100,000 resting orders of 1,000
// accounts: until all are executed in memory, and with the journal until the disk has them. For
// the journal set TMPDIR to a folder on the disk to measure.
func BenchmarkStepOverRestingOrders(b *testing.B) {
	for _, c := range []struct {
		name string
		with setup
	}{
		{"memory", setup{
			newOutbound:  func() desk.Outbound { return void{} },
			newCommitLog: func(desk.CommitLogOptions) desk.CommitLog { return new(forgetful) },
		}},
		{"journal", setup{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.with.seed = restingSeed()
			d := open(b, c.with)
			number := 0
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				must(b, d.SetPrice(b.Context(), tin, restingAbove, timeOf(number)))
				d.rest(&number)
				b.StartTimer()
				must(b, d.SetPrice(b.Context(), tin, restingLimit, timeOf(number)))
				must(b, d.Durable(b.Context()))
			}
			for _, a := range d.Accounts() {
				a.View(func(l *ledger.Account) {
					if n := l.WorkingOrders(); n != 0 {
						b.Fatalf("%d orders of %d still work", n, l.Customer())
					}
				})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(restingAccounts*restingOrders), "ns/order")
		})
	}
}

// BenchmarkRestingOrderMemory reports how much memory 100,000 resting orders of 1,000 accounts
// need, each: with their client order ids, and the events of the accounts that stay in memory.
func BenchmarkRestingOrderMemory(b *testing.B) {
	var heap, resident float64
	for b.Loop() {
		d := open(b, setup{
			seed: restingSeed(), newOutbound: func() desk.Outbound { return void{} },
			newCommitLog: func(desk.CommitLogOptions) desk.CommitLog { return new(forgetful) },
		})
		number := 0
		heapBefore, residentBefore := memory(b)
		d.rest(&number)
		heapAfter, residentAfter := memory(b)
		heap += heapAfter - heapBefore
		resident += residentAfter - residentBefore
		d.close()
	}
	orders := float64(b.N) * restingAccounts * restingOrders
	b.ReportMetric(heap/orders, "heap-B/order")
	b.ReportMetric(resident/orders, "resident-B/order")
}

// memory returns the bytes of the live heap and of the resident memory of this process, 0
// where /proc has none.
func memory(b *testing.B) (heap, resident float64) {
	debug.FreeOSMemory()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, pages float64
		if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
			b.Fatal(err)
		}
		resident = pages * float64(os.Getpagesize())
	}
	return float64(sample[0].Value.Uint64()), resident
}
