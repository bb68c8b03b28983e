package ledger_test

import (
	"errors"
	"fmt"

	"holdfast/biz/ledger"
)

func ExampleAccount() {
	opening := ledger.Opening{Cash: 100_000_000, Holdings: []ledger.Holding{{Instrument: 0, Quantity: 100, Cost: 10_000_000}}}
	a, err := ledger.NewAccount(100001, opening, ledger.Options{Recent: ledger.DefaultRecent})
	if err != nil {
		panic(err)
	}
	o := ledger.NewOrder{Side: ledger.Buy, Type: ledger.Market, TimeInForce: ledger.Day, Instrument: 0, Quantity: 100}
	events, err := a.Place(nil, &o, []ledger.Offer{{Quantity: 100, Price: 100_000}})
	bought := events[0]
	fmt.Println(bought.Execution.ID, bought.Change, bought.Position.Quantity, bought.Position.MarketValue(100_000), err)

	o.Side, o.Quantity = ledger.Sell, 500
	_, err = a.Place(nil, &o, []ledger.Offer{{Quantity: 500, Price: 100_000}})
	fmt.Println(errors.Is(err, ledger.ErrNotEnoughShares), err)

	b := ledger.Bust{
		Executions: []ledger.ExecutionID{bought.Execution.ID}, Reason: "wrong price",
		Past: ledger.Past{Start: opening.Holdings[0], Executions: []ledger.Execution{bought.Execution}},
	}
	events, err = a.Bust(nil, &b)
	fmt.Println(events[0].Change, events[0].Position.Quantity, err)
	// Output:
	// 100001-1 increased 200 2000.0000 <nil>
	// true not enough shares: 200 held, 500 asked
	// decreased 100 <nil>
}

// A limit order rests until it is executed.
func ExampleAccount_Fill() {
	a, err := ledger.NewAccount(100001, ledger.Opening{Cash: 1_000_000}, ledger.Options{})
	if err != nil {
		panic(err)
	}
	o := ledger.NewOrder{Side: ledger.Buy, Type: ledger.Limit, TimeInForce: ledger.Day, Instrument: 3, Quantity: 5, Price: 100_000}
	events, err := a.Place(nil, &o, nil)
	id := events[0].Order.ID
	fmt.Println(len(events), a.Frozen(), a.Free(0), err)

	events, err = a.Fill(nil, id, []ledger.Offer{{Quantity: 2, Price: 90_000}}, &o.Terms)
	fmt.Println(events[0].Order.Leaves(), a.Frozen(), a.Free(0), err)

	_, err = a.Cancel(nil, id, ledger.ByClient, 0)
	fmt.Println(a.WorkingOrders(), a.Frozen(), a.Free(0), err)
	// Output:
	// 1 50.0000 50.0000 <nil>
	// 3 30.0000 52.0000 <nil>
	// 0 0.0000 82.0000 <nil>
}

func ExampleAppendEvent() {
	a, _ := ledger.NewAccount(100001, ledger.Opening{Cash: 100_000_000}, ledger.Options{})
	o := ledger.NewOrder{Side: ledger.Buy, Type: ledger.Market, TimeInForce: ledger.Day, Instrument: 3, Quantity: 5}
	events, _ := a.Place(nil, &o, []ledger.Offer{{Quantity: 5, Price: 100_000}})
	record := ledger.AppendEvent(nil, &events[0])

	again, _ := ledger.NewAccount(100001, ledger.Opening{Cash: 100_000_000}, ledger.Options{})
	decoded, _, err := ledger.DecodeEvent(record)
	if err != nil {
		panic(err)
	}
	applied, err := again.Replay(&decoded)
	fmt.Println(applied, err, again.Hash() == a.Hash())
	// Output: true <nil> true
}
