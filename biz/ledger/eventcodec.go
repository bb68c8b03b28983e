package ledger

import (
	"encoding/binary"
	"fmt"
)

// eventVersion is in the high four bits of an event's first byte; the kind is in the low
// four bits.
const eventVersion = 2

// MaxEventSize is the most bytes that AppendEvent appends.
const MaxEventSize = 480

// Flags of an event, in its second byte.
const (
	flagMore       = 1 << iota // Event.More
	flagSimple                 // the order is that of SimpleOrder
	flagFeeInCost              // Execution.FeeInCost
	flagSettlement             // there is an Execution.Settlement
	flagTriggered              // Order.Triggered
	flagHeld                   // Order.Held
	flagExpires                // there is an Order.Expires
	flagNamed                  // Event.Named
)

// AppendEvent appends the binary form of an event. It allocates only to grow dst.
//
//	byte     version<<4 | kind
//	byte     flags
//	uvarint  customer, event number, push number
//	8 bytes  time, big-endian
//	         cash and reset: varint amount, the text, uvarint rows; nothing else
//	uvarint  order number
//	byte     length of the client order id, and its bytes
//	byte     side | change<<4
//	uvarint  instrument
//	         order, unless it is simple:
//	byte     type | time in force<<4
//	byte     status | cause<<4
//	uvarint  quantity, filled, filled value, price, stop, frozen, priority
//	8 bytes  time
//	8 bytes  when it expires, by its flag
//	         execution, if the kind has one:
//	uvarint  execution number, quantity, price, cost, fee
//	8 bytes  time of the execution, unless it is a fill
//	8 bytes  settlement, by its flag
//	uvarint  the position's quantity, cost; varint its realised profit
//	uvarint  rows
//	         bust, correction: varint amount and change of the fees, the text
//	         correction: uvarint execution that is corrected, its place; varint change of the quantity
//
// A text is a byte with its length, and its bytes.
func AppendEvent(dst []byte, e *Event) []byte {
	if e.Early {
		return appendEarly(dst, e)
	}
	o, x := &e.Order, &e.Execution
	flags := e.flags()
	dst = append(dst, eventVersion<<4|byte(e.Kind), flags)
	dst = binary.AppendUvarint(dst, uint64(o.ID.Customer()))
	dst = binary.AppendUvarint(dst, e.Number)
	dst = binary.AppendUvarint(dst, e.Push)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Time))
	if !e.Kind.HasOrder() {
		dst = binary.AppendVarint(dst, int64(e.Amount))
		dst = appendText(dst, e.Text)
		return binary.AppendUvarint(dst, uint64(e.Rows))
	}
	dst = binary.AppendUvarint(dst, uint64(o.ID.Number()))
	dst = appendText(dst, o.ClientOrderID.Bytes())
	dst = append(dst, byte(o.Side)|byte(e.Change)<<4)
	dst = binary.AppendUvarint(dst, uint64(o.Instrument))
	if flags&flagSimple == 0 {
		dst = o.append(dst, e.Cause)
	}
	if !e.Kind.HasExecution() {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(x.ID.Number()))
	dst = binary.AppendUvarint(dst, uint64(x.Quantity))
	dst = binary.AppendUvarint(dst, uint64(x.Price))
	dst = binary.AppendUvarint(dst, uint64(x.Cost))
	dst = binary.AppendUvarint(dst, uint64(x.Fee))
	if e.Kind != KindFill {
		dst = binary.BigEndian.AppendUint64(dst, uint64(x.Time))
	}
	if flags&flagSettlement != 0 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(x.Settlement))
	}
	dst = appendPosition(dst, &e.Position)
	dst = binary.AppendUvarint(dst, uint64(e.Rows))
	if e.Kind == KindFill {
		return dst
	}
	dst = binary.AppendVarint(dst, int64(e.Amount))
	dst = binary.AppendVarint(dst, int64(e.FeeChange))
	dst = appendText(dst, e.Text)
	dst = binary.AppendUvarint(dst, uint64(x.Corrects))
	dst = binary.AppendUvarint(dst, uint64(x.Place))
	if e.Kind == KindCorrect {
		dst = binary.AppendVarint(dst, int64(e.QuantityChange))
	}
	return dst
}

