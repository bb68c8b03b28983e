package gateway

import (
	"net"
	"net/netip"
	"time"

	"holdfast/biz/ledger"
)

const (
	// defaultGuesses is how many wrong passwords a customer may get from one
	// address in a guessWindow, addressShare how many times that one address may
	// give for all customers together.
	defaultGuesses = 5
	addressShare   = 12
	guessWindow    = time.Minute
	// maxGuessDelay is the longest delay; a guess beyond it is answered OVERLOADED.
	maxGuessDelay = time.Minute
	// maxGuessers is how many pairs of customer and address are remembered.
	maxGuessers = 8192
)

// guesser is who guesses whose password; customer 0 stands for all of them. Of an
// IPv6 address the network counts, since a host has all of the rest.
type guesser struct {
	address  netip.Addr
	customer ledger.Customer
}

// guessTable says how long a password must wait for its verification. Of each
// guesser it keeps one time: when all its guesses so far would have been made at
// the allowed rate. The oldest guesser makes room for a new one.
//
// Goroutine: one at a time. Limit: maxGuessers.
type guessTable struct {
	guesses int // of one customer from one address in a window
	even    map[guesser]time.Time
	order   []guesser // a ring
	next    int       // in order: the oldest once that is full
}

func newGuessTable(guesses int) *guessTable {
	if guesses <= 0 {
		guesses = defaultGuesses
	}
	return &guessTable{guesses: guesses, even: make(map[guesser]time.Time)}
}

// charge counts a guess and returns how long it must wait; ok is false, and
// nothing is counted, when that is too long.
func (t *guessTable) charge(customer ledger.Customer, address netip.Addr, now time.Time) (delay time.Duration, ok bool) {
	one, all := guesser{address, customer}, guesser{address, 0}
	delay = max(t.delay(one, t.guesses, now), t.delay(all, t.guesses*addressShare, now))
	if delay > maxGuessDelay {
		return delay, false
	}
	t.add(one, t.guesses, now)
	t.add(all, t.guesses*addressShare, now)
	return delay, true
}

// refund takes a charge back: the password was good.
func (t *guessTable) refund(customer ledger.Customer, address netip.Addr) {
	one, all := guesser{address, customer}, guesser{address, 0}
	t.shift(one, -guessWindow/time.Duration(t.guesses))
	t.shift(all, -guessWindow/time.Duration(t.guesses*addressShare))
}

// delay is the time until who is within guesses a window again.
func (t *guessTable) delay(who guesser, guesses int, now time.Time) time.Duration {
	even, known := t.even[who]
	if !known || even.Before(now) {
		return 0
	}
	return max(0, even.Sub(now)+guessWindow/time.Duration(guesses)-guessWindow)
}

// add counts one guess.
func (t *guessTable) add(who guesser, guesses int, now time.Time) {
	if _, known := t.even[who]; !known {
		t.remember(who)
	}
	if t.even[who].Before(now) {
		t.even[who] = now
	}
	t.shift(who, guessWindow/time.Duration(guesses))
}

func (t *guessTable) shift(who guesser, by time.Duration) {
	if even, known := t.even[who]; known {
		t.even[who] = even.Add(by)
	}
}

// remember makes room for one more.
func (t *guessTable) remember(who guesser) {
	if len(t.order) < maxGuessers {
		t.order = append(t.order, who)
		return
	}
	delete(t.even, t.order[t.next])
	t.order[t.next] = who
	t.next = (t.next + 1) % maxGuessers
}

// ipv6Network is the part of an IPv6 address that one customer of a provider has.
const ipv6Network = 64

// addressOf returns what counts as the address of a peer; the zero one for a peer
// that has none.
func addressOf(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	address := tcp.AddrPort().Addr().Unmap()
	if address.Is6() {
		network, err := address.Prefix(ipv6Network)
		if err == nil {
			return network.Addr()
		}
	}
	return address
}
