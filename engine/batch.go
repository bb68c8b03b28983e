package engine

import "holdfast/pool"

// Batch is the output of one group of sessions at one time.
type Batch struct {
	core     *Core
	group    *group
	buffer   *pool.Buffer
	pieces   []piece
	fanOuts  [][]*Session // of the pieces with pieceFanOut; never changed
	single   []piece      // room for those pieces, one for each session
	kind     outboxKind
	answered int

	droppable int // pieces that Core.PushesWaiting counts
}

type pieceFlags uint8

const (
	pieceDroppable pieceFlags = 1 << iota
	pieceFanOut               // for all sessions of fanOuts[key]
	pieceClose                // Notice, then close when the peer has read it
	pieceEnd                  // close at once
	pieceAfter                // not before all requests before first are answered
	pieceNotFirst             // an earlier piece of the same session in this batch writes it
)

// piece is some output of one session: bytes of the batch's buffer.
type piece struct {
	session    *Session
	start, end int32
	next       int32  // 1 + index of the session's next piece in the batch
	answered   int32  // requests that its replies answer
	count      int32  // requests whose place among the replies it takes, from first on
	first      uint32 // number of the first of those
	key        uint32 // of a droppable push, or the index in fanOuts
	flags      pieceFlags
	reason     Reason
}

func (c *Core) newBatch(g *group, kind outboxKind) *Batch {
	b, ok := c.batches.Get().(*Batch)
	if !ok {
		b = &Batch{core: c}
	}
	b.group, b.kind, b.buffer = g, kind, c.buffers.Get()
	return b
}

// add appends a piece that is more than output.
func (b *Batch) add(p piece) {
	b.answered += int(p.answered)
	b.pieces = append(b.pieces, p)
}

// addOutput appends output of a session, which is in the buffer from start to end, or
// lengthens the last piece when that is output of the same session and ends there. The
// other arguments are those of piece.
func (b *Batch) addOutput(s *Session, start, end int32, first uint32, count, answered int32) {
	b.answered += int(answered)
	if n := len(b.pieces); n > 0 {
		last := &b.pieces[n-1]
		if last.session == s && last.end == start && last.flags == 0 && last.goesOn(first, count) {
			if last.count == 0 {
				last.first = first
			}
			last.end = end
			last.answered += answered
			last.count += count
			return
		}
	}
	b.pieces = append(b.pieces, piece{session: s, start: start, end: end, first: first, count: count, answered: answered})
}

// goesOn reports whether output with that place among the replies may leave at the same
// time as p, always. Where replies keep the order of requests, a push that shared the
// place of a reply could overtake an earlier push that waits for a later reply.
func (p *piece) goesOn(first uint32, count int32) bool {
	if p.count == 0 || count == 0 {
		return p.count == count || !p.session.ordered
	}
	return p.first+uint32(p.count) == first
}

// addFanOut appends a piece for several sessions.
func (b *Batch) addFanOut(start, end int32, sessions []*Session) {
	if n := len(b.pieces); n > 0 {
		last := &b.pieces[n-1]
		if last.flags == pieceFanOut && last.end == start && sameSessions(b.fanOuts[last.key], sessions) {
			last.end = end
			return
		}
	}
	b.pieces = append(b.pieces, piece{start: start, end: end, flags: pieceFanOut, key: uint32(len(b.fanOuts))})
	b.fanOuts = append(b.fanOuts, sessions)
}

func sameSessions(a, b []*Session) bool { return len(a) == len(b) && &a[0] == &b[0] }

// take moves all that from has to the end of b.
func (b *Batch) take(from *Batch) {
	base := int32(len(b.buffer.B))
	b.buffer.B = append(b.buffer.B, from.buffer.B...)
	for i := range from.pieces {
		switch p := &from.pieces[i]; p.flags {
		case 0:
			b.addOutput(p.session, base+p.start, base+p.end, p.first, p.count, p.answered)
		case pieceFanOut:
			b.addFanOut(base+p.start, base+p.end, from.fanOuts[p.key])
		default:
			p.start += base
			p.end += base
			b.add(*p)
		}
	}
	b.droppable += from.droppable
	from.droppable = 0
	from.empty()
}

