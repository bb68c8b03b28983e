package trading

import (
	"context"
	"crypto/sha256"
	"net"
	"net/netip"
	"sync"
	"time"

	"holdfast/biz/ledger"
	"holdfast/engine"
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
	for range cap(s.guesses.slots) {
		s.guesses.slots <- struct{}{}
	}
	return func() {
		for range cap(s.guesses.slots) {
			<-s.guesses.slots
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

// GuessTable is the table of guessers with a clock that the test sets.
type GuessTable struct{ table *guessTable }

// NewGuessTable returns one that allows so many guesses a minute.
func NewGuessTable(guesses int) GuessTable { return GuessTable{newGuessTable(guesses)} }

// Charge counts a guess at a time.
func (t GuessTable) Charge(c ledger.Customer, address string, at time.Duration) (delay time.Duration, ok bool) {
	return t.table.charge(c, netip.MustParseAddr(address), time.Unix(0, 0).Add(at))
}

// Refund takes it back.
func (t GuessTable) Refund(c ledger.Customer, address string) {
	t.table.refund(c, netip.MustParseAddr(address))
}

// Len returns how many guessers are remembered.
func (t GuessTable) Len() int { return len(t.table.even) }

// MaxGuessers is the most that are.
const MaxGuessers = maxGuessers

// AddressOf returns what counts as the address of a peer.
func AddressOf(remote net.Addr) netip.Addr { return addressOf(remote) }

// HoldDelays keeps passwords that are delayed until elapse is called, which returns
// the delays.
func (s *Service) HoldDelays() (elapse func() []time.Duration) {
	var mu sync.Mutex
	var delays []time.Duration
	var waiting []func()
	s.guesses.mu.Lock()
	defer s.guesses.mu.Unlock()
	s.guesses.after = func(d time.Duration, f func()) func() bool {
		mu.Lock()
		defer mu.Unlock()
		delays, waiting = append(delays, d), append(waiting, f)
		return func() bool { return true }
	}
	return func() []time.Duration {
		mu.Lock()
		due, held := delays, waiting
		delays, waiting = nil, nil
		mu.Unlock()
		for _, f := range held {
			f()
		}
		return due
	}
}

// BreakLedger lets what is next applied to an account panic.
func (s *Service) BreakLedger(c ledger.Customer) {
	a := s.accounts[c]
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ledger = nil
}

// LookAtDisk looks at the free space now.
func (s *Service) LookAtDisk() { s.lookAtDisk() }

// Limits of the publisher.
const (
	PushWindow = pushWindow
	MaxRest    = maxRest
)

// Pace is the pace of the publisher.
type Pace struct{ pace }

// NewPace returns that of a publisher to the sessions of core.
func NewPace(core *engine.Core) *Pace { return &Pace{pace{core: core}} }

// Begin is called before pushes are added, End when they were for so many sessions.
func (p *Pace) Begin() { p.begin() }

// End returns when more may be added.
func (p *Pace) End(ctx context.Context, sessions int) { p.end(ctx, sessions) }

// PasswordsAtOnce is how many are verified at once on so many processors.
func PasswordsAtOnce(processors int) int { return passwordsAtOnce(processors) }
