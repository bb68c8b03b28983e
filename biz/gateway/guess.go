package gateway

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/engine"
)

const (
	// maxPasswords is how many passwords are verified at once: each takes 19 MiB and
	// some 20 ms of one core.
	maxPasswords = 2
	// maxVerifications is how many passwords can be due; further ones are answered
	// OVERLOADED.
	maxVerifications = 32
	// maxDelayed is how many passwords can be delayed; further ones are answered
	// OVERLOADED.
	maxDelayed = 1024
)

// guesses are the passwords that wait for verification. Good and bad ones wait alike, and
// only bad ones count. Tokens are verified at once: they are random and too long to guess.
//
// Goroutine: any. A waiting password needs no goroutine; those that are due are verified
// by one goroutine per slot.
type guesses struct {
	now   func() time.Time
	after func(time.Duration, func()) (stop func() bool)
	decoy string      // verified for customers without a password: it takes as long
	due   chan *login // Limit: maxVerifications
	slots chan struct{}

	mu       sync.Mutex
	table    *guessTable
	delayed  map[*login]delayedGuess // Limit: maxDelayed
	pending  int                     // accepted and not answered
	count    uint64                  // delayed so far
	draining bool
	idle     chan struct{} // closed when draining and nothing is pending
}

type delayedGuess struct {
	stop   func() bool // its timer
	refuse func()
}

func newGuesses(c *Config) *guesses {
	return &guesses{
		now: c.Now, decoy: decoyOf(c.Seed),
		after: func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop },
		due:   make(chan *login, maxVerifications),
		slots: make(chan struct{}, passwordsAtOnce(runtime.GOMAXPROCS(0))),
		table: newGuessTable(c.PasswordGuesses), delayed: make(map[*login]delayedGuess), idle: make(chan struct{}),
	}
}

// passwordsAtOnce leaves one of several processors to the event loops: Go preempts a hash
// only every 10 ms.
func passwordsAtOnce(processors int) int { return max(1, min(maxPasswords, processors-1)) }

// decoyOf returns a hash that costs as much as those of the customers; "" if no customer
// has a password.
func decoyOf(s *seed.Seed) string {
	for i := range s.Customers {
		if hash := s.Customers[i].Password; hash != "" {
			return hash
		}
	}
	return ""
}

// guess queues a password for verification off the lane: one per session at a time, and a
// bounded number in all.
func (g *Gateway) guess(c *engine.Context, l *login) {
	if len(l.password) > seed.MaxPasswordSize { // no customer has one
		fail(c, codec.ResultUnauthenticated, noMatch)
		return
	}
	if !l.state.guessing.CompareAndSwap(false, true) {
		overloaded(c)
		return
	}
	l.request = c.Detach()
	if !g.guesses.take(l, func() { g.overloadedLogin(l) }) {
		g.overloadedLogin(l)
	}
}

func (g *Gateway) overloadedLogin(l *login) {
	l.state.guessing.Store(false)
	g.refuseLogin(l, codec.ResultOverloaded, busy)
}

// take queues l; it returns false if too many wait. refuse is called later if l can't be
// verified after all.
func (g *guesses) take(l *login, refuse func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining || len(g.due) == cap(g.due) {
		return false
	}
	address := engine.CountedAddress(l.session().RemoteAddr())
	delay, ok := g.table.charge(l.customer, address, g.now())
	if delay > 0 {
		g.count++
	}
	if !ok || delay > 0 && len(g.delayed) == maxDelayed {
		return false
	}
	g.pending++
	if delay == 0 {
		g.due <- l // does not block: others add only under mu, too
		return true
	}
	g.delayed[l] = delayedGuess{stop: g.after(delay, func() { g.elapsed(l) }), refuse: refuse}
	return true
}

// elapsed makes a delayed password due.
func (g *guesses) elapsed(l *login) {
	g.mu.Lock()
	d, waits := g.delayed[l]
	delete(g.delayed, l)
	if waits {
		select {
		case g.due <- l:
			waits = false
		default:
		}
	}
	g.mu.Unlock()
	if waits {
		d.refuse()
		g.done()
	}
}

// giveUp refuses the delayed passwords. No more are taken afterwards.
func (g *guesses) giveUp() {
	g.mu.Lock()
	delayed := g.delayed
	g.delayed = make(map[*login]delayedGuess)
	if !g.draining {
		g.draining = true
		if g.pending == 0 {
			close(g.idle)
		}
	}
	g.mu.Unlock()
	for _, d := range delayed {
		d.stop()
		d.refuse()
		g.done()
	}
}

// done counts an answer.
func (g *guesses) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pending--
	if g.draining && g.pending == 0 {
		close(g.idle)
	}
}

// refund takes back the charge of a good password.
func (g *guesses) refund(l *login) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.table.refund(l.customer, engine.CountedAddress(l.session().RemoteAddr()), g.now())
}

// drain refuses the delayed passwords and returns when the due ones are answered.
func (g *guesses) drain(ctx context.Context) error {
	g.giveUp()
	select {
	case <-g.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DelayedGuesses returns how many passwords were delayed.
func (g *Gateway) DelayedGuesses() uint64 {
	g.guesses.mu.Lock()
	defer g.guesses.mu.Unlock()
	return g.guesses.count
}

// verify verifies passwords that are due until ctx ends.
func (g *Gateway) verify(ctx context.Context) {
	w := g.newWorkspace()
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-g.guesses.due:
			g.verifyOne(l, w)
		}
	}
}

// verifyOne answers one login. A panic costs the session, as in a handler.
func (g *Gateway) verifyOne(l *login, w *workspace) {
	defer g.guesses.done()
	defer func() {
		if v := recover(); v != nil {
			g.core.Stats.Panics.Add(1)
			g.log.Error("login panicked; its session is closed", "session", l.session().ID(), "panic", v, "stack", string(debug.Stack()))
			l.session().Close(engine.ReasonPanic)
		}
	}()
	a := g.accounts[l.customer]
	good := g.passwordFits(l, a)
	l.state.guessing.Store(false)
	if !good {
		g.refuseLogin(l, codec.ResultUnauthenticated, noMatch)
		return
	}
	g.guesses.refund(l)
	g.admit(l, w, a)
}

func (g *Gateway) passwordFits(l *login, a *account) bool {
	g.guesses.slots <- struct{}{}
	defer func() { <-g.guesses.slots }()
	if l.state.isClosed() {
		return false
	}
	hash, customer := g.guesses.decoy, ledger.Customer(0)
	if a != nil && a.Owner().Password != "" {
		hash, customer = a.Owner().Password, a.Customer()
	}
	if hash == "" {
		return false
	}
	good, err := seed.VerifyPassword(hash, l.password)
	if err != nil {
		g.log.Error("invalid password hash in the seed file", "customer", customer, "error", err)
	}
	return good && customer != 0
}
