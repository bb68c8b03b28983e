package gateway

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// For the black-box tests.

// LoggedIn returns how many sessions get the pushes of an account.
func (g *Gateway) LoggedIn(c ledger.Customer) int {
	return g.account(c).sessions.Len()
}

// Online returns how many accounts are repriced.
func (g *Gateway) Online() int { return len(g.presence.list(nil)) }

// Subscribers returns how many sessions get quotes.
func (g *Gateway) Subscribers() int {
	g.quotes.mu.Lock()
	defer g.quotes.mu.Unlock()
	return len(g.quotes.subscribers)
}

// HoldPasswords stops the verification of passwords until the returned function is called, which
// may be called again.
func (g *Gateway) HoldPasswords() (release func()) {
	for range cap(g.guesses.slots) {
		g.guesses.slots <- struct{}{}
	}
	return sync.OnceFunc(func() {
		for range cap(g.guesses.slots) {
			<-g.guesses.slots
		}
	})
}

// GuessTable is the table of guessers with a clock that the test sets.
type GuessTable struct{ table *guessTable }

// NewGuessTable returns a table that allows that many guesses a minute.
func NewGuessTable(guesses int) GuessTable { return GuessTable{newGuessTable(guesses)} }

// Charge counts a guess at time at.
func (t GuessTable) Charge(c ledger.Customer, address string, at time.Duration) (delay time.Duration, ok bool) {
	delay, ok = t.table.charge(c, netip.MustParseAddr(address), time.Unix(0, 0).Add(at))
	return delay.Round(time.Microsecond), ok // its numbers are floating-point
}

// Refund takes a guess back.
func (t GuessTable) Refund(c ledger.Customer, address string, at time.Duration) {
	t.table.refund(c, netip.MustParseAddr(address), time.Unix(0, 0).Add(at))
}

// Len returns how many pairs and how many addresses are remembered.
func (t GuessTable) Len() (pairs, addresses int) {
	return t.table.pairs.recent.Len(), t.table.addresses.recent.Len()
}

// MaxGuessers is the largest number of both.
const MaxGuessers = maxGuessers

