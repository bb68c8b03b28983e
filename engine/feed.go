package engine

import (
	"slices"
	"sync"

	"holdfast/codec"
)

// DefaultKeepBytes is the default of FeedOptions.KeepBytes: a minute of chat with 1,000
// messages a second. With two event loops and three dialects, slow sessions then cost 24 MiB,
// however many they are.
const DefaultKeepBytes = 4 << 20

// FeedOptions configures a Feed. A zero field means its default.
type FeedOptions struct {
	// KeepBytes bounds how far a session may be behind, in encoded bytes. There is one log
	// for each event loop and dialect; it uses that memory only while a session is behind.
	// Default DefaultKeepBytes. When all logs of an event loop have more than a quarter of
	// its share of Limits.OutboundTotalBytes, each may keep only an equal part of that.
	KeepBytes int
	// Droppable says that a newer push replaces an older one with the same key. A session
	// that is too far behind, or by more than Limits.OutboundSoftBytes with its unsent
	// output, then skips what it did not get, and Config.OnCatchUp is called with the keys
	// of that. Otherwise one that is too far behind is closed as a slow consumer.
	Droppable bool
}

// Feed is a log of pushes for many sessions. A push is encoded once for each dialect and
// appended once for each event loop and dialect. A session has a cursor in its log, and one
// write sends it everything up to the end, straight from the log. When pushes are rare they
// leave at once; under load an event loop writes them at intervals (see feedFlusher).
//
// The log is the buffer of slow sessions: one with unsent output is written to when its peer
// has taken that. Pushes of a feed are not ordered with other output of the session, but in a
// dialect that keeps replies in order they come after replies that wait for an earlier one.
//
// A carrier that is not an event loop has no logs: each push is posted to it.
//
// Goroutine: any.
type Feed struct {
	core    *Core
	options FeedOptions

	// mu is taken before the lock of a log. Nothing is posted while it is held: a carrier
	// that has stopped discards what is posted, and so calls leave.
	mu      sync.Mutex
	cursors map[*Session]*cursor
	logs    []*feedLog
	posts   []*feedPost
	encoder feedEncoder
}

// cursor is the place of one session in one feed.
type cursor struct {
	feed    *Feed
	session *Session
	wants   func(key uint32) bool
	log     *feedLog  // of sessions on event loops
	post    *feedPost // of all others

	// Guarded by the lock of the log, without a log by that of the feed.
	position uint64 // of the next byte for the session
	index    int    // in log.cursors
	active   bool   // the session gets pushes: what was before the join is written
	left     bool
	waiting  []byte // without a log: pushes before it was active
	lost     bool   // these were too many
}

// NewFeed returns a feed without sessions. It needs no end.
func (c *Core) NewFeed(o FeedOptions) *Feed {
	setDefault(&o.KeepBytes, DefaultKeepBytes)
	return &Feed{core: c, options: o, cursors: make(map[*Session]*cursor)}
}

// Len returns how many sessions have joined.
func (f *Feed) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.cursors)
}

// Append adds a push for every session that has joined. key identifies what a newer push
// replaces (in a droppable feed), and is what sessions filter by. A nil body is empty; its
// encoding must not use the feed.
//
// All sessions on event loops get the pushes in the same order.
func (f *Feed) Append(key uint32, cmd codec.Command, id uint64, body codec.Body) {
	var few [8]*feedLog
	idle, out := f.add(few[:0], key, cmd, id, body)
	for _, l := range idle {
		l.flusher.add(l)
	}
	if out != nil {
		out.Post()
		out.Free()
	}
}

// add is Append without what follows it: the logs in idle must be added to their flushers,
// and out, if not nil, must be posted.
func (f *Feed) add(idle []*feedLog, key uint32, cmd codec.Command, id uint64, body codec.Body) (_ []*feedLog, out *Outbox) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.encoder.start(cmd, id, body)
	defer f.encoder.end()
	for _, l := range f.logs {
		if l.append(key, f.encoder.frame(l.dialect)) {
			idle = append(idle, l)
		}
	}
	if len(f.posts) > 0 {
		out = f.core.NewOutbox()
		for _, p := range f.posts {
			p.append(out, key, f.encoder.frame(p.dialect))
		}
	}
	return idle, out
}

// Join makes s get what is appended from now on, after what out has for s: it gets nothing
// before the batch of out is written. It has no effect if s has joined already.
//
// wants, if not nil, is called with the key of each push and reports whether s gets it. It
// must be quick and must not use the feed. Goroutine of wants: any.
func (f *Feed) Join(out *Outbox, s *Session, wants func(key uint32) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cursors[s] != nil {
		return
	}
	c := &cursor{feed: f, session: s, wants: wants}
	f.cursors[s] = c
	if s.group.feeds != nil {
		f.logOf(s).join(c)
	} else {
		f.postOf(s).join(c)
	}
	s.addCursor(c)
	out.join(c)
}

