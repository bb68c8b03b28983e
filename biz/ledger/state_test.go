package ledger_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"holdfast/biz/ledger"
)

// restart returns the account restored from its state.
func restart(t testing.TB, a *ledger.Account) *ledger.Account {
	t.Helper()
	b, err := restored(a, ledger.Options{Recent: ledger.DefaultRecent})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// restored returns the account restored from its state, which gets its client order ids when it needs
// them.
func restored(a *ledger.Account, o ledger.Options) (*ledger.Account, error) {
	if err := a.LoadIDs(); err != nil {
		return nil, err
	}
	first, _ := a.IDs()
	ids := a.AppendIDs(nil, first)
	b, err := ledger.RestoreAccount(a.AppendState(nil), a.Opening(), o)
	if err == nil {
		b.OnMissingIDs(func() error { return b.RestoreIDs(ids) })
	}
	return b, err
}

func lived(t testing.TB) *ledger.Account {
	t.Helper()
	a := open(t, 10_000*coin, ledger.Holding{Instrument: rail, Quantity: 5, Cost: 17})
	for n := range 300 {
		d := buy(ledger.Quantity(n%7+1), ten)
		if n%3 == 2 {
			d = sell(2, ten+ledger.Price(n))
		}
		e := place(t, a, d.named(t, fmt.Sprint("order ", n)))
		if n%50 == 8 && len(a.Recent(nil)) < 200 {
			bust(t, a, e.Execution)
		}
	}
	return a
}

// working returns an account with orders of all types, unsettled shares and cash, fees and a
// deposit.
func working(t testing.TB) *ledger.Account {
	t.Helper()
	a := open(t, 10_000*coin, ledger.Holding{Instrument: rail, Quantity: 500, Cost: 17}, ledger.Holding{Instrument: tin, Quantity: 500})
	fees := &ledger.Fees{Commission: 25_000, Minimum: 50_000, SellTax: 100_000}
	for n := range 8 {
		bought, sold := buy(3, ten), sell(1, ten).of(rail)
		bought.Terms = ledger.Terms{Time: 1, Fees: fees, SharesFrom: 10 + int64(n%3)}
		sold.Terms = ledger.Terms{Time: 1, Fees: fees, CashFrom: 12 + int64(n%3)}
		place(t, a, bought)
		place(t, a, sold)
		o := limit(ledger.Buy+ledger.Side(n&1), 5, ten)
		o.Type, o.Stop = ledger.Limit+ledger.OrderType(n/2%3), 0
		if o.Type.HasStop() {
			o.Stop = 2 * ten
		}
		if o.Price = 0; o.Type.HasLimit() {
			o.Price = ten
		}
		o.Terms.Fees, o.Terms.Reserve, o.Held = fees, 3*ten, n > 5
		if o.ClientOrderID = named(t, fmt.Sprint("o", n)); n == 4 {
			o.TimeInForce, o.Expires = ledger.GoodTillDate, 99
		}
		rest(t, a, o)
	}
	must(t)(a.Deposit(nil, coin, "", 2))
	return a
}

func TestStateRoundTrip(t *testing.T) {
	for name, a := range map[string]*ledger.Account{"lived": lived(t), "new": open(t, 5), "in debt": indebted(t), "working": working(t)} {
		state := a.AppendState(nil)
		b := restart(t, a)
		equal(t, name+": state", b.AppendState(nil), state)
		equal(t, name+": hash", b.Hash(), a.Hash())
		equal(t, name+": positions", b.Positions(nil), a.Positions(nil))
		equal(t, name+": recent", b.Recent(nil), a.Recent(nil))
		equal(t, name+": cash", b.Cash(), a.Cash())
		equal(t, name+": free", b.Free(10), a.Free(10))
		equal(t, name+": sellable", b.Sellable(tin, 10), a.Sellable(tin, 10))
		orders, _ := a.OrdersFrom(nil, 0, 100)
		again, _ := b.OrdersFrom(nil, 0, 100)
		equal(t, name+": orders", again, orders)
	}
}

func indebted(t *testing.T) *ledger.Account {
	t.Helper()
	a := open(t, 0, ledger.Holding{Instrument: rail, Quantity: 1})
	e := place(t, a, sell(1, 10).of(rail))
	place(t, a, buy(1, 10))
	bust(t, a, e.Execution)
	equal(t, "cash", a.Cash(), -10)
	return a
}

func TestRestoredAccountGoesOnAlike(t *testing.T) {
	a := lived(t)
	b := restart(t, a)
	for n := range 600 {
		d := sell(1, ten).named(t, fmt.Sprint("order ", n))
		have, errB := try(b, d)
		want, errA := try(a, d)
		if !slices.Equal(have, want) || fmt.Sprint(errB) != fmt.Sprint(errA) {
			t.Fatalf("order %d: %v and %v", n, errB, errA)
		}
	}
	equal(t, "hash", b.Hash(), a.Hash())
}

func TestRestoreWithFewerRecentEvents(t *testing.T) {
	a := lived(t)
	b, err := restored(a, ledger.Options{Recent: 10})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "recent", b.Recent(nil), a.Recent(nil)[:10])
	equal(t, "hash", b.Hash(), a.Hash())
}

