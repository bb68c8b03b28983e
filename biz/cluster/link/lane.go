package link

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// keepTime is the longest time without a message of an end, silenceTime how long the other end
	// waits for one.
	keepTime    = 250 * time.Millisecond
	silenceTime = 2 * time.Second
	// window is how many bytes are on their way at most.
	window = 8 << 20
	// maxQueued is how many bytes wait in a lane at most (Lane.Full).
	maxQueued = 16 << 20
)

// LaneConfig configures a Lane.
type LaneConfig struct {
	Conn *nats.Conn
	// Number of the lane, which its front has chosen.
	Number uint64
	// To and From are the subjects of the other end and of this one.
	To, From string
	// Gate, if set, is called before a message with entries is sent. It returns when the message
	// may leave; its error ends the lane.
	Gate func(context.Context) error
}

// Lane is one end of the stream of entries between a front and a venue. Run sends what Add has
// gathered.
//
// Goroutine: any, except where a method says otherwise.
type Lane struct {
	config LaneConfig
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	wake    sync.Cond // there is something to send, or the window has opened
	queue   []*message
	free    *message // for reuse
	queued  int      // bytes
	ready   bool     // Flush was called
	acked   uint64   // bytes that the other end has received
	ended   bool
	sending bool // Run has taken a message and not sent it

	sendMu sync.Mutex // guards what follows: messages leave in the order of their numbers
	number uint64     // of the last message
	sent   uint64     // bytes

	sentBytes atomic.Uint64 // is sent
	sentAt    atomic.Int64  // Unix nanoseconds of the last message sent
	heardAt   atomic.Int64  // and received
	received  atomic.Uint64 // bytes
	reported  atomic.Uint64 // of these, those that the other end was sent a count of
	in        uint64        // number of the last message received. Goroutine: Receive
}

// message is a message that is being gathered: header and entries.
type message struct {
	bytes   []byte
	parcels []parcel
}

// parcel is a part of a message that is of one session.
type parcel struct {
	waiting *atomic.Int64
	size    int
}

// NewLane returns a lane. Run it.
func NewLane(c LaneConfig) *Lane {
	l := &Lane{config: c}
	l.wake.L = &l.mu
	l.ctx, l.cancel = context.WithCancel(context.Background())
	now := time.Now().UnixNano()
	l.heardAt.Store(now)
	return l
}

// Add adds an entry to what Flush sends. waiting, if not nil, has the length of the body added until
// the entry is sent. What is added to a lane that has ended is dropped.
func (l *Lane) Add(e Entry, waiting *atomic.Int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	for rest := e.Body; ; {
		m := l.gathering()
		e.Body = rest[:min(len(rest), maxMessage-entrySize-len(m.bytes))]
		rest = rest[len(e.Body):]
		m.bytes = appendEntry(m.bytes, e)
		l.queued += entrySize + len(e.Body)
		if waiting != nil && len(e.Body) > 0 {
			waiting.Add(int64(len(e.Body)))
			m.parcels = append(m.parcels, parcel{waiting, len(e.Body)})
		}
		if len(rest) == 0 { // only data are that long
			return
		}
	}
}

// gathering returns the message that takes the next entry.
func (l *Lane) gathering() *message {
	if n := len(l.queue); n > 0 && len(l.queue[n-1].bytes) < maxMessage-4<<10 {
		return l.queue[n-1]
	}
	m := l.free
	if l.free = nil; m == nil {
		m = &message{bytes: make([]byte, headerSize, 4<<10)}
	}
	l.queue = append(l.queue, m)
	return m
}

// Flush sends what was added.
func (l *Lane) Flush() {
	l.mu.Lock()
	first := !l.ready && len(l.queue) > 0
	l.ready = l.ready || first
	l.mu.Unlock()
	if first {
		l.wake.Signal()
	}
}

// Full reports whether so much waits that no more should be added.
func (l *Lane) Full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.queued > maxQueued
}

// Run sends until the lane ends. It returns why, nil after End.
func (l *Lane) Run() error {
	for m := l.next(); m != nil; m = l.next() {
		if l.config.Gate != nil {
			if err := l.config.Gate(l.ctx); err != nil {
				return err
			}
		}
		if err := l.publish(m.bytes); err != nil {
			return err
		}
		l.done(m)
	}
	return nil
}