// Leave ends what Join began. After it has returned, nothing more of the feed is written to
// s, except what an event loop is writing at that moment, or what was posted to a carrier
// that is not an event loop. A session that is closed has left.
func (f *Feed) Leave(s *Session) {
	f.mu.Lock()
	c := f.cursors[s]
	f.mu.Unlock()
	if c != nil {
		c.leave()
	}
}

// leave removes the cursor from its feed. Only the first call has an effect. Goroutine: any.
func (c *cursor) leave() {
	if c.detach() {
		c.log.flusher.add(c.log)
	}
}

// detach is leave; it reports whether the log must be added to its flusher.
func (c *cursor) detach() (trim bool) {
	f := c.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cursors[c.session] != c {
		return false
	}
	delete(f.cursors, c.session)
	c.session.removeCursor(c)
	if c.post != nil {
		if c.post.leave(c) {
			f.posts = slices.DeleteFunc(f.posts, func(p *feedPost) bool { return p == c.post })
		}
		return false
	}
	last, trim := c.log.leave(c)
	if last {
		f.logs = slices.DeleteFunc(f.logs, func(l *feedLog) bool { return l == c.log })
	}
	return trim
}

// logOf returns the log for a session, which may be new. Frames that are not shared have a
// log for each session.
func (f *Feed) logOf(s *Session) *feedLog {
	for _, l := range f.logs {
		if l.flusher == s.group.feeds && l.dialect == s.dialect && l.dialect.Shared() {
			return l
		}
	}
	l := newFeedLog(f, s)
	f.logs = append(f.logs, l)
	return l
}

// activate starts the pushes to the session. Goroutine: the session's carrier.
func (c *cursor) activate() {
	switch {
	case c.session.closed || c.session.lingering:
		c.leave()
	case c.post != nil:
		c.post.activate(c)
	case c.log.activate(c):
		c.log.flusher.add(c.log)
	}
}

// addCursor and removeCursor change the list of the session's cursors. Goroutine: any.
func (s *Session) addCursor(c *cursor) {
	s.changeCursors(func(all []*cursor) []*cursor { return append(all, c) })
}

func (s *Session) removeCursor(c *cursor) {
	s.changeCursors(func(all []*cursor) []*cursor {
		return slices.DeleteFunc(all, func(x *cursor) bool { return x == c })
	})
}

func (s *Session) changeCursors(change func([]*cursor) []*cursor) {
	for {
		old := s.cursors.Load()
		var now []*cursor
		if old != nil {
			now = slices.Clone(*old)
		}
		var next *[]*cursor
		if all := change(now); len(all) > 0 {
			next = &all
		}
		if s.cursors.CompareAndSwap(old, next) {
			return
		}
	}
}

// leaveFeeds removes the session from all feeds. Goroutine: any.
func (s *Session) leaveFeeds() {
	for _, c := range s.feeds() {
		c.leave()
	}
}

// feeds returns the session's cursors; nobody changes the slice.
func (s *Session) feeds() []*cursor {
	if p := s.cursors.Load(); p != nil {
		return *p
	}
	return nil
}

// feedEncoder encodes one push for several dialects, once for each whose frames are shared.
type feedEncoder struct {
	cmd     codec.Command
	id      uint64
	body    codec.Body
	bytes   []byte
	encoded []feedEncoding
}

type feedEncoding struct {
	dialect    codec.Dialect
	start, end int
}

func (e *feedEncoder) start(cmd codec.Command, id uint64, body codec.Body) {
	e.cmd, e.id, e.body = cmd, id, body
}

// frame returns the push as d encodes it. It is valid until the next call.
func (e *feedEncoder) frame(d codec.Dialect) []byte {
	for i := range e.encoded {
		if same := &e.encoded[i]; same.dialect == d && d.Shared() {
			return e.bytes[same.start:same.end]
		}
	}
	start := len(e.bytes)
	e.bytes = d.AppendPush(e.bytes, e.cmd, e.id, e.body)
	e.encoded = append(e.encoded, feedEncoding{d, start, len(e.bytes)})
	return e.bytes[start:]
}

func (e *feedEncoder) end() {
	e.body, e.bytes, e.encoded = nil, e.bytes[:0], e.encoded[:0]
	if cap(e.bytes) > maxIdleBytes {
		e.bytes = nil
	}
}
