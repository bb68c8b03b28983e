package gateway

import (
	"math"
	"sync"

	"holdfast/biz/ledger"
	"holdfast/engine"
)

// Keys of droppable pushes: the instrument, and whether it is a quote or a position.
func quoteKey(id ledger.InstrumentID) uint32    { return uint32(id) << 1 }
func positionKey(id ledger.InstrumentID) uint32 { return uint32(id)<<1 | 1 }

// instrumentOf returns the instrument of such a key.
func instrumentOf(key uint32) ledger.InstrumentID { return ledger.InstrumentID(key >> 1) }

const (
	// catchUpPage is how many instruments a session gets in one round of the publisher
	// if it has missed everything: some 100 KiB, which fits below the soft limit.
	catchUpPage = 1000
	// maxCatchUpKeys bounds the keys stored for one session; above it has missed everything.
	maxCatchUpKeys = 4096
)

// missedPushes are the pushes that a session has missed and can now take.
type missedPushes struct {
	keys []uint32
	left int                 // instruments that are still to be pushed, one after the other
	next ledger.InstrumentID // the first of them; the last instrument is followed by the first
}

// everything makes m miss all instruments. They go on with the next one, so that a session
// that misses pushes again and again gets each of them in its turn.
func (m *missedPushes) everything() { m.keys, m.left = nil, math.MaxInt }

// split returns the instruments whose quotes, and those whose positions, are to be pushed
// in this round, and what is left. instruments is how many there are.
func (m missedPushes) split(instruments int) (quotes, positions []ledger.InstrumentID, rest missedPushes) {
	for _, key := range m.keys {
		id := instrumentOf(key)
		if key&1 == 0 {
			quotes = append(quotes, id)
		} else {
			positions = append(positions, id)
		}
	}
	rest = missedPushes{left: min(m.left, instruments), next: m.next}
	for range min(rest.left, catchUpPage) {
		quotes, positions = append(quotes, rest.next), append(positions, rest.next)
		rest.left--
		if rest.next++; int(rest.next) >= instruments {
			rest.next = 0
		}
	}
	return quotes, positions, rest
}

// catchUpBoard holds the sessions that can take pushes again, from the event loops to
// the publisher. Goroutine: any.
//
// Limit: one entry per session, removed at each round of the publisher.
type catchUpBoard struct {
	mu       sync.Mutex
	sessions map[*engine.Session]missedPushes
}

// caughtUp is the engine's Config.OnCatchUp.
func (g *Gateway) caughtUp(session *engine.Session, keys []uint32) { g.catchUps.add(session, keys) }

// add records that a session can take the pushes of keys; nil means all.
func (b *catchUpBoard) add(session *engine.Session, keys []uint32) {
	b.change(session, func(m *missedPushes) {
		if keys == nil || len(m.keys)+len(keys) > maxCatchUpKeys {
			m.everything()
			return
		}
		m.keys = append(m.keys, keys...)
	})
}

// addRest records what is left of a session's missed pushes after a round.
func (b *catchUpBoard) addRest(session *engine.Session, rest missedPushes) {
	b.change(session, func(m *missedPushes) { m.left, m.next = max(m.left, rest.left), rest.next })
}

// change changes what a session has missed.
func (b *catchUpBoard) change(session *engine.Session, do func(*missedPushes)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sessions == nil {
		b.sessions = make(map[*engine.Session]missedPushes)
	}
	m := b.sessions[session]
	do(&m)
	b.sessions[session] = m
}

// take empties the board and returns what was on it.
func (b *catchUpBoard) take() map[*engine.Session]missedPushes {
	b.mu.Lock()
	defer b.mu.Unlock()
	sessions := b.sessions
	b.sessions = nil
	return sessions
}
