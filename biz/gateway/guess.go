package gateway

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
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
	// maxDelayed is how many passwords can be delayed; further ones are answered
	// OVERLOADED.
	maxDelayed = 1024
	// defaultLoginQueue and defaultLoginWait are the defaults of Config.LoginQueue and
	// Config.LoginWait. A full queue takes some 12 MB.
	defaultLoginQueue = 8192
	defaultLoginWait  = 30 * time.Second
)

// guesses are the passwords that wait for verification. Good and bad ones wait alike, and
// only bad ones count. Tokens are verified at once: they are random and too long to guess.
//
// A password waits in the queue for its turn. If there were too many wrong ones before, it
// is then delayed, and waits for another turn.
//
// Goroutine: any. A waiting password needs no goroutine; those whose turn it is are
// verified by one goroutine per slot.
type guesses struct {
	now    func() time.Time
	after  func(time.Duration, func()) (stop func() bool)
	refuse func(l *login, message string)
	wait   time.Duration // longest time in the queue
	slots  chan struct{}
	decoy  atomic.Pointer[string] // verified for customers without a password: it takes as long
	wake   chan struct{}          // a token for each goroutine that has to look at the queue

	mu       sync.Mutex
	table    *guessTable
	queue    *loginQueue
	delayed  map[*login]struct{} // Limit: maxDelayed
	pending  int                 // accepted and not answered
	count    uint64              // delayed so far
	draining bool
	idle     chan struct{} // closed when draining and nothing is pending
}

func newGuesses(c *Config, refuse func(l *login, message string)) *guesses {
	slots := passwordsAtOnce(runtime.GOMAXPROCS(0))
	g := &guesses{
		now: c.Now, wait: c.LoginWait, refuse: refuse,
		after: func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop },
		slots: make(chan struct{}, slots), wake: make(chan struct{}, slots),
		table: newGuessTable(c.PasswordGuesses), queue: newLoginQueue(c.LoginQueue),
		delayed: make(map[*login]struct{}), idle: make(chan struct{}),
	}
	g.setDecoy(c.Seed)
	return g
}

// passwordsAtOnce leaves one of several processors to the event loops: Go preempts a hash
// only every 10 ms.
func passwordsAtOnce(processors int) int { return max(1, min(maxPasswords, processors-1)) }

// setDecoy sets a decoy that costs as much as the hashes of the customers; "" if no customer
// has a password.
func (g *guesses) setDecoy(s *seed.Seed) {
	decoy := ""
	for i := 0; i < len(s.Customers) && decoy == ""; i++ {
		decoy = s.Customers[i].Password
	}
	g.decoy.Store(&decoy)
}

// guess queues a password for verification off the lane: one per session at a time, and a
// bounded number in all.
func (g *Gateway) guess(c *engine.Context, l *login) {
	if len(l.password) > seed.MaxPasswordSize { // no customer has one
		fail(c, codec.ResultUnauthenticated, noMatch)
		return
	}
	if !l.state.guess.CompareAndSwap(nil, l) {
		fail(c, codec.ResultOverloaded, oneGuess)
		return
	}
	l.request = c.Detach()
	l.session().SetLoggingIn(true)
	l.address = engine.CountedAddress(l.session().RemoteAddr())
	if refusal := g.guesses.take(l); refusal != "" {
		g.refuseGuess(l, refusal)
	} else if l.state.isClosed() { // perhaps before it was queued
		g.guesses.forget(l)
	}
}

// Error texts for passwords that are not verified.
const (
	oneGuess       = "another password of this session is being verified; wait for that reply"
	tooManyGuesses = "too many wrong passwords from your address; try again in a minute"
	stopping       = "the server is stopping; connect again later"
)

// guessed ends the wait of a login: its session may send another password. That of FIX may not: what it
// has sent meanwhile is no first message, until it is logged on or closed.
func (l *login) guessed() {
	if l.logon != nil || l.passed != nil {
		return
	}
	l.session().SetLoggingIn(false)
	l.state.guess.Store(nil)
}

// refuseGuess answers a login whose password is not verified.
func (g *Gateway) refuseGuess(l *login, message string) {
	l.guessed()
	g.refuseLogin(l, codec.ResultOverloaded, message)
}

// take queues l, or returns why it does not.
func (g *guesses) take(l *login) (refusal string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.draining {
		return stopping
	}
	if g.table.exhausted(l.customer, l.address, g.now()) {
		g.count++
		return tooManyGuesses
	}
	if refusal = g.enqueue(l); refusal == "" {
		g.pending++
	}
	return refusal
}

// enqueue adds l to the queue, or returns why there is no place. The caller holds g.mu.
func (g *guesses) enqueue(l *login) (refusal string) {
	if !g.queue.push(l) {
		return fmt.Sprintf("too many logins wait for their password to be verified (limit %d for all addresses: setting limits.login_queue, flag --login-queue); try again in %s",
			g.queue.most, g.wait)
	}
	l.stop = g.after(g.wait, func() { g.expire(l) })
	select {
	case g.wake <- struct{}{}:
	default: // all goroutines are going to look
	}
	return ""
}

