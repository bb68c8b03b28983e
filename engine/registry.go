package engine

import (
	"net/netip"
	"sync"
)

// registry is the connection manager: it assigns ids, and finds and counts sessions.
// Goroutine: any.
type registry struct {
	mu    sync.RWMutex
	slots []slot
	free  []uint32
	count int
	from  map[netip.Addr]int // sessions by CountedAddress
}

type slot struct {
	session    *Session
	generation uint32
}

// add registers s and sets its id, or returns the limit that forbids it.
func (r *registry) add(s *Session, l *Limits) Reason {
	addr := CountedAddress(s.remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count >= l.MaxConnections {
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
	var i uint32
	if n := len(r.free); n > 0 {
		i, r.free = r.free[n-1], r.free[:n-1]
	} else {
		i = uint32(len(r.slots))
		r.slots = append(r.slots, slot{})
	}
	r.slots[i].generation++
	r.slots[i].session = s
	s.id = SessionID(r.slots[i].generation)<<32 | SessionID(i)
	r.count++
	return ReasonNone
}

func (r *registry) remove(s *Session) {
	addr := CountedAddress(s.remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	i := uint32(s.id)
	if r.slots[i].session != s {
		return
	}
	r.slots[i].session = nil
	r.free = append(r.free, i)
	r.count--
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
	i := uint32(id)
	if int(i) >= len(r.slots) || r.slots[i].session == nil || r.slots[i].session.id != id {
		return nil, false
	}
	return r.slots[i].session, true
}

func (r *registry) len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.count
}

// all returns the open sessions.
func (r *registry) all() []*Session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	sessions := make([]*Session, 0, r.count)
	for i := range r.slots {
		if s := r.slots[i].session; s != nil {
			sessions = append(sessions, s)
		}
	}
	return sessions
}
