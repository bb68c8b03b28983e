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

// An Entry is a record of the journal, for those who read it without a server.
type Entry struct {
	// Genesis is true for the record that names the seed file by its hash, Seed.
	Genesis bool
	Seed    [sha256.Size]byte
	// Event and, for a bust, Reason are those of every other record.
	Event  ledger.Event
	Reason string
}

// DecodeEntry reads a record. It keeps nothing of it.
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

// A Replica is the accounts as seed and journal make them, without a server. Used
// by one goroutine.
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

// Apply adds the next record of the journal.
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

// StateHash is that of Desk.StateHash: the same accounts give the same hash.
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
