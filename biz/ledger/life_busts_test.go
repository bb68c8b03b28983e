package ledger_test

import (
	"errors"
	"fmt"
	"slices"

	"holdfast/biz/ledger"
)

// past returns the past of an instrument: all of it, or back to where the position was opened.
func (l *life) past(id ledger.InstrumentID, from uint32) ledger.Past {
	var p ledger.Past
	for _, h := range l.twin.opening.Holdings {
		if h.Instrument == id {
			p.Start = h
		}
	}
	for _, x := range l.twin.valid(id) {
		p.Executions = append(p.Executions, l.execution(x))
	}
	held := l.twin.position(id).quantity
	if n, complete := ledger.Since(p.Executions, from, held); complete && l.choose("shorter past", 2) == 0 {
		p.Executions, p.Start = p.Executions[len(p.Executions)-n:], ledger.Holding{}
	}
	slices.Reverse(p.Executions) // any order will do
	p.Order = func(id ledger.OrderID) (ledger.Order, bool) {
		o := l.latest[id]
		return o, !l.simple[id]
	}
	return p
}

// execution returns an execution as the history has it.
func (l *life) execution(x *twinExecution) ledger.Execution {
	e := ledger.Execution{
		ID: ledger.NewExecutionID(customer, x.number), Order: x.order.id, Time: x.order.Terms.Time, Quantity: x.quantity, Price: x.price,
		Fee: x.fee, Settlement: x.settlement, Instrument: x.order.Instrument, ClientOrderID: x.order.ClientOrderID,
		Side: x.order.Side, FeeInCost: x.inCost,
	}
	if x.place != x.number {
		e.Place, e.Corrects = x.place, x.place
	}
	return e
}

// anyExecutions returns executions of one instrument.
func (l *life) anyExecutions(n int) []*twinExecution {
	list := l.twin.valid(ledger.InstrumentID(l.choose("instrument", len(l.twin.markets))))
	for len(list) > n {
		i := l.choose("without", len(list))
		list = slices.Delete(list, i, i+1)
	}
	return list
}

func (l *life) bust() {
	list := l.anyExecutions(1 + l.choose("executions", 4))
	if len(list) == 0 {
		return
	}
	id := list[0].order.Instrument
	from := slices.MinFunc(list, func(x, y *twinExecution) int { return int(x.place) - int(y.place) }).place
	b := ledger.Bust{
		Reopen: l.choose("reopen", 2) == 0, Cascade: l.choose("cascade", 2) == 0, Reason: "test", Past: l.past(id, from), Terms: l.terms(id),
	}
	for _, x := range list {
		b.Executions = append(b.Executions, ledger.NewExecutionID(customer, x.number))
	}
	planned, _, _ := l.live.PlanBust(&b)
	events, err := l.live.Bust(nil, &b)
	short := l.twin.bust(list, b.Reopen, b.Cascade, l.now)
	if len(short) > 0 {
		var blocked *ledger.BlockedError
		if !errors.As(err, &blocked) || len(blocked.Sells) != len(short) || blocked.Sells[0].Number() != short[0].number {
			l.Fatalf("bust: %v, twin says that %d sells are in the way", err, len(short))
		}
		l.kinds["bust blocked"]++
		return
	}
	l.checkError("bust", err, nil)
	l.record("bust", events)
	n := 0
	for i := range events {
		if e := &events[i]; e.Kind == ledger.KindBust {
			n++
			if p, held := l.live.Position(id); held && e.Position != p || !held && e.Position.Quantity != 0 {
				l.Fatalf("bust event has %+v, account %+v", e.Position, p)
			}
		}
	}
	if n != len(planned) {
		l.Fatalf("%d busts, %d planned", n, len(planned))
	}
	if again, err := l.live.Bust(nil, &b); err != nil || len(again) > 0 {
		l.Fatalf("the second bust has %d events, %v", len(again), err)
	}
}

func (l *life) correct() {
	list := l.anyExecutions(1)
	if len(list) == 0 {
		return
	}
	x := list[0]
	c := ledger.Correction{
		Execution: ledger.NewExecutionID(customer, x.number), Quantity: x.quantity, Price: l.price("price"), Reason: "test",
		Past: l.past(x.order.Instrument, x.place), Terms: l.terms(x.order.Instrument),
	}
	if l.choose("other quantity", 2) == 0 {
		c.Quantity = ledger.Quantity(1 + l.choose("quantity", 60))
	}
	plan, unable := l.live.PlanCorrect(&c)
	events, err := l.live.Correct(nil, &c)
	if fmt.Sprint(unable) != fmt.Sprint(err) {
		l.Fatalf("planned: %v, done: %v", unable, err)
	}
	l.checkError("correct", err, l.twin.correct(x, c.Quantity, c.Price, l.now))
	if err != nil {
		return
	}
	l.record("correct", events)
	checkPlan(l, l.live, &plan, &events[len(events)-1])
	if _, err := l.live.Correct(nil, &c); !errors.Is(err, ledger.ErrBusted) {
		l.Fatalf("the second correction: %v", err)
	}
}
