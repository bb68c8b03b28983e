package gateway

import (
	"net/netip"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"holdfast/biz/ledger"
)

const (
	// defaultGuesses is how many wrong passwords a customer may get from one
	// address in a guessWindow, addressShare how many times that one address may
	// send for all customers together.
	defaultGuesses = 5
	addressShare   = 12
	guessWindow    = time.Minute
	// maxGuessDelay is the longest delay; a guess beyond it is answered OVERLOADED.
	maxGuessDelay = time.Minute
	// maxGuessers is how many pairs of address and customer are remembered, and how
	// many addresses: some 5 MB in all.
	maxGuessers = 8192
)

// guesser is who guesses whose password: a client's engine.CountedAddress, and the
// customer; customer 0 means all of them.
type guesser struct {
	address  netip.Addr
	customer ledger.Customer
}

// guessTable says how long a password must wait for its verification: a token bucket
// for each pair of address and customer, and one for each address.
//
// A full table forgets the pair, or the address, whose last guess is the oldest; it
// starts with a full bucket then. One that keeps guessing stays, even while all its
// guesses are OVERLOADED. Pairs never push out addresses, so the limit of an address
// holds however many customers it tries.
//
// Goroutine: one at a time. Limit: maxGuessers.
type guessTable struct {
	pairs, addresses *guessBuckets
}

func newGuessTable(guesses int) *guessTable {
	if guesses <= 0 {
		guesses = defaultGuesses
	}
	return &guessTable{pairs: newGuessBuckets(guesses), addresses: newGuessBuckets(guesses * addressShare)}
}

// exhausted reports whether charge would refuse a guess now.
func (t *guessTable) exhausted(customer ledger.Customer, address netip.Addr, now time.Time) bool {
	pair, whole := t.pairs.bucket(guesser{address, customer}), t.addresses.bucket(guesser{address, 0})
	ofPair, ofAddress := pair.ReserveN(now, 1), whole.ReserveN(now, 1)
	defer ofPair.CancelAt(now)
	defer ofAddress.CancelAt(now)
	return max(ofPair.DelayFrom(now), ofAddress.DelayFrom(now)) > maxGuessDelay
}

// charge counts a guess and returns how long it must wait; ok is false, and
// nothing is counted, when that is too long.
func (t *guessTable) charge(customer ledger.Customer, address netip.Addr, now time.Time) (delay time.Duration, ok bool) {
	one, all := guesser{address, customer}, guesser{address, 0}
	pair, whole := t.pairs.bucket(one), t.addresses.bucket(all)
	ofPair, ofAddress := pair.ReserveN(now, 1), whole.ReserveN(now, 1)
	if delay = max(ofPair.DelayFrom(now), ofAddress.DelayFrom(now)); delay > maxGuessDelay {
		ofPair.CancelAt(now)
		ofAddress.CancelAt(now)
		return delay, false
	}
	t.pairs.recent.Add(one, pair)
	t.addresses.recent.Add(all, whole)
	return delay, true
}

// refund takes a charge back: the password was good.
func (t *guessTable) refund(customer ledger.Customer, address netip.Addr, now time.Time) {
	t.pairs.refund(guesser{address, customer}, now)
	t.addresses.refund(guesser{address, 0}, now)
}

// guessBuckets are the token buckets of one limit.
type guessBuckets struct {
	guesses int // in a guessWindow
	recent  *simplelru.LRU[guesser, *rate.Limiter]
}

func newGuessBuckets(guesses int) *guessBuckets {
	recent, err := simplelru.NewLRU[guesser, *rate.Limiter](maxGuessers, nil)
	if err != nil { // only for a size below 1
		panic("gateway: " + err.Error())
	}
	return &guessBuckets{guesses, recent}
}

// bucket returns the bucket of who, which counts as used now, or a full one that is not
// in the table yet.
func (b *guessBuckets) bucket(who guesser) *rate.Limiter {
	if bucket, found := b.recent.Get(who); found {
		return bucket
	}
	return rate.NewLimiter(rate.Limit(float64(b.guesses)/guessWindow.Seconds()), b.guesses)
}

// refund puts one token back. A reservation cannot be cancelled once its time has come.
func (b *guessBuckets) refund(who guesser, now time.Time) {
	if bucket, found := b.recent.Peek(who); found {
		bucket.ReserveN(now, -1)
	}
}