// expire refuses l if it is still in the queue.
func (g *guesses) expire(l *login) {
	g.mu.Lock()
	waits := g.queue.remove(l)
	g.mu.Unlock()
	if waits {
		g.answer(l, fmt.Sprintf("too many logins wait: the password could not be verified in time (limit %s: setting limits.login_wait, flag --login-wait); try again in %s",
			g.wait, g.wait))
	}
}

// next waits for the next password to verify. It returns nil when ctx ends.
func (g *guesses) next(ctx context.Context) *login {
	for {
		l, refusal := g.pop()
		switch {
		case refusal != "":
			g.answer(l, refusal)
		case l != nil:
			return l
		default:
			select {
			case <-ctx.Done():
				return nil
			case <-g.wake:
			}
		}
	}
}

// pop returns the next login of the queue whose password is to be verified now, or to be
// refused with that text; nil if there are no such logins. It counts the guess only now,
// because good passwords that wait must not delay each other.
func (g *guesses) pop() (next *login, refusal string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for l := g.queue.pop(); l != nil; l = g.queue.pop() {
		l.stop()
		if l.counted {
			return l, ""
		}
		delay, ok := g.table.charge(l.customer, l.address, g.now())
		if ok && delay == 0 {
			return l, ""
		}
		g.count++
		if !ok || len(g.delayed) == maxDelayed {
			return l, tooManyGuesses
		}
		l.counted = true
		g.delayed[l] = struct{}{}
		l.stop = g.after(delay, func() { g.elapsed(l) })
	}
	return nil, ""
}

// elapsed queues a delayed password again.
func (g *guesses) elapsed(l *login) {
	g.mu.Lock()
	_, waits := g.delayed[l]
	delete(g.delayed, l)
	refusal := ""
	if waits {
		refusal = g.enqueue(l)
	}
	g.mu.Unlock()
	if refusal != "" {
		g.answer(l, refusal)
	}
}

// forget frees the place of a login whose session has ended, if it still waits.
func (g *guesses) forget(l *login) {
	g.mu.Lock()
	_, delayed := g.delayed[l]
	delete(g.delayed, l)
	waits := g.queue.remove(l) || delayed
	if waits {
		l.stop()
	}
	g.mu.Unlock()
	if waits {
		g.done()
	}
}

// giveUp refuses the passwords that wait. No more are taken afterwards.
func (g *guesses) giveUp() {
	g.mu.Lock()
	var waiting []*login
	for l := g.queue.pop(); l != nil; l = g.queue.pop() {
		waiting = append(waiting, l)
	}
	for l := range g.delayed {
		waiting = append(waiting, l)
	}
	clear(g.delayed)
	if !g.draining {
		g.draining = true
		if g.pending == 0 {
			close(g.idle)
		}
	}
	g.mu.Unlock()
	for _, l := range waiting {
		l.stop()
		g.answer(l, stopping)
	}
}

// answer refuses a login that was taken.
func (g *guesses) answer(l *login, refusal string) {
	g.refuse(l, refusal)
	g.done()
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
	g.table.refund(l.customer, l.address, g.now())
}

// drain refuses the passwords that wait and returns when the others are answered.
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

// WaitingLogins returns how many passwords wait for their turn.
func (g *Gateway) WaitingLogins() int {
	g.guesses.mu.Lock()
	defer g.guesses.mu.Unlock()
	return g.guesses.queue.length
}

// verify verifies passwords until ctx ends.
func (g *Gateway) verify(ctx context.Context) {
	w := g.newWorkspace()
	for l := g.guesses.next(ctx); l != nil; l = g.guesses.next(ctx) {
		g.verifyOne(l, w)
	}
}

// verifyOne answers one login. A panic costs the session, as in a handler.
func (g *Gateway) verifyOne(l *login, w *workspace) {
	defer g.guesses.done()
	defer func() {
		if v := recover(); v != nil {
			g.core.Stats.Panics.Add(1)
			if l.passed != nil {
				g.log.Error("login of the console panicked", "panic", v, "stack", string(debug.Stack()))
				g.refuseLogin(l, codec.ResultFailed, "internal error")
				return
			}
			g.log.Error("login panicked; its session is closed", "session", l.session().ID(), "panic", v, "stack", string(debug.Stack()))
			l.session().Close(engine.ReasonPanic)
		}
	}()
	a := g.account(l.customer)
	good := g.passwordFits(l, a)
	l.guessed()
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
	hash, customer := *g.guesses.decoy.Load(), ledger.Customer(0)
	if a != nil {
		if own := a.Owner().Password; own != "" {
			hash, customer = own, a.Customer()
		}
	}
	if hash == "" {
		return false
	}
	l.credential.password = hash
	good, err := seed.VerifyPassword(hash, l.password)
	if err != nil {
		g.log.Error("invalid password hash in the seed file", "customer", customer, "error", err)
	}
	return good && customer != 0
}
