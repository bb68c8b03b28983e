package engine

import (
	"slices"
	"sync"

	"holdfast/codec"
)

// feedLog is what one feed has for the sessions of one event loop and dialect: encoded
// pushes in chunks, and the cursors of the sessions.
//
// Only bytes after those that a cursor has seen are ever written to a chunk, so the event
// loop writes from a chunk to a socket without the lock.
//
// Limit: FeedOptions.KeepBytes, which the event loop enforces after each round. While it is
// stuck, or writes to sessions that take everything, the log has at most twice as much.
type feedLog struct {
	feed       *Feed
	dialect    codec.Dialect
	flusher    *feedFlusher
	chunkBytes int

	mu      sync.Mutex
	chunks  []*feedChunk // of what the last cursor needs, and later
	first   uint64       // position of the first byte of chunks, else end
	end     uint64       // position of the next push
	seal    bool         // the next push starts a new chunk
	cursors []*cursor
	removed bool // no cursors are left; the feed has dropped it

	queued bool   // waits for a round
	again  bool   // and for another one: something was appended, or is left
	next   int    // the next cursor in this round
	lowest uint64 // position of the last cursor in this round
}

// feedChunk is a part of a log with whole frames. What is in it never changes.
//
// Lifetime: until it is trimmed, for the event loop until it is used again.
type feedChunk struct {
	first  uint64 // position of its first byte
	bytes  []byte
	pushes []feedPush
}

// feedPush says which bytes of a chunk are a push: those from the end of the one before.
type feedPush struct {
	key uint32
	end uint32
}

// maxChunkBytes is the most that one write takes from a log, but for a single longer frame:
// what the socket does not take is in the session's link.
const maxChunkBytes = 64 << 10

func newFeedLog(f *Feed, s *Session) *feedLog {
	l := &feedLog{
		feed:       f,
		dialect:    s.dialect,
		flusher:    s.group.feeds,
		chunkBytes: min(maxChunkBytes, f.core.limits.OutboundSoftBytes, f.options.KeepBytes),
	}
	l.flusher.logs.Add(1)
	return l
}

// join adds a cursor at the end. It is not active.
func (l *feedLog) join(c *cursor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.log, c.position, c.index = l, l.end, len(l.cursors)
	l.cursors = append(l.cursors, c)
}

// activate reports whether the log must be added to its flusher.
func (l *feedLog) activate(c *cursor) (idle bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.active = true
	return !c.left && c.position < l.end && l.needsRound()
}

// needsRound asks for a round. It reports whether the log must be added to its flusher.
func (l *feedLog) needsRound() (idle bool) {
	idle = !l.queued
	l.queued, l.again = true, true
	return idle
}

// leave removes a cursor. trim reports whether the log must be added to its flusher, since
// others may not need what the cursor needed.
func (l *feedLog) leave(c *cursor) (last, trim bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.left = true
	at, end := c.index, len(l.cursors)-1
	if at < l.next { // the round goes on with the same cursors
		l.next--
		l.move(l.next, at)
		at = l.next
	}
	l.move(end, at)
	l.cursors[end] = nil
	l.cursors = l.cursors[:end]
	if end > 0 {
		return false, c.position < l.end && l.needsRound()
	}
	l.removed = true
	l.flusher.logs.Add(-1)
	l.cursors = nil
	l.drop(len(l.chunks))
	return true, false
}

func (l *feedLog) move(from, to int) {
	if from != to {
		l.cursors[to] = l.cursors[from]
		l.cursors[to].index = to
	}
}

// append appends a push. It reports whether the log must be added to its flusher.
func (l *feedLog) append(key uint32, frame []byte) (idle bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.chunks)
	if n == 0 || l.seal || len(l.chunks[n-1].bytes)+len(frame) > l.chunkBytes {
		l.chunks = append(l.chunks, l.flusher.newChunk(l.end))
		l.seal = false
		n++
	}
	c := l.chunks[n-1]
	c.bytes = append(c.bytes, frame...)
	c.pushes = append(c.pushes, feedPush{key, uint32(len(c.bytes))})
	l.end += uint64(len(frame))
	l.flusher.bytes.Add(int64(len(frame)))
	for len(l.chunks) > 1 && l.end-l.first > 2*uint64(l.keep()) {
		l.drop(1) // the event loop may be writing it
	}
	return l.needsRound()
}

// drop removes the first n chunks.
func (l *feedLog) drop(n int) {
	l.chunks = slices.Delete(l.chunks, 0, n)
	first := l.end
	if len(l.chunks) > 0 {
		first = l.chunks[0].first
	}
	l.flusher.bytes.Add(-int64(first - l.first))
	l.first = first
}

// trim removes the chunks that end at position to or before. Goroutine: event loop, which
// is not writing any.
func (l *feedLog) trim(to uint64) {
	n := 0
	for n < len(l.chunks) && l.chunks[n].end() <= to {
		l.flusher.putChunk(l.chunks[n])
		n++
	}
	l.drop(n)
}

func (c *feedChunk) end() uint64 { return c.first + uint64(len(c.bytes)) }

// after returns the chunk with position, which is in the log and before its end.
func (l *feedLog) after(position uint64) *feedChunk {
	i := len(l.chunks) - 1
	for l.chunks[i].first > position {
		i--
	}
	return l.chunks[i]
}

// feedPart is a part of a chunk. Lifetime: until the log is trimmed.
type feedPart struct {
	bytes  []byte
	pushes []feedPush
	from   uint32 // of the first push, in the chunk
	end    uint64
}

// part returns what is after position in its chunk.
func (l *feedLog) part(position uint64) feedPart {
	c := l.after(position)
	from := uint32(position - c.first)
	i, _ := slices.BinarySearchFunc(c.pushes, from+1, func(p feedPush, at uint32) int { return int(p.end) - int(at) })
	return feedPart{bytes: c.bytes[from:], pushes: c.pushes[i:], from: from, end: c.end()}
}

// gather appends the pushes of the part with the keys that wants accepts.
func (p *feedPart) gather(dst []byte, wants func(uint32) bool) []byte {
	from := uint32(0)
	for _, push := range p.pushes {
		end := push.end - p.from
		if wants(push.key) {
			dst = append(dst, p.bytes[from:end]...)
		}
		from = end
	}
	return dst
}
