package ledger_test

import (
	"bytes"
	"errors"
	"fmt"

	"holdfast/biz/ledger"
)

// chooser draws numbers, for a property or for a long random run.
type chooser interface {
	// choose returns a number from 0 to below-1.
	choose(what string, below int) int
	Fatalf(format string, args ...any)
}

// life is an account, its twin, and a second account that replays the events.
type life struct {
	chooser
	live     *ledger.Account
	replayed *ledger.Account
	twin     twin
	options  ledger.Options
	now      int64
	latest   map[ledger.OrderID]ledger.Order // the newest state that events have shown
	simple   map[ledger.OrderID]bool         // orders of which no state is stored
	names    []string                        // client order ids of today
	used     map[ledger.ClientOrderID]bool   // by orders
	commands int
	kinds    map[string]int // how often each kind of command was done
}

func newLife(c chooser, recent int) *life {
	holdings := []ledger.Holding{{Instrument: 1, Quantity: 100, Cost: 997}, {Instrument: 3, Quantity: 70, Cost: 0}}
	l := &life{
		chooser: c, options: ledger.Options{Recent: recent, Orders: 6}, now: 1000 * day,
		latest: make(map[ledger.OrderID]ledger.Order), simple: make(map[ledger.OrderID]bool), used: make(map[ledger.ClientOrderID]bool),
		kinds: make(map[string]int),
		twin: twin{opening: ledger.Opening{Cash: 9000, Holdings: holdings}, maxOrders: 6, markets: []ledger.Terms{
			{Reserve: 90},
			{Reserve: 90, Fees: &ledger.Fees{Commission: 1_700_000, Minimum: 7, SellTax: 900_000}},
			{Reserve: 90, Fees: &ledger.Fees{PerShare: 1, InCost: true}, SharesFrom: 1, Lots: ledger.Lots{Minimum: 10, Step: 5}},
			{Reserve: 90, SharesFrom: 1, CashFrom: 2, Fees: &ledger.Fees{Commission: 300_000, Minimum: 2}},
		}},
	}
	l.live = l.account()
	l.replayed = l.account()
	return l
}

func (l *life) account() *ledger.Account {
	a, err := ledger.NewAccount(customer, l.twin.opening, l.options)
	if err != nil {
		l.Fatalf("%v", err)
	}
	return a
}

// terms returns the rules of an instrument's market at this time.
func (l *life) terms(id ledger.InstrumentID) ledger.Terms {
	m := l.twin.markets[id]
	t := m
	t.Time, t.Priority = l.now, uint64(l.commands)+1
	t.SharesFrom, t.CashFrom = settlement(m, ledger.Buy, l.now), settlement(m, ledger.Sell, l.now)
	return t
}

func (l *life) price(what string) ledger.Price { return ledger.Price(1 + l.choose(what, 90)) }

// parts returns up to three offers of at most q shares, at prices that are not worse than a
// limit.
func (l *life) parts(side ledger.Side, q ledger.Quantity, worst ledger.Price) (offers []ledger.Offer) {
	for range l.choose("offers", 4) {
		p := l.price("offered")
		switch {
		case worst > 0 && side == ledger.Buy:
			p = min(p, worst)
		case worst > 0:
			p = max(p, worst)
		}
		n := min(ledger.Quantity(1+l.choose("offered quantity", 40)), q)
		if q -= n; n > 0 {
			offers = append(offers, ledger.Offer{Quantity: n, Price: p})
		}
	}
	return offers
}

func (l *life) place() {
	id := ledger.InstrumentID(l.choose("instrument", len(l.twin.markets)))
	o := ledger.NewOrder{
		Side: ledger.Buy + ledger.Side(l.choose("side", 2)), Type: ledger.Market + ledger.OrderType(l.choose("type", 4)),
		TimeInForce: ledger.Day + ledger.TimeInForce(l.choose("time in force", 5)), Instrument: id,
		Quantity: ledger.Quantity(1 + l.choose("quantity", 60)), Terms: l.terms(id),
	}
	if o.Type.HasStop() && !o.TimeInForce.Rests() || o.Type == ledger.Market && o.TimeInForce.Rests() {
		o.TimeInForce = ledger.Day
	}
	if o.Type.HasLimit() {
		o.Price = l.price("limit")
	}
	var offers []ledger.Offer
	if o.Type.HasStop() {
		o.Stop = l.price("stop")
	} else if offers = l.parts(o.Side, o.Quantity, o.Price); l.choose("whole", 3) == 0 {
		offers = []ledger.Offer{{Quantity: o.Quantity, Price: l.price("price")}}
	}
	if o.TimeInForce == ledger.GoodTillDate || o.TimeInForce == ledger.Day {
		o.Expires = (l.now/day + 1 + int64(l.choose("expires", 2))) * day
	}
	if l.choose("named", 4) > 0 {
		l.name(&o.ClientOrderID)
	}
	events, err := l.live.Place(nil, &o, offers)
	done, want := l.twin.place(o, offers)
	l.checkError("place", err, want)
	if err != nil {
		return
	}
	l.twinOrder(&events[0], done)
	l.record("place", events)
}

