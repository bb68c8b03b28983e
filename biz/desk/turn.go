package desk

import (
	"fmt"
	"runtime/debug"

	"holdfast/biz/ledger"
)

// Turn is one visit to an account under its lock (Account.Do): the events, and the output
// that leaves when they are durable. Make it with Desk.NewTurn and reuse it.
//
// A command returns its events. They are valid until the next command or the end of the
// turn. After an error that is not ledger.ErrDuplicate the command had no effect.
//
// Goroutine: one at a time. The methods are for use inside Account.Do.
type Turn struct {
	// Out is the turn's output: replies and pushes.
	Out Outbound
	// Parts is in how many parts Place splits what the market offers; 0 and 1: in one.
	Parts int

	desk     *Desk
	account  *Account
	applying bool // the ledger is applying a command
	events   []ledger.Event
	records  []byte // one of each command, for the journal
	ends     []int  // of each record
	offers   []ledger.Offer
	script   *ScriptPosition // that the turn reaches, or nil
	audit    *Audit          // of the command that the turn executes, or nil
	marks    []SequenceMark  // that are in records
	priced   *MarketEvent    // that makes a restart forget the prices of executions beside the last price, or nil
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
func (t *Turn) Events() []ledger.Event { return t.events }

// ready returns nil if the account can have events, else ErrWithdrawn or the error of
// Desk.Accepting.
func (t *Turn) ready() error {
	if err := t.desk.Accepting(); err != nil {
		return err
	}
	if t.account.withdrawn.Load() {
		return ErrWithdrawn
	}
	return nil
}

// apply applies a command to the ledger and records its events. do appends them to events and
// returns it.
func (t *Turn) apply(do func(l *ledger.Account, events []ledger.Event) ([]ledger.Event, error)) ([]ledger.Event, error) {
	if err := t.ready(); err != nil {
		return nil, err
	}
	t.applying = true
	n := len(t.events)
	all, err := do(t.account.ledger, t.events)
	t.applying = false
	return t.record(all, n, err), err
}

// record adds the events of a command, those from n on, to the turn, with one journal record.
// With an error they are not new.
func (t *Turn) record(all []ledger.Event, n int, err error) []ledger.Event {
	t.events = all
	if err != nil {
		t.events = all[:n]
		return all[n:]
	}
	if len(all) > n {
		t.records = append(t.records, recordEvents)
		t.records = t.account.ledger.AppendNewest(t.records, len(all)-n)
		t.ends = append(t.ends, len(t.records))
	}
	return all[n:]
}

func (t *Turn) start(a *Account) {
	if t.Out.Len() > 0 { // left by a panic in the turn before
		t.Out.Discard()
	}
	t.account, t.audit = a, nil
}

// keptEvents is how many events and offers a turn's memory has at most between turns,
// keptRecords the same in bytes for the records.
const (
	keptEvents  = 64
	keptRecords = 64 << 10
)

func (t *Turn) empty() {
	if cap(t.events) > keptEvents {
		t.events = nil
	}
	if cap(t.offers) > keptEvents {
		t.offers = nil
	}
	if cap(t.records) > keptRecords {
		t.records, t.ends = nil, nil
	}
	t.script, t.priced, t.audit = nil, nil, nil
	clear(t.marks)
	t.marks = t.marks[:0]
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
