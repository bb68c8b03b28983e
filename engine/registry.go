package engine

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
)

// registry is the connection manager: it assigns ids, and finds and counts sessions.
// Goroutine: any.
type registry struct {
	mu       sync.RWMutex
	last     SessionID // the id of the newest session
	sessions map[SessionID]*Session
	from     map[netip.Addr]int // sessions by CountedAddress
}

// add registers s and sets its id, or returns the limit that forbids it.
func (r *registry) add(s *Session, l *Limits) Reason {
	addr := CountedAddress(s.remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sessions) >= l.MaxConnections {
		return ReasonTooManyConnections
	}
	if addr.IsValid() {
		if l.limitsAddress(s.remote) && r.from[addr] >= l.ConnectionsPerAddress {
			return ReasonTooManyFromAddress
		}
		if r.from == nil {
			r.from = make(map[netip.Addr]int)
		}
		r.from[addr]++
	}
	if r.sessions == nil {
		r.sessions = make(map[SessionID]*Session)
	}
	r.last++
	s.id = r.last
	r.sessions[s.id] = s
	return ReasonNone
}

func (r *registry) remove(s *Session) {
	addr := CountedAddress(s.remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions[s.id] != s {
		return
	}
	delete(r.sessions, s.id)
	if !addr.IsValid() {
		return
	}
	if r.from[addr]--; r.from[addr] == 0 {
		delete(r.from, addr)
	}
}

func (r *registry) find(id SessionID) (*Session, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s, ok := r.sessions[id]
	return s, ok
}

func (r *registry) len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.sessions)
}

// all returns the open sessions.
func (r *registry) all() []*Session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.AppendSeq(make([]*Session, 0, len(r.sessions)), maps.Values(r.sessions))
}
