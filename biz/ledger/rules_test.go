package ledger_test

import (
	"errors"
	"testing"

	"holdfast/biz/ledger"
)

func TestLots(t *testing.T) {
	hundreds, star, north := ledger.Lots{Minimum: 100, Step: 100}, ledger.Lots{Minimum: 200, Step: 1}, ledger.Lots{Minimum: 100, Step: 1}
	cases := []struct {
		name     string
		lots     ledger.Lots
		sellable ledger.Quantity // 0: a buy
		good     []ledger.Quantity
		bad      []ledger.Quantity
	}{
		{"any", ledger.Lots{}, 0, []ledger.Quantity{1, 2, 160}, []ledger.Quantity{0, -1}},
		{"hundreds", hundreds, 0, []ledger.Quantity{100, 200, 1000}, []ledger.Quantity{1, 50, 99, 101, 150, -100, 0}},
		{"hundreds of 250", hundreds, 250, []ledger.Quantity{100, 200, 50, 150, 250}, []ledger.Quantity{1, 49, 51, 99, 249}},
		{"hundreds of 50", hundreds, 50, []ledger.Quantity{50}, []ledger.Quantity{1, 49, 51}},
		{"hundreds of 200", hundreds, 200, []ledger.Quantity{100, 200}, []ledger.Quantity{1, 50, 150}},
		{"200 and more", star, 0, []ledger.Quantity{200, 201, 1000}, []ledger.Quantity{1, 199}},
		{"200 and more of 150", star, 150, []ledger.Quantity{150}, []ledger.Quantity{1, 100, 149}},
		{"200 and more of 350", star, 350, []ledger.Quantity{200, 201, 350}, []ledger.Quantity{1, 150}},
		{"100 and more", north, 0, []ledger.Quantity{100, 101}, []ledger.Quantity{99}},
	}
	for _, c := range cases {
		for _, q := range c.good {
			if !c.lots.Allows(q, c.sellable) {
				t.Errorf("%s: %d is refused", c.name, q)
			}
		}
		for _, q := range c.bad {
			if c.lots.Allows(q, c.sellable) {
				t.Errorf("%s: %d is allowed", c.name, q)
			}
		}
	}
}

// TestOddRemainder: what can be sold counts without what is frozen or unsettled.
func TestOddRemainder(t *testing.T) {
	a := open(t, 10_000, ledger.Holding{Instrument: tin, Quantity: 250})
	odd := func(q ledger.Quantity) error {
		d := sell(q, 1)
		d.Terms.Lots = ledger.Lots{Minimum: 100, Step: 100}
		b := restart(t, a) // so that a stays
		_, err := try(b, d)
		return err
	}
	if err := odd(50); err != nil {
		t.Error(err)
	}
	rest(t, a, limit(ledger.Sell, 50, 10))
	if err := odd(50); !errors.Is(err, ledger.ErrBadLot) {
		t.Error(err)
	}
	late := buy(30, 1)
	late.Terms.SharesFrom = 9
	place(t, a, late)
	if err := odd(30); !errors.Is(err, ledger.ErrBadLot) {
		t.Error(err)
	}
	if err := odd(200); err != nil {
		t.Error(err)
	}
}

