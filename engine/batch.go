package engine

import "holdfast/pool"

// Batch is output for the sessions of one carrier.
type Batch struct {
	core     *Core
	group    *group
	buffer   *pool.Buffer
	pieces   []piece
	fanOuts  [][]*Session // of the pieces with pieceFanOut; never changed
	joins    []*cursor    // of the pieces with pieceJoin
	single   []piece      // scratch space for one piece per session of a fan-out
	kind     outboxKind
	answered int
	large    []largeReply // replies that count as due
	samples  []sample     // replies to requests that are samples

	droppable int // pieces that Core.PushesWaiting counts
}

type pieceFlags uint8

const (
	pieceDroppable pieceFlags = 1 << iota
	pieceFanOut               // for all sessions of fanOuts[key]
	pieceClose                // Notice, then close when the peer has read it
	pieceAbort                // close at once
	pieceAfter                // wait until all requests before first are answered
	pieceNotFirst             // written with an earlier piece of the same session
	pieceJoin                 // pushes of the feed of joins[key] start
)

// piece is output for one session: bytes of the batch's buffer, a close, or both.
type piece struct {
	session    *Session
	start, end int32
	next       int32  // 1 + index of the session's next piece in the batch
	answered   int32  // requests that its replies answer
	count      int32  // places in the order of replies that it takes, from first on
	first      uint32 // number of the first of those
	key        uint32 // of a droppable push, or the index in fanOuts or joins
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

// add appends a piece that can't be merged with others.
func (b *Batch) add(p piece) {
	b.answered += int(p.answered)
	b.pieces = append(b.pieces, p)
}

// addOutput appends output for a session, bytes start to end of the buffer, or extends
// the last piece if that belongs to the same session and ends at start. The other
// arguments are those of piece.
func (b *Batch) addOutput(s *Session, start, end int32, first uint32, count, answered int32) {
	b.answered += int(answered)
	if n := len(b.pieces); n > 0 {
		last := &b.pieces[n-1]
		if last.session == s && last.end == start && last.flags == 0 && last.continues(first, count) {
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

// continues reports whether output at that place may always leave together with p. If
// the dialect keeps replies in order, a push must not join a reply: it could overtake
// an earlier push that waits for a later reply.
func (p *piece) continues(first uint32, count int32) bool {
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

// addJoin appends the start of a feed's pushes.
func (b *Batch) addJoin(c *cursor) {
	b.add(piece{session: c.session, key: uint32(len(b.joins)), flags: pieceJoin})
	b.joins = append(b.joins, c)
}

// pushBytes returns how many bytes the batch has for s without those of replies.
func (b *Batch) pushBytes(s *Session) (n int) {
	for i := range b.pieces {
		if p := &b.pieces[i]; p.session == s && p.count == 0 {
			n += int(p.end - p.start)
		}
	}
	return n
}

func sameSessions(a, b []*Session) bool { return len(a) == len(b) && &a[0] == &b[0] }

// appendBatch moves everything in from to the end of b.
func (b *Batch) appendBatch(from *Batch) {
	base := int32(len(b.buffer.B))
	b.buffer.B = append(b.buffer.B, from.buffer.B...)
	for i := range from.pieces {
		switch p := &from.pieces[i]; p.flags {
		case 0:
			b.addOutput(p.session, base+p.start, base+p.end, p.first, p.count, p.answered)
		case pieceFanOut:
			b.addFanOut(base+p.start, base+p.end, from.fanOuts[p.key])
		case pieceJoin:
			b.addJoin(from.joins[p.key])
		default:
			p.start += base
			p.end += base
			b.add(*p)
		}
	}
	b.droppable += from.droppable
	from.droppable = 0
	b.large = append(b.large, from.large...)
	clear(from.large)
	from.large = from.large[:0]
	b.samples = append(b.samples, from.samples...)
	from.empty()
}

// Flush writes the batch and frees it. Goroutine: the batch's carrier.
func (b *Batch) Flush() {
	if len(b.fanOuts) == 0 {
		b.flushPieces(b.pieces)
	} else {
		b.flushFanOuts()
	}
	b.group.replied.Add(uint64(b.answered))
	if len(b.large) > 0 {
		b.largeWritten()
	}
	if len(b.samples)+len(b.group.timing.unwritten) > 0 {
		b.group.timing.written(b.samples, b.core.stamp())
	}
	b.free()
}

// fanOutPieces bounds how many pieces a fan-out makes before they are written.
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
			clear(single) // releases the sessions
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

// link chains the pieces of each session, so that one write sends them all, and subtracts
// replies to closed sessions from b.answered.
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

// flushSession writes all pieces of the session whose first piece is at i, if possible in
// one write.
func (b *Batch) flushSession(pieces []piece, i int) {
	p := &pieces[i]
	s := p.session
	s.lastPiece = 0
	if p.next == 0 && s.early == nil && s.isNext(p) {
		switch p.flags {
		case 0:
			s.advance(p)
			s.send(b.buffer.B[p.start:p.end], p.answered > 0)
			s.countAnswered(p.count, b.inFlight(p))
			return
		case pieceDroppable:
			s.push(p.key, b.buffer.B[p.start:p.end])
			return
		}
	}
	w := sessionWriter{session: s, gather: b.core.buffers.Get(), joins: b.joins}
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

// inFlight returns how many of the requests that p answers were in flight.
func (b *Batch) inFlight(p *piece) int32 {
	if b.kind == fromLoop {
		return 0
	}
	return p.answered
}

// Discard frees the batch unwritten: its carrier is gone.
func (b *Batch) Discard() {
	for _, c := range b.joins {
		c.leave()
	}
	b.free()
}

// maxIdlePieces bounds the memory of a batch that waits for its next use.
const maxIdlePieces = 1 << 14

// empty removes everything from the batch.
func (b *Batch) empty() {
	b.buffer.B = b.buffer.B[:0]
	b.clear()
}

// clear removes the pieces.
func (b *Batch) clear() {
	clear(b.pieces)
	b.pieces, b.answered = b.pieces[:0], 0
	if len(b.large) > 0 {
		b.clearLarge()
	}
	clear(b.samples)
	b.samples = b.samples[:0]
	clear(b.fanOuts)
	b.fanOuts = b.fanOuts[:0]
	clear(b.joins)
	b.joins = b.joins[:0]
	if b.droppable > 0 {
		b.core.pushesWritten(b.droppable)
		b.droppable = 0
	}
}

func (b *Batch) free() {
	b.clear()
	if cap(b.large) > maxIdlePieces {
		b.large = nil
	}
	b.core.buffers.Put(b.buffer) // not truncated: the pool learns from the length
	if cap(b.pieces) > maxIdlePieces {
		b.pieces = nil
	}
	if cap(b.single) > maxIdlePieces {
		b.single = nil
	}
	b.buffer, b.group = nil, nil
	b.core.batches.Put(b)
}
