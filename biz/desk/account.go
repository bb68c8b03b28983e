package desk

import (
	"sync"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// Account is one customer: the ledger's account, its lock, and who watches it.
type Account struct {
	desk    *Desk
	owner   seed.Customer
	watcher Watcher // set before Start

	mu     sync.Mutex
	ledger *ledger.Account
	saved  uint64 // number of the last event that a snapshot has
}

// Watcher is told of what changes an account.
type Watcher interface {
	// Changed is called once for each turn that has events, before they are durable:
	// what it tells others must go through t.Out, and then leaves when they are. It is
	// called under the account's lock and must be quick.
	Changed(t *Turn)
}

// Watch makes w the watcher of the account. Call it before Desk.Start.
func (a *Account) Watch(w Watcher) { a.watcher = w }

// Owner returns the customer, as the seed has it.
func (a *Account) Owner() *seed.Customer { return &a.owner }

// Customer returns whose account it is.
func (a *Account) Customer() ledger.Customer { return a.owner.Number }

// View calls read with the account, which it must not change or keep, under its lock.
// What it sees may not be durable: what is told to others goes through Do.
func (a *Account) View(read func(*ledger.Account)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	read(a.ledger)
}

// Do has one turn of the account: do runs under its lock and may apply commands and
// read the account through t. If anything happened, the watcher is told; and then
// everything that t has gathered (the events, and what was put into t.Out) is handed
// to the commit log in one piece. Nothing in t.Out leaves before all that the account
// has done so far is durable.
//
// It is ErrOverloaded, and do is not called, when too much waits for the disk already.
// A panic in do after something was applied ends the process: the account would have
// an event that the journal lacks.
func (a *Account) Do(t *Turn, do func(t *Turn)) error {
	if !a.desk.commits.Room() {
		return ErrOverloaded
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t.begin(a)
	defer t.endOnPanic()
	do(t)
	if len(t.events) > 0 && a.watcher != nil {
		a.watcher.Changed(t)
	}
	if len(t.events) > 0 || t.Out.Len() > 0 {
		a.desk.commits.Append(t)
	}
	t.end()
	return nil
}
