package ledger_test

import (
	"reflect"
	"testing"

	"holdfast/biz/ledger"
)

const (
	customer ledger.Customer     = 100001
	tin      ledger.InstrumentID = 7
	rail     ledger.InstrumentID = 3
	coin     ledger.Money        = 10_000 // one currency unit
	ten      ledger.Price        = 100_000
)

func open(t testing.TB, cash ledger.Money, holdings ...ledger.Holding) *ledger.Account {
	t.Helper()
	a, err := ledger.NewAccount(customer, cash, holdings, ledger.DefaultRecent)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func buy(q ledger.Quantity, p ledger.Price) ledger.Order {
	return ledger.Order{Side: ledger.Buy, Instrument: tin, Quantity: q, Price: p, Time: 1}
}

func sell(q ledger.Quantity, p ledger.Price) ledger.Order {
	return ledger.Order{Side: ledger.Sell, Instrument: tin, Quantity: q, Price: p, Time: 1}
}

func place(t testing.TB, a *ledger.Account, o ledger.Order) ledger.Event {
	t.Helper()
	e, err := a.Place(o)
	if err != nil {
		t.Fatalf("%s %d at %s: %v", o.Side, o.Quantity, o.Price, err)
	}
	return e
}

func bust(t testing.TB, a *ledger.Account, x ledger.Execution) ledger.Event {
	t.Helper()
	e, changed, err := a.Bust(ledger.Bust{Execution: x, Reason: "test", Time: 2})
	if err != nil || !changed {
		t.Fatalf("bust of %s: changed %v, %v", x.ID, changed, err)
	}
	return e
}

func named(t testing.TB, s string) ledger.ClientOrderID {
	t.Helper()
	id, err := ledger.ParseClientOrderID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func equal[T any](t testing.TB, what string, have, want T) {
	t.Helper()
	if !reflect.DeepEqual(have, want) {
		t.Errorf("%s:\nhave %+v\nwant %+v", what, have, want)
	}
}

// unchanged fails the test if do changes the account.
func unchanged(t testing.TB, a *ledger.Account, do func()) {
	t.Helper()
	before := string(a.AppendState(nil))
	do()
	if string(a.AppendState(nil)) != before {
		t.Error("the account has changed")
	}
}

// constant returns the sum that no fill and no bust may change.
func constant(a *ledger.Account) ledger.Money {
	sum := a.Cash() - a.Realised()
	for _, p := range a.Positions(nil) {
		sum += p.Cost
	}
	return sum
}