// The bytes of version 3 and the hash must never change, and are the same on every machine.
func TestStateBytes(t *testing.T) {
	a := open(t, 1000, ledger.Holding{Instrument: tin, Quantity: 30, Cost: 10})
	sold := sell(1, 5).named(t, "x")
	sold.Terms.CashFrom = 9
	bust(t, a, place(t, a, sold).Execution)
	place(t, a, sold.named(t, "y"))
	bought := buy(1, 5)
	bought.Terms.SharesFrom, bought.Terms.Fees = 8, &ledger.Fees{Minimum: 2}
	place(t, a, bought)
	rest(t, a, limit(ledger.Sell, 3, 7))
	must(t)(a.Deposit(nil, 6, "", 3))
	equal(t, "state", hex.EncodeToString(a.AppendState(nil)), goldenState)
	equal(t, "ids", hex.EncodeToString(a.AppendIDs(nil, 0)), goldenIDs)
	equal(t, "hash", fmt.Sprintf("%x", a.Hash()), goldenHash)
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	a := open(t, 10_000)
	bust(t, a, place(t, a, buy(1, 5)).Execution)
	rest(t, a, limit(ledger.Buy, 3, 7))
	restore := func(state []byte) error {
		_, err := ledger.RestoreAccount(state, a.Opening(), ledger.Options{})
		return err
	}
	state := a.AppendState(nil)
	for bit := range len(state) * 8 {
		state[bit/8] ^= 1 << (bit % 8)
		if err := restore(state); !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrVersion) {
			t.Errorf("bit %d: %v", bit, err)
		}
		state[bit/8] ^= 1 << (bit % 8)
	}
	for n := range state {
		if err := restore(state[:n]); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("cut to %d: %v", n, err)
		}
	}
}

// sealed appends a correct checksum, so that the fuzzer reaches the content.
func sealed(b []byte) []byte {
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return append(b[:len(b):len(b)], byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
}

// FuzzRestoreAccount: what can be restored can be written and restored again, and no command
// panics.
func FuzzRestoreAccount(f *testing.F) {
	add := func(state []byte) { f.Add(state[:len(state)-4]) }
	add(unhex(f, earlyState))
	add(unhex(f, fullState))
	a := open(f, 10_000)
	add(a.AppendState(nil))
	bust(f, a, place(f, a, buy(1, 5)).Execution)
	place(f, a, buy(1, 5))
	add(a.AppendState(nil))
	add(working(f).AppendState(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		opening := ledger.Opening{Cash: 7}
		a, err := ledger.RestoreAccount(sealed(b), opening, ledger.Options{Recent: ledger.MaxRecent})
		if err != nil {
			return
		}
		if again, err := ledger.RestoreAccount(a.AppendState(nil), opening, ledger.Options{Recent: ledger.MaxRecent}); err != nil || again.Hash() != a.Hash() {
			t.Fatalf("a restored account can't be restored: %v", err)
		}
		useAll(a)
	})
}

// useAll makes an account execute and end all that it has.
func useAll(a *ledger.Account) {
	const now = 5
	orders, _ := a.OrdersFrom(nil, 0, ledger.MaxOrders)
	for _, o := range orders {
		_, _ = a.Trigger(nil, o.ID, nil, &ledger.Terms{Time: now})
		_, _ = a.Fill(nil, o.ID, []ledger.Offer{{Quantity: 1, Price: max(o.Price, 1)}}, &ledger.Terms{Time: now})
	}
	for _, p := range a.Positions(nil) {
		for n := range a.LastExecution() {
			x := ledger.Execution{ID: ledger.NewExecutionID(a.Customer(), n+1), Instrument: p.Instrument, Side: ledger.Buy, Quantity: 1, Price: 1}
			b := ledger.Bust{Executions: []ledger.ExecutionID{x.ID}, Past: ledger.Past{Executions: []ledger.Execution{x}}}
			if _, _ = a.Bust(nil, &b); n == 9 {
				break
			}
		}
		_, _ = try(a, sell(p.Quantity, 1).of(p.Instrument))
		_, _ = try(a, buy(1, 1).of(p.Instrument))
	}
	a.EventsAfter(nil, 0)
	_, _ = a.Reset(nil, "", now)
	a.AppendState(nil)
}
