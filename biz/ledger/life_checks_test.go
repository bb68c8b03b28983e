package ledger_test

import (
	"bytes"
	"errors"
	"math/big"
	"slices"

	"holdfast/biz/ledger"
)

// asIfNever executes all that is not busted in a new account.
func (l *life) asIfNever() {
	opening := l.twin.opening
	opening.Cash += 1_000_000_000
	a, err := ledger.NewAccount(customer, opening, ledger.Options{})
	if err != nil {
		l.Fatalf("%v", err)
	}
	for id := range l.twin.markets {
		for _, x := range l.twin.valid(ledger.InstrumentID(id)) {
			o := marketOrder(x.order.Side, x.order.Instrument, x.quantity)
			o.Terms.Fees = &ledger.Fees{Minimum: x.fee, InCost: x.inCost}
			if _, err := a.Place(nil, &o, []ledger.Offer{{Quantity: x.quantity, Price: x.price}}); err != nil {
				l.Fatalf("%v", err)
			}
		}
	}
	if a.Cash()-1_000_000_000+l.live.Deposits() != l.live.Cash() || a.Realised() != l.live.Realised() || a.Fees() != l.live.Fees() {
		l.Fatalf("cash %d, realised %d, fees %d; as if never: %d, %d, %d", l.live.Cash(), l.live.Realised(), l.live.Fees(),
			a.Cash()-1_000_000_000, a.Realised(), a.Fees())
	}
	if have, want := l.live.Positions(nil), a.Positions(nil); !slices.Equal(have, want) {
		l.Fatalf("positions %+v, as if never: %+v", have, want)
	}
	l.kinds["as if never"]++
}

// checkError fails if a command was refused for another reason than the twin's.
func (l *life) checkError(command string, have, want error) {
	for _, alike := range [][2]error{{ledger.ErrNotEnoughCash, ledger.ErrTooManyOrders}, {ledger.ErrNotEnoughShares, ledger.ErrNotEnoughSellable}} {
		if errors.Is(have, alike[0]) && errors.Is(want, alike[1]) || errors.Is(have, alike[1]) && errors.Is(want, alike[0]) {
			want = have
		}
	}
	if !errors.Is(have, want) {
		l.Fatalf("%s: %v, twin says %v", command, have, want)
	}
	if have != nil {
		l.kinds[command+" refused"]++
	}
}

// record checks and writes the events of a command.
func (l *life) record(command string, events []ledger.Event) {
	l.kinds[command]++
	var encoded []byte
	for i := range events {
		e := &events[i]
		before := l.replayed.LastPush()
		if i > 0 {
			before = events[i-1].LastPush()
		}
		if e.More != (i < len(events)-1) || e.Push != before+1 || e.Number != l.replayed.LastNumber()+uint64(i)+1 {
			l.Fatalf("%s: event %d of %d: more %t, push %d after %d, number %d", command, i+1, len(events), e.More, e.Push, before, e.Number)
		}
		if e.Kind.HasOrder() {
			first := e.Named && e.Kind == ledger.KindFill && e.Order == ledger.SimpleOrder(&e.Execution)
			l.simple[e.Order.ID] = first
			l.latest[e.Order.ID] = e.Order
			l.used[e.Order.ClientOrderID] = true
		}
		encoded = ledger.AppendEvent(encoded, e)
	}
	if !bytes.Equal(encoded, l.live.AppendNewest(nil, len(events))) {
		l.Fatalf("%s: the account has other bytes of its newest events", command)
	}
	l.replay(encoded, events)
}

// replay applies recorded events to the second account. After each of them the sums are right.
func (l *life) replay(b []byte, events []ledger.Event) {
	for i := range events {
		e, used, err := ledger.DecodeEvent(b)
		if err != nil || e != events[i] {
			l.Fatalf("%v\nwas %+v\nis  %+v", err, events[i], e)
		}
		for _, want := range []bool{true, false} {
			if applied, err := l.replayed.Replay(&e); err != nil || applied != want {
				l.Fatalf("applied %t, %v: %+v", applied, err, e)
			}
		}
		b = b[used:]
		checkFrozen(l, l.replayed)
		want := l.twin.opening.Cash
		for _, h := range l.twin.opening.Holdings {
			want += h.Cost
		}
		if constant(l.replayed) != want {
			l.Fatalf("the sum is %d, must be %d after %+v", constant(l.replayed), want, e)
		}
	}
	if l.live.Hash() != l.replayed.Hash() || l.live.LastPush() != l.replayed.LastPush() {
		l.Fatalf("the replayed account has another hash")
	}
}

// check compares the account with its twin.
func (l *life) check() {
	same := func(what string, have ledger.Money, want *big.Int) {
		if want.Cmp(big.NewInt(int64(have))) != 0 {
			l.Fatalf("%s %d, twin %s", what, have, want)
		}
	}
	a, w := l.live, &l.twin
	same("cash", a.Cash(), w.cash())
	same("fees", a.Fees(), w.fees())
	same("realised", a.Realised(), w.realised())
	same("frozen", a.Frozen(), big.NewInt(w.frozen()))
	same("unsettled", a.Unsettled(l.now), big.NewInt(w.unsettled(l.now)))
	same("free", a.Free(l.now), big.NewInt(w.free(l.now)))
	for n := range w.markets {
		id := ledger.InstrumentID(n)
		p, held := a.Position(id)
		want := w.position(id)
		if p.Quantity != want.quantity || held != (want.quantity > 0) {
			l.Fatalf("%+v, twin has %d shares", p, want.quantity)
		}
		if same("cost", p.Cost, want.cost); held {
			same("realised of the row", p.Realised, want.realised)
		}
		if a.Sellable(id, l.now) != w.sellable(id, l.now) || a.FrozenShares(id) != w.frozenShares(id) {
			l.Fatalf("instrument %d: %d sellable, %d frozen, twin %d and %d", id, a.Sellable(id, l.now), a.FrozenShares(id),
				w.sellable(id, l.now), w.frozenShares(id))
		}
	}
	l.checkOrders()
	l.commands++
}

func (l *life) checkOrders() {
	working := l.twin.works()
	if l.live.WorkingOrders() != len(working) || l.live.LastOrder() != l.twin.ordered || l.live.LastExecution() != l.twin.executed {
		l.Fatalf("%d orders work, twin %d", l.live.WorkingOrders(), len(working))
	}
	for _, o := range l.twin.orders {
		have := l.latest[o.id]
		if have.Status != o.status || have.Filled != o.filled || have.Quantity != o.Quantity || have.Triggered != o.triggered ||
			int64(have.FilledValue) != l.twin.filledValue(o) || have.ClientOrderID != o.ClientOrderID ||
			int64(have.Frozen) != l.twin.frozenFor(o) {
			l.Fatalf("order %+v, twin %+v with value %d, frozen %d", have, o, l.twin.filledValue(o), l.twin.frozenFor(o))
		}
		if now := l.live.Order(o.id); now != nil && *now != have || (now != nil) != o.working() {
			l.Fatalf("the account has %+v, the events %+v", now, have)
		}
	}
}
