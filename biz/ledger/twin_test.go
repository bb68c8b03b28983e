package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"holdfast/biz/ledger"
)

// twin is a trivially correct account: a list of executions, from which everything else is
// computed again for each call.
type twin struct {
	cash     ledger.Money
	holdings []ledger.Holding
	done     []ledger.Execution
	busted   map[ledger.ExecutionID]bool
}

func (w *twin) count() (*big.Int, map[ledger.InstrumentID]ledger.Quantity) {
	cash := big.NewInt(int64(w.cash))
	shares := map[ledger.InstrumentID]ledger.Quantity{}
	for _, h := range w.holdings {
		shares[h.Instrument] += h.Quantity
	}
	for _, x := range w.done {
		if w.busted[x.ID] {
			continue
		}
		value := new(big.Int).Mul(big.NewInt(int64(x.Quantity)), big.NewInt(int64(x.Price)))
		if x.Side == ledger.Buy {
			cash.Sub(cash, value)
			shares[x.Instrument] += x.Quantity
		} else {
			cash.Add(cash, value)
			shares[x.Instrument] -= x.Quantity
		}
	}
	return cash, shares
}

func (w *twin) place(o ledger.Order) error {
	cash, shares := w.count()
	value := new(big.Int).Mul(big.NewInt(int64(o.Quantity)), big.NewInt(int64(o.Price)))
	if o.Side == ledger.Buy && cash.Cmp(value) < 0 {
		return ledger.ErrNotEnoughCash
	}
	if o.Side == ledger.Sell && shares[o.Instrument] < o.Quantity {
		return ledger.ErrNotEnoughShares
	}
	w.done = append(w.done, ledger.Execution{
		ID: ledger.NewExecutionID(customer, uint32(len(w.done)+1)), Side: o.Side,
		Instrument: o.Instrument, Quantity: o.Quantity, Price: o.Price,
	})
	return nil
}

func (w *twin) bust(id ledger.ExecutionID) error {
	if w.busted[id] {
		return nil
	}
	w.busted[id] = true
	_, shares := w.count()
	if shares[w.done[id.Number()-1].Instrument] < 0 {
		delete(w.busted, id)
		return ledger.ErrBustBlocked
	}
	return nil
}

// life is an account, its twin and the events that it has recorded.
type life struct {
	live     *ledger.Account
	replayed *ledger.Account
	twin     twin
	written  []byte
	before   ledger.Money
	all      []ledger.Execution // with the costs that the account found
	busts    int
}

func newLife(t *rapid.T) *life {
	holdings := []ledger.Holding{{Instrument: 1, Quantity: 100, Cost: 997}, {Instrument: 4, Quantity: 7, Cost: 0}}
	l := &life{twin: twin{cash: 5000, holdings: holdings, busted: map[ledger.ExecutionID]bool{}}}
	l.live = l.account(t, rapid.IntRange(0, 20).Draw(t, "recent"))
	l.replayed = l.account(t, 3)
	l.before = constant(l.live)
	return l
}

func (l *life) account(t *rapid.T, recent int) *ledger.Account {
	a, err := ledger.NewAccount(customer, l.twin.cash, l.twin.holdings, recent)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (l *life) order(t *rapid.T) {
	o := ledger.Order{
		Side:       rapid.SampledFrom([]ledger.Side{ledger.Buy, ledger.Sell}).Draw(t, "side"),
		Instrument: ledger.InstrumentID(rapid.IntRange(0, 4).Draw(t, "instrument")),
		Quantity:   ledger.Quantity(rapid.IntRange(1, 60).Draw(t, "quantity")),
		Price:      ledger.Price(rapid.IntRange(1, 90).Draw(t, "price")),
		Time:       int64(len(l.written)),
	}
	id, err := ledger.ParseClientOrderID(fmt.Sprint("order ", len(l.all)))
	if err != nil {
		t.Fatal(err)
	}
	o.ClientOrderID = id
	e, err := l.live.Place(o)
	if want := l.twin.place(o); !errors.Is(err, want) {
		t.Fatalf("%+v: have %v, twin says %v", o, err, want)
	}
	if err == nil {
		l.all = append(l.all, e.Execution)
		l.write(t, &e, "")
	}
}

func (l *life) bust(t *rapid.T) {
	if len(l.all) == 0 {
		return
	}
	x := rapid.SampledFrom(l.all).Draw(t, "execution")
	again := l.twin.busted[x.ID]
	reason := fmt.Sprint("reason ", x.ID)
	e, changed, err := l.live.Bust(ledger.Bust{Execution: x, Reason: reason, Time: int64(len(l.written))})
	if want := l.twin.bust(x.ID); !errors.Is(err, want) {
		t.Fatalf("bust of %s: have %v, twin says %v", x.ID, err, want)
	}
	if changed != (err == nil && !again) {
		t.Fatalf("bust of %s: changed %v", x.ID, changed)
	}
	if changed {
		l.busts++
		l.write(t, &e, reason)
	}
}

func (l *life) write(t *rapid.T, e *ledger.Event, reason string) {
	l.written = ledger.AppendEvent(l.written, e, reason)
	if e.Number != uint64(len(l.all)+l.busts) || int(e.Rows) != l.live.Rows() {
		t.Fatalf("event %d with %d rows, account has %d", e.Number, e.Rows, l.live.Rows())
	}
	if p, _ := l.live.Position(e.Execution.Instrument); p.Quantity > 0 && p != e.Position {
		t.Fatalf("event says %+v, account %+v", e.Position, p)
	}
}

// restart continues with an account restored from its state.
func (l *life) restart(t *rapid.T) {
	recent := len(l.live.Recent(nil))
	a, err := ledger.RestoreAccount(l.live.AppendState(nil), max(recent, 1))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.AppendState(nil), l.live.AppendState(nil)) {
		t.Fatal("the restored account differs")
	}
	l.live = a
}