// next waits for a message that may be sent. It returns nil if the lane has ended.
func (l *Lane) next() *message {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.ended && (!l.ready || l.sentBytes.Load()-l.acked > window) {
		l.wake.Wait()
	}
	if l.ended {
		return nil
	}
	m := l.queue[0]
	l.queue[0] = nil
	if l.queue = l.queue[1:]; len(l.queue) == 0 {
		l.queue, l.ready = nil, false
	}
	l.queued -= len(m.bytes) - headerSize
	l.sending = true
	return m
}

// done frees a message that was sent.
func (l *Lane) done(m *message) {
	for i := range m.parcels {
		m.parcels[i].waiting.Add(-int64(m.parcels[i].size))
	}
	clear(m.parcels)
	m.parcels, m.bytes = m.parcels[:0], m.bytes[:headerSize]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free, l.sending = m, false
	l.wake.Broadcast()
}

// publish numbers a message and sends it.
func (l *Lane) publish(b []byte) error {
	l.sendMu.Lock()
	defer l.sendMu.Unlock()
	return l.publishLocked(b)
}

func (l *Lane) publishLocked(b []byte) error {
	l.number++
	received := l.received.Load()
	header{l.config.Number, l.number, received}.put(b)
	l.sent += uint64(len(b))
	l.sentBytes.Store(l.sent)
	l.sentAt.Store(time.Now().UnixNano())
	l.reported.Store(received)
	return l.config.Conn.PublishRequest(l.config.To, l.config.From, b)
}

// Drained waits until what was added is sent, or ctx ends.
func (l *Lane) Drained(ctx context.Context) error {
	defer context.AfterFunc(ctx, l.wake.Broadcast)()
	l.Flush()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.ended && (l.ready || l.sending) && ctx.Err() == nil {
		l.wake.Wait()
	}
	return ctx.Err()
}

// Receive takes a message and returns its entries. It returns false if the lane must end: the other
// end has ended it, or a message was lost. Goroutine: one at a time.
func (l *Lane) Receive(b []byte) (entries []byte, ok bool) {
	h, entries, err := parseHeader(b)
	if err != nil || h.number != l.in+1 {
		return nil, false
	}
	l.in++
	l.heardAt.Store(time.Now().UnixNano())
	received := l.received.Add(uint64(len(b)))
	if received-l.reported.Load() > window/4 {
		l.keep()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.received > l.acked {
		l.acked = h.received
		l.wake.Broadcast()
	}
	return entries, true
}

// Tick sends a message if none was sent for some time. It returns false if the other end is silent.
// Call it a few times in each keepTime.
func (l *Lane) Tick(now time.Time) bool {
	if now.UnixNano()-l.sentAt.Load() >= int64(keepTime) {
		l.keep()
	}
	return now.UnixNano()-l.heardAt.Load() < int64(silenceTime)
}

// keep sends a message without entries, unless another one is just being sent.
func (l *Lane) keep() {
	if !l.sendMu.TryLock() {
		return
	}
	defer l.sendMu.Unlock()
	var b [headerSize]byte
	_ = l.publishLocked(b[:]) // a connection that is closed ends the lane by silence
}

// End ends the lane and tells the other end. What was not sent is dropped.
func (l *Lane) End() {
	l.mu.Lock()
	first := !l.ended
	l.ended = true
	l.queue, l.queued, l.ready = nil, 0, false
	l.mu.Unlock()
	l.wake.Broadcast()
	l.cancel()
	if first {
		sendEnd(l.config.Conn, l.config.Number, l.config.To, l.config.From)
	}
}

// sendEnd tells the other end of a lane that this end does not have it.
func sendEnd(conn *nats.Conn, number uint64, to, from string) {
	var b [headerSize]byte
	header{lane: number}.put(b[:])
	_ = conn.PublishRequest(to, from, b[:]) // else it notices by silence
}

// LaneOf returns the number of the lane that a message belongs to; ok is false if b is no message of a lane.
func LaneOf(b []byte) (number uint64, ok bool) {
	if len(b) < headerSize {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

// Entries calls f for each entry. It returns false if they are malformed.
func Entries(b []byte, f func(Entry)) bool {
	for len(b) > 0 {
		e, rest, err := nextEntry(b)
		if err != nil {
			return false
		}
		f(e)
		b = rest
	}
	return true
}
