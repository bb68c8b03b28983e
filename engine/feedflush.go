package engine

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// The pace of a feedFlusher. While nothing was written for the last pause, a push leaves at
// once. The pause after a round is as long as the round took, so that half of the time of the
// event loop is left for other things, but at most longestPause.
const (
	shortestPause = 200 * time.Microsecond
	longestPause  = 20 * time.Millisecond
	// longestFlush is how long a flush writes before the event loop reads again.
	longestFlush = 5 * time.Millisecond
)

// feedFlusher writes the logs of one event loop to its sessions. In a round, each session
// gets the rest of the chunk that its cursor is in: one write.
//
// Goroutine: event loop, except where a method says otherwise.
type feedFlusher struct {
	loop   *loop
	logs   atomic.Int64 // logs with cursors
	bytes  atomic.Int64 // in their chunks
	chunks sync.Pool
	buffer []byte        // for the pushes of a session with a filter
	left   int           // logs that had no turn in this round
	spent  time.Duration // in this round

	mu      sync.Mutex
	queue   []*feedLog // that have something to write
	pending bool       // a flush is requested, or the timer runs
	resume  time.Time  // no flush before that
	timer   *time.Timer
}

// add queues a log for a round. Goroutine: any.
func (f *feedFlusher) add(l *feedLog) {
	f.mu.Lock()
	f.queue = append(f.queue, l)
	now := !f.pending && f.request(time.Until(f.resume))
	f.mu.Unlock()
	if now {
		f.loop.requestFlush()
	}
}

// request starts the timer for the next flush, or returns true if that is due.
func (f *feedFlusher) request(after time.Duration) (now bool) {
	f.pending = true
	switch {
	case after <= 0:
		return true
	case f.timer == nil:
		f.timer = time.AfterFunc(after, f.loop.requestFlush)
	default:
		f.timer.Reset(after)
	}
	return false
}

// stop ends the timer.
func (f *feedFlusher) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
	}
}

// requestFlush makes gnet call Run, which flushes the feeds. Goroutine: any.
func (l *loop) requestFlush() {
	l.mu.Lock()
	l.flushDue = true
	l.mu.Unlock()
	l.requestRun(nil)
}

// flush does a round of each log that is queued when the round starts, or the next part of
// that if there is no time for all.
func (f *feedFlusher) flush() {
	start := time.Now()
	until := start.Add(longestFlush)
	if f.left == 0 {
		f.left = f.queued()
	}
	for f.left > 0 && time.Now().Before(until) && f.first().round(until) {
		f.next()
		f.left--
	}
	if cap(f.buffer) > maxIdleBytes {
		f.buffer = nil
	}
	f.pause(start, f.left == 0)
}

func (f *feedFlusher) queued() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.queue)
}

func (f *feedFlusher) first() *feedLog {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queue[0]
}

// next ends the round of the first log. If it needs another one, it is then the last.
func (f *feedFlusher) next() {
	l := f.first()
	again := l.endRound()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queue = slices.Delete(f.queue, 0, 1); again {
		f.queue = append(f.queue, l)
	}
}