func (l *life) check(t *rapid.T) {
	cash, shares := l.twin.count()
	if cash.Cmp(big.NewInt(int64(l.live.Cash()))) != 0 {
		t.Fatalf("cash %d, twin %s", l.live.Cash(), cash)
	}
	rows := 0
	for _, q := range shares {
		if q != 0 {
			rows++
		}
	}
	if rows != l.live.Rows() {
		t.Fatalf("%d rows, twin %d", l.live.Rows(), rows)
	}
	for _, p := range l.live.Positions(nil) {
		if p.Quantity != shares[p.Instrument] || p.Cost < 0 {
			t.Fatalf("%+v, twin has %d shares", p, shares[p.Instrument])
		}
	}
	if now := constant(l.live); now != l.before {
		t.Fatalf("cash - realised + cost was %d, is %d", l.before, now)
	}
	l.replay(t)
}

// replay applies the recorded events to the second account and compares.
func (l *life) replay(t *rapid.T) {
	for len(l.written) > 0 {
		e, reason, used, err := ledger.DecodeEvent(l.written)
		if err != nil {
			t.Fatal(err)
		}
		if applied, err := l.replayed.Replay(&e, reason); err != nil || !applied {
			t.Fatalf("applied %v, %v", applied, err)
		}
		if applied, err := l.replayed.Replay(&e, reason); err != nil || applied {
			t.Fatalf("the second time: applied %v, %v", applied, err)
		}
		l.written = l.written[used:]
	}
	if l.live.Hash() != l.replayed.Hash() {
		t.Fatal("replayed account has another hash")
	}
}

func TestAccountAgainstItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(t)
		t.Repeat(map[string]func(*rapid.T){
			"order": l.order, "order again": l.order, "order and again": l.order,
			"bust": l.bust, "restart": l.restart, "": l.check,
		})
	})
}

// The cost of the sold shares is that of arithmetic without limits.
func TestCostAgainstBigNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		held := rapid.Int64Range(2, int64(ledger.MaxQuantity)).Draw(t, "held")
		sold := rapid.Int64Range(1, held-1).Draw(t, "sold")
		cost := rapid.Int64Range(0, int64(ledger.MaxMoney)).Draw(t, "cost")
		a, err := ledger.NewAccount(customer, 0, []ledger.Holding{{Quantity: ledger.Quantity(held), Cost: ledger.Money(cost)}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		e, err := a.Place(ledger.Order{Side: ledger.Sell, Quantity: ledger.Quantity(sold), Price: 1})
		if err != nil {
			t.Fatal(err)
		}
		// floor((2*cost*sold + held) / (2*held)) is the quotient rounded half up.
		want := new(big.Int).Mul(big.NewInt(2*sold), big.NewInt(cost))
		want.Add(want, big.NewInt(held)).Div(want, big.NewInt(2*held))
		if want.Cmp(big.NewInt(int64(e.Execution.Cost))) != 0 {
			t.Fatalf("have %d, want %s", e.Execution.Cost, want)
		}
	})
}
