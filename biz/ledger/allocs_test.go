package ledger_test

import (
	"fmt"
	"testing"

	"holdfast/biz/ledger"
)

// traffic places orders in a number of accounts. They alternately buy and sell, and each has
// its own client order id. There are 86,400 orders a day.
type traffic struct {
	accounts []*ledger.Account
	n        uint64
	events   []ledger.Event
	offers   []ledger.Offer
	buffer   []byte
}

func newTraffic(t testing.TB, accounts int) *traffic {
	t.Helper()
	w := &traffic{buffer: make([]byte, 0, ledger.MaxEventSize), offers: []ledger.Offer{{Quantity: 1, Price: ten}}}
	opening := ledger.Opening{
		Cash:     1_000_000_000 * coin,
		Holdings: []ledger.Holding{{Instrument: rail, Quantity: 5, Cost: 17}, {Instrument: tin + 1, Quantity: 5, Cost: 17}},
	}
	for n := range accounts {
		a, err := ledger.NewAccount(customer+ledger.Customer(n), opening, ledger.Options{Recent: ledger.DefaultRecent})
		if err != nil {
			t.Fatal(err)
		}
		w.accounts = append(w.accounts, a)
	}
	return w
}

func (w *traffic) step() (err error) {
	round := w.n / uint64(len(w.accounts))
	o := marketOrder(ledger.Buy+ledger.Side(round&1), tin, 1)
	o.Terms.Time = int64(w.n)*1_000_000_000 + 1_700_000_000_000_000_000
	copy(o.ClientOrderID[:], "benchmark-........")
	for i := range 8 {
		o.ClientOrderID[10+i] = 'a' + byte(w.n>>(4*i)&15)
	}
	a := w.accounts[w.n%uint64(len(w.accounts))]
	w.events, err = a.Place(w.events[:0], &o, w.offers)
	w.buffer = a.AppendNewest(w.buffer[:0], 1)
	w.n++
	return err
}

func TestPlaceAndAppendEventDoNotAllocate(t *testing.T) {
	w := newTraffic(t, 1)
	step := func() {
		if err := w.step(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * ledger.DefaultRecent {
		step()
	}
	if n := testing.AllocsPerRun(10_000, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	a := lived(t)
	e := place(t, a, buy(1, 1).named(t, "again"))
	b := ledger.AppendEvent(nil, &e)
	text := []byte("0123456789abcdef")
	positions, events, orders := make([]ledger.Position, 0, 8), make([]ledger.Event, 0, 256), make([]ledger.Order, 0, 8)
	again := buy(1, 1).named(t, "again").NewOrder
	free := buy(1, 1).named(t, "not used").NewOrder
	cases := map[string]func(){
		"DecodeEvent":        func() { _, _, _ = ledger.DecodeEvent(b) },
		"ParseClientOrderID": func() { _, _ = ledger.ParseClientOrderID(text) },
		"Position":           func() { a.Position(tin) },
		"Positions":          func() { a.Positions(positions) },
		"OrdersFrom":         func() { a.OrdersFrom(orders, 0, 8) },
		"Sellable":           func() { a.Sellable(tin, 1) },
		"EventsAfter":        func() { a.EventsAfter(events, a.LastPush()-9) },
		"FindExecution":      func() { a.FindExecution(e.Execution.ID) },
		"FindNamed":          func() { a.FindNamed(&free.ClientOrderID) },
		"duplicate":          func() { _, _ = a.Place(events, &again, nil) },
	}
	for name, do := range cases {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkPlaceAndAppendEvent(b *testing.B) {
	for _, accounts := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(accounts, " accounts"), func(b *testing.B) {
			w := newTraffic(b, accounts)
			for range accounts * 300 {
				_ = w.step()
			}
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				if err := w.step(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	e := samples(b)[0]
	e.Time = 1_700_000_000_000_000_000
	var buffer []byte
	defer reportCPU(b)()
	for b.Loop() {
		buffer = ledger.AppendEvent(buffer[:0], &e)
	}
	b.SetBytes(int64(len(buffer)))
}

func BenchmarkReplay(b *testing.B) {
	w := newTraffic(b, 1)
	var journal []byte
	for range 100_000 {
		if err := w.step(); err != nil {
			b.Fatal(err)
		}
		journal = append(journal, w.buffer...)
	}
	a := newTraffic(b, 1).accounts[0]
	rest := journal
	b.ReportAllocs()
	for b.Loop() {
		if len(rest) == 0 {
			b.StopTimer()
			a, rest = newTraffic(b, 1).accounts[0], journal
			b.StartTimer()
		}
		e, used, err := ledger.DecodeEvent(rest)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := a.Replay(&e); err != nil {
			b.Fatal(err)
		}
		rest = rest[used:]
	}
}
