package engine

import "holdfast/codec"

// Outbox gathers messages for sessions and posts them to their carriers: one task per
// carrier, one write per session. Pushes to a session leave in the order in which they
// were added, replies in the order of their requests (see Request).
//
// The session's dialect encodes a message when it is added.
//
// Goroutine: one at a time. Lifetime: reusable after Post; call Free after the last use.
type Outbox struct {
	core    *Core
	batches []*Batch // by group; nil or empty when there is nothing for that group
	count   int      // messages since the last Post
	kind    outboxKind
	encoded []encoding // of the push that is being added
}

// outboxKind says how the replies in an outbox are counted.
type outboxKind uint8

const (
	// fromLane: the requests came through the lane and count as in flight.
	fromLane outboxKind = iota
	// fromLoop: the requests were executed on the event loop and were never in flight.
	fromLoop
	// inline: the requests were never in flight, and the carrier takes the replies
	// (Context.Take).
	inline
)

// encoding says where in a batch's buffer a push is, as a dialect encodes it.
type encoding struct {
	batch      *Batch
	dialect    codec.Dialect
	start, end int
}

// NewOutbox returns an empty outbox.
func (c *Core) NewOutbox() *Outbox {
	if o, ok := c.outboxes.Get().(*Outbox); ok {
		return o
	}
	return &Outbox{core: c}
}

// Free returns an empty outbox for reuse.
func (o *Outbox) Free() {
	if o.kind == fromLane {
		o.core.outboxes.Put(o)
	}
}

// Size returns how many bytes are in the outbox.
func (o *Outbox) Size() int {
	size := 0
	for _, b := range o.batches {
		if b != nil {
			size += len(b.buffer.B)
		}
	}
	return size
}

// Len returns how many messages and closes are in the outbox. A push to an Audience
// counts once.
func (o *Outbox) Len() int { return o.count }

// Reply adds the reply to a request. A nil body is empty.
func (o *Outbox) Reply(r Request, result codec.Result, body codec.Body) {
	o.addReply(r.Session, &codec.Message{Command: r.Command, ID: r.ID}, r.number, placesOf(r.unordered), r.taken, result, body)
}

// addReply adds a reply that takes count places (0 or 1) in the order of replies, at
// number. taken is not 0 if the request is a sample (timing.go).
func (o *Outbox) addReply(s *Session, m *codec.Message, number uint32, count int32, taken stamp, result codec.Result, body codec.Body) {
	b := o.batch(s.group)
	start := len(b.buffer.B)
	// Here and in Push the main dialect is called without the interface, which would
	// cost some 10 ns more per call; a whole order costs 1,200.
	if p, ok := s.dialect.(codec.Packet); ok {
		b.buffer.B = p.AppendReply(b.buffer.B, m.Command, m.ID, result, body)
	} else {
		b.buffer.B = s.dialect.AppendReply(b.buffer.B, m.Command, m.ID, result, body)
	}
	if size := len(b.buffer.B) - start; size >= o.core.largeReply {
		b.addLarge(s, size)
	}
	b.addOutput(s, int32(start), int32(len(b.buffer.B)), number, count, 1)
	if taken != 0 {
		b.samples = append(b.samples, sample{session: s, number: number, unordered: count == 0, command: m.Command, taken: taken})
	}
	o.count++
}

// Push adds a push to one session. A nil body is empty.
func (o *Outbox) Push(s *Session, c codec.Command, id uint64, body codec.Body) {
	b := o.batch(s.group)
	start := len(b.buffer.B)
	if p, ok := s.dialect.(codec.Packet); ok {
		b.buffer.B = p.AppendPush(b.buffer.B, c, id, body)
	} else {
		b.buffer.B = s.dialect.AppendPush(b.buffer.B, c, id, body)
	}
	b.addOutput(s, int32(start), int32(len(b.buffer.B)), 0, 0, 0)
	o.count++
}

// PushDue is Push for output that counts as due (flow.go). Its sender can wait until the session has
// taken it: see Session.Due.
func (o *Outbox) PushDue(s *Session, c codec.Command, id uint64, body codec.Body) {
	b := o.batch(s.group)
	start := len(b.buffer.B)
	o.Push(s, c, id, body)
	b.addLarge(s, len(b.buffer.B)-start)
}

// skipReply counts requests as answered, and their places as taken, without a reply.
func (o *Outbox) skipReply(s *Session, number uint32, count, answered int32) {
	b := o.batch(s.group)
	end := int32(len(b.buffer.B))
	b.addOutput(s, end, end, number, count, answered)
	o.count++
}

