package ledger_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"

	"holdfast/biz/ledger"
)

func lived(t testing.TB) *ledger.Account {
	t.Helper()
	a := open(t, 10_000*coin, ledger.Holding{Instrument: rail, Quantity: 5, Cost: 17})
	for n := range 300 {
		o := buy(ledger.Quantity(n%7+1), ten)
		if n%3 == 2 {
			o = sell(2, ten+ledger.Price(n))
		}
		o.ClientOrderID = named(t, fmt.Sprint("order ", n))
		e := place(t, a, o)
		if n%50 == 8 {
			bust(t, a, e.Execution)
		}
	}
	return a
}

func TestStateRoundTrip(t *testing.T) {
	for name, a := range map[string]*ledger.Account{"lived": lived(t), "new": open(t, 5), "in debt": indebted(t)} {
		state := a.AppendState(nil)
		b, err := ledger.RestoreAccount(state, ledger.DefaultRecent)
		if err != nil {
			t.Fatal(name, err)
		}
		equal(t, name+": state", b.AppendState(nil), state)
		equal(t, name+": hash", b.Hash(), a.Hash())
		equal(t, name+": positions", b.Positions(nil), a.Positions(nil))
		equal(t, name+": recent", b.Recent(nil), a.Recent(nil))
		equal(t, name+": cash", b.Cash(), a.Cash())
	}
}

func indebted(t *testing.T) *ledger.Account {
	t.Helper()
	a := open(t, 0, ledger.Holding{Instrument: rail, Quantity: 1})
	e := place(t, a, ledger.Order{Side: ledger.Sell, Instrument: rail, Quantity: 1, Price: 10})
	place(t, a, buy(1, 10))
	bust(t, a, e.Execution)
	equal(t, "cash", a.Cash(), -10)
	return a
}

func TestRestoredAccountGoesOnAlike(t *testing.T) {
	a := lived(t)
	b, err := ledger.RestoreAccount(a.AppendState(nil), ledger.DefaultRecent)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 600 {
		o := sell(1, ten)
		o.ClientOrderID = named(t, fmt.Sprint("order ", n))
		have, errB := b.Place(o)
		want, errA := a.Place(o)
		if have != want || !errors.Is(errB, errA) {
			t.Fatalf("order %d: %v and %v", n, errB, errA)
		}
	}
	equal(t, "hash", b.Hash(), a.Hash())
}

func TestRestoreWithFewerRecentEvents(t *testing.T) {
	a := lived(t)
	b, err := ledger.RestoreAccount(a.AppendState(nil), 10)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "recent", b.Recent(nil), a.Recent(nil)[:10])
	equal(t, "hash", b.Hash(), a.Hash())
}

// The bytes of version 1 and the hash must never change, and are the same on every machine.
func TestStateBytes(t *testing.T) {
	a := open(t, 1000, ledger.Holding{Instrument: tin, Quantity: 3, Cost: 10})
	bust(t, a, place(t, a, sell(1, 5)).Execution)
	equal(t, "state", hex.EncodeToString(a.AppendState(nil)), goldenState)
	equal(t, "hash", fmt.Sprintf("%x", a.Hash()), goldenHash)
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	a := open(t, 10_000)
	bust(t, a, place(t, a, buy(1, 5)).Execution)
	state := a.AppendState(nil)
	for bit := range len(state) * 8 {
		state[bit/8] ^= 1 << (bit % 8)
		if _, err := ledger.RestoreAccount(state, 10); !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrVersion) {
			t.Errorf("bit %d: %v", bit, err)
		}
		state[bit/8] ^= 1 << (bit % 8)
	}
	for n := range state {
		if _, err := ledger.RestoreAccount(state[:n], 10); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("cut to %d: %v", n, err)
		}
	}
}

// sealed appends a correct checksum, so that the fuzzer reaches the content.
func sealed(b []byte) []byte {
	sum := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return append(b[:len(b):len(b)], byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum))
}

func FuzzRestoreAccount(f *testing.F) {
	a := open(f, 10_000)
	unsealed := func() []byte {
		s := a.AppendState(nil)
		return s[:len(s)-4]
	}
	f.Add(unsealed())
	bust(f, a, place(f, a, buy(1, 5)).Execution)
	place(f, a, buy(1, 5))
	f.Add(unsealed())
	f.Fuzz(func(t *testing.T, b []byte) {
		state := sealed(b)
		a, err := ledger.RestoreAccount(state, 1<<20)
		if err != nil {
			return
		}
		if again, err := ledger.RestoreAccount(a.AppendState(nil), 1<<20); err != nil || again.Hash() != a.Hash() {
			t.Fatalf("a restored account can't be restored: %v", err)
		}
	})
}