func TestFees(t *testing.T) {
	fees := &ledger.Fees{Commission: 1_000_000, Minimum: 5, SellTax: 500_000, PerShare: 1} // 1 %, 0.5 %
	cases := []struct {
		name string
		side ledger.Side
		fees *ledger.Fees
		q    ledger.Quantity
		p    ledger.Price
		want ledger.Money
	}{
		{"none", ledger.Buy, nil, 10, 100, 0},
		{"minimum", ledger.Buy, fees, 2, 100, 5 + 2},
		{"rate", ledger.Buy, fees, 10, 100, 10 + 10},
		{"sell", ledger.Sell, fees, 10, 100, 10 + 10 + 5},
		{"half to the even number below", ledger.Buy, &ledger.Fees{Commission: 1_000_000}, 1, 50, 0},
		{"half to the even number above", ledger.Buy, &ledger.Fees{Commission: 1_000_000}, 1, 150, 2},
	}
	for _, c := range cases {
		a := open(t, 10_000, ledger.Holding{Instrument: tin, Quantity: 10, Cost: 100})
		d := deal{marketOrder(c.side, tin, c.q), c.p}
		d.Terms.Fees = c.fees
		e := place(t, a, d)
		equal(t, c.name, e.Execution.Fee, c.want)
		equal(t, c.name+": flow", a.Cash()-10_000, e.Execution.CashFlow())
		equal(t, c.name+": invariant", constant(a), 10_100)
		if c.side == ledger.Sell {
			equal(t, c.name+": realised", a.Realised(), ledger.Money(c.q)*ledger.Money(c.p)-100-c.want)
			equal(t, c.name+": fees apart", a.Fees(), 0)
			continue
		}
		equal(t, c.name+": fees apart", a.Fees(), c.want)
	}
}

// TestMinimumFeeOfAnOrder: an order pays the minimum once, however many executions it has, and
// as much as if it were executed at once.
func TestMinimumFeeOfAnOrder(t *testing.T) {
	a := open(t, 10_000)
	o := limit(ledger.Buy, 10, 100)
	o.Terms.Fees = &ledger.Fees{Commission: 1_000_000, Minimum: 6}
	id := rest(t, a, o).ID
	equal(t, "frozen", a.Frozen(), 1000+10)
	var fees []ledger.Money
	for _, q := range []ledger.Quantity{3, 2, 1, 4} {
		e := must(t)(a.Fill(nil, id, []ledger.Offer{{Quantity: q, Price: 100}}, &o.Terms))[0]
		fees = append(fees, e.Execution.Fee)
		equal(t, "value and fees, paid and frozen", a.Free(1), 10_000-1010)
	}
	equal(t, "fees", fees, []ledger.Money{6, 0, 0, 4})
}

// TestFeeInCost: the market can put the fee of a buy into the cost.
func TestFeeInCost(t *testing.T) {
	a := open(t, 10_000)
	d := buy(10, 10)
	d.Terms.Fees = &ledger.Fees{Minimum: 7, InCost: true}
	e := place(t, a, d)
	equal(t, "cost", e.Position.Cost, 107)
	equal(t, "fees apart", a.Fees(), 0)
	s := sell(10, 20)
	s.Terms.Fees = d.Terms.Fees
	equal(t, "realised", place(t, a, s).Position.Realised, 200-107-7)
}

// TestFeesOfASellAboveItsValue: they need cash.
func TestFeesOfASellAboveItsValue(t *testing.T) {
	a := open(t, 7, ledger.Holding{Instrument: tin, Quantity: 10, Cost: 100})
	d := sell(1, 1)
	d.Terms.Fees = &ledger.Fees{Minimum: 9}
	unchanged(t, a, func() {
		if _, err := try(a, d); !errors.Is(err, ledger.ErrNotEnoughCash) {
			t.Error(err)
		}
		o := limit(ledger.Sell, 2, 1)
		o.Terms.Fees = d.Terms.Fees
		if _, err := a.Place(nil, &o, []ledger.Offer{{Quantity: 1, Price: 1}}); !errors.Is(err, ledger.ErrNotEnoughCash) {
			t.Error(err)
		}
	})
	d.Terms.Fees = &ledger.Fees{Minimum: 8}
	d.Terms.CashFrom = 5
	place(t, a, d)
	equal(t, "cash", a.Cash(), 0)
	equal(t, "unsettled", a.Unsettled(1), 0)
	must(t)(a.Deposit(nil, 3, "", 1))
	parts := marketOrder(ledger.Sell, tin, 2)
	parts.Terms.Fees, parts.Terms.CashFrom = &ledger.Fees{PerShare: 5}, 5
	unchanged(t, a, func() { // the proceeds of the first part can't pay for the second
		if _, err := a.Place(nil, &parts, []ledger.Offer{{Quantity: 1, Price: 100}, {Quantity: 1, Price: 1}}); !errors.Is(err, ledger.ErrNotEnoughCash) {
			t.Error(err)
		}
	})
	must(t)(a.Deposit(nil, 1, "", 1))
	events := submit(t, a, parts, ledger.Offer{Quantity: 1, Price: 100}, ledger.Offer{Quantity: 1, Price: 1})
	equal(t, "free", a.Free(1), 0)
	equal(t, "unsettled", a.Unsettled(1), 95)
	c := correction(a, events[1].Execution, 1, 7) // 2 of it wait now
	c.Terms.Fees = parts.Terms.Fees
	must(t)(a.Correct(nil, c))
	equal(t, "unsettled", a.Unsettled(1), 97)
	equal(t, "free", a.Free(1), 4)
}