// append appends the fields of an order that is not simple.
func (o *Order) append(dst []byte, cause Cause) []byte {
	dst = append(dst, byte(o.Type)|byte(o.TimeInForce)<<4, byte(o.Status)|byte(cause)<<4)
	dst = binary.AppendUvarint(dst, uint64(o.Quantity))
	dst = binary.AppendUvarint(dst, uint64(o.Filled))
	dst = binary.AppendUvarint(dst, uint64(o.FilledValue))
	dst = binary.AppendUvarint(dst, uint64(o.Price))
	dst = binary.AppendUvarint(dst, uint64(o.Stop))
	dst = binary.AppendUvarint(dst, uint64(o.Frozen))
	dst = binary.AppendUvarint(dst, o.Priority)
	dst = binary.BigEndian.AppendUint64(dst, uint64(o.Time))
	if o.Expires != 0 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(o.Expires))
	}
	return dst
}

func (e *Event) flags() byte {
	var f byte
	set := func(is bool, flag byte) {
		if is {
			f |= flag
		}
	}
	x := &e.Execution
	set(e.More, flagMore)
	set(e.Simple, flagSimple)
	set(x.FeeInCost, flagFeeInCost)
	set(x.Settlement != 0, flagSettlement)
	set(e.Order.Triggered, flagTriggered)
	set(e.Order.Held, flagHeld)
	set(e.Order.Expires != 0, flagExpires)
	set(e.Named, flagNamed)
	return f
}

// simple reports whether the event is Simple.
func (e *Event) simple() bool {
	o, x := &e.Order, &e.Execution
	if e.Early || e.Kind != KindFill || e.Cause != 0 || o.Type != Market || o.TimeInForce != Day || o.Status != Filled {
		return false
	}
	value, _ := Value(x.Quantity, x.Price)
	return o.Quantity == x.Quantity && o.Filled == x.Quantity && o.FilledValue == value && o.Time == x.Time &&
		o.Price|o.Stop == 0 && o.Frozen == 0 && o.Expires == 0 && o.Priority == 0 && !o.Triggered && !o.Held &&
		o.ID == x.Order && o.Instrument == x.Instrument && o.Side == x.Side && o.ClientOrderID == x.ClientOrderID
}

func appendPosition(dst []byte, p *Position) []byte {
	dst = binary.AppendUvarint(dst, uint64(p.Quantity))
	dst = binary.AppendUvarint(dst, uint64(p.Cost))
	return binary.AppendVarint(dst, int64(p.Realised))
}

func appendText[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, byte(len(s)))
	return append(dst, s...)
}

// DecodeEvent decodes one event at the start of b and returns how many bytes it used; more
// may follow. The form is unique: a decoded event encodes to the same bytes. Errors are
// ErrVersion and ErrMalformed. It does not retain b, and allocates only for the text. It does
// not check the event against an account; Account.Replay does.
func DecodeEvent(b []byte) (e Event, used int, err error) {
	r := reader{b: b}
	head := r.byte()
	e.Kind = Kind(head & 15)
	switch version := head >> 4; {
	case r.bad:
	case version == earlyEventVersion:
		r.earlyEvent(&e)
	case version == eventVersion:
		r.event(&e)
	default:
		return Event{}, 0, fmt.Errorf("%w: event version %d", ErrVersion, version)
	}
	if r.bad || !e.valid() {
		return Event{}, 0, fmt.Errorf("%w: event", ErrMalformed)
	}
	return e, len(b) - len(r.b), nil
}

