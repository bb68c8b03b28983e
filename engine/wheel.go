package engine

import "math"

// ticks counts time in the steps of a wheel. It lasts for 34 years of 250 ms.
type ticks uint32

// never is after all other times.
const never ticks = math.MaxUint32

// wheelSlots is the size of the wheel: entries up to that many ticks apart are in
// different slots.
const wheelSlots = 256

// wheel is a timing wheel: the sessions of one event loop by the tick of their next
// check. A session is in it at most once, linked by its own fields, so that scheduling
// needs no allocation and no search. Goroutine: event loop.
type wheel struct {
	slots   [wheelSlots]*Session
	current *Session // what is left of the slot that advance is working on
}

// set schedules s for tick at, or moves it there.
func (w *wheel) set(s *Session, at ticks) {
	w.remove(s)
	s.wheelAt = at
	w.link(s)
}

// link puts s at the head of the slot of its tick.
func (w *wheel) link(s *Session) {
	head := &w.slots[s.wheelAt%wheelSlots]
	s.wheelPrev, s.wheelNext = nil, *head
	if *head != nil {
		(*head).wheelPrev = s
	}
	*head = s
}

// remove takes s out if it is in the wheel.
func (w *wheel) remove(s *Session) {
	if s.wheelAt == 0 {
		return
	}
	switch {
	case s.wheelPrev != nil:
		s.wheelPrev.wheelNext = s.wheelNext
	case w.current == s:
		w.current = s.wheelNext
	default:
		w.slots[s.wheelAt%wheelSlots] = s.wheelNext
	}
	if s.wheelNext != nil {
		s.wheelNext.wheelPrev = s.wheelPrev
	}
	s.wheelNext, s.wheelPrev, s.wheelAt = nil, nil, 0
}

// advance removes the sessions of the ticks after from, up to to, and calls check with
// each. check may set and remove any session.
func (w *wheel) advance(from, to ticks, check func(*Session)) {
	for i := range min(to-from, wheelSlots) {
		slot := &w.slots[(from+1+i)%wheelSlots]
		w.current, *slot = *slot, nil
		for w.current != nil {
			s := w.current
			if s.wheelAt <= to {
				w.remove(s)
				check(s)
				continue
			}
			w.current = s.wheelNext // its tick comes in a later round
			if w.current != nil {
				w.current.wheelPrev = nil
			}
			w.link(s)
		}
	}
}