// HoldDelays stops delayed passwords until elapse is called. elapse returns the delays.
func (g *Gateway) HoldDelays() (elapse func() []time.Duration) {
	var mu sync.Mutex
	var delays []time.Duration
	var waiting []func()
	g.guesses.mu.Lock()
	defer g.guesses.mu.Unlock()
	g.guesses.after = func(d time.Duration, f func()) func() bool {
		if d == g.guesses.wait { // see HoldWaits
			return func() bool { return true }
		}
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

// PasswordSlots is how many passwords are verified at once.
func (g *Gateway) PasswordSlots() int { return cap(g.guesses.slots) }

// HoldWaits stops the clock of logins in the queue until expire is called.
func (g *Gateway) HoldWaits() (expire func()) {
	var mu sync.Mutex
	var waiting []func()
	g.guesses.mu.Lock()
	defer g.guesses.mu.Unlock()
	g.guesses.after = func(d time.Duration, f func()) func() bool {
		if d == g.guesses.wait {
			mu.Lock()
			defer mu.Unlock()
			waiting = append(waiting, f)
		}
		return func() bool { return true }
	}
	return func() {
		mu.Lock()
		held := waiting
		waiting = nil
		mu.Unlock()
		for _, f := range held {
			f()
		}
	}
}

// WaitingBytes returns how many bytes of their requests the logins in the queue keep.
func (g *Gateway) WaitingBytes() (n int) {
	g.guesses.mu.Lock()
	defer g.guesses.mu.Unlock()
	for _, a := range g.guesses.queue.addresses {
		for at := a.logins.Front(); at != nil; at = at.Next() {
			l := at.Value.(*login)
			n += cap(l.history) + len(l.password)
		}
	}
	return n
}

// Refusal returns what a client gets for an error.
func Refusal(err error) (codec.Result, *pb.Error) { return refusal(err) }

// Delayed returns how many requests wait for their time.
func (g *Gateway) Delayed() int {
	g.delays.mu.Lock()
	defer g.delays.mu.Unlock()
	return len(g.delays.waiting)
}

// Waiting returns how many demanded things of an account wait.
func (g *Gateway) Waiting(c ledger.Customer) int {
	a := g.account(c)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waiting
}

// MaxWaiting is the limit of Waiting.
const MaxWaiting = maxWaiting

// BreakDelayed makes delayed requests panic until repair is called.
func (g *Gateway) BreakDelayed() (repair func()) {
	g.delays.use.Lock()
	defer g.delays.use.Unlock()
	turn := g.delays.w.turn
	g.delays.w.turn = nil
	return func() {
		g.delays.use.Lock()
		defer g.delays.use.Unlock()
		g.delays.w.turn = turn
	}
}

// Operating holds what a session of the customer does as an operator until release is called.
func (g *Gateway) Operating(c ledger.Customer) (release func()) {
	state := g.state.Get(g.account(c).sessions.Append(nil)[0])
	state.operating.RLock()
	return state.operating.RUnlock
}

// AllErrors returns the errors of the packages below, and one that nobody knows.
func AllErrors() []error {
	all := []error{
		errors.New("ledger: something new"),
		ledger.ErrDuplicate, ledger.ErrExhausted, ledger.ErrBadHolding, ledger.ErrWrongAccount, ledger.ErrGap,
		ledger.ErrMismatch, ledger.ErrMalformed, ledger.ErrVersion,
		desk.ErrForeignData, desk.ErrNeedsRestart, desk.ErrWithdrawn, desk.ErrHistoryAhead, desk.ErrOverloaded, desk.ErrUnavailable, desk.ErrDiskLow,
		desk.ErrHistoryDamaged, desk.ErrCatchingUp,
	}
	for r := ledger.ErrUnknownInstrument; r <= ledger.ErrUnknownCustomer; r++ {
		if r != 14 { // HISTORY_RESET, which is no error of the ledger
			all = append(all, r)
		}
	}
	return all
}

// Limits of the publisher.
const (
	PushWindow = pushWindow
	MaxRest    = maxRest
)

// Pace is the pace of the publisher.
type Pace struct{ pacer }

// NewPace returns the pace of a publisher to the sessions of core.
func NewPace(core *engine.Core) *Pace { return &Pace{pacer{core: core}} }

// StartWindow is called before pushes are added, End when they were added for that many sessions.
func (p *Pace) StartWindow() { p.startWindow() }

// Added returns when more may be added.
func (p *Pace) Added(ctx context.Context, sessions int) { p.added(ctx, sessions) }

// PasswordsAtOnce is how many are verified at once on that many processors.
func PasswordsAtOnce(processors int) int { return passwordsAtOnce(processors) }

// BreakPushes makes the next event of an account panic after it was applied.
func (g *Gateway) BreakPushes(c ledger.Customer) { g.account(c).Watch(broken{}) }

type broken struct{}

func (broken) Changed(*desk.Turn) { panic("no pushes") }

// Stale returns how many sessions of an account logged in with a credential that is not valid
// any more.
func (g *Gateway) Stale(c ledger.Customer) (n int) {
	a := g.account(c)
	for _, session := range a.sessions.Append(nil) {
		state := g.state.Get(session)
		state.mu.Lock()
		if state.account.Load() == a && !state.credential.of(a.Owner()) {
			n++
		}
		state.mu.Unlock()
	}
	return n
}

// Verifying returns how many passwords are being verified.
func (g *Gateway) Verifying() int { return len(g.guesses.slots) }

// AttemptsAtOnce is how many entries one customer without the operator role gets at once.
const AttemptsAtOnce = attemptsAtOnce

// Attempts limits the entries of customers without the operator role.
type Attempts struct{ attempts attempts }

// Allow reports whether the customer gets an entry now.
func (a *Attempts) Allow(customer int, now time.Time) (unlisted uint32, ok bool) {
	return a.attempts.allow(ledger.Customer(customer), now)
}

// PendingLogins returns how many passwords were taken and are not answered.
func (g *Gateway) PendingLogins() int {
	g.guesses.mu.Lock()
	defer g.guesses.mu.Unlock()
	return g.guesses.pending
}

// Passes returns how many passes have not ended.
func (g *Gateway) Passes() int {
	g.passes.mu.Lock()
	defer g.passes.mu.Unlock()
	return len(g.passes.live)
}