// name sets a new client order id.
func (l *life) name(id *ledger.ClientOrderID) {
	name := fmt.Sprintf("order %d", l.commands)
	copy(id[:], name)
	l.names = append(l.names, name)
}

// twinOrder fails if an event shows another order than the twin has.
func (l *life) twinOrder(e *ledger.Event, o *twinOrder) {
	if e.Order.ID != o.id {
		l.Fatalf("order %s, twin %s", e.Order.ID, o.id)
	}
}

// again repeats a client order id of today with another order.
func (l *life) again() {
	if len(l.names) == 0 {
		return
	}
	var o ledger.NewOrder
	copy(o.ClientOrderID[:], l.names[l.choose("name", len(l.names))])
	before := l.live.AppendState(nil)
	n, found := l.live.FindNamed(&o.ClientOrderID)
	events, err := l.live.Place(nil, &o, nil)
	if !bytes.Equal(l.live.AppendState(nil), before) {
		l.Fatalf("a duplicate has changed the account")
	}
	if used := l.used[o.ClientOrderID]; found != used || errors.Is(err, ledger.ErrDuplicate) != used {
		l.Fatalf("%s: used %t, found %t, %v", &o.ClientOrderID, used, found, err)
	}
	if n.Event != 0 && (len(events) == 0 || events[0].Number != n.Event || events[0].Order.ClientOrderID != o.ClientOrderID) {
		l.Fatalf("%s: %d events, %+v", &o.ClientOrderID, len(events), n)
	}
	l.kinds["duplicate"]++
}

// any returns a working order, or nil.
func (l *life) any() *twinOrder {
	list := l.twin.works()
	if len(list) == 0 {
		return nil
	}
	return list[l.choose("order", len(list))]
}

func (l *life) fill() {
	o := l.any()
	if o == nil || o.waits() {
		return
	}
	offers := l.parts(o.Side, o.leaves(), o.Price)
	t := l.terms(o.Instrument)
	events, err := l.live.Fill(nil, o.id, offers, &t)
	if len(offers) == 0 {
		l.checkError("fill", err, ledger.ErrBadQuantity)
		return
	}
	l.checkError("fill", err, nil)
	l.twin.fill(o, offers, l.now)
	l.record("fill", events)
}

func (l *life) fillLate() {
	var ended []*twinOrder
	for _, o := range l.twin.orders {
		if !o.working() && o.filled < o.Quantity {
			ended = append(ended, o)
		}
	}
	if len(ended) == 0 {
		return
	}
	o := ended[l.choose("order", len(ended))]
	t, offer := l.terms(o.Instrument), ledger.Offer{Quantity: 1 + ledger.Quantity(l.choose("quantity", int(o.Quantity-o.filled))), Price: l.price("price")}
	was := l.latest[o.id]
	events, err := l.live.FillLate(nil, &was, offer, &t)
	l.checkError("fill late", err, l.twin.fillLate(o, offer, l.now))
	if err == nil {
		l.record("fill late", events)
	}
}

func (l *life) trigger() {
	o := l.any()
	if o == nil || !o.waits() {
		return
	}
	offers, t := l.parts(o.Side, o.leaves(), o.Price), l.terms(o.Instrument)
	events, err := l.live.Trigger(nil, o.id, offers, &t)
	l.checkError("trigger", err, nil)
	o.left = ledger.Money(l.twin.frozenFor(o))
	o.triggered = true
	l.twin.fill(o, offers, l.now)
	l.record("trigger", events)
}

