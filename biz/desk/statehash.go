package desk

import (
	"cmp"
	"crypto/sha256"
	"hash"
	"slices"

	"holdfast/biz/ledger"
)

// StateHash returns the SHA-256 of all accounts' states, in the order of their customer
// numbers. It depends only on seed and journal, not on checkpoints. The accounts are read
// one by one: while orders are executed, the hash is not that of a single moment, and may
// include events that are not durable yet.
func (d *Desk) StateHash() [sha256.Size]byte {
	accounts := slices.SortedFunc(slices.Values(d.Accounts()), func(a, b *Account) int {
		return cmp.Compare(a.Customer(), b.Customer())
	})
	sum := newStateSum()
	for _, a := range accounts {
		a.mu.Lock()
		sum.add(a.ledger)
		a.mu.Unlock()
	}
	return sum.hash()
}

// stateSum is the hash of the accounts that were added, in their order.
type stateSum struct{ sum hash.Hash }

func newStateSum() *stateSum { return &stateSum{sha256.New()} }

func (s *stateSum) add(a *ledger.Account) {
	hash := a.Hash()            // begins with the customer number
	_, _ = s.sum.Write(hash[:]) // it never fails
}

func (s *stateSum) hash() [sha256.Size]byte { return [sha256.Size]byte(s.sum.Sum(nil)) }
