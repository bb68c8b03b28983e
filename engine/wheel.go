package engine

// ticks counts time in the steps of a wheel. It lasts for 34 years of 250 ms.
type ticks uint32

// wheelSlots is how many ticks ahead of each other entries share no slot.
const wheelSlots = 256

// wheel has the sessions of one event loop by the tick at which somebody must
// look at them. A session is in it once at most, linked by its own fields, so
// that setting costs no memory and no search. Goroutine: event loop.
type wheel struct {
	slots   [wheelSlots]*Session
	turning *Session // what is left of the slot that turn goes through
}

// set puts s in, or moves it, to be looked at in tick at.
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

// remove takes s out, if it is in.
func (w *wheel) remove(s *Session) {
	if s.wheelAt == 0 {
		return
	}
	switch {
	case s.wheelPrev != nil:
		s.wheelPrev.wheelNext = s.wheelNext
	case w.turning == s:
		w.turning = s.wheelNext
	default:
		w.slots[s.wheelAt%wheelSlots] = s.wheelNext
	}
	if s.wheelNext != nil {
		s.wheelNext.wheelPrev = s.wheelPrev
	}
	s.wheelNext, s.wheelPrev, s.wheelAt = nil, nil, 0
}

// turn takes out the sessions whose tick lies after from and up to to, and gives
// each to look, which may set and remove any session.
func (w *wheel) turn(from, to ticks, look func(*Session)) {
	for i := range min(to-from, wheelSlots) {
		slot := &w.slots[(from+1+i)%wheelSlots]
		w.turning, *slot = *slot, nil
		for w.turning != nil {
			s := w.turning
			if s.wheelAt <= to {
				w.remove(s)
				look(s)
				continue
			}
			w.turning = s.wheelNext // its tick is a whole turn ahead
			if w.turning != nil {
				w.turning.wheelPrev = nil
			}
			w.link(s)
		}
	}
}
