package ledger_test

import (
	"math/big"
	"slices"

	"holdfast/biz/ledger"
)

// twin is a trivially correct account: lists of executions and orders, from which everything
// else is computed again for each call, without limits.
type twin struct {
	opening    ledger.Opening
	deposits   ledger.Money
	executions []*twinExecution // since the last reset
	orders     []*twinOrder     // since the last reset
	markets    []ledger.Terms   // by instrument, without times
	maxOrders  int
	ordered    uint32 // numbers of orders and executions
	executed   uint32
}

type twinOrder struct {
	ledger.NewOrder // the terms as they are now
	id              ledger.OrderID
	filled          ledger.Quantity
	status          ledger.OrderStatus
	triggered       bool
	left            ledger.Money // in the middle of a command: what is still frozen; else -1
}

type twinExecution struct {
	number, place uint32
	order         *twinOrder
	quantity      ledger.Quantity
	price         ledger.Price
	fee           ledger.Money
	settlement    int64
	inCost        bool
	busted        bool
}

func (x *twinExecution) value() int64 { return int64(x.quantity) * int64(x.price) }

// flow is what the execution adds to the cash.
func (x *twinExecution) flow() int64 {
	if x.order.Side == ledger.Buy {
		return -x.value() - int64(x.fee)
	}
	return x.value() - int64(x.fee)
}

// valid returns the executions of an instrument that are not busted, by their places.
func (w *twin) valid(id ledger.InstrumentID) (list []*twinExecution) {
	for _, x := range w.executions {
		if !x.busted && x.order.Instrument == id {
			list = append(list, x)
		}
	}
	slices.SortStableFunc(list, func(x, y *twinExecution) int { return int(x.place) - int(y.place) })
	return list
}

func (w *twin) cash() *big.Int {
	sum := big.NewInt(int64(w.opening.Cash + w.deposits))
	for _, x := range w.executions {
		if !x.busted {
			sum.Add(sum, big.NewInt(x.flow()))
		}
	}
	return sum
}

// fees are those that are in no cost and in no profit.
func (w *twin) fees() *big.Int {
	sum := new(big.Int)
	for _, x := range w.executions {
		if !x.busted && x.order.Side == ledger.Buy && !x.inCost {
			sum.Add(sum, big.NewInt(int64(x.fee)))
		}
	}
	return sum
}

// twinPosition is a position as computed from the executions.
type twinPosition struct {
	quantity ledger.Quantity
	cost     *big.Int
	realised *big.Int // since it opened
	total    *big.Int // realised since the reset
	short    []*twinExecution
}

func (w *twin) position(id ledger.InstrumentID) twinPosition {
	p := twinPosition{cost: new(big.Int), realised: new(big.Int), total: new(big.Int)}
	for _, h := range w.opening.Holdings {
		if h.Instrument == id {
			p.quantity, p.cost = h.Quantity, big.NewInt(int64(h.Cost))
		}
	}
	for _, x := range w.valid(id) {
		value, fee := big.NewInt(x.value()), big.NewInt(int64(x.fee))
		switch {
		case x.order.Side == ledger.Buy:
			if p.quantity == 0 {
				p.realised = new(big.Int)
			}
			p.quantity += x.quantity
			if p.cost.Add(p.cost, value); x.inCost {
				p.cost.Add(p.cost, fee)
			}
		case x.quantity > p.quantity:
			p.short = append(p.short, x)
		default:
			cost := proportion(p.cost, int64(x.quantity), int64(p.quantity))
			p.quantity -= x.quantity
			p.cost.Sub(p.cost, cost)
			profit := new(big.Int).Sub(value, cost)
			profit.Sub(profit, fee)
			p.realised.Add(p.realised, profit)
			p.total.Add(p.total, profit)
		}
	}
	return p
}

// proportion returns cost*part/whole rounded half even.
func proportion(cost *big.Int, part, whole int64) *big.Int {
	q, r := new(big.Int).DivMod(new(big.Int).Mul(cost, big.NewInt(part)), big.NewInt(whole), new(big.Int))
	if c := r.Lsh(r, 1).Cmp(big.NewInt(whole)); c > 0 || c == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(1))
	}
	return q
}

func (w *twin) realised() *big.Int {
	sum := new(big.Int)
	for id := range w.markets {
		sum.Add(sum, w.position(ledger.InstrumentID(id)).total)
	}
	return sum
}

func (o *twinOrder) working() bool {
	return o.status == ledger.New || o.status == ledger.PartiallyFilled
}

