package engine

import "holdfast/pool"

// Outbox gathers frames for sessions and posts them, grouped, to their carriers:
// one task per carrier, one write per session. Frames for one session leave in
// the order in which they were added.
//
// Goroutine: one at a time. Lifetime: reusable after Post; Free gives it up.
type Outbox struct {
	core    *Core
	batches []*Batch // by group; nil when there is nothing for that group
	count   int      // pieces since the last Post
	kind    outboxKind
}

// outboxKind says which of a session's counters the answers in an outbox lower.
type outboxKind uint8

const (
	// fromLane: the requests came through the lane and count as in flight.
	fromLane outboxKind = iota
	// fromLoop: the requests were executed on the event loop, and never were.
	fromLoop
	// holding: as fromLane, and the replies wait for something to happen first,
	// so that later replies of the same session must queue behind them.
	holding
	// direct: nothing counts as in flight, and the carrier takes the replies out
	// (Context.Take).
	direct
)

// NewOutbox returns an empty outbox.
func (c *Core) NewOutbox() *Outbox {
	if o, ok := c.outboxes.Get().(*Outbox); ok {
		return o
	}
	return &Outbox{core: c}
}

// NewHoldingOutbox returns an outbox for replies that wait (for a commit, say).
// The replies of a session that follow one in it go to the session's Sink until
// the outbox is flushed, and so keep their order.
func (c *Core) NewHoldingOutbox() *Outbox { return &Outbox{core: c, kind: holding} }

// Free gives an empty outbox back.
func (o *Outbox) Free() {
	if o.kind == fromLane {
		o.core.outboxes.Put(o)
	}
}

// Size returns how many bytes were added since the last Post.
func (o *Outbox) Size() int {
	size := 0
	for _, b := range o.batches {
		if b != nil {
			size += len(b.buffer.B)
		}
	}
	return size
}

// Len returns how many pieces were added since the last Post.
func (o *Outbox) Len() int { return o.count }

// Begin returns the buffer to append frames for s to; give the result to End.
// Nothing else may be done with the outbox in between.
func (o *Outbox) Begin(s *Session) []byte { return o.batch(s).buffer.B }

// End takes the buffer of Begin with the frames appended. answered says how many
// requests of s they answer.
func (o *Outbox) End(s *Session, buf []byte, answered int) {
	o.batch(s).add(s, buf, answered, 0)
	o.noted(s, answered)
}

// Append adds a copy of frames for s, which answer that many of its requests.
func (o *Outbox) Append(s *Session, frames []byte, answered int) {
	b := o.batch(s)
	b.add(s, append(b.buffer.B, frames...), answered, 0)
	o.noted(s, answered)
}

// AppendDroppable adds pushes that may be left out when s reads slowly, because
// newer ones say more: those that show the newest state of what key names.
// Config.OnRoom asks for them when s can take them.
func (o *Outbox) AppendDroppable(s *Session, key uint32, frames []byte) {
	b := o.batch(s)
	b.add(s, append(b.buffer.B, frames...), 0, pieceDroppable)
	b.pieces[len(b.pieces)-1].key = key
	b.droppable++
	o.core.pushesWaiting.Add(1)
	o.count++
}

// Close adds the end of s: its Notice, and then the close, behind what was added
// for s before. It is for a Sink; everybody else calls Session.Close.
func (o *Outbox) Close(s *Session, reason Reason) {
	b := o.batch(s)
	b.add(s, b.buffer.B, 0, pieceClose)
	b.pieces[len(b.pieces)-1].reason = reason
	o.count++
}

func (o *Outbox) end(s *Session) {
	b := o.batch(s)
	b.add(s, b.buffer.B, 0, pieceEnd)
	o.count++
}

func (o *Outbox) noted(s *Session, answered int) {
	o.count++
	if o.kind == holding && answered > 0 {
		s.deferred.Add(int32(answered))
	}
}

func (o *Outbox) batch(s *Session) *Batch {
	index := s.group.index
	for index >= len(o.batches) {
		o.batches = append(o.batches, nil)
	}
	b := o.batches[index]
	if b == nil {
		b = o.core.newBatch(s.group, o.kind)
		o.batches[index] = b
	}
	return b
}

// Post hands what was gathered to the carriers.
func (o *Outbox) Post() {
	if o.count == 0 {
		return
	}
	o.count = 0
	for i, b := range o.batches {
		if b == nil {
			continue
		}
		o.batches[i] = nil
		b.group.carrier.Post(b)
	}
}

// flush writes what was gathered at once. Goroutine: the carrier of all sessions
// in it.
func (o *Outbox) flush() {
	o.count = 0
	for i, b := range o.batches {
		if b != nil {
			o.batches[i] = nil
			b.Flush()
		}
	}
}

// Discard drops what was gathered; the sessions never see it.
func (o *Outbox) Discard() {
	o.count = 0
	for i, b := range o.batches {
		if b != nil {
			o.batches[i] = nil
			b.Discard()
		}
	}
}

type pieceFlags uint8

const (
	pieceDroppable pieceFlags = 1 << iota
	pieceClose                // Notice, then close when the peer has read it
	pieceEnd                  // close at once
	pieceNotFirst             // an earlier piece of the same session in this batch writes it
)

type piece struct {
	session    *Session
	start, end int32
	next       int32 // 1 + index of the session's next piece in the batch
	answered   int32
	key        uint32 // of a droppable piece
	flags      pieceFlags
	reason     Reason
}

