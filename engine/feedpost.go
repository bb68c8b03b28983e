package engine

import (
	"slices"

	"holdfast/codec"
)

// feedPost has the sessions of one feed, carrier and dialect, where the carrier is not an
// event loop: each push is posted. Guarded by Feed.mu.
type feedPost struct {
	feed     *Feed
	group    *group
	dialect  codec.Dialect
	cursors  []*cursor
	sessions []*Session // active, without a filter. Batches have the slice: it is never changed
	filtered int        // active with a filter
}

// postOf returns the feedPost for a session, which may be new. Frames that are not shared
// have one for each session.
func (f *Feed) postOf(s *Session) *feedPost {
	for _, p := range f.posts {
		if p.group == s.group && p.dialect == s.dialect && p.dialect.Shared() {
			return p
		}
	}
	p := &feedPost{feed: f, group: s.group, dialect: s.dialect}
	f.posts = append(f.posts, p)
	return p
}

func (p *feedPost) join(c *cursor) {
	c.post = p
	p.cursors = append(p.cursors, c)
	p.update()
}

// leave reports whether c was the last one.
func (p *feedPost) leave(c *cursor) (last bool) {
	c.left, c.waiting = true, nil
	p.cursors = slices.DeleteFunc(p.cursors, func(x *cursor) bool { return x == c })
	p.update()
	return len(p.cursors) == 0
}

// update makes sessions and filtered anew.
func (p *feedPost) update() {
	p.sessions, p.filtered = nil, 0
	for _, c := range p.cursors {
		switch {
		case !c.active:
		case c.wants == nil:
			p.sessions = append(p.sessions, c.session)
		default:
			p.filtered++
		}
	}
}

// activate writes what was appended since the join. Goroutine: the carrier.
func (p *feedPost) activate(c *cursor) {
	waiting, lost := p.start(c)
	if lost {
		c.session.finish(ReasonSlowConsumer)
		return
	}
	c.session.write(waiting)
}

func (p *feedPost) start(c *cursor) (waiting []byte, lost bool) {
	p.feed.mu.Lock()
	defer p.feed.mu.Unlock()
	if c.left {
		return nil, false
	}
	waiting = c.waiting
	c.active, c.waiting = true, nil
	p.update()
	return waiting, c.lost
}

// append adds a push to out for the sessions that are active, and stores it for the others.
func (p *feedPost) append(out *Outbox, key uint32, frame []byte) {
	if len(p.sessions)+p.filtered < len(p.cursors) {
		p.store(key, frame)
	}
	if len(p.sessions)+p.filtered == 0 {
		return
	}
	b := out.batch(p.group)
	start := int32(len(b.buffer.B))
	b.buffer.B = append(b.buffer.B, frame...)
	end := int32(len(b.buffer.B))
	out.count++
	if p.filtered == 0 && !p.feed.options.Droppable {
		b.addFanOut(start, end, p.sessions)
		return
	}
	for _, c := range p.cursors {
		switch {
		case !c.active || c.wants != nil && !c.wants(key):
		case p.feed.options.Droppable:
			b.add(piece{session: c.session, start: start, end: end, key: key, flags: pieceDroppable})
			b.droppable++
			p.feed.core.pushesWaiting.Add(1)
		default:
			b.addOutput(c.session, start, end, 0, 0, 0)
		}
	}
}

// store keeps a push for the sessions that are not active yet. One that waits for too much
// is closed when it becomes active.
func (p *feedPost) store(key uint32, frame []byte) {
	for _, c := range p.cursors {
		switch {
		case c.active || c.wants != nil && !c.wants(key):
		case c.lost || len(c.waiting)+len(frame) > p.feed.options.KeepBytes:
			c.waiting, c.lost = nil, true
		default:
			c.waiting = append(c.waiting, frame...)
		}
	}
}