func (l *life) cancel() {
	if o := l.any(); o != nil {
		events, err := l.live.Cancel(nil, o.id, ledger.ByClient, l.now)
		l.checkError("cancel", err, nil)
		o.status = ledger.Cancelled
		l.record("cancel", events)
	}
}

func (l *life) cancelAll() {
	if l.choose("all", 4) > 0 {
		return
	}
	id := ledger.InstrumentID(l.choose("instrument", len(l.twin.markets)))
	for _, o := range l.twin.works() {
		if o.Instrument == id {
			o.status = ledger.Cancelled
		}
	}
	l.record("cancel all", l.live.CancelAll(nil, func(o *ledger.Order) bool { return o.Instrument == id }, ledger.ByOperator, l.now))
}

func (l *life) replace() {
	o := l.any()
	if o == nil {
		return
	}
	r := ledger.Replacement{
		Order: o.id, Quantity: ledger.Quantity(1 + l.choose("quantity", 60)), Price: o.Price, Stop: o.Stop,
		TimeInForce: ledger.GoodTillCancelled, Terms: l.terms(o.Instrument),
	}
	if o.Price > 0 {
		r.Price = l.price("limit")
	}
	var offers []ledger.Offer
	if !o.waits() {
		offers = l.parts(o.Side, r.Quantity-o.filled, r.Price)
	}
	if l.choose("named", 2) == 0 {
		l.name(&r.ClientOrderID)
	}
	events, err := l.live.Replace(nil, &r, offers)
	l.checkError("replace", err, l.twin.replace(o, &r, offers))
	if err == nil {
		l.record("replace", events)
	}
}

// day goes on to another day and expires what is over.
func (l *life) day() {
	l.now = (l.now/day+1)*day + int64(l.choose("time of the day", 2))*1000
	l.names = nil
	for _, o := range l.twin.works() {
		if o.Expires != 0 && o.Expires <= l.now {
			events, err := l.live.Expire(nil, o.id, l.now)
			l.checkError("expire", err, nil)
			o.status = ledger.Expired
			l.record("expire", events)
		}
	}
	l.kinds["day"]++
}

func (l *life) deposit() {
	amount := ledger.Money(1 + l.choose("amount", 500))
	events, err := l.live.Deposit(nil, amount, "gift", l.now)
	l.checkError("deposit", err, nil)
	l.twin.deposits += amount
	l.record("deposit", events)
}

func (l *life) withdraw() {
	amount := ledger.Money(1 + l.choose("amount", 500))
	var want error
	if l.twin.free(l.now) < int64(amount) {
		want = ledger.ErrNotEnoughCash
	}
	events, err := l.live.Withdraw(nil, amount, "", l.now)
	l.checkError("withdraw", err, want)
	if err == nil {
		l.twin.deposits -= amount
		l.record("withdraw", events)
	}
}

func (l *life) reset() {
	old := l.live.LastExecution()
	events, err := l.live.Reset(nil, "again", l.now)
	l.checkError("reset", err, nil)
	l.twin.reset()
	l.record("reset", events)
	if old > 0 {
		b := ledger.Bust{Executions: []ledger.ExecutionID{ledger.NewExecutionID(customer, old)}}
		if _, busted := l.live.FindBust(b.Executions[0]); busted {
			return
		}
		if _, err := l.live.Bust(nil, &b); !errors.Is(err, ledger.ErrBeforeReset) {
			l.Fatalf("bust of an execution before the reset: %v", err)
		}
	}
}

// restart continues with an account restored from its state.
func (l *life) restart() {
	a, err := restored(l.live, l.options)
	if err != nil {
		l.Fatalf("%v", err)
	}
	state := l.live.AppendState(nil)
	if !bytes.Equal(a.AppendState(nil), state) {
		l.Fatalf("the restored account differs")
	}
	l.live = a
	l.kinds["restart"]++
}

// actions returns the commands by name.
func (l *life) actions() map[string]func() {
	return map[string]func(){
		"place": l.place, "place again": l.place, "place and again": l.place, "place once more": l.place, "again": l.again,
		"fill": l.fill, "fill again": l.fill, "fill late": l.fillLate, "trigger": l.trigger, "cancel": l.cancel, "cancel all": l.cancelAll,
		"replace": l.replace, "day": l.day, "bust": l.bust, "bust again": l.bust, "correct": l.correct, "deposit": l.deposit,
		"withdraw": l.withdraw, "reset": l.reset, "restart": l.restart, "as if never": l.asIfNever,
	}
}
