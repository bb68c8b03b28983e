package inspect_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// trader trades on an account and writes the records of its commands, as a desk does.
type trader struct {
	t       *testing.T
	account *ledger.Account
	now     int64
	records *[][]byte
	alive   map[ledger.InstrumentID][]ledger.Execution // not busted
}

// newTrader opens the account of a customer of the seed.
func newTrader(t *testing.T, s *seed.Seed, c ledger.Customer, records *[][]byte) *trader {
	t.Helper()
	at := slices.IndexFunc(s.Customers, func(owner seed.Customer) bool { return owner.Number == c })
	a, err := ledger.NewAccount(c, s.Customers[at].Opening(), ledger.Options{Recent: ledger.MaxRecent})
	must(t, err)
	return &trader{t: t, account: a, now: 1_800_000_000_000_000_000, records: records, alive: make(map[ledger.InstrumentID][]ledger.Execution)}
}

// try executes a command and writes its record.
func (x *trader) try(command func([]ledger.Event) ([]ledger.Event, error)) ([]ledger.Event, error) {
	events, err := command(nil)
	x.now += 1_000_000_000
	if err != nil || len(events) == 0 {
		return nil, err
	}
	*x.records = append(*x.records, x.account.AppendNewest([]byte{eventsRecord}, len(events)))
	for i := range events {
		x.count(&events[i])
	}
	return events, nil
}

// do is try for a command that must succeed.
func (x *trader) do(command func([]ledger.Event) ([]ledger.Event, error)) []ledger.Event {
	x.t.Helper()
	events, err := x.try(command)
	must(x.t, err)
	return events
}

func (x *trader) count(e *ledger.Event) {
	list := x.alive[e.Order.Instrument]
	switch e.Kind {
	case ledger.KindFill:
		list = append(list, e.Execution)
	case ledger.KindBust:
		list = slices.DeleteFunc(list, func(old ledger.Execution) bool { return old.ID == e.Execution.ID })
	case ledger.KindCorrect:
		at := slices.IndexFunc(list, func(old ledger.Execution) bool { return old.ID.Number() == e.Execution.Corrects })
		list[at] = e.Execution
	case ledger.KindReset:
		clear(x.alive)
		return
	}
	x.alive[e.Order.Instrument] = list
}

func (x *trader) terms() ledger.Terms { return ledger.Terms{Time: x.now, Priority: uint64(x.now)} }

// order returns a market order.
func (x *trader) order(side ledger.Side, id ledger.InstrumentID, q ledger.Quantity) *ledger.NewOrder {
	return &ledger.NewOrder{Side: side, Type: ledger.Market, TimeInForce: ledger.Day, Instrument: id, Quantity: q, Terms: x.terms()}
}

// limit returns a limit order that is good till cancelled.
func (x *trader) limit(side ledger.Side, id ledger.InstrumentID, q ledger.Quantity, p ledger.Price) *ledger.NewOrder {
	o := x.order(side, id, q)
	o.Type, o.TimeInForce, o.Price = ledger.Limit, ledger.GoodTillCancelled, p
	return o
}

func (x *trader) place(o *ledger.NewOrder, offers ...ledger.Offer) []ledger.Event {
	x.t.Helper()
	return x.do(func(dst []ledger.Event) ([]ledger.Event, error) { return x.account.Place(dst, o, offers) })
}

// past returns the past of an instrument as a desk finds it for a bust of what has this place,
// or all of it.
func (x *trader) past(id ledger.InstrumentID, place uint32, whole bool) (p ledger.Past) {
	p.Executions = slices.Clone(x.alive[id])
	slices.SortFunc(p.Executions, func(a, b ledger.Execution) int { return cmp.Compare(a.FoldPlace(), b.FoldPlace()) })
	held, _ := x.account.Position(id)
	if n, complete := ledger.Since(p.Executions, place, held.Quantity); complete && !whole {
		p.Executions = p.Executions[len(p.Executions)-n:]
		return p
	}
	for _, h := range x.account.Opening().Holdings {
		if h.Instrument == id {
			p.Start = h
		}
	}
	return p
}

func (x *trader) bust(list []ledger.Execution, whole, cascade, reopen bool) ([]ledger.Event, error) {
	b := &ledger.Bust{Cascade: cascade, Reopen: reopen, Reason: "bust", Terms: x.terms()}
	place := list[0].FoldPlace()
	for i := range list {
		b.Executions = append(b.Executions, list[i].ID)
		place = min(place, list[i].FoldPlace())
	}
	b.Past = x.past(list[0].Instrument, place, whole)
	return x.try(func(dst []ledger.Event) ([]ledger.Event, error) { return x.account.Bust(dst, b) })
}

func (x *trader) correct(old *ledger.Execution, q ledger.Quantity, p ledger.Price, fees *ledger.Fees) ([]ledger.Event, error) {
	c := &ledger.Correction{
		Execution: old.ID, Quantity: q, Price: p, Reason: "correction", Terms: x.terms(),
		Past: x.past(old.Instrument, old.FoldPlace(), false),
	}
	c.Terms.Fees = fees
	return x.try(func(dst []ledger.Event) ([]ledger.Event, error) { return x.account.Correct(dst, c) })
}

// random executes a random command. It may be refused.
func (x *trader) random(r *rand.Rand) {
	id := ledger.InstrumentID(r.IntN(2))
	q, price := ledger.Quantity(1+r.IntN(50)), ledger.Price(1+r.IntN(200_000))
	side := ledger.Side(1 + r.IntN(2))
	fees := []*ledger.Fees{nil, {Commission: 25_000, Minimum: 50_000}, {Commission: 25_000, SellTax: 100_000, InCost: true}}[r.IntN(3)]
	alive := x.alive[id]
	switch n := r.IntN(20); {
	case n < 9:
		o := x.order(side, id, q)
		o.Terms.Fees = fees
		part := ledger.Quantity(r.IntN(int(q)))
		offers := []ledger.Offer{{Quantity: q - part, Price: price}}
		if part > 0 {
			offers = append(offers, ledger.Offer{Quantity: part, Price: price + 7})
		}
		_, _ = x.try(func(dst []ledger.Event) ([]ledger.Event, error) { return x.account.Place(dst, o, offers) })
	case n < 12:
		o := x.limit(side, id, q, price)
		_, _ = x.try(func(dst []ledger.Event) ([]ledger.Event, error) {
			return x.account.Place(dst, o, []ledger.Offer{{Quantity: 1 + q/2, Price: price}})
		})
	case n < 13:
		_, _ = x.try(func(dst []ledger.Event) ([]ledger.Event, error) {
			return x.account.CancelAll(dst, func(*ledger.Order) bool { return r.IntN(2) == 0 }, ledger.ByClient, x.now), nil
		})
	case n < 17 && len(alive) > 0:
		list := slices.Clone(alive)
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		_, _ = x.bust(list[:1+r.IntN(min(3, len(list)))], r.IntN(2) == 0, r.IntN(2) == 0, r.IntN(2) == 0)
	case n < 19 && len(alive) > 0:
		_, _ = x.correct(&alive[r.IntN(len(alive))], q, price, fees)
	case r.IntN(5) == 0:
		x.do(func(dst []ledger.Event) ([]ledger.Event, error) { return x.account.Reset(dst, "", x.now) })
	default:
		x.do(func(dst []ledger.Event) ([]ledger.Event, error) {
			return x.account.Deposit(dst, ledger.Money(price), "", x.now)
		})
	}
}
