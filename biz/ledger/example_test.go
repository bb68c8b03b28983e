package ledger_test

import (
	"errors"
	"fmt"

	"holdfast/biz/ledger"
)

func ExampleAccount() {
	a, err := ledger.NewAccount(100001, 100_000_000, []ledger.Holding{{Instrument: 0, Quantity: 100, Cost: 10_000_000}}, ledger.DefaultRecent)
	if err != nil {
		panic(err)
	}
	bought, err := a.Place(ledger.Order{Side: ledger.Buy, Instrument: 0, Quantity: 100, Price: 100_000})
	fmt.Println(bought.Execution.ID, bought.Change, bought.Position.Quantity, bought.Position.MarketValue(100_000), err)

	_, err = a.Place(ledger.Order{Side: ledger.Sell, Instrument: 0, Quantity: 500, Price: 100_000})
	fmt.Println(errors.Is(err, ledger.ErrNotEnoughShares), err)

	busted, changed, err := a.Bust(ledger.Bust{Execution: bought.Execution, Reason: "wrong price"})
	fmt.Println(busted.Change, busted.Position.Quantity, changed, err)
	// Output:
	// 100001-1 increased 200 2000.0000 <nil>
	// true not enough shares
	// decreased 100 true <nil>
}

func ExampleAppendEvent() {
	a, _ := ledger.NewAccount(100001, 100_000_000, nil, 0)
	e, _ := a.Place(ledger.Order{Side: ledger.Buy, Instrument: 3, Quantity: 5, Price: 100_000})
	record := ledger.AppendEvent(nil, &e, "")

	again, _ := ledger.NewAccount(100001, 100_000_000, nil, 0)
	decoded, reason, _, err := ledger.DecodeEvent(record)
	if err != nil {
		panic(err)
	}
	applied, err := again.Replay(&decoded, reason)
	fmt.Println(applied, err, again.Hash() == a.Hash())
	// Output: true <nil> true
}
