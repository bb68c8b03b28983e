package desk

import (
	"sync"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// Account is the account of one customer: the ledger's account, its lock and its watcher.
type Account struct {
	desk    *Desk
	owner   seed.Customer
	watcher Watcher // set before Start

	mu     sync.Mutex
	ledger *ledger.Account
	saved  uint64 // number of the last event in a snapshot
}

// Watcher is called when an account changes.
type Watcher interface {
	// Changed is called once per turn with events, before they are durable: all output
	// must go through t.Out, which leaves when they are. Changed runs under the
	// account's lock and must be quick.
	Changed(t *Turn)
}

// Watch sets the watcher of the account. Call it before Desk.Start.
func (a *Account) Watch(w Watcher) { a.watcher = w }

// Owner returns the customer as in the seed.
func (a *Account) Owner() *seed.Customer { return &a.owner }

// Customer returns the customer number.
func (a *Account) Customer() ledger.Customer { return a.owner.Number }

// View calls read with the account, under its lock. read must not change or retain it.
// The state may not be durable yet: output that shows it must go through Do.
func (a *Account) View(read func(*ledger.Account)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	read(a.ledger)
}

// Do makes one turn: do runs under the account's lock and may apply commands and read the
// account through t. If there are events, the watcher is called. Then the events and
// t.Out go to the commit log in one piece. Nothing in t.Out leaves before all events of
// the account so far are durable.
//
// Do returns ErrOverloaded, and does not call do, if too much waits for the disk. A panic
// in do after an event was applied ends the process: the account would have an event that
// the journal lacks.
func (a *Account) Do(t *Turn, do func(t *Turn)) error {
	if !a.desk.commits.Accepts() {
		return ErrOverloaded
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t.start(a)
	defer t.crashOnPanic()
	do(t)
	if len(t.events) > 0 && a.watcher != nil {
		a.watcher.Changed(t)
	}
	if len(t.events) > 0 || t.Out.Len() > 0 {
		a.desk.commits.Append(t)
	}
	t.reset()
	return nil
}