// Batch is the output of one group of sessions at one time.
type Batch struct {
	core     *Core
	group    *group
	buffer   *pool.Buffer
	pieces   []piece
	kind     outboxKind
	answered int

	droppable int // pieces that Core.PushesWaiting counts
}

func (c *Core) newBatch(g *group, kind outboxKind) *Batch {
	b, ok := c.batches.Get().(*Batch)
	if !ok {
		b = &Batch{core: c}
	}
	b.group, b.kind, b.buffer = g, kind, c.buffers.Get()
	return b
}

// add appends a piece whose frames are what buf has more than the buffer, or
// lengthens the last piece when it is for the same session.
func (b *Batch) add(s *Session, buf []byte, answered int, flags pieceFlags) {
	start := len(b.buffer.B)
	b.buffer.B = buf
	b.answered += answered
	if n := len(b.pieces); n > 0 && flags == 0 {
		if last := &b.pieces[n-1]; last.session == s && last.flags == 0 {
			last.end = int32(len(buf))
			last.answered += int32(answered)
			return
		}
	}
	b.pieces = append(b.pieces, piece{
		session: s, start: int32(start), end: int32(len(buf)), answered: int32(answered), flags: flags,
	})
}

// Flush writes the batch and gives it back. Goroutine: the batch's carrier.
func (b *Batch) Flush() {
	b.group.replied.Add(uint64(b.answered - b.link()))
	for i := range b.pieces {
		if b.pieces[i].flags&pieceNotFirst == 0 {
			b.flushSession(i)
		}
	}
	b.free()
}

// link chains the pieces of each session, so that one write sends them all. It
// returns how many requests are answered to sessions that are gone.
func (b *Batch) link() (toNobody int) {
	for i := range b.pieces {
		s := b.pieces[i].session
		if s.closed {
			toNobody += int(b.pieces[i].answered)
		}
		if s.lastPiece != 0 {
			b.pieces[s.lastPiece-1].next = int32(i + 1)
			b.pieces[i].flags |= pieceNotFirst
		}
		s.lastPiece = int32(i + 1)
	}
	return toNobody
}

// flushSession writes all pieces of the session whose first piece is at i, in one
// write unless they are many.
func (b *Batch) flushSession(i int) {
	p := &b.pieces[i]
	s := p.session
	s.lastPiece = 0
	switch {
	case p.next != 0:
	case p.flags == 0:
		s.send(b.buffer.B[p.start:p.end], p.answered > 0)
		b.settle(s, p.answered)
		return
	case p.flags == pieceDroppable:
		s.push(p.key, b.buffer.B[p.start:p.end])
		return
	}
	gather := b.core.buffers.Get()
	answered := int32(0)
	for {
		if p.flags&pieceDroppable != 0 && len(gather.B) > b.core.limits.OutboundSoftBytes {
			s.send(gather.B, answered > 0) // only then can be seen whether there is room
			gather.B = gather.B[:0]
		}
		if p.flags&pieceDroppable == 0 || s.takesPushes(len(gather.B)) {
			gather.B = append(gather.B, b.buffer.B[p.start:p.end]...)
		} else {
			s.miss(p.key)
		}
		answered += p.answered
		if p.flags&(pieceClose|pieceEnd) != 0 {
			s.send(gather.B, answered > 0)
			gather.B = gather.B[:0]
			s.closeAs(p)
		}
		if p.next == 0 {
			break
		}
		p = &b.pieces[p.next-1]
	}
	s.send(gather.B, answered > 0)
	b.settle(s, answered)
	b.core.buffers.Put(gather)
}

func (s *Session) closeAs(p *piece) {
	if p.flags&pieceEnd != 0 {
		s.endNow(s.reason)
		return
	}
	s.finish(p.reason)
}

// settle counts the requests of s that were answered. It comes after the write:
// with the last deferred reply out, a carrier may write the next one directly.
func (b *Batch) settle(s *Session, answered int32) {
	if b.kind != fromLoop {
		s.answered(int(answered))
	}
	if b.kind == holding {
		s.deferred.Add(-answered)
	}
}

// Discard gives the batch back unwritten: its carrier is gone.
func (b *Batch) Discard() {
	if b.kind == holding {
		for i := range b.pieces {
			b.pieces[i].session.deferred.Add(-b.pieces[i].answered)
		}
	}
	b.free()
}

// maxIdlePieces bounds the memory of a batch that nobody uses.
const maxIdlePieces = 1 << 14

// empty makes the batch one that has nothing yet.
func (b *Batch) empty() {
	clear(b.pieces)
	b.pieces, b.buffer.B, b.answered = b.pieces[:0], b.buffer.B[:0], 0
	b.dealt()
}

// dealt says that the droppable pushes of the batch wait no longer.
func (b *Batch) dealt() {
	if b.droppable == 0 {
		return
	}
	b.core.pushesDealt(b.droppable)
	b.droppable = 0
}

func (b *Batch) free() {
	b.dealt()
	b.core.buffers.Put(b.buffer)
	clear(b.pieces)
	b.pieces = b.pieces[:0]
	if cap(b.pieces) > maxIdlePieces {
		b.pieces = nil
	}
	b.buffer, b.group, b.answered = nil, nil, 0
	b.core.batches.Put(b)
}