// PushTo adds a push to every session of an audience. It costs one encoding for each
// dialect, however many sessions there are.
func (o *Outbox) PushTo(a *Audience, c codec.Command, id uint64, body codec.Body) {
	all := a.now()
	if len(all) == 1 && len(all[0].sessions) == 1 {
		o.Push(all[0].sessions[0], c, id, body)
		return
	}
	o.encoded = o.encoded[:0]
	for _, m := range all {
		b, start, end := o.encode(m.group, m.dialect, c, id, body)
		o.count++
		if len(m.sessions) == 1 {
			b.addOutput(m.sessions[0], int32(start), int32(end), 0, 0, 0)
		} else {
			b.addFanOut(int32(start), int32(end), m.sessions)
		}
	}
}

// PushDroppable adds a push that sessions which read slowly do not get, because a newer
// one replaces it: it shows the newest state of what key identifies. When such a
// session has caught up, Config.OnCatchUp is called with the keys that it missed.
func (o *Outbox) PushDroppable(sessions []*Session, key uint32, c codec.Command, body codec.Body) {
	o.encoded = o.encoded[:0]
	for _, s := range sessions {
		b, start, end := o.encode(s.group, s.Dialect(), c, 0, body)
		b.add(piece{session: s, start: int32(start), end: int32(end), key: key, flags: pieceDroppable})
		b.droppable++
	}
	o.count += len(sessions)
	o.core.pushesWaiting.Add(int64(len(sessions)))
}

// encode returns where in the buffer of the group's batch the push is. If the dialect's
// frames can be shared, it is encoded once and copied for other groups.
func (o *Outbox) encode(g *group, d codec.Dialect, c codec.Command, id uint64, body codec.Body) (b *Batch, start, end int) {
	b = o.batch(g)
	var same *encoding
	if d.Shared() {
		for i := range o.encoded {
			e := &o.encoded[i]
			if e.dialect != d {
				continue
			}
			if e.batch == b {
				return b, e.start, e.end
			}
			same = e
		}
	}
	start = len(b.buffer.B)
	if same != nil {
		b.buffer.B = append(b.buffer.B, same.batch.buffer.B[same.start:same.end]...)
	} else {
		b.buffer.B = d.AppendPush(b.buffer.B, c, id, body)
	}
	end = len(b.buffer.B)
	o.encoded = append(o.encoded, encoding{batch: b, dialect: d, start: start, end: end})
	return b, start, end
}

// Close ends a session as Session.Close does, after what was added for it before. From then on
// the session's requests are not executed.
func (o *Outbox) Close(s *Session, reason Reason) { s.closeAfter(o, reason, 0, false) }

// closeAfter adds a Notice and the close of s after what was added for s before. If
// numbered, both wait until all requests before number are answered.
func (o *Outbox) closeAfter(s *Session, reason Reason, number uint32, numbered bool) {
	p := piece{session: s, first: number, reason: reason, flags: pieceClose}
	if numbered {
		p.flags |= pieceAfter
	}
	o.batch(s.group).add(p)
	o.count++
}

// abort adds the close of s without a Notice.
func (o *Outbox) abort(s *Session) {
	o.batch(s.group).add(piece{session: s, flags: pieceAbort})
	o.count++
}

// join adds the start of a feed's pushes. The pushes before it count as due (flow.go): a
// client that joins many feeds at once has asked for all of them.
func (o *Outbox) join(c *cursor) {
	b := o.batch(c.session.group)
	if n := b.pushBytes(c.session); n >= o.core.largeReply {
		b.addLarge(c.session, n)
	}
	b.addJoin(c)
	o.count++
}

func (o *Outbox) batch(g *group) *Batch {
	for g.index >= len(o.batches) {
		o.batches = append(o.batches, nil)
	}
	b := o.batches[g.index]
	if b == nil {
		b = o.core.newBatch(g, o.kind)
		o.batches[g.index] = b
	}
	return b
}

// MoveTo moves everything to the end of another outbox. It encodes nothing.
func (o *Outbox) MoveTo(to *Outbox) {
	for i, b := range o.batches {
		if b == nil || len(b.pieces) == 0 {
			continue
		}
		to.batch(b.group).appendBatch(b)
		if cap(b.buffer.B) > maxIdleBytes {
			o.batches[i] = nil
			b.free()
		}
	}
	to.count += o.count
	o.count = 0
}

// maxIdleBytes bounds the buffer that an outbox keeps for the next messages.
const maxIdleBytes = 64 << 10

// Post hands everything to the carriers.
func (o *Outbox) Post() {
	o.each(func(b *Batch) { b.group.carrier.Post(b) })
}

// flush writes everything now. Goroutine: the carrier of all sessions in it.
func (o *Outbox) flush() { o.each((*Batch).Flush) }

// Discard drops everything; the sessions never see it.
func (o *Outbox) Discard() { o.each((*Batch).Discard) }

// each calls do with every batch that is not empty. do owns the batch.
func (o *Outbox) each(do func(*Batch)) {
	if o.count == 0 {
		return
	}
	o.count = 0
	for i, b := range o.batches {
		if b != nil && len(b.pieces) > 0 {
			o.batches[i] = nil
			do(b)
		}
	}
}
