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
	day      int64               = 86_400_000_000_000
)

func open(t testing.TB, cash ledger.Money, holdings ...ledger.Holding) *ledger.Account {
	t.Helper()
	return openWith(t, ledger.Options{Recent: ledger.DefaultRecent}, cash, holdings...)
}

func openWith(t testing.TB, o ledger.Options, cash ledger.Money, holdings ...ledger.Holding) *ledger.Account {
	t.Helper()
	a, err := ledger.NewAccount(customer, ledger.Opening{Cash: cash, Holdings: holdings}, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// deal is a market order and the price at which it is executed at once.
type deal struct {
	ledger.NewOrder
	price ledger.Price
}

func marketOrder(side ledger.Side, id ledger.InstrumentID, q ledger.Quantity) ledger.NewOrder {
	return ledger.NewOrder{Side: side, Type: ledger.Market, TimeInForce: ledger.Day, Instrument: id, Quantity: q, Terms: ledger.Terms{Time: 1}}
}

func buy(q ledger.Quantity, p ledger.Price) deal {
	return deal{marketOrder(ledger.Buy, tin, q), p}
}

func sell(q ledger.Quantity, p ledger.Price) deal {
	return deal{marketOrder(ledger.Sell, tin, q), p}
}

// of returns the deal for another instrument.
func (d deal) of(id ledger.InstrumentID) deal {
	d.Instrument = id
	return d
}

func (d deal) named(t testing.TB, id string) deal {
	t.Helper()
	d.ClientOrderID = named(t, id)
	return d
}

func try(a *ledger.Account, d deal) ([]ledger.Event, error) {
	return a.Place(nil, &d.NewOrder, []ledger.Offer{{Quantity: d.Quantity, Price: d.price}})
}

// place executes a deal wholly and returns its only event.
func place(t testing.TB, a *ledger.Account, d deal) ledger.Event {
	t.Helper()
	events, err := try(a, d)
	if err != nil || len(events) != 1 {
		t.Fatalf("%s %d at %s: %d events, %v", d.Side, d.Quantity, d.price, len(events), err)
	}
	return events[0]
}

// limit returns a limit order that is good till cancelled.
func limit(side ledger.Side, q ledger.Quantity, p ledger.Price) ledger.NewOrder {
	o := marketOrder(side, tin, q)
	o.Type, o.TimeInForce, o.Price = ledger.Limit, ledger.GoodTillCancelled, p
	o.Terms.Priority = 1
	return o
}

// submit places an order with offers and returns its events.
func submit(t testing.TB, a *ledger.Account, o ledger.NewOrder, offers ...ledger.Offer) []ledger.Event {
	t.Helper()
	return must(t)(a.Place(nil, &o, offers))
}

// must fails the test if there is an error.
func must(t testing.TB) func([]ledger.Event, error) []ledger.Event {
	t.Helper()
	return func(events []ledger.Event, err error) []ledger.Event {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
}

// rest places an order that rests and returns it.
func rest(t testing.TB, a *ledger.Account, o ledger.NewOrder) ledger.Order {
	t.Helper()
	events := submit(t, a, o)
	if len(events) != 1 || events[0].Kind != ledger.KindAccept {
		t.Fatalf("%d events, kind %d", len(events), events[0].Kind)
	}
	return events[0].Order
}

// pastOf returns the past of an instrument from events in memory, which must be all.
func pastOf(a *ledger.Account, id ledger.InstrumentID) ledger.Past {
	var p ledger.Past
	for _, h := range a.Opening().Holdings {
		if h.Instrument == id {
			p.Start = h
		}
	}
	done := make(map[ledger.OrderID]ledger.Order)
	for _, e := range a.Recent(nil) {
		if _, newer := done[e.Order.ID]; !newer && e.Kind.HasOrder() {
			done[e.Order.ID] = e.Order
		}
		if e.Kind != ledger.KindFill && e.Kind != ledger.KindCorrect || e.Execution.Instrument != id {
			continue
		}
		if _, busted := a.FindBust(e.Execution.ID); !busted && e.Execution.ID.Number() > a.ResetAt() {
			p.Executions = append(p.Executions, e.Execution)
		}
	}
	p.Order = func(id ledger.OrderID) (ledger.Order, bool) {
		o, found := done[id]
		return o, found
	}
	return p
}

// bustOf returns the command to bust executions.
func bustOf(a *ledger.Account, list ...ledger.Execution) *ledger.Bust {
	b := &ledger.Bust{Reason: "test", Terms: ledger.Terms{Time: 2}}
	for _, x := range list {
		b.Executions = append(b.Executions, x.ID)
	}
	b.Past = pastOf(a, list[0].Instrument)
	return b
}

// bust busts an execution and returns the last event.
func bust(t testing.TB, a *ledger.Account, x ledger.Execution) ledger.Event {
	t.Helper()
	events, err := a.Bust(nil, bustOf(a, x))
	if err != nil || len(events) == 0 {
		t.Fatalf("bust of %s: %d events, %v", x.ID, len(events), err)
	}
	return events[len(events)-1]
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

// constant returns the sum that no command may change, except for a reset.
func constant(a *ledger.Account) ledger.Money {
	sum := a.Cash() - a.Realised() + a.Fees() - a.Deposits()
	for _, p := range a.Positions(nil) {
		sum += p.Cost
	}
	return sum
}
