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
	// maxPasswords is how many passwords are verified at once at most: each takes
	// 19 MiB and some 20 ms of one core.
	maxPasswords = 2
	// maxVerifications is how many passwords are due; one beyond that is answered
	// OVERLOADED.
	maxVerifications = 32
	// maxDelayed is how many wait because there were too many before them; the
	// next one is answered OVERLOADED.
	maxDelayed = 1024
)

// guesses are the passwords that wait for their verification. Any password may be
// a guess: good and bad ones wait alike, and only bad ones count. Tokens do not go
// this way: a token is a random number too long to guess, and verified at once.
//
// Goroutine: any. No goroutine waits with a password; due ones are verified by one
// goroutine for each slot.
type guesses struct {
	now   func() time.Time
	after func(time.Duration, func()) (stop func() bool)
	decoy string      // a hash to spend the time on where there is none
	due   chan *login // Limit: maxVerifications
	slots chan struct{}

	mu       sync.Mutex
	table    *guessTable
	delayed  map[*login]delayedGuess // Limit: maxDelayed
	pending  int                     // taken and not answered
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

// passwordsAtOnce leaves a processor to the event loops where there are several: Go
// takes it from a hash only every 10 ms.
func passwordsAtOnce(processors int) int { return max(1, min(maxPasswords, processors-1)) }

// decoyOf returns a hash that costs as much as those of the customers; "" where
// nobody has a password.
func decoyOf(s *seed.Seed) string {
	for i := range s.Customers {
		if hash := s.Customers[i].Password; hash != "" {
			return hash
		}
	}
	return ""
}

// guess has a password verified off the lane, one of each session at a time and a
// bounded number of all, so that guessing leaves room for others.
func (g *Gateway) guess(c *engine.Context, l *login) {
	if len(l.password) > seed.MaxPasswordSize { // nobody has such a one
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

// take lets l wait for its turn; false when too many wait. refuse is called later
// when it turns out that there is no turn for l.
func (g *guesses) take(l *login, refuse func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining || len(g.due) == cap(g.due) {
		return false
	}
	address := addressOf(l.session().RemoteAddr())
	delay, ok := g.table.charge(l.customer, address, g.now())
	if delay > 0 {
		g.count++
	}
	if !ok || delay > 0 && len(g.delayed) == maxDelayed {
		return false
	}
	g.pending++
	if delay == 0 {
		g.due <- l // there is room: what is added is added under mu
		return true
	}
	g.delayed[l] = delayedGuess{stop: g.after(delay, func() { g.elapsed(l) }), refuse: refuse}
	return true
}

// elapsed makes a delayed one due.
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

// giveUp refuses those that are delayed. Nothing is taken after it.
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
	g.table.refund(l.customer, addressOf(l.session().RemoteAddr()))
}

// drain gives up those that are delayed and returns when the due ones are
// answered.
func (g *guesses) drain(ctx context.Context) error {
	g.giveUp()
	select {
	case <-g.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// DelayedGuesses returns how many passwords had to wait because of those before
// them.
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
			g.log.Error("login panicked", "session", l.session().ID(), "panic", v, "stack", string(debug.Stack()))
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
	if l.state.gone() {
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
		g.log.Error("password hash in the seed file can't be used", "customer", customer, "error", err)
	}
	return good && customer != 0
}
