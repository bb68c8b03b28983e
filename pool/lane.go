package pool

import (
	"sync"

	"github.com/panjf2000/ants/v2"
)

// Piece is the work of one owner within a Batch: the bytes Buf[Start:End],
// which hold Count units, such as requests.
type Piece[S any] struct {
	Owner      S
	Start, End int
	Count      int
}

// Batch is what a lane gathered while its worker was busy. Pieces are in the
// order of their Put. It belongs to the worker until the work function returns.
type Batch[S any] struct {
	Buf    []byte
	Pieces []Piece[S]
	Opened uint32 // Lane.Clock at the Put of the first piece
	buffer *Buffer
}

// Lane is a queue with one worker at a time. Put never blocks: bytes are copied
// into the open batch, and a worker of the ants pool is started if none runs.
// The worker takes batches until none is left, so work is done in the order of Put.
//
// Goroutine: Put from any; work runs on one worker at a time.
// Limit: a batch holds at most maxBytes; beyond that Put refuses.
type Lane[S any] struct {
	// Clock, if set before the first Put, is read once for each batch: Batch.Opened. Its
	// goroutine is that of a Put.
	Clock func() uint32

	workers  *ants.Pool
	buffers  *Buffers
	work     func(*Batch[S])
	drain    func() // bound once, so that starting a worker allocates nothing
	maxBytes int

	mu      sync.Mutex
	idle    sync.Cond // signalled when running becomes false
	open    *Batch[S]
	spare   *Batch[S]
	running bool
}

// NewLane returns a lane that calls work with each batch. work must not retain the batch.
// A panic in work loses the rest of that batch, reaches the panic handler of workers, and
// leaves the lane running.
func NewLane[S any](workers *ants.Pool, buffers *Buffers, maxBytes int, work func(*Batch[S])) *Lane[S] {
	l := &Lane[S]{
		workers:  workers,
		buffers:  buffers,
		work:     work,
		maxBytes: maxBytes,
		open:     new(Batch[S]),
		spare:    new(Batch[S]),
	}
	l.drain = l.run
	l.idle.L = &l.mu
	return l
}

// Put copies b into the lane as one piece. It returns false, and takes nothing, if the
// lane would exceed its limit.
func (l *Lane[S]) Put(owner S, b []byte, count int) bool {
	l.mu.Lock()
	open := l.open
	if len(open.Buf)+len(b) > l.maxBytes {
		l.mu.Unlock()
		return false
	}
	if open.buffer == nil {
		open.buffer = l.buffers.Get()
		open.Buf = open.buffer.B[:0]
		if l.Clock != nil {
			open.Opened = l.Clock()
		}
	}
	start := len(open.Buf)
	open.Buf = append(open.Buf, b...)
	open.Pieces = append(open.Pieces, Piece[S]{Owner: owner, Start: start, End: len(open.Buf), Count: count})
	wake := !l.running
	l.running = true
	l.mu.Unlock()
	if wake {
		l.start()
	}
	return true
}

// start runs the worker. If the pool is full or released it starts a goroutine, so that
// nothing is stranded in the lane; there is still only one worker per lane.
func (l *Lane[S]) start() {
	if err := l.workers.Submit(l.drain); err != nil {
		go l.drain()
	}
}

// Depth returns how many pieces and bytes wait for the worker.
func (l *Lane[S]) Depth() (pieces, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open.Pieces), len(l.open.Buf)
}

// Wait returns when the lane is empty. Call it only after the last Put.
func (l *Lane[S]) Wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.running {
		l.idle.Wait()
	}
}

func (l *Lane[S]) run() {
	finished := false
	defer func() {
		if !finished { // work panicked: the panic goes on, the lane too
			l.start()
		}
	}()
	for b := l.take(); b != nil; b = l.take() {
		l.work(b)
		l.recycle(b)
	}
	finished = true
}

// take swaps the batches and returns the full one, or nil when there is no work.
func (l *Lane[S]) take() *Batch[S] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open.Pieces) == 0 {
		l.running = false
		l.idle.Broadcast()
		return nil
	}
	full := l.open
	l.open, l.spare = l.spare, nil
	if l.open == nil { // the last batch was lost in a panic
		l.open = new(Batch[S])
	}
	return full
}

func (l *Lane[S]) recycle(b *Batch[S]) {
	b.buffer.B = b.Buf
	l.buffers.Put(b.buffer)
	clear(b.Pieces) // lets go of the owners
	*b = Batch[S]{Pieces: b.Pieces[:0]}
	if cap(b.Pieces) > maxIdlePieces {
		b.Pieces = nil
	}
	l.mu.Lock()
	l.spare = b
	l.mu.Unlock()
}

// maxIdlePieces bounds the memory of an idle lane: 32,768 pieces are 1.3 MiB.
const maxIdlePieces = 1 << 15
