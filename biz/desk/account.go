package desk

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// Account is the account of one customer: the ledger's account, its lock and its watcher.
type Account struct {
	desk      *Desk
	number    ledger.Customer
	owner     atomic.Pointer[seed.Customer] // replaced under mu
	watcher   Watcher                       // set before anyone can call Do
	withdrawn atomic.Bool                   // the seed lacks the customer, and it has no orders; set under mu

	mu     sync.Mutex
	ledger *ledger.Account
}

// Watcher is called when an account changes.
type Watcher interface {
	// Changed is called once per turn with events, before they are durable: all output
	// must go through t.Out, which leaves when they are. Changed runs under the
	// account's lock and must be quick.
	Changed(t *Turn)
}

// Watch sets the watcher of the account. Call it before Desk.Start, or when Desk.Reload opens
// the account.
func (a *Account) Watch(w Watcher) { a.watcher = w }

// Owner returns the customer as in the seed. A reload may replace it, but not during a turn.
func (a *Account) Owner() *seed.Customer { return a.owner.Load() }

// Customer returns the customer number.
func (a *Account) Customer() ledger.Customer { return a.number }

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
	if len(t.events) > 0 || t.Out.Len() > 0 || t.script != nil || t.audit != nil || len(t.marks) > 0 {
		a.desk.commits.Append(t)
	}
	t.empty()
	return nil
}

// traded reports whether the account has orders. The caller holds a.mu.
func (a *Account) traded() bool { return a.ledger.LastNumber() > 0 }

// withdraw stops the orders of the account, unless it has some or was withdrawn before.
func (a *Account) withdraw() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.traded() && a.withdrawn.CompareAndSwap(false, true)
}

// setOwner replaces the owner.
func (a *Account) setOwner(owner *seed.Customer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owner.Store(owner)
}

// accounts is the accounts of a desk at one moment. It does not change.
type accounts struct {
	byNumber map[ledger.Customer]*Account
	all      []*Account // in the order of the seed, then of the reloads
}

// with returns the accounts with more of them.
func (s *accounts) with(more []*Account) *accounts {
	next := &accounts{byNumber: make(map[ledger.Customer]*Account, len(s.all)+len(more)), all: slices.Concat(s.all, more)}
	maps.Copy(next.byNumber, s.byNumber)
	for _, a := range more {
		next.byNumber[a.number] = a
	}
	return next
}
