package desk

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// A Replica rebuilds the accounts from seed and journal, without a server. Goroutine: one.
type Replica struct {
	change   *Change
	accounts map[ledger.Customer]*ledger.Account
}

// NewReplica opens the accounts of a seed. b is the book of the whole journal:
// an event may come before the definition of its instrument. Errors are those of
// Book.Compare.
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

// Account returns the account of a customer, or nil if the seed has none. Only Apply changes it.
func (r *Replica) Account(c ledger.Customer) *ledger.Account { return r.accounts[c] }

// Apply applies the next record of the journal. ErrForeignData means that the seed has
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
	sum := sha256.New()
	for _, a := range accounts {
		hash := a.Hash()
		sum.Write(hash[:])
	}
	return [sha256.Size]byte(sum.Sum(nil))
}
