package ledger

import (
	"encoding/binary"
	"math/bits"
)

// The events of version 1 are of releases without orders, which executed each order at once
// and busted in another way. They are read, applied and stored as they were, so that old
// journals lead to the old state.

const (
	earlyEventVersion = 1
	earlyStateVersion = 1
)

// earlyPushes is the number of pushes of an early event.
const earlyPushes = 2

// earlyPush returns the number of the first push of an early event.
func earlyPush(number uint64) uint64 { return earlyPushes*(number-1) + 1 }

// onlyEarly reports whether the account has no order that works and its newest event in memory
// is early: an early event comes after none of a later release, though a Simple one has as many
// pushes.
func (a *Account) onlyEarly() bool {
	if len(a.orders) > 0 {
		return false
	}
	for e := range a.newestFirst {
		return e.Early
	}
	return true
}

// appendEarly appends an early event in its binary form.
//
//	byte     version<<4 | kind
//	uvarint  customer, event number, execution number, order number
//	8 bytes  time, big-endian (bust: then the time of the execution)
//	byte     side | change<<4
//	uvarint  instrument, quantity, price, cost
//	uvarint  the position's quantity, cost; varint its realised profit
//	uvarint  rows
//	byte     length of the client order id, and its bytes
//	byte     bust only: length of the reason, and its bytes
func appendEarly(dst []byte, e *Event) []byte {
	x := &e.Execution
	dst = append(dst, earlyEventVersion<<4|byte(e.Kind))
	dst = binary.AppendUvarint(dst, uint64(x.ID.Customer()))
	dst = binary.AppendUvarint(dst, e.Number)
	dst = binary.AppendUvarint(dst, uint64(x.ID.Number()))
	dst = binary.AppendUvarint(dst, uint64(x.Order.Number()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Time))
	if e.Kind == KindBust {
		dst = binary.BigEndian.AppendUint64(dst, uint64(x.Time))
	}
	dst = append(dst, byte(x.Side)|byte(e.Change)<<4)
	dst = binary.AppendUvarint(dst, uint64(x.Instrument))
	dst = binary.AppendUvarint(dst, uint64(x.Quantity))
	dst = binary.AppendUvarint(dst, uint64(x.Price))
	dst = binary.AppendUvarint(dst, uint64(x.Cost))
	dst = appendPosition(dst, &e.Position)
	dst = binary.AppendUvarint(dst, uint64(e.Rows))
	dst = appendText(dst, x.ClientOrderID.Bytes())
	if e.Kind == KindBust {
		dst = appendText(dst, e.Text)
	}
	return dst
}

// earlyEvent reads the fields of an early event after the first byte.
func (r *reader) earlyEvent(e *Event) {
	x := &e.Execution
	c := Customer(r.uint32())
	e.Number = r.uvarint()
	x.ID = NewExecutionID(c, r.uint32())
	x.Order = NewOrderID(c, r.uint32())
	e.Time = int64(r.fixed64())
	x.Time = e.Time
	if e.Kind == KindBust {
		x.Time = int64(r.fixed64())
	}
	kinds := r.byte()
	x.Side, e.Change = Side(kinds&15), Change(kinds>>4)
	x.Instrument = InstrumentID(r.uint32())
	x.Quantity = Quantity(r.amount())
	x.Price = Price(r.amount())
	x.Cost = Money(r.amount())
	r.position(&e.Position, x.Instrument)
	e.Rows = r.uint32()
	r.clientOrderID(&x.ClientOrderID)
	if e.Kind == KindBust {
		e.Text = r.reason()
	}
	if r.bad || e.Kind > KindBust || e.Change > Decreased {
		r.fail()
		return
	}
	e.Early, e.Push, e.Order = true, earlyPush(e.Number), SimpleOrder(x)
	e.Named = e.Kind == KindFill
}

// earlyDigest folds the inputs of an early event into h.
func (e *Event) earlyDigest(h uint64) uint64 {
	x := &e.Execution
	h = mix(h, uint64(e.Kind)|uint64(x.Side)<<8|uint64(x.Instrument)<<16)
	h = mix(h, uint64(x.ID))
	h = mix(h, uint64(x.Order))
	h = mix(h, uint64(e.Time))
	h = mix(h, uint64(x.Quantity))
	h = mix(h, uint64(x.Price))
	h = mix(h, x.ClientOrderID.hash())
	for i := range len(e.Text) {
		h = mix(h, uint64(e.Text[i]))
	}
	return h
}

// earlyShare returns cost*part/whole rounded half up, for 0 < part < whole, cost >= 0.
func earlyShare(cost Money, part, whole Quantity) Money {
	high, low := bits.Mul64(uint64(cost), uint64(part))
	low, carry := bits.Add64(low, uint64(whole)/2, 0)
	q, _ := bits.Div64(high+carry, low, uint64(whole))
	return Money(q)
}

// undoBuy takes an early buy back: at its price, whatever the average cost.
func (o *outcome) undoBuy(x *Execution, value Money) error {
	if o.after.quantity < x.Quantity {
		return ErrBustBlocked
	}
	o.after.quantity -= x.Quantity
	o.after.cost -= value
	o.cash += value
	if o.after.cost < 0 || o.after.quantity == 0 {
		o.profit(-o.after.cost, true)
		o.after.cost = 0
	}
	return nil
}

// undoSell takes an early sell back: the shares return at the cost that they had.
func (o *outcome) undoSell(x *Execution, value Money) error {
	ofRow := o.held && x.ID.Number() >= o.after.since
	o.after.quantity += x.Quantity
	o.after.cost += x.Cost
	o.cash -= value
	o.profit(x.Cost-value, ofRow)
	return nil
}

// earlyCore reads the account without its recent events, as a release without orders has
// written it.
func (a *Account) earlyCore(r *reader) {
	a.customer = Customer(r.uint32())
	a.lastNumber = r.uvarint()
	a.lastExecution = r.uint32()
	a.lastOrder = a.lastExecution
	a.lastPush = earlyPushes * a.lastNumber
	a.digest = r.fixed64()
	a.cash = Money(r.varint())
	a.realised = Money(r.varint())
	for range r.count(MaxRows) {
		a.readRow(r, row{
			instrument: InstrumentID(r.uint32()), since: r.uint32(),
			quantity: Quantity(r.amount()), cost: Money(r.amount()), realised: Money(r.varint()),
		})
	}
	for range r.uvarint() {
		n := r.uint32()
		a.readBusted(r, n, Busted{Number: r.uvarint(), Time: int64(r.fixed64()), Reason: r.reason()})
		if r.bad {
			return
		}
	}
}
