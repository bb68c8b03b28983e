package desk

import (
	"fmt"
	"runtime/debug"

	"holdfast/biz/ledger"
)

// Turn is one visit to an account (Account.Do): what happened, and what leaves when
// that is durable. It is made by Desk.NewTurn and used again.
//
// Goroutine: one at a time. The methods are for use inside Account.Do.
type Turn struct {
	// Out collects the replies and pushes of the turn.
	Out Outbound

	desk     *Desk
	account  *Account
	applying bool // the ledger is at work
	events   []Event
	records  []byte // of the events, for the journal
	ends     []int  // of each record
}

// Event is an event of a turn, with the reason of a bust.
type Event struct {
	ledger.Event
	Reason string
}

// Outbound collects messages to those who have asked and those who watch. The desk
// does not look into it.
type Outbound interface {
	// Len returns how many messages there are, Size how many bytes.
	Len() int
	Size() int
	// MoveTo adds all of it to another Outbound and empties this one.
	MoveTo(to Outbound)
	// Post lets all of it leave; Discard drops it. Both empty it.
	Post()
	Discard()
}

// NewTurn returns a turn for one goroutine at a time. Call it after Start.
func (d *Desk) NewTurn() *Turn { return &Turn{Out: d.newOut(), desk: d} }

// Account returns whose turn it is.
func (t *Turn) Account() *Account { return t.account }

// Ledger returns the account to read, or to value anew.
func (t *Turn) Ledger() *ledger.Account { return t.account.ledger }

// Events returns what has happened in this turn.
func (t *Turn) Events() []Event { return t.events }

// Place executes an order. The errors are those of ledger.Account.Place, with the
// first event again for ledger.ErrDuplicate, and those of Desk.Accepting: nothing has
// happened then. The event is valid until the next Place or Bust, or the
// end of the turn.
func (t *Turn) Place(o *ledger.Order) (*ledger.Event, error) {
	if err := t.desk.Accepting(); err != nil {
		return nil, err
	}
	e := t.next()
	t.applying = true
	var err error
	e.Event, err = t.account.ledger.Place(*o)
	t.applying = false
	if err != nil {
		return &e.Event, err
	}
	t.happened("")
	if applyTwice {
		t.placeAgain(*o)
	}
	return &e.Event, nil
}

// Bust takes an execution back. Errors are those of ledger.Account.Bust and of
// Desk.Accepting. The event is valid until the next Place or Bust, or the
// end of the turn.
func (t *Turn) Bust(b ledger.Bust) (e *ledger.Event, changed bool, err error) {
	if err := t.desk.Accepting(); err != nil {
		return nil, false, err
	}
	next := t.next()
	t.applying = true
	next.Event, changed, err = t.account.ledger.Bust(b)
	t.applying = false
	if changed {
		t.happened(b.Reason)
	}
	return &next.Event, changed, err
}

// next returns room for the next event; happened makes it one.
func (t *Turn) next() *Event {
	n := len(t.events)
	if n == cap(t.events) {
		t.events = append(t.events, Event{})[:n]
	}
	return &t.events[:n+1][n]
}

// happened makes what next has returned an event, and gathers its record.
func (t *Turn) happened(reason string) {
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
	if t.next().Event, err = t.account.ledger.Place(o); err == nil {
		t.happened("")
	}
}

func (t *Turn) begin(a *Account) {
	if t.Out.Len() > 0 { // of a turn that ended in a panic
		t.Out.Discard()
	}
	t.account = a
}

func (t *Turn) end() {
	t.events, t.records, t.ends = t.events[:0], t.records[:0], t.ends[:0]
}

// endOnPanic ends the process when a panic is under way that would leave an event half
// applied or unrecorded; the recovery of handlers would swallow it. After the restart
// the account is as the journal has it.
func (t *Turn) endOnPanic() {
	if !t.applying && len(t.events) == 0 {
		return
	}
	if v := recover(); v != nil {
		stack := debug.Stack()
		go panic(fmt.Sprintf("desk: an event was not wholly applied and recorded: %v\n%s", v, stack))
		select {} // nothing more may happen on this account
	}
}

// nobody is the Outbound where there is nobody to tell.
type nobody struct{}

func (nobody) Len() int        { return 0 }
func (nobody) Size() int       { return 0 }
func (nobody) MoveTo(Outbound) {}
func (nobody) Post()           {}
func (nobody) Discard()        {}
