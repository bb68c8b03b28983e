package ledger

import "fmt"

// rehearsal computes what the executions of a new order would make of an account, without
// changing it.
type rehearsal struct {
	fold      Fold // of the position
	cash      Money
	spent     Money // of the free cash
	unsettled Money
	realised  Money
	fees      Money
}

// checkParts refuses a new order that rests or is executed in parts if one of its events would
// be refused. So later events of the command can't fail.
func (a *Account) checkParts(o *Order, offers []Offer, t *Terms) error {
	if uint64(a.lastExecution)+uint64(len(offers)) > maxExecutions {
		return ErrExhausted
	}
	at, held := find(a.rows, o.Instrument)
	free := a.Free(t.Time)
	r := rehearsal{cash: a.cash, unsettled: a.Unsettled(t.Time), realised: a.realised, fees: a.fees}
	switch {
	case o.Side == Sell && a.Sellable(o.Instrument, t.Time) < o.Quantity:
		return a.notEnoughShares(o.Instrument, t.Time, o.Quantity)
	case held:
		r.fold = Fold{Quantity: a.rows[at].quantity, Cost: a.rows[at].cost, Realised: a.rows[at].realised}
	case len(offers) > 0 && len(a.rows) == MaxRows:
		return ErrTooManyPositions
	}
	rest := *o
	for _, offer := range offers {
		spent, err := r.execute(&rest, offer, t)
		if err != nil {
			return err
		}
		if spent > 0 && r.spent > free {
			return a.notEnoughCash(t.Time, r.spent)
		}
	}
	rest.updateStatus()
	if !rest.Working() || !rest.rests() {
		return nil
	}
	frozen, err := frozenFor(&rest, t)
	switch {
	case err != nil:
		return err
	case len(a.orders) >= a.options.Orders:
		return fmt.Errorf("%w: %d work, at most %d", ErrTooManyOrders, len(a.orders), a.options.Orders)
	case frozen > MaxMoney-a.frozen:
		return ErrTooLarge
	case frozen > 0 && r.spent+frozen > free:
		return a.notEnoughCash(t.Time, r.spent+frozen)
	}
	return nil
}

// execute executes a part of the order, and returns by how much the free cash falls.
func (r *rehearsal) execute(o *Order, offer Offer, t *Terms) (spent Money, err error) {
	value, fee, err := t.valueAndFee(o, offer)
	if err != nil {
		return 0, err
	}
	o.Filled += offer.Quantity
	o.FilledValue += value
	x := Execution{Quantity: offer.Quantity, Price: offer.Price, Fee: fee, Side: o.Side, FeeInCost: t.Fees.inCost()}
	flow, cost := x.CashFlow(), r.fold.Cost
	if o.Side == Buy {
		r.fold.buy(&x, value)
	} else if r.fold.sell(&x, value); t.CashFrom > t.Time {
		r.unsettled += max(0, flow)
	}
	spent = -flow
	if o.Side == Sell && t.CashFrom > t.Time {
		spent = -min(0, flow)
	}
	r.cash += flow
	r.fees += x.feeApart()
	r.realised += flow + r.fold.Cost - cost + x.feeApart()
	if r.fold.exceeds() || !withinMoney(r.cash) || !withinMoney(r.fees) || !withinMoney(r.realised) || r.unsettled > MaxMoney {
		return 0, ErrTooLarge
	}
	r.spent += spent
	return spent, nil
}
