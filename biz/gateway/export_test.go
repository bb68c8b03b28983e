package gateway

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/engine"
)

// For the black-box tests.

// LoggedIn returns how many sessions get the pushes of an account.
func (g *Gateway) LoggedIn(c ledger.Customer) int {
	return g.accounts[c].sessions.Len()
}

// Online returns how many accounts are repriced.
func (g *Gateway) Online() int { return len(g.presence.list(nil)) }

// Subscribers returns how many sessions get quotes.
func (g *Gateway) Subscribers() int {
	g.quotes.mu.Lock()
	defer g.quotes.mu.Unlock()
	return len(g.quotes.subscribers)
}

// HoldPasswords lets no password be verified until the function that it returns
// is called.
func (g *Gateway) HoldPasswords() (release func()) {
	for range cap(g.guesses.slots) {
		g.guesses.slots <- struct{}{}
	}
	return func() {
		for range cap(g.guesses.slots) {
			<-g.guesses.slots
		}
	}
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
func (g *Gateway) HoldDelays() (elapse func() []time.Duration) {
	var mu sync.Mutex
	var delays []time.Duration
	var waiting []func()
	g.guesses.mu.Lock()
	defer g.guesses.mu.Unlock()
	g.guesses.after = func(d time.Duration, f func()) func() bool {
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

// Limits of the publisher.
const (
	PushWindow = pushWindow
	MaxRest    = maxRest
)

// Pace is the pace of the publisher.
type Pace struct{ pace }

// NewPace returns that of a publisher to the sessions of core.
func NewPace(core *engine.Core) *Pace { return &Pace{pace{core: core}} }

// Begin is called before pushes are added, End when they were added for that many sessions.
func (p *Pace) Begin() { p.begin() }

// End returns when more may be added.
func (p *Pace) End(ctx context.Context, sessions int) { p.end(ctx, sessions) }

// PasswordsAtOnce is how many are verified at once on so many processors.
func PasswordsAtOnce(processors int) int { return passwordsAtOnce(processors) }

// BreakPushes lets what happens next to an account panic after it was applied.
func (g *Gateway) BreakPushes(c ledger.Customer) { g.accounts[c].Watch(broken{}) }

type broken struct{}

func (broken) Changed(*desk.Turn) { panic("no pushes") }