// TestDeepDebt: cash that is deep in debt, frozen and unsettled is not taken for free cash.
func TestDeepDebt(t *testing.T) {
	const q = 400_000 // x MaxPrice = MaxMoney
	var held []ledger.Holding
	for id := range ledger.InstrumentID(4) {
		held = append(held, ledger.Holding{Instrument: 100 + id, Quantity: q, Cost: ledger.MaxMoney})
	}
	a := open(t, 0, held...)
	var sold []ledger.Execution
	for id := range ledger.InstrumentID(2) {
		sold = append(sold, place(t, a, sell(q, ledger.MaxPrice).of(100+id)).Execution)
		place(t, a, buy(q, ledger.MaxPrice).of(200+id))
	}
	sold = append(sold, place(t, a, sell(q, ledger.MaxPrice).of(102)).Execution)
	rest(t, a, limit(ledger.Buy, q, ledger.MaxPrice))
	bust(t, a, sold[0])
	late := sell(q, ledger.MaxPrice).of(103)
	late.Terms.CashFrom = 9
	place(t, a, late)
	bust(t, a, sold[1])
	unchanged(t, a, func() {
		parts := []ledger.Offer{{Quantity: q / 2, Price: ledger.MaxPrice}, {Quantity: q / 2, Price: ledger.MaxPrice}}
		if _, err := a.Place(nil, new(marketOrder(ledger.Buy, tin, q)), parts); !errors.Is(err, ledger.ErrNotEnoughCash) {
			t.Errorf("bought with %s free: %v", a.Free(1), err)
		}
		if _, err := a.Place(nil, new(marketOrder(ledger.Buy, tin, 1)), []ledger.Offer{{Quantity: 1, Price: 1}}); !errors.Is(err, ledger.ErrNotEnoughCash) {
			t.Errorf("one share bought with %s free: %v", a.Free(1), err)
		}
	})
	bust(t, a, sold[2])
	equal(t, "cash", a.Cash(), -ledger.MaxMoney)
	if free := a.Free(1); free != -2*ledger.MaxMoney {
		t.Errorf("free %d", free)
	}
	if _, err := a.Withdraw(nil, 1, "", 1); !errors.Is(err, ledger.ErrNotEnoughCash) {
		t.Error(err)
	}
}

// TestExtremeFees: fees that would exceed a limit refuse the order.
func TestExtremeFees(t *testing.T) {
	most := []*ledger.Fees{
		{Minimum: ledger.MaxMoney}, {Minimum: 1<<63 - 1}, {PerShare: ledger.MaxMoney}, {PerShare: 1<<63 - 1}, {PerShare: -1},
		{Minimum: 1<<63 - 1, SellTax: ledger.MaxRate},
		{Commission: ledger.MaxRate, SellTax: ledger.MaxRate, Minimum: ledger.MaxMoney},
	}
	for i, fees := range most {
		a := open(t, ledger.MaxMoney, ledger.Holding{Instrument: tin, Quantity: ledger.MaxQuantity})
		for _, side := range []ledger.Side{ledger.Buy, ledger.Sell} {
			whole, working := marketOrder(side, tin, 400_000), limit(side, 400_000, ledger.MaxPrice)
			whole.Terms.Fees, working.Terms.Fees = fees, fees
			unchanged(t, a, func() {
				if _, err := try(a, deal{whole, ledger.MaxPrice}); !errors.Is(err, ledger.ErrTooLarge) {
					t.Errorf("fees %d, %s: %v", i, side, err)
				}
				if _, err := a.Place(nil, &working, []ledger.Offer{{Quantity: 9, Price: ledger.MaxPrice}}); !errors.Is(err, ledger.ErrTooLarge) {
					t.Errorf("fees %d, part of a %s: %v", i, side, err)
				}
				if side == ledger.Buy {
					if _, err := a.Place(nil, &working, nil); !errors.Is(err, ledger.ErrTooLarge) {
						t.Errorf("fees %d, a buy that rests: %v", i, err)
					}
				}
			})
		}
	}
}

