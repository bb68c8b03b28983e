package engine

import (
	"slices"

	"holdfast/codec"
	"holdfast/pool"
)

// Request identifies a message that is to be answered after its handler has returned.
//
// The requests of a session are numbered as they are executed, and the event loop writes
// the replies in the order of these numbers. A reply that comes early waits for those
// before it. Only a reply that may take long (Context.Detach) is unordered, if the
// dialect's clients match replies by id.
type Request struct {
	Session   *Session
	Command   codec.Command
	ID        uint64 // as codec.Message has it
	number    uint32
	taken     stamp // when it came, if it is a sample (timing.go); else 0
	unordered bool  // the reply may come at any time
}

// placesOf returns how many places a reply takes in the order of its session's replies.
func placesOf(unordered bool) int32 {
	if unordered {
		return 0
	}
	return 1
}

// earlyPiece is output that waits for the reply to an earlier request.
type earlyPiece struct {
	piece
	bytes   []byte
	answers bool // there are replies among it
	joins   []*cursor
}

// earlyOutput is the output of one session that waits, ordered by request number. It is
// never empty.
//
// If the dialect keeps replies in the order of requests, a push waits with the last
// reply: a waiting reply may show the account, and later pushes must not overtake it. In
// other dialects such a reply is never early: it leaves with a commit, and so do all
// replies before it that are not posted yet (Context.Defer).
//
// Goroutine: event loop. Limit: twice Limits.OutboundHardBytes, which one reply may exceed;
// it counts as unsent output of the session (backlog).
type earlyOutput struct {
	pieces []earlyPiece
	bytes  int
}

// size returns how many bytes wait; a nil e has none.
func (e *earlyOutput) size() int {
	if e == nil {
		return 0
	}
	return e.bytes
}

// isNext reports whether a piece may be written now.
func (s *Session) isNext(p *piece) bool {
	switch {
	case p.count > 0:
		return p.first == s.replied
	case p.flags&pieceAfter != 0: // later replies may be out already
		return int32(s.replied-p.first) >= 0
	case p.flags&(pieceClose|pieceAbort) != 0:
		return true
	default:
		return s.early == nil || !s.ordered
	}
}

// keepEarly stores a piece that must wait. b is copied.
func (s *Session) keepEarly(p piece, b []byte, answers bool) {
	if s.closed || s.lingering {
		return
	}
	e := s.early
	size, most := e.size(), 2*s.core.limits.OutboundHardBytes
	if size > most || !answers && size+len(b) > most {
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

// nextEarly removes and returns the first waiting piece if it may be written now. Its bytes
// count as unsent until the write.
func (s *Session) nextEarly() (earlyPiece, bool) {
	e := s.early
	if e == nil || !s.isNext(&e.pieces[0].piece) {
		return earlyPiece{}, false
	}
	first := e.pieces[0]
	e.bytes -= len(first.bytes)
	e.pieces[0] = earlyPiece{}
	if e.pieces = e.pieces[1:]; len(e.pieces) == 0 {
		s.early = nil
	}
	return first, true
}

// advance counts the requests that a piece replies to. The test matters: without such a
// piece, replied belongs to the goroutine of an inline carrier (Context.Take).
func (s *Session) advance(p *piece) {
	if p.count > 0 {
		s.replied += uint32(p.count)
	}
}

// countAnswered counts requests that were answered, and places that were taken. Call it
// after the write: once nothing is under way, an inline carrier writes on its own.
func (s *Session) countAnswered(count, answered int32) {
	s.answered(int(answered))
	if s.group.inline {
		s.underWay.Add(-count)
	}
}

// sessionWriter writes the pieces of one session with as few writes as it can.
type sessionWriter struct {
	session         *Session
	gather          *pool.Buffer
	count, answered int32 // of what is gathered
	answers         bool  // there are replies among it
	large           bool  // a large one among them has waited (flow.go)
	joins           []*cursor
}

// add writes a piece and what waited for it, or stores it if it must wait itself.
func (w *sessionWriter) add(p piece, b []byte, answers bool) {
	s := w.session
	if p.flags&pieceJoin != 0 {
		w.join(&p)
		return
	}
	if p.flags&pieceDroppable != 0 {
		if len(w.gather.B) > s.core.limits.OutboundSoftBytes {
			w.send() // shows how much the peer takes
		}
		if !s.takesPushes(len(w.gather.B)) {
			s.miss(p.key)
			return
		}
	}
	if !s.isNext(&p) {
		s.keepEarly(p, b, answers)
		return
	}
	w.append(&p, b, answers)
	for e, ok := s.nextEarly(); ok; e, ok = s.nextEarly() {
		w.large = w.large || len(e.bytes) >= s.core.largeReply
		w.append(&e.piece, e.bytes, e.answers)
		if e.joins != nil {
			w.start(e.joins)
		}
	}
}

// join starts a feed's pushes after the output that waits.
func (w *sessionWriter) join(p *piece) {
	joins := w.joins[p.key : p.key+1]
	if s := w.session; !s.isNext(p) {
		last := &s.early.pieces[len(s.early.pieces)-1]
		last.joins = append(last.joins, joins...)
		return
	}
	w.start(joins)
}

func (w *sessionWriter) start(joins []*cursor) {
	w.send()
	for _, c := range joins {
		c.activate()
	}
}

// append gathers a piece that may be written now; a close is written at once.
func (w *sessionWriter) append(p *piece, b []byte, answers bool) {
	s := w.session
	w.gather.B = append(w.gather.B, b...)
	w.count += p.count
	w.answered += p.answered
	w.answers = w.answers || answers
	s.advance(p)
	switch {
	case p.flags&pieceAbort != 0:
		w.send()
		s.abortNow(s.reason)
	case p.flags&pieceClose != 0:
		w.send()
		s.finish(p.reason)
	}
}

// send writes what is gathered.
func (w *sessionWriter) send() {
	s := w.session
	if w.large { // before the write, so that it counts as due all the time
		s.large = s.written + uint64(len(w.gather.B))
	}
	s.send(w.gather.B, w.answers)
	s.countAnswered(w.count, w.answered)
	w.gather.B, w.count, w.answered, w.answers, w.large = w.gather.B[:0], 0, 0, false, false
}