// Flush writes the batch and gives it back. Goroutine: the batch's carrier.
func (b *Batch) Flush() {
	if len(b.fanOuts) == 0 {
		b.flushPieces(b.pieces)
	} else {
		b.flushFanOuts()
	}
	b.group.replied.Add(uint64(b.answered))
	b.free()
}

// fanOutPieces is how many pieces are written at a time where some are for several
// sessions: it bounds what the pieces of all of those take up.
const fanOutPieces = 1 << 14

// flushFanOuts writes the batch with a piece for each session of a fan-out.
func (b *Batch) flushFanOuts() {
	single := b.single[:0]
	for i := range b.pieces {
		p := b.pieces[i]
		if p.flags&pieceFanOut == 0 {
			single = append(single, p)
			continue
		}
		for _, s := range b.fanOuts[p.key] {
			single = append(single, piece{session: s, start: p.start, end: p.end})
		}
		if len(single) >= fanOutPieces {
			b.flushPieces(single)
			clear(single) // lets go of the sessions
			single = single[:0]
		}
	}
	b.flushPieces(single)
	clear(single)
	b.single = single
}

func (b *Batch) flushPieces(pieces []piece) {
	b.link(pieces)
	for i := range pieces {
		if pieces[i].flags&pieceNotFirst == 0 {
			b.flushSession(pieces, i)
		}
	}
}

// link chains the pieces of each session, so that one write sends them all, and
// takes from b.answered what is for sessions that are gone.
func (b *Batch) link(pieces []piece) {
	for i := range pieces {
		s := pieces[i].session
		if s.closed {
			b.answered -= int(pieces[i].answered)
		}
		if s.lastPiece != 0 {
			pieces[s.lastPiece-1].next = int32(i + 1)
			pieces[i].flags |= pieceNotFirst
		}
		s.lastPiece = int32(i + 1)
	}
}

// flushSession writes all pieces of the session whose first piece is at i, in one
// write unless they are many.
func (b *Batch) flushSession(pieces []piece, i int) {
	p := &pieces[i]
	s := p.session
	s.lastPiece = 0
	if p.next == 0 && s.early == nil && s.inTurn(p) {
		switch p.flags {
		case 0:
			s.count(p)
			s.send(b.buffer.B[p.start:p.end], p.answered > 0)
			s.settle(p.count, b.inFlight(p))
			return
		case pieceDroppable:
			s.push(p.key, b.buffer.B[p.start:p.end])
			return
		}
	}
	w := sessionWriter{session: s, gather: b.core.buffers.Get()}
	for {
		q := *p
		q.answered = b.inFlight(p)
		w.add(q, b.buffer.B[p.start:p.end], p.answered > 0)
		if p.next == 0 {
			break
		}
		p = &pieces[p.next-1]
	}
	w.send()
	b.core.buffers.Put(w.gather)
}

// inFlight returns how many of the requests that p answers count as in flight.
func (b *Batch) inFlight(p *piece) int32 {
	if b.kind == fromLoop {
		return 0
	}
	return p.answered
}

// Discard gives the batch back unwritten: its carrier is gone.
func (b *Batch) Discard() { b.free() }

// maxIdlePieces bounds the memory of a batch that nobody uses.
const maxIdlePieces = 1 << 14

// empty makes the batch one that has nothing yet.
func (b *Batch) empty() {
	b.buffer.B = b.buffer.B[:0]
	b.clear()
}

// clear forgets the pieces.
func (b *Batch) clear() {
	clear(b.pieces)
	b.pieces, b.answered = b.pieces[:0], 0
	clear(b.fanOuts)
	b.fanOuts = b.fanOuts[:0]
	if b.droppable > 0 {
		b.core.pushesWritten(b.droppable)
		b.droppable = 0
	}
}

func (b *Batch) free() {
	b.clear()
	b.core.buffers.Put(b.buffer) // with its length, from which the pool learns
	if cap(b.pieces) > maxIdlePieces {
		b.pieces = nil
	}
	if cap(b.single) > maxIdlePieces {
		b.single = nil
	}
	b.buffer, b.group = nil, nil
	b.core.batches.Put(b)
}
