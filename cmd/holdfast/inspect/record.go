package inspect

import (
	"encoding/hex"
	"fmt"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
)

// Record is one definition of the journal, one event of an account, or one event of the
// market. All events of a command are in one record of the journal.
type Record struct {
	Batch  uint64 `json:"batch"`
	Record uint64 `json:"record"`
	// Part counts the events of a command from 1; Parts is how many it has.
	Part  int `json:"part,omitempty"`
	Parts int `json:"parts,omitempty"`
	// Kind is seed, instruments, customers, history, script, audit, sequence or fence; halted, resumed, priced or closed for
	// the market; or fill, bust, correction, accepted, cancelled, expired, replaced, triggered,
	// deposit, withdrawal or reset for an account.
	Kind        string    `json:"kind"`
	Seed        string    `json:"seed_sha256,omitempty"`
	History     string    `json:"history_id,omitempty"`
	Node        string    `json:"node,omitempty"` // that has taken over
	Script      string    `json:"script_sha256,omitempty"`
	Done        int       `json:"done,omitempty"` // events of the script that were executed
	Audit       *Audit    `json:"audit,omitempty"`
	Sequence    *Sequence `json:"sequence,omitempty"`
	Instruments []Listing `json:"instruments,omitempty"`
	Customers   []Opening `json:"customers,omitempty"`
	Prices      []Price   `json:"prices,omitempty"`

	Time     string          `json:"time,omitempty"`
	Customer ledger.Customer `json:"customer,omitempty"`
	Event    uint64          `json:"event,omitempty"`
	Push     uint64          `json:"push,omitempty"` // number of its first push
	Pushes   uint64          `json:"pushes,omitempty"`

	Execution     string          `json:"execution,omitempty"`
	Order         string          `json:"order,omitempty"`
	ClientOrderID string          `json:"client_order_id,omitempty"`
	Side          string          `json:"side,omitempty"`
	Instrument    string          `json:"instrument,omitempty"`
	Quantity      ledger.Quantity `json:"quantity,omitempty"` // of the execution
	Price         string          `json:"price,omitempty"`    // of the execution
	Fee           string          `json:"fee,omitempty"`
	Settlement    string          `json:"settlement,omitempty"`
	Corrects      string          `json:"corrects,omitempty"` // the execution that it replaces

	// Terms is the order after the event, Position the position.
	Terms    *Order    `json:"terms,omitempty"`
	Position *Position `json:"position,omitempty"`
	Amount   string    `json:"amount,omitempty"` // added to the cash, unless it is a fill
	Reason   string    `json:"reason,omitempty"` // the comment of a deposit, withdrawal or reset, too
}

// Audit is a command of an operator, or of a customer who lacks the role and was refused.
type Audit struct {
	Name     string `json:"name"`
	Session  uint64 `json:"uid"`
	Address  string `json:"address,omitempty"`
	Command  string `json:"command"`
	Text     string `json:"text,omitempty"`
	Result   string `json:"result"`
	Message  string `json:"message,omitempty"`
	Unlisted uint32 `json:"unlisted,omitempty"`
}

// Sequence is a change of the message numbers of a client.
type Sequence struct {
	Name  string `json:"name"`
	Reset bool   `json:"reset,omitempty"` // the numbers start again at 1
	In    uint64 `json:"in"`              // the next number that is expected from the client
	Out   uint64 `json:"out"`             // above all numbers that may have been used without an event
	// The message for event n of the account, from FromEvent on, has the number n + Offset.
	FromEvent uint64 `json:"from_event,omitempty"`
	Offset    int64  `json:"offset,omitempty"`
	Kept      uint64 `json:"kept,omitempty"` // number of a message that is kept
	KeptBytes int    `json:"kept_bytes,omitempty"`
}

// Order is an order after an event. Events of releases without orders have none.
type Order struct {
	Type        string          `json:"type"`
	TimeInForce string          `json:"time_in_force"`
	Quantity    ledger.Quantity `json:"quantity"`
	Limit       string          `json:"limit,omitempty"`
	Stop        string          `json:"stop,omitempty"`
	Expires     string          `json:"expires,omitempty"`
	Status      string          `json:"status"`
	Cause       string          `json:"cause,omitempty"`
	Filled      ledger.Quantity `json:"filled"`
	Leaves      ledger.Quantity `json:"leaves"`
}

// Position is a position after an event that changes it.
type Position struct {
	Quantity ledger.Quantity `json:"quantity"`
	Cost     string          `json:"cost"`
	Realised string          `json:"realised"`
}

// Price is an instrument of an event of the market. Only priced and closed have a price.
type Price struct {
	Instrument string `json:"instrument"`
	Price      string `json:"price,omitempty"`
}

// Listing is an instrument that a record defines.
type Listing struct {
	Number     ledger.InstrumentID `json:"number"`
	Instrument string              `json:"instrument"`
	Tick       string              `json:"tick"`
}