// TestSettlement: shares of a buy and proceeds of a sell wait until their time, separately.
func TestSettlement(t *testing.T) {
	const now, tomorrow, later = 1, 10, 20
	a := open(t, 1000, ledger.Holding{Instrument: tin, Quantity: 5})
	bought := buy(10, 10)
	bought.Terms.SharesFrom = tomorrow
	place(t, a, bought)
	bought.Terms.SharesFrom = later
	place(t, a, bought)
	equal(t, "sellable now", a.Sellable(tin, now), 5)
	equal(t, "sellable just before", a.Sellable(tin, tomorrow-1), 5)
	equal(t, "sellable tomorrow", a.Sellable(tin, tomorrow), 15)
	equal(t, "sellable later", a.Sellable(tin, later), 25)
	for _, d := range []deal{sell(6, 10), {limit(ledger.Sell, 6, 10), 10}} {
		unchanged(t, a, func() {
			if _, err := a.Place(nil, &d.NewOrder, []ledger.Offer{{Quantity: d.Quantity, Price: 10}}); !errors.Is(err, ledger.ErrNotEnoughSellable) {
				t.Error(err)
			}
			if _, err := a.Place(nil, &d.NewOrder, nil); !errors.Is(err, ledger.ErrNotEnoughSellable) {
				t.Error(err)
			}
		})
	}
	sold := sell(5, 20)
	sold.Terms.CashFrom = tomorrow
	place(t, a, sold)
	equal(t, "cash", a.Cash(), 1000-200+100)
	equal(t, "unsettled", a.Unsettled(now), 100)
	equal(t, "free", a.Free(now), 800)
	equal(t, "free tomorrow", a.Free(tomorrow), 900)
	unchanged(t, a, func() {
		if _, err := try(a, buy(1, 801)); !errors.Is(err, ledger.ErrNotEnoughCash) {
			t.Error(err)
		}
		if _, err := a.Withdraw(nil, 801, "", now); !errors.Is(err, ledger.ErrNotEnoughCash) {
			t.Error(err)
		}
	})
	next := buy(1, 801)
	next.Terms.Time = tomorrow
	place(t, a, next)
	equal(t, "after a restart", restart(t, a).Sellable(tin, tomorrow), a.Sellable(tin, tomorrow))
}

// TestBustOfUnsettled: what was bought or sold does not wait any more.
func TestBustOfUnsettled(t *testing.T) {
	a := open(t, 1000, ledger.Holding{Instrument: tin, Quantity: 5})
	bought, sold := buy(10, 10), sell(5, 20)
	bought.Terms.SharesFrom, sold.Terms.CashFrom = 10, 10
	b, s := place(t, a, bought).Execution, place(t, a, sold).Execution
	bust(t, a, s)
	equal(t, "unsettled", a.Unsettled(2), 0)
	equal(t, "sellable", a.Sellable(tin, 2), 5)
	bust(t, a, b)
	equal(t, "sellable", a.Sellable(tin, 2), 5)
	equal(t, "cash", a.Free(2), 1000)
}

