package desk

import (
	"cmp"
	"crypto/sha256"
	"slices"
)

// StateHash returns the SHA-256 of all accounts' states, in the order of their
// customer numbers. The same seed and journal give the same hash, whatever
// snapshots helped to read it. It takes the accounts one by one: while orders are
// executed it is the hash of no one moment, and of what may not be durable yet.
func (d *Desk) StateHash() [sha256.Size]byte {
	accounts := slices.SortedFunc(slices.Values(d.order), func(a, b *Account) int {
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
