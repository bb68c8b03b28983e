package desk

import (
	"fmt"
	"runtime/debug"

	"holdfast/biz/ledger"
)

// Turn is one visit to an account under its lock (Account.Do): the events, and the output
// that leaves when they are durable. Make it with Desk.NewTurn and reuse it.
//
// Goroutine: one at a time. The methods are for use inside Account.Do.
type Turn struct {
	// Out is the turn's output: replies and pushes.
	Out Outbound

	desk     *Desk
	account  *Account
	applying bool // the ledger is applying a command
	events   []Event
	records  []byte // of the events, for the journal
	ends     []int  // of each record
}

// Event is an event of a turn, with the reason of a bust.
type Event struct {
	ledger.Event
	Reason string
}

// Outbound collects replies and pushes. The desk does not look into it.
type Outbound interface {
	// Len returns the number of messages, Size their bytes.
	Len() int
	Size() int
	// MoveTo moves all messages to the end of another Outbound.
	MoveTo(to Outbound)
	// Post sends all messages; Discard drops them. Both empty the Outbound.
	Post()
	Discard()
}

// NewTurn returns a turn for use by one goroutine at a time. Call it after Start.
func (d *Desk) NewTurn() *Turn { return &Turn{Out: d.newOut(), desk: d} }

// Account returns the account that the turn visits.
func (t *Turn) Account() *Account { return t.account }

// Ledger returns the ledger's account, for reading and revaluing.
func (t *Turn) Ledger() *ledger.Account { return t.account.ledger }

// Events returns the events of this turn so far.
func (t *Turn) Events() []Event { return t.events }

// Place executes an order. Errors are those of ledger.Account.Place and Desk.Accepting, and
// ErrWithdrawn;
// the order then had no effect. With ledger.ErrDuplicate the event is that of the first
// order. The event is valid until the next Place or Bust, or the end of the turn.
func (t *Turn) Place(o *ledger.Order) (*ledger.Event, error) {
	if err := t.desk.Accepting(); err != nil {
		return nil, err
	}
	if t.account.withdrawn.Load() {
		return nil, ErrWithdrawn
	}
	e := t.nextEvent()
	t.applying = true
	var err error
	e.Event, err = t.account.ledger.Place(*o)
	t.applying = false
	if err != nil {
		return &e.Event, err
	}
	t.record("")
	if applyTwice {
		t.placeAgain(*o)
	}
	return &e.Event, nil
}

// Bust busts an execution; changed is false if it was busted already. Errors are those of
// ledger.Account.Bust and Desk.Accepting. The event is valid until the next Place or
// Bust, or the end of the turn.
func (t *Turn) Bust(b ledger.Bust) (e *ledger.Event, changed bool, err error) {
	if err := t.desk.Accepting(); err != nil {
		return nil, false, err
	}
	next := t.nextEvent()
	t.applying = true
	next.Event, changed, err = t.account.ledger.Bust(b)
	t.applying = false
	if changed {
		t.record(b.Reason)
	}
	return &next.Event, changed, err
}

// nextEvent returns space for the next event; record adds it to the turn.
func (t *Turn) nextEvent() *Event {
	n := len(t.events)
	if n == cap(t.events) {
		t.events = append(t.events, Event{})[:n]
	}
	return &t.events[:n+1][n]
}

// record adds the event in nextEvent to the turn, with its journal record.
func (t *Turn) record(reason string) {
	n := len(t.events)
	t.events = t.events[:n+1]
	e := &t.events[n]
	e.Reason = reason
	t.records = appendEventRecord(t.records, &e.Event, reason)
	t.ends = append(t.ends, len(t.records))
}

// placeAgain is the fault of the canary: the order has a second effect.
func (t *Turn) placeAgain(o ledger.Order) {
	o.ClientOrderID = ledger.ClientOrderID{}
	var err error
	if t.nextEvent().Event, err = t.account.ledger.Place(o); err == nil {
		t.record("")
	}
}

func (t *Turn) start(a *Account) {
	if t.Out.Len() > 0 { // left by a panic in the turn before
		t.Out.Discard()
	}
	t.account = a
}

func (t *Turn) reset() {
	t.events, t.records, t.ends = t.events[:0], t.records[:0], t.ends[:0]
}

// crashOnPanic ends the process during a panic that leaves an event half applied or
// unrecorded; the recovery around handlers would hide it. After a restart the account is
// as the journal has it.
func (t *Turn) crashOnPanic() {
	if !t.applying && len(t.events) == 0 {
		return
	}
	if v := recover(); v != nil {
		stack := debug.Stack()
		go panic(fmt.Sprintf("desk: an event was not wholly applied and recorded: %v\n%s", v, stack))
		select {} // keeps the account locked
	}
}

// nobody is the Outbound of a desk without clients.
type nobody struct{}

func (nobody) Len() int        { return 0 }
func (nobody) Size() int       { return 0 }
func (nobody) MoveTo(Outbound) {}
func (nobody) Post()           {}
func (nobody) Discard()        {}