// TestUnsettledSharesOfABustedPosition: shares that wait do so also after the position was
// closed in between by a bust.
func TestUnsettledSharesOfABustedPosition(t *testing.T) {
	a := open(t, 1000)
	settled, waits := buy(10, 10), buy(10, 10)
	waits.Terms.SharesFrom = 50
	x := place(t, a, settled).Execution
	place(t, a, waits)
	s := place(t, a, sell(10, 10)).Execution
	bust(t, a, x)
	equal(t, "rows", a.Rows(), 0)
	bust(t, a, s)
	equal(t, "sellable", a.Sellable(tin, 2), 0)
	equal(t, "sellable later", a.Sellable(tin, 50), 10)
}

func TestCash(t *testing.T) {
	a := open(t, 1000)
	rest(t, a, limit(ledger.Buy, 10, 30))
	e := must(t)(a.Deposit(nil, 50, "gift", 3))[0]
	equal(t, "pushes", e.Pushes(), 1)
	equal(t, "amount", e.Amount, 50)
	equal(t, "deposits", a.Deposits(), 50)
	must(t)(a.Withdraw(nil, 750, "", 3))
	equal(t, "free", a.Free(3), 0)
	equal(t, "deposits", a.Deposits(), -700)
	cases := []struct {
		name   string
		amount ledger.Money
		text   string
		want   error
	}{
		{"0", 0, "", ledger.ErrBadAmount},
		{"negative", -1, "", ledger.ErrBadAmount},
		{"lowest", -1 << 63, "", ledger.ErrTooLarge},
		{"highest", 1<<63 - 1, "", ledger.ErrTooLarge},
		{"the maximum", ledger.MaxMoney, "", ledger.ErrTooLarge},
		{"text", 1, "a\nb", ledger.ErrBadReason},
	}
	for _, c := range cases {
		unchanged(t, a, func() {
			if events, err := a.Deposit(nil, c.amount, c.text, 3); !errors.Is(err, c.want) || len(events) > 0 {
				t.Errorf("deposit of %s: %v", c.name, err)
			}
			if c.name == "the maximum" {
				c.want = ledger.ErrNotEnoughCash
			}
			if events, err := a.Withdraw(nil, c.amount, c.text, 3); !errors.Is(err, c.want) || len(events) > 0 {
				t.Errorf("withdrawal of %s: %v", c.name, err)
			}
		})
	}
}

func TestReset(t *testing.T) {
	a := open(t, 1000, ledger.Holding{Instrument: rail, Quantity: 5, Cost: 17}, ledger.Holding{Instrument: tin, Quantity: 9})
	late := buy(1, 10)
	late.Terms.SharesFrom = 50
	place(t, a, late)
	sold := sell(4, 10).of(rail)
	sold.Terms.CashFrom = 50
	place(t, a, sold)
	rest(t, a, limit(ledger.Buy, 1, 1))
	rest(t, a, limit(ledger.Sell, 1, 1))
	must(t)(a.Deposit(nil, 5, "", 2))
	unchanged(t, a, func() {
		if _, err := a.Reset(nil, "\x00", 3); !errors.Is(err, ledger.ErrBadReason) {
			t.Error(err)
		}
	})
	events := must(t)(a.Reset(nil, "once more", 3))
	equal(t, "kinds", kinds(events), []ledger.Kind{ledger.KindCancel, ledger.KindCancel, ledger.KindReset})
	equal(t, "cause", events[0].Cause, ledger.ByReset)
	equal(t, "rows", events[2].Rows, 2)
	equal(t, "cash", a.Free(3), 1000)
	equal(t, "sums", []ledger.Money{a.Deposits(), a.Realised(), a.Fees(), a.Frozen()}, []ledger.Money{0, 0, 0, 0})
	equal(t, "positions", a.Positions(nil), []ledger.Position{{Instrument: rail, Quantity: 5, Cost: 17}, {Instrument: tin, Quantity: 9}})
	equal(t, "sellable", a.Sellable(tin, 3), 9)
	equal(t, "last execution before", a.ResetAt(), 2)
	equal(t, "numbers go on", place(t, a, buy(1, 1)).Execution.ID.Number(), 3)
	equal(t, "after a restart", restart(t, a).ResetAt(), 2)
}
