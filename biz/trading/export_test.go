package trading

import (
	"context"
	"crypto/sha256"

	"holdfast/biz/ledger"
)

// For the black-box tests.

// Hashes returns the state hash of every account.
func (s *Service) Hashes() map[ledger.Customer][sha256.Size]byte {
	hashes := make(map[ledger.Customer][sha256.Size]byte, len(s.order))
	for _, a := range s.order {
		a.mu.Lock()
		hashes[a.customer()] = a.ledger.Hash()
		a.mu.Unlock()
	}
	return hashes
}

// LoggedIn returns how many sessions get the pushes of an account.
func (s *Service) LoggedIn(c ledger.Customer) int {
	a := s.accounts[c]
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sessions)
}

// Online returns how many accounts are repriced.
func (s *Service) Online() int { return len(s.presence.list(nil)) }

// Subscribers returns how many sessions get quotes.
func (s *Service) Subscribers() int {
	s.quotes.mu.Lock()
	defer s.quotes.mu.Unlock()
	return len(s.quotes.subscribers)
}

// MovePrice makes p the last price, as a step of the simulation does.
func (s *Service) MovePrice(id ledger.InstrumentID, p ledger.Price) {
	s.market.SetLast(id, p)
	s.quotes.mark(id)
}

// HoldPasswords lets no password be verified until the function that it returns
// is called.
func (s *Service) HoldPasswords() (release func()) {
	for range cap(s.passwords) {
		s.passwords <- struct{}{}
	}
	return func() {
		for range cap(s.passwords) {
			<-s.passwords
		}
	}
}

// SaveSnapshot saves one now.
func (s *Service) SaveSnapshot(ctx context.Context) error { return s.saveSnapshot(ctx) }

// ExecutionOf returns the execution in a record of the journal; ok is false for
// records that are none.
func ExecutionOf(record []byte) (e ledger.Execution, ok bool) {
	event, _, isEvent, err := decodeEvent(record)
	return event.Execution, err == nil && isEvent && event.Kind == ledger.KindFill
}