// Opening is a customer that a record defines. Positions is a digest.
type Opening struct {
	Customer  ledger.Customer `json:"customer"`
	Cash      string          `json:"cash"`
	Positions string          `json:"positions_digest"`
}

// definition returns the record of an entry that is no event.
func definition(batch, number uint64, e *desk.Entry) Record {
	r := Record{Batch: batch, Record: number}
	switch {
	case e.Genesis:
		r.Kind, r.Seed = "seed", hex.EncodeToString(e.Seed[:])
	case len(e.Listings) > 0:
		r.Kind = "instruments"
	case len(e.Openings) > 0:
		r.Kind = "customers"
	case e.Script != nil:
		r.Kind, r.Script = "script", hex.EncodeToString(e.Script.Script[:])
		r.Done, r.Time = e.Script.Done, instant(e.Script.Time)
	case e.Audit != nil:
		a := e.Audit
		r.Kind, r.Time, r.Customer = "audit", instant(a.Time), a.Customer
		r.Audit = &Audit{a.Name, a.Session, a.Address, a.Command, a.Text, a.Result, a.Message, a.Unlisted}
	case e.Sequence != nil:
		m := e.Sequence
		r.Kind, r.Customer = "sequence", m.Customer
		r.Sequence = &Sequence{m.Name, m.Reset, m.In, m.Out, m.Offset.From, m.Offset.By, m.Message.Number, len(m.Message.Bytes)}
	case e.Fence != nil:
		r.Kind, r.Node = "fence", e.Fence.Node
	default:
		r.Kind, r.History = "history", hex.EncodeToString(e.History[:])
	}
	for i, l := range e.Listings {
		r.Instruments = append(r.Instruments, Listing{e.First + ledger.InstrumentID(i), l.Key.String(), l.Tick.String()})
	}
	for _, o := range e.Openings {
		r.Customers = append(r.Customers, Opening{o.Customer, o.Cash.String(), fmt.Sprintf("%016x", o.Holdings)})
	}
	return r
}

// market returns the record of an event of the market.
func (n *naming) market(batch, number uint64, m *desk.MarketEvent) Record {
	r := Record{Batch: batch, Record: number, Kind: marketKinds.of(uint8(m.Kind)), Time: instant(m.Time)}
	for _, p := range m.Prices {
		price := Price{Instrument: n.instrument(p.Instrument)}
		if p.Price != 0 {
			price.Price = p.Price.String()
		}
		r.Prices = append(r.Prices, price)
	}
	return r
}

// event returns the record of an event of an account, without its place in the journal.
func (n *naming) event(e *ledger.Event) Record {
	r := Record{
		Kind: eventKinds.of(uint8(e.Kind)), Time: instant(e.Time), Customer: e.Customer(), Event: e.Number,
		Push: e.Push, Pushes: e.Pushes(), Reason: e.Text,
	}
	if e.Amount != 0 {
		r.Amount = e.Amount.String()
	}
	if !e.Kind.HasOrder() {
		return r
	}
	o := &e.Order
	r.Order, r.ClientOrderID = o.ID.String(), o.ClientOrderID.String()
	r.Side, r.Instrument = o.Side.String(), n.instrument(o.Instrument)
	if !e.Early {
		r.Terms = orderAfter(o, e.Cause)
	}
	if e.Kind.HasExecution() {
		r.addExecution(&e.Execution)
		r.Position = &Position{e.Position.Quantity, e.Position.Cost.String(), e.Position.Realised.String()}
	}
	return r
}

func (r *Record) addExecution(x *ledger.Execution) {
	r.Execution, r.Quantity, r.Price = x.ID.String(), x.Quantity, x.Price.String()
	if x.Fee != 0 {
		r.Fee = x.Fee.String()
	}
	if x.Settlement != 0 {
		r.Settlement = instant(x.Settlement)
	}
	if x.Corrects != 0 {
		r.Corrects = ledger.NewExecutionID(x.ID.Customer(), x.Corrects).String()
	}
}

func orderAfter(o *ledger.Order, cause ledger.Cause) *Order {
	after := &Order{
		Type: orderTypes.of(uint8(o.Type)), TimeInForce: timesInForce.of(uint8(o.TimeInForce)),
		Quantity: o.Quantity, Status: orderStates.of(uint8(o.Status)), Filled: o.Filled, Leaves: o.Leaves(),
	}
	if o.Price != 0 {
		after.Limit = o.Price.String()
	}
	if o.Stop != 0 {
		after.Stop = o.Stop.String()
	}
	if o.Expires != 0 {
		after.Expires = instant(o.Expires)
	}
	if cause != 0 {
		after.Cause = causes.of(uint8(cause))
	}
	return after
}

func instant(nanoseconds int64) string {
	return time.Unix(0, nanoseconds).UTC().Format(time.RFC3339Nano)
}
