package desk

import (
	"cmp"
	"crypto/sha256"
	"slices"
)

// StateHash returns the SHA-256 of all accounts' states, in the order of their customer
// numbers. It depends only on seed and journal, not on snapshots. The accounts are read
// one by one: while orders are executed, the hash is not that of a single moment, and may
// include events that are not durable yet.
func (d *Desk) StateHash() [sha256.Size]byte {
	accounts := slices.SortedFunc(slices.Values(d.Accounts()), func(a, b *Account) int {
		return cmp.Compare(a.Customer(), b.Customer())
	})
	sum := sha256.New()
	for _, a := range accounts {
		a.mu.Lock()
		hash := a.ledger.Hash() // begins with the customer number
		a.mu.Unlock()
		sum.Write(hash[:])
	}
	return [sha256.Size]byte(sum.Sum(nil))
}
