package desk

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"holdfast/biz/checkpoint"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// A Replica rebuilds the accounts from seed and journal, without a server. Goroutine: one.
type Replica struct {
	change   *Change
	accounts map[ledger.Customer]*ledger.Account
}

// BookOf returns the book in a checkpoint. An error is ErrCheckpoint.
func BookOf(c *checkpoint.Checkpoint) (*Book, error) {
	b, _, err := bookIn(c)
	return b, err
}

// NewReplica opens the accounts of a seed. b is the book of the whole journal, or of a checkpoint and
// the journal after it: an event may come before the definition of its instrument. Errors are
// those of Book.Compare.
func NewReplica(s *seed.Seed, b *Book) (*Replica, error) {
	c, err := b.Compare(s)
	if err != nil {
		return nil, err
	}
	r := &Replica{change: c, accounts: make(map[ledger.Customer]*ledger.Account, len(c.Seed.Customers))}
	for i := range c.Seed.Customers {
		c := &c.Seed.Customers[i]
		a, err := ledger.NewAccount(c.Number, c.Opening(), ledger.Options{Recent: 1})
		if err != nil {
			return nil, fmt.Errorf("desk: customer %d of the seed file: %w", c.Number, err)
		}
		r.accounts[c.Number] = a
	}
	return r, nil
}

// Restore replaces the accounts by those of a checkpoint. Errors are those of Accounts.
func (r *Replica) Restore(c *checkpoint.Checkpoint) error {
	return r.Accounts(c, func(a *ledger.Account) error {
		r.accounts[a.Customer()] = a
		return nil
	})
}

// Accounts calls each for every account in a checkpoint, with few events in memory. Errors are that
// of each, ErrCheckpoint, and ErrForeignData if the seed has changed for a customer with orders.
func (r *Replica) Accounts(c *checkpoint.Checkpoint, each func(*ledger.Account) error) error {
	gaps, err := restoreStates(c, ledger.Options{Recent: 1}, func(customer ledger.Customer) (ledger.Opening, error) {
		if err := r.change.Refused(customer); err != nil {
			return ledger.Opening{}, err
		}
		a := r.accounts[customer]
		if a == nil {
			return ledger.Opening{}, ledger.ErrMalformed
		}
		return a.Opening(), nil
	}, each)
	if err != nil {
		return err
	}
	return gaps.check(c, func(int) error { return nil })
}

// Account returns the account of a customer, or nil if the seed has none. Only Apply and Restore
// change it.
func (r *Replica) Account(c ledger.Customer) *ledger.Account { return r.accounts[c] }

// Has reports whether the accounts have the events of a record: those of a checkpoint may have some
// of the batches after it.
func (r *Replica) Has(e *Entry) bool {
	if len(e.Events) == 0 {
		return false
	}
	a := r.accounts[e.Events[0].Customer()]
	return a != nil && e.Events[0].Number <= a.LastNumber()
}

// Apply applies the next record of the journal, unless the accounts have it. ErrForeignData means that the seed has
// changed for a customer with orders.
func (r *Replica) Apply(e *Entry) error {
	for n := range e.Events {
		if err := r.applyEvent(&e.Events[n]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Replica) applyEvent(e *ledger.Event) error {
	if err := r.change.Refused(e.Customer()); err != nil {
		return err
	}
	a := r.accounts[e.Customer()]
	if a == nil {
		return fmt.Errorf("customer %d is not in the seed file", e.Customer())
	}
	_, err := a.Replay(e)
	return err
}

// StateHash returns the hash that Desk.StateHash returns for the same accounts.
func (r *Replica) StateHash() [sha256.Size]byte {
	accounts := slices.Collect(maps.Values(r.accounts))
	slices.SortFunc(accounts, func(a, b *ledger.Account) int { return cmp.Compare(a.Customer(), b.Customer()) })
	sum := newStateSum()
	for _, a := range accounts {
		sum.add(a)
	}
	return sum.hash()
}
