package engine

import (
	"container/list"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
)

// handshakes runs the TLS handshakes of all sessions. Each has a goroutine with some 28 KB, which
// waits most of its time for the client. Their number is therefore limited; one address can have
// half of them. A session above that waits its turn with its ClientHello, in the order in which
// they came, until it is closed.
//
// Few compute at once, so that the event loops are not kept from the processors.
//
// Goroutine: any.
type handshakes struct {
	compute chan struct{} // has as many places as may compute

	mu      sync.Mutex
	running int
	from    map[netip.Addr]int
	waiting list.List // of *handshake
	all     sync.WaitGroup
}

// maxHandshakes is how many handshakes may run at once: 28 MB.
const maxHandshakes = 1024

func newHandshakes() *handshakes {
	return &handshakes{compute: make(chan struct{}, runtime.GOMAXPROCS(0)), from: make(map[netip.Addr]int)}
}

// start runs h, now or when it is its turn.
func (a *handshakes) start(h *handshake) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.mayRun(h) {
		a.run(h)
	} else {
		h.place = a.waiting.PushBack(h)
	}
}

func (a *handshakes) mayRun(h *handshake) bool {
	return a.running < maxHandshakes && a.from[h.address] < maxHandshakes/2
}

// run starts h. Call it with the lock.
func (a *handshakes) run(h *handshake) {
	a.running++
	a.from[h.address]++
	a.all.Go(func() {
		h.run(a.compute)
		a.ended(h)
	})
}

// ended makes room for the next ones.
func (a *handshakes) ended(h *handshake) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
	if a.from[h.address]--; a.from[h.address] == 0 {
		delete(a.from, h.address)
	}
	for e := a.waiting.Front(); e != nil; e = e.Next() {
		if next := e.Value.(*handshake); a.mayRun(next) {
			a.remove(next)
			a.run(next)
			return
		}
	}
}

// leave takes h out if it waits for its turn.
func (a *handshakes) leave(h *handshake) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if h.place != nil {
		a.remove(h)
	}
}

// remove takes h out of those that wait. Call it with the lock.
func (a *handshakes) remove(h *handshake) {
	a.waiting.Remove(h.place)
	h.place = nil
}

// counts returns how many handshakes run, and how many wait.
func (a *handshakes) counts() (running, waiting int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.running, a.waiting.Len()
}

// handshake is the TLS handshake of one session: its goroutine calls crypto/tls, and the event
// loop feeds it and sends what it writes.
type handshake struct {
	session *Session
	loop    *loop
	address netip.Addr
	place   *list.Element // in handshakes.waiting, with its lock

	mu       sync.Mutex
	fed      sync.Cond // in has bytes, or aborted is set
	in, out  []byte
	blocked  bool // it waits for the client
	more     bool // the loop has more for it than it has been fed with
	ended    bool // the client has ended its stream: no more comes
	aborted  bool // the session is closed
	done     bool
	err      error
	computes chan struct{}
}

func newHandshake(s *Session, l *loop, hello []byte) *handshake {
	h := &handshake{session: s, loop: l, address: CountedAddress(s.remote), in: slices.Clone(hello)}
	h.fed.L = &h.mu
	return h
}

// run is the handshake. Goroutine: its own.
func (h *handshake) run(compute chan struct{}) {
	compute <- struct{}{}
	h.computes = compute
	err := h.shake()
	<-compute
	h.mu.Lock()
	h.done, h.err = true, err
	h.mu.Unlock()
	h.loop.postHandshake(h.session)
}

// shake calls crypto/tls, and the callbacks of its configuration: a panic there costs this
// session.
func (h *handshake) shake() (err error) {
	defer func() {
		if v := recover(); v != nil {
			core := h.session.core
			core.Stats.Panics.Add(1)
			core.log.Error("TLS handshake panicked; its session is closed", "session", uint64(h.session.id), "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return h.session.tls.conn.Handshake()
}

// read waits for the client. Goroutine: that of run.
func (h *handshake) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.in) == 0 && !h.aborted && !h.ended {
		h.wait()
	}
	if h.aborted || len(h.in) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(b, h.in)
	h.in = h.in[n:]
	return n, nil
}

// wait lets others compute until there is something to read. Call it with the lock.
func (h *handshake) wait() {
	h.blocked = true
	if h.more {
		h.more = false
		h.loop.postHandshake(h.session)
	}
	<-h.computes
	h.fed.Wait()
	h.blocked = false
	h.mu.Unlock()
	h.computes <- struct{}{}
	h.mu.Lock()
}

// write stores a copy of what is to be sent. Goroutine: that of run.
func (h *handshake) write(b []byte) (int, error) {
	h.mu.Lock()
	h.out = append(h.out, b...)
	h.mu.Unlock()
	h.loop.postHandshake(h.session)
	return len(b), nil
}

// feed adds what the client has sent. Goroutine: event loop.
func (h *handshake) feed(b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.in = append(h.in, b...)
	h.fed.Signal()
}

// full reports whether too many of these bytes are not read for h to be fed. It asks
// for more later. Goroutine: event loop.
func (h *handshake) full() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.more = len(h.in) > maxHandshakeBytes
	return h.more
}

// end says that the client has ended its stream. Goroutine: event loop.
func (h *handshake) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.fed.Signal()
}

// abort ends the handshake soon. Goroutine: event loop.
func (h *handshake) abort() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.aborted = true
	h.fed.Signal()
}

// take returns what is to be sent, and whether the handshake has ended. Goroutine: event loop.
func (h *handshake) take() (out []byte, done bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out, h.out = h.out, nil
	return out, h.done, h.err
}

// input returns what the client has sent and crypto/tls has not read yet.
func (h *handshake) input() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.in
}

// waits reports whether the handshake waits for the client, which has been sent everything.
func (h *handshake) waits() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.blocked && len(h.in) == 0 && len(h.out) == 0
}
