package gateway

import (
	"slices"
	"sync"

	"holdfast/biz/ledger"
	"holdfast/engine"
)

// Keys of droppable pushes: the instrument, and what of it.
func quoteKey(id ledger.InstrumentID) uint32    { return uint32(id) << 1 }
func positionKey(id ledger.InstrumentID) uint32 { return uint32(id)<<1 | 1 }

// missedPushes are the pushes that a session has missed and can take by now.
type missedPushes struct {
	keys       []uint32
	everything bool
}

// split returns the instruments, of so many, whose quotes and whose positions are
// to be pushed.
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

// roomBoard is where event loops say who can take pushes again. Goroutine: any.
//
// Limit: one row for each session, emptied at every turn of the publisher.
type roomBoard struct {
	mu       sync.Mutex
	sessions map[*engine.Session]missedPushes
}

// hasRoom is the engine's Config.OnRoom.
func (g *Gateway) hasRoom(session *engine.Session, keys []uint32) { g.room.add(session, keys) }

// add notes that a session can take the pushes of keys; nil stands for all.
func (b *roomBoard) add(session *engine.Session, keys []uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sessions == nil {
		b.sessions = make(map[*engine.Session]missedPushes)
	}
	m, again := b.sessions[session]
	if again || keys == nil { // twice in one turn is rare enough to send it all
		m = missedPushes{everything: true}
	} else {
		m.keys = keys
	}
	b.sessions[session] = m
}

// take empties the board.
func (b *roomBoard) take() map[*engine.Session]missedPushes {
	b.mu.Lock()
	defer b.mu.Unlock()
	sessions := b.sessions
	b.sessions = nil
	return sessions
}
