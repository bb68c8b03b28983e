package engine

import (
	"slices"

	"holdfast/codec"
	"holdfast/pool"
)

// Request is what it takes to reply to a message beyond the life of its Context.
//
// Requests of a session are numbered as they are executed. A reply takes the place of
// its request: the event loop writes replies in that order, whatever way and time
// they come, and keeps one that is early until it is its turn. Only a reply that is
// late by nature (Context.Detach) is outside the order, where the dialect has room
// for the number of the request.
type Request struct {
	Session *Session
	Command codec.Command
	ID      uint64 // as codec.Message has it
	number  uint32
	anytime bool // the reply has no place among the others
}

// placesOf returns how many places among the replies of its session a reply takes: none
// when it may come at any time.
func placesOf(anytime bool) int32 {
	if anytime {
		return 0
	}
	return 1
}

// earlyPiece is output of a session that waits for the reply to an earlier request.
type earlyPiece struct {
	piece
	bytes   []byte
	answers bool // there are replies among it
}

// earlyOutput is what waits in one session, in the order of the numbers; it is not empty.
//
// Where replies keep the order of requests, what is no reply waits with the last one:
// a reply that shows an account may be among those that wait, and the pushes after it
// must not overtake it. Elsewhere no such reply is ever early: it rides on a commit, as
// all those before it do that are not posted yet (Context.Defer).
//
// Goroutine: event loop. Limit: twice Limits.OutboundHardBytes; it counts as unsent
// output of the session (backlog).
type earlyOutput struct {
	pieces []earlyPiece
	bytes  int
}

// size returns how many bytes wait; nil is empty.
func (e *earlyOutput) size() int {
	if e == nil {
		return 0
	}
	return e.bytes
}

// inTurn reports whether a piece may be written now.
func (s *Session) inTurn(p *piece) bool {
	switch {
	case p.count > 0:
		return p.first == s.replied
	case p.flags&pieceAfter != 0: // a reply that it need not wait for may be out by now
		return int32(s.replied-p.first) >= 0
	case p.flags&(pieceClose|pieceEnd) != 0:
		return true
	default:
		return s.early == nil || !s.ordered
	}
}

// keepEarly keeps a piece that is not in turn. b is copied.
func (s *Session) keepEarly(p piece, b []byte, answers bool) {
	if s.closed || s.lingering {
		return
	}
	e := s.early
	if e.size()+len(b) > 2*s.core.limits.OutboundHardBytes {
		s.finish(ReasonOverloaded)
		return
	}
	if e == nil {
		e = new(earlyOutput)
		s.early = e
	}
	e.bytes += len(b)
	if n := len(e.pieces); n > 0 && p.count == 0 && p.flags&pieceAfter == 0 {
		last := &e.pieces[n-1]
		last.bytes = append(last.bytes, b...)
		last.answered += p.answered
		last.answers = last.answers || answers
	} else {
		at := n
		for at > 0 && e.pieces[at-1].first-s.replied > p.first-s.replied {
			at--
		}
		e.pieces = slices.Insert(e.pieces, at, earlyPiece{piece: p, bytes: slices.Clone(b), answers: answers})
	}
	s.group.backlog.set(s, s.link.Buffered())
	s.group.shed(s.core.limits.OutboundTotalBytes / len(s.core.groups))
}

// nextEarly takes out what waited and is in turn now.
func (s *Session) nextEarly() (earlyPiece, bool) {
	e := s.early
	if e == nil || !s.inTurn(&e.pieces[0].piece) {
		return earlyPiece{}, false
	}
	first := e.pieces[0]
	e.bytes -= len(first.bytes)
	e.pieces[0] = earlyPiece{}
	if e.pieces = e.pieces[1:]; len(e.pieces) == 0 {
		s.early = nil
	}
	s.group.backlog.set(s, s.link.Buffered())
	return first, true
}

// count counts the requests whose places a piece takes as replied to. Where it takes
// none, replied belongs to a carrier that writes directly (see Context.Take).
func (s *Session) count(p *piece) {
	if p.count > 0 {
		s.replied += uint32(p.count)
	}
}

// settle counts the requests of s that were answered. It comes after the write: with
// the last reply that was under way out, a carrier may write the next one directly.
func (s *Session) settle(count, answered int32) {
	s.answered(int(answered))
	if s.group.direct {
		s.underWay.Add(-count)
	}
}

// sessionWriter writes the pieces of one session with as few writes as it can.
type sessionWriter struct {
	session         *Session
	gather          *pool.Buffer
	count, answered int32 // of what is gathered
	answers         bool  // there are replies among it
}

// add writes a piece, or keeps it when it is not in turn, and then writes what waited
// for it.
func (w *sessionWriter) add(p piece, b []byte, answers bool) {
	s := w.session
	if p.flags&pieceDroppable != 0 {
		if len(w.gather.B) > s.core.limits.OutboundSoftBytes {
			w.send() // only then can be seen whether there is room
		}
		if !s.takesPushes(len(w.gather.B)) {
			s.miss(p.key)
			return
		}
	}
	if !s.inTurn(&p) {
		s.keepEarly(p, b, answers)
		return
	}
	w.take(&p, b, answers)
	for e, ok := s.nextEarly(); ok; e, ok = s.nextEarly() {
		w.take(&e.piece, e.bytes, e.answers)
	}
}

// take gathers a piece that is in turn; the end of the session is written at once.
func (w *sessionWriter) take(p *piece, b []byte, answers bool) {
	s := w.session
	w.gather.B = append(w.gather.B, b...)
	w.count += p.count
	w.answered += p.answered
	w.answers = w.answers || answers
	s.count(p)
	switch {
	case p.flags&pieceEnd != 0:
		w.send()
		s.endNow(s.reason)
	case p.flags&pieceClose != 0:
		w.send()
		s.finish(p.reason)
	}
}

// send writes what is gathered.
func (w *sessionWriter) send() {
	w.session.send(w.gather.B, w.answers)
	w.session.settle(w.count, w.answered)
	w.gather.B, w.count, w.answered, w.answers = w.gather.B[:0], 0, 0, false
}
