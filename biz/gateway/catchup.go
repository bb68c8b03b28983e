package gateway

import (
	"slices"
	"sync"

	"holdfast/biz/ledger"
	"holdfast/engine"
)

// Keys of droppable pushes: the instrument, and whether it is a quote or a position.
func quoteKey(id ledger.InstrumentID) uint32    { return uint32(id) << 1 }
func positionKey(id ledger.InstrumentID) uint32 { return uint32(id)<<1 | 1 }

// missedPushes are the pushes that a session has missed and can now take.
type missedPushes struct {
	keys       []uint32
	everything bool
}

// split returns the instruments whose quotes, and those whose positions, are to be
// pushed. instruments is how many there are.
func (m missedPushes) split(instruments int) (quotes, positions []ledger.InstrumentID) {
	if m.everything {
		for i := range instruments {
			quotes = append(quotes, ledger.InstrumentID(i))
		}
		return quotes, slices.Clone(quotes)
	}
	for _, key := range m.keys {
		id := ledger.InstrumentID(key >> 1)
		if key&1 == 0 {
			quotes = append(quotes, id)
		} else {
			positions = append(positions, id)
		}
	}
	return quotes, positions
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
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sessions == nil {
		b.sessions = make(map[*engine.Session]missedPushes)
	}
	m, again := b.sessions[session]
	if again || keys == nil { // twice in one round is rare: push everything
		m = missedPushes{everything: true}
	} else {
		m.keys = keys
	}
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