// event reads the fields after the first byte.
func (r *reader) event(e *Event) {
	flags := r.byte()
	o, x := &e.Order, &e.Execution
	c := Customer(r.uint32())
	e.Number = r.uvarint()
	e.Push = r.uvarint()
	e.Time = int64(r.fixed64())
	e.More, e.Named = flags&flagMore != 0, flags&flagNamed != 0
	if !e.Kind.HasOrder() {
		o.ID = NewOrderID(c, 0)
		e.Amount = Money(r.varint())
		e.Text = r.reason()
		e.Rows = r.uint32()
		if flags&^flagMore != 0 {
			r.fail()
		}
		return
	}
	o.ID = NewOrderID(c, r.uint32())
	r.clientOrderID(&o.ClientOrderID)
	kinds := r.byte()
	o.Side, e.Change = Side(kinds&15), Change(kinds>>4)
	o.Instrument = InstrumentID(r.uint32())
	if flags&flagSimple == 0 {
		r.order(e, flags)
	}
	if e.Kind.HasExecution() {
		r.execution(e, c, flags)
	}
	if flags&flagSimple != 0 && !r.bad {
		*o = SimpleOrder(x)
	}
	e.Simple = e.simple()
	if !r.bad && e.flags() != flags {
		r.fail()
	}
}

func (r *reader) order(e *Event, flags byte) {
	o := &e.Order
	kinds, states := r.byte(), r.byte()
	o.Type, o.TimeInForce = OrderType(kinds&15), TimeInForce(kinds>>4)
	o.Status, e.Cause = OrderStatus(states&15), Cause(states>>4)
	o.Triggered, o.Held = flags&flagTriggered != 0, flags&flagHeld != 0
	o.Quantity = Quantity(r.amount())
	o.Filled = Quantity(r.amount())
	o.FilledValue = Money(r.amount())
	o.Price = Price(r.amount())
	o.Stop = Price(r.amount())
	o.Frozen = Money(r.amount())
	o.Priority = r.uvarint()
	o.Time = int64(r.fixed64())
	if flags&flagExpires != 0 {
		o.Expires = int64(r.fixed64())
	}
}

func (r *reader) execution(e *Event, c Customer, flags byte) {
	o, x := &e.Order, &e.Execution
	x.Order, x.ClientOrderID, x.Side, x.Instrument = o.ID, o.ClientOrderID, o.Side, o.Instrument
	x.ID = NewExecutionID(c, r.uint32())
	x.Quantity = Quantity(r.amount())
	x.Price = Price(r.amount())
	x.Cost = Money(r.amount())
	x.Fee = Money(r.amount())
	x.FeeInCost = flags&flagFeeInCost != 0
	if x.Time = e.Time; e.Kind != KindFill {
		x.Time = int64(r.fixed64())
	}
	if flags&flagSettlement != 0 {
		x.Settlement = int64(r.fixed64())
	}
	r.position(&e.Position, o.Instrument)
	e.Rows = r.uint32()
	if e.Kind == KindFill {
		return
	}
	e.Amount = Money(r.varint())
	e.FeeChange = Money(r.varint())
	e.Text = r.reason()
	x.Corrects = r.uint32()
	x.Place = r.uint32()
	if e.Kind == KindCorrect {
		e.QuantityChange = Quantity(r.varint())
	}
}

func (r *reader) position(p *Position, id InstrumentID) {
	p.Instrument = id
	p.Quantity = Quantity(r.amount())
	p.Cost = Money(r.amount())
	p.Realised = Money(r.varint())
}

func (r *reader) clientOrderID(id *ClientOrderID) {
	b := r.bytes(int(r.byte()))
	parsed, err := ParseClientOrderID(b)
	if err != nil {
		r.fail()
		return
	}
	*id = parsed
}

func (r *reader) reason() string {
	b := r.bytes(int(r.byte()))
	s := string(b)
	if !storableReason(s) {
		r.fail()
		return ""
	}
	return s
}

// valid reports whether all enumerations of e have a value of this version.
func (e *Event) valid() bool {
	o := &e.Order
	switch {
	case e.Kind < KindFill || e.Kind > KindReset:
		return false
	case !e.Kind.HasOrder():
		return true
	case e.Kind.HasExecution() != (e.Change != 0) || e.Change > Repriced:
		return false
	}
	return o.valid() && e.Cause <= ByLimits
}
