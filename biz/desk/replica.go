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

// An Entry is a decoded record of the journal, for tools that read it without a server.
type Entry struct {
	// Genesis is true for the first record, which has the hash of the seed file.
	Genesis bool
	Seed    [sha256.Size]byte
	// Event and, for a bust, Reason are the content of all other records.
	Event  ledger.Event
	Reason string
}

// DecodeEntry decodes a record and does not retain it.
func DecodeEntry(record []byte) (Entry, error) {
	event, reason, isEvent, err := decodeEvent(record)
	if err != nil {
		return Entry{}, err
	}
	if isEvent {
		return Entry{Event: event, Reason: reason}, nil
	}
	return Entry{Genesis: true, Seed: [sha256.Size]byte(record[1:])}, nil
}

// A Replica rebuilds the accounts from seed and journal, without a server. Goroutine: one.
type Replica struct {
	accounts map[ledger.Customer]*ledger.Account
}

// NewReplica opens the accounts of a seed.
func NewReplica(s *seed.Seed) (*Replica, error) {
	r := &Replica{accounts: make(map[ledger.Customer]*ledger.Account, len(s.Customers))}
	for i := range s.Customers {
		c := &s.Customers[i]
		a, err := ledger.NewAccount(c.Number, c.Cash, c.Holdings, 1)
		if err != nil {
			return nil, fmt.Errorf("desk: customer %d of the seed file: %w", c.Number, err)
		}
		r.accounts[c.Number] = a
	}
	return r, nil
}

// Apply applies the next record of the journal.
func (r *Replica) Apply(e *Entry) error {
	if e.Genesis {
		return nil
	}
	a := r.accounts[e.Event.Customer()]
	if a == nil {
		return fmt.Errorf("customer %d is not in the seed file", e.Event.Customer())
	}
	_, err := a.Replay(&e.Event, e.Reason)
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
