package ledger

import (
	"encoding/binary"
	"fmt"
)

// eventVersion is in the high four bits of an event's first byte; the kind is in the low
// four bits.
const eventVersion = 1

// MaxEventSize is the most bytes that AppendEvent appends.
const MaxEventSize = 320

// AppendEvent appends the binary form of an event, with the reason of a bust (ignored for a
// fill). It allocates only to grow dst.
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
func AppendEvent(dst []byte, e *Event, reason string) []byte {
	x := &e.Execution
	dst = append(dst, eventVersion<<4|byte(e.Kind))
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
	dst = binary.AppendUvarint(dst, uint64(e.Position.Quantity))
	dst = binary.AppendUvarint(dst, uint64(e.Position.Cost))
	dst = binary.AppendVarint(dst, int64(e.Position.Realised))
	dst = binary.AppendUvarint(dst, uint64(e.Rows))
	id := x.ClientOrderID.Bytes()
	dst = append(dst, byte(len(id)))
	dst = append(dst, id...)
	if e.Kind == KindBust {
		dst = append(dst, byte(len(reason)))
		dst = append(dst, reason...)
	}
	return dst
}

// DecodeEvent decodes one event at the start of b and returns how many bytes it used; more
// may follow. The form is unique: a decoded event encodes to the same bytes. Errors are
// ErrVersion and ErrMalformed. It does not retain b, and allocates only for the reason of
// a bust. It does not check the event against an account; Account.Replay does.
func DecodeEvent(b []byte) (e Event, reason string, used int, err error) {
	r := reader{b: b}
	head := r.byte()
	if !r.bad && head>>4 != eventVersion {
		return Event{}, "", 0, fmt.Errorf("%w: event version %d", ErrVersion, head>>4)
	}
	e.Kind = Kind(head & 15)
	r.event(&e)
	if e.Kind == KindBust {
		reason = r.reason()
	}
	if r.bad || !e.valid() {
		return Event{}, "", 0, fmt.Errorf("%w: event", ErrMalformed)
	}
	return e, reason, len(b) - len(r.b), nil
}

// event reads the fields between the first byte and the reason.
func (r *reader) event(e *Event) {
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
	e.Position.Instrument = x.Instrument
	e.Position.Quantity = Quantity(r.amount())
	e.Position.Cost = Money(r.amount())
	e.Position.Realised = Money(r.varint())
	e.Rows = r.uint32()
	r.clientOrderID(&x.ClientOrderID)
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
	x := &e.Execution
	return (e.Kind == KindFill || e.Kind == KindBust) && (x.Side == Buy || x.Side == Sell) &&
		e.Change >= Opened && e.Change <= Decreased
}