func (o *twinOrder) leaves() ledger.Quantity {
	if !o.working() {
		return 0
	}
	return o.Quantity - o.filled
}

func (o *twinOrder) waits() bool {
	return (o.Type == ledger.Stop || o.Type == ledger.StopLimit) && !o.triggered
}

func (o *twinOrder) rests() bool {
	return o.TimeInForce <= ledger.GoodTillDate && (o.Type == ledger.Limit || o.Type == ledger.StopLimit || o.waits())
}

// filledValue is the value of the executions of an order.
func (w *twin) filledValue(o *twinOrder) (sum int64) {
	for _, x := range w.executions {
		if x.order == o && !x.busted {
			sum += x.value()
		}
	}
	return sum
}

// feeOf is the fee of an execution of an order that has a value already.
func (w *twin) feeOf(o *twinOrder, before int64, q ledger.Quantity, p ledger.Price) int64 {
	f := w.markets[o.Instrument].Fees
	if f == nil {
		return 0
	}
	rate := func(r ledger.Rate, value int64) int64 {
		return proportion(big.NewInt(value), int64(r), int64(ledger.MaxRate)).Int64()
	}
	commission := func(value int64) int64 {
		if value == 0 {
			return 0
		}
		return max(rate(f.Commission, value), int64(f.Minimum))
	}
	value := int64(q) * int64(p)
	fee := commission(before+value) - commission(before) + int64(q)*int64(f.PerShare)
	if o.Side == ledger.Sell {
		fee += rate(f.SellTax, value)
	}
	return fee
}

// frozenFor is the cash that is frozen for an order.
func (w *twin) frozenFor(o *twinOrder) int64 {
	if o.left >= 0 && o.working() {
		return int64(o.left)
	}
	if o.Side == ledger.Sell || !o.working() || !o.rests() {
		return 0
	}
	price := o.Price
	if price == 0 {
		price = max(w.markets[o.Instrument].Reserve, o.Stop)
	}
	return int64(o.leaves())*int64(price) + w.feeOf(o, w.filledValue(o), o.leaves(), price)
}

func (w *twin) frozen() (sum int64) {
	for _, o := range w.orders {
		sum += w.frozenFor(o)
	}
	return sum
}

func (w *twin) frozenShares(id ledger.InstrumentID) (sum ledger.Quantity) {
	for _, o := range w.orders {
		if o.Instrument == id && o.Side == ledger.Sell {
			sum += o.leaves()
		}
	}
	return sum
}

func (w *twin) unsettled(now int64) (sum int64) {
	for _, x := range w.executions {
		if !x.busted && x.order.Side == ledger.Sell && x.settlement > now {
			sum += max(0, x.flow())
		}
	}
	return sum
}

func (w *twin) free(now int64) int64 { return w.cash().Int64() - w.frozen() - w.unsettled(now) }

func (w *twin) sellable(id ledger.InstrumentID, now int64) ledger.Quantity {
	return max(0, w.settled(id, now)-w.frozenShares(id))
}

// settled returns how many shares can be sold at a time, or are frozen.
func (w *twin) settled(id ledger.InstrumentID, now int64) ledger.Quantity {
	q := w.position(id).quantity
	for _, x := range w.valid(id) {
		if x.order.Side == ledger.Buy && x.settlement > now {
			q -= x.quantity
		}
	}
	return q
}

func (w *twin) works() (list []*twinOrder) {
	for _, o := range w.orders {
		if o.working() {
			list = append(list, o)
		}
	}
	return list
}

// allows is the rule of lots, word by word.
func (w *twin) allows(o *twinOrder, q, sellable ledger.Quantity) bool {
	lots := w.markets[o.Instrument].Lots
	if lots == (ledger.Lots{}) {
		return true
	}
	regular := func(q ledger.Quantity) bool { return q >= lots.Minimum && (q-lots.Minimum)%lots.Step == 0 }
	if o.Side == ledger.Buy {
		return regular(q)
	}
	odd := sellable % lots.Step
	return regular(q) || q == sellable || q == odd || odd > 0 && regular(q-odd)
}

func (o *twinOrder) update() {
	switch o.status = ledger.PartiallyFilled; o.filled {
	case o.Quantity:
		o.status = ledger.Filled
	case 0:
		o.status = ledger.New
	}
}

func (w *twin) reset() {
	w.executions, w.orders, w.deposits = nil, nil, 0
}