// pause requests the next flush, if one is needed. Within a round the event loop only gets
// the time to read what has come.
func (f *feedFlusher) pause(start time.Time, done bool) {
	now := time.Now()
	f.spent += now.Sub(start)
	pause := shortestPause
	if done {
		pause = max(pause, min(f.spent, longestPause))
		f.spent = 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resume, f.pending = now.Add(pause), false
	if len(f.queue) > 0 {
		f.request(pause)
	}
}

// round writes to the cursors that had no turn in this round. It returns false if there was
// no time for all.
func (l *feedLog) round(until time.Time) (done bool) {
	l.mu.Lock()
	if l.next == 0 {
		l.again, l.lowest = false, l.end
		// What is appended until the next round is then in one chunk.
		if n := len(l.chunks); n > 0 && len(l.chunks[n-1].bytes) > l.chunkBytes/2 {
			l.seal = true
		}
	}
	for writes := 1; l.next < len(l.cursors); writes++ {
		c := l.cursors[l.next]
		l.next++
		l.mu.Unlock()
		c.flush()
		late := writes%8 == 0 && time.Now().After(until)
		l.mu.Lock()
		l.lowest = min(l.lowest, c.position)
		if late && l.next < len(l.cursors) {
			l.mu.Unlock()
			return false
		}
	}
	l.mu.Unlock()
	return true
}

// endRound trims the log and moves on the sessions that are too far behind. It reports
// whether the log needs another round.
func (l *feedLog) endRound() (again bool) {
	l.mu.Lock()
	l.trim(l.lowest)
	keepFrom := l.end - min(l.end-l.first, uint64(l.keep()))
	var late []*cursor
	if keepFrom > l.first {
		late = l.late(keepFrom)
	}
	l.mu.Unlock()
	for _, c := range late {
		c.overtake()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if late != nil {
		l.trimLate(keepFrom)
	}
	l.next = 0
	l.queued = l.again && !l.removed
	return l.queued
}

// late returns the sessions that need something before keepFrom and take no output. One
// that takes output is not slow: there was no time to write more to it.
func (l *feedLog) late(keepFrom uint64) (late []*cursor) {
	for _, c := range l.cursors {
		if c.position < keepFrom && (!c.active || c.session.link.Buffered() > 0) {
			late = append(late, c)
		}
	}
	return late
}

// trimLate trims the log after late sessions were moved on. A session that is not active
// cannot be: it has lost what was before keepFrom.
func (l *feedLog) trimLate(keepFrom uint64) {
	to := l.end
	for _, c := range l.cursors {
		if c.active || c.position >= keepFrom {
			to = min(to, c.position)
		}
	}
	l.trim(to)
}

// keep returns how much the log may have. A quarter of the memory for unsent output is for
// logs; when those of an event loop have more than its share, each may have an equal part.
func (l *feedLog) keep() int {
	f, keep := l.flusher, l.feed.options.KeepBytes
	core := l.feed.core
	total := int64(core.limits.OutboundTotalBytes / 4 / len(core.groups))
	if f.bytes.Load() <= total {
		return keep
	}
	return min(keep, int(total/max(1, f.logs.Load())))
}

// flush writes one part of the log to the session, if it has no unsent output; in a dialect
// that keeps replies in order, no replies may wait either: they may show something older. It
// reports whether it did.
func (c *cursor) flush() (wrote bool) {
	l, s := c.log, c.session
	l.mu.Lock()
	if c.left || !c.active || c.position == l.end {
		l.mu.Unlock()
		return false
	}
	if c.position < l.first {
		l.mu.Unlock()
		c.overtake()
		return false
	}
	if s.link.Buffered() > 0 || s.ordered && s.early != nil {
		behind := int(l.end - c.position)
		l.mu.Unlock()
		if c.feed.options.Droppable && !s.takesPushes(behind) { // as with Outbox.PushDroppable
			c.skip()
			return false
		}
		l.flusher.loop.keepLooking(s)
		l.flusher.loop.lookAgain()
		return false
	}
	part := l.part(c.position)
	l.mu.Unlock()
	b := part.bytes
	if c.wants != nil {
		l.flusher.buffer = part.gather(l.flusher.buffer[:0], c.wants)
		b = l.flusher.buffer
	}
	s.write(b)
	if l.advance(c, part.end) {
		l.flusher.add(l)
	}
	return true
}

// advance moves a cursor after a write. It reports whether the log must be added to its
// flusher: outside of a round, the last of the slow sessions may be at the end now.
func (l *feedLog) advance(c *cursor, to uint64) (idle bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.position = to
	switch {
	case to < l.end:
		l.again = true
	case !l.queued:
		return l.needsRound()
	}
	return false
}

// overtake ends the session as a slow consumer, or moves it to the newest push.
func (c *cursor) overtake() {
	s := c.session
	if !c.feed.options.Droppable {
		c.leave()
		s.finish(ReasonSlowConsumer)
		return
	}
	c.skip()
	if s.unsent == 0 {
		s.reportMissed()
	}
}

// skip moves the cursor to the end and records the keys in between as missed.
func (c *cursor) skip() {
	l := c.log
	l.mu.Lock()
	if c.left || !c.active {
		l.mu.Unlock()
		return
	}
	var parts []feedPart
	lost := c.position < l.first
	for at := c.position; !lost && at < l.end; at = parts[len(parts)-1].end {
		parts = append(parts, l.part(at))
	}
	end := l.end
	l.mu.Unlock()
	if l.advance(c, end) {
		l.flusher.add(l)
	}
	if lost {
		c.session.missAll()
	}
	for _, p := range parts {
		for _, push := range p.pushes {
			if c.wants == nil || c.wants(push.key) {
				c.session.miss(push.key)
			}
		}
	}
}

// newChunk returns an empty chunk. Goroutine: any.
func (f *feedFlusher) newChunk(first uint64) *feedChunk {
	c, ok := f.chunks.Get().(*feedChunk)
	if !ok {
		c = new(feedChunk)
	}
	c.first = first
	return c
}

func (f *feedFlusher) putChunk(c *feedChunk) {
	if cap(c.bytes) > 2*maxChunkBytes {
		return
	}
	c.bytes, c.pushes = c.bytes[:0], c.pushes[:0]
	f.chunks.Put(c)
}
