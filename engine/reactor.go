package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
)

// ReactorConfig says where and how a Reactor listens.
type ReactorConfig struct {
	// Listeners are the addresses, at least one. They share the event loops.
	Listeners []Listener
	// Loops is the number of event loops. Default: one per processor that Go uses.
	Loops int
	// Drain is how long a stop waits for requests and output. Default 10 s.
	Drain time.Duration
	// OnDrain, when set, is called during a stop, after the last request was executed
	// and before the sessions are closed. It must return when all deferred replies are
	// posted.
	OnDrain func(context.Context) error
	// Tick is the step of the loops' clocks. Default DefaultTick.
	Tick time.Duration
}

// Reactor is the carrier on gnet: event loops that own their connections.
//
// Each loop has its own listening sockets (SO_REUSEPORT), so that a connection over the
// limit is closed before the next one is accepted. Descriptors therefore never run out:
// if accept(2) failed for lack of one, gnet would stop all event loops.
type Reactor struct {
	gnet.BuiltinEventEngine
	core      *Core
	config    ReactorConfig
	listeners []*boundListener
	lastFile  int // the highest descriptor that a client may have
	engine    gnet.Engine
	loops     []*loop
	bind      sync.Mutex // guards the binding of loops to gnet's
	booted    chan struct{}
	draining  atomic.Bool
	sockets   *acceptors   // of runOnce
	unused    *placeholder // nil if there are listeners of TCP
	bootError error        // why gnet was told to stop
}

// NewReactor checks that the addresses are free and creates the event loops. It lowers
// Limits.MaxConnections to what the open-file limit allows. Errors are a *ListenError, or
// wrap ErrFewDescriptors.
func (c *Core) NewReactor(config ReactorConfig) (*Reactor, error) {
	if len(config.Listeners) == 0 {
		return nil, errors.New("engine: ReactorConfig.Listeners is required")
	}
	listeners, err := bind(config.Listeners)
	if err != nil {
		return nil, err
	}
	setDefault(&config.Loops, runtime.GOMAXPROCS(0))
	config.Loops = min(config.Loops, maxLanes)
	setDefault(&config.Drain, 10*time.Second)
	setDefault(&config.Tick, DefaultTick)
	lastFile, clients, err := lastClientFile(config.Loops, listeners)
	if err != nil {
		return nil, err
	}
	c.limits.MaxConnections = min(c.limits.MaxConnections, clients)
	r := &Reactor{core: c, config: config, listeners: listeners, lastFile: lastFile, booted: make(chan struct{})}
	for range config.Loops {
		r.loops = append(r.loops, newLoop(c, config.Tick))
	}
	return r, nil
}

// Addrs returns the addresses the reactor listens on, in the order of its listeners. They
// are final once Booted is closed.
func (r *Reactor) Addrs() []string {
	addrs := make([]string, 0, len(r.listeners))
	for _, l := range r.listeners {
		addrs = append(addrs, l.addr)
	}
	return addrs
}

// Booted returns a channel that is closed when the reactor accepts connections.
func (r *Reactor) Booted() <-chan struct{} { return r.booted }

// Run serves until ctx ends and then drains: received requests are executed and answered,
// sessions get a Notice, and the loops stop. It returns nil after that, even if some
// peers did not read everything in time. Errors: ErrDrainTimeout if the requests were not
// finished in time, context.DeadlineExceeded if a loop is stuck, ErrStoppedUnexpectedly
// if the loops stopped by themselves, or why they could not start.
func (r *Reactor) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- r.runLoops() }()
	select {
	case err := <-ended:
		return r.unexpectedEnd(err)
	case <-ctx.Done():
		r.core.StartDrain()
	}
	select {
	case err := <-ended:
		return r.unexpectedEnd(err)
	case <-r.booted:
	}
	err := r.drain()
	r.sockets.close(stopTimeout)
	return errors.Join(err, r.stopLoops(ended))
}

// stopTimeout is how long a stop waits for the event loops to return.
const stopTimeout = 5 * time.Second

// stopLoops tells gnet to stop and waits until its loops have returned.
func (r *Reactor) stopLoops(ended <-chan error) error {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.engine.Stop(done) // only tells the loops: its own wait polls twice a second
	select {
	case err := <-ended:
		r.core.handshakes.all.Wait() // their sessions are closed
		return err
	case <-time.After(stopTimeout): // a loop is stuck: nobody can wait for it
		return fmt.Errorf("engine: event loops: %w", context.DeadlineExceeded)
	}
}

// bindAttempts is how often a free port is chosen for port 0: another program may take it
// before gnet does.
const bindAttempts = 5

func (r *Reactor) runLoops() error {
	for attempt := 1; ; attempt++ {
		err := r.runOnce()
		if attempt == bindAttempts || !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
		if !slices.ContainsFunc(r.config.Listeners, func(l Listener) bool { return strings.HasSuffix(l.Address, ":0") }) {
			return err
		}
		if r.listeners, err = bind(r.config.Listeners); err != nil {
			return err
		}
	}
}

func (r *Reactor) runOnce() (err error) {
	if r.sockets, err = r.openSockets(); err != nil {
		return err
	}
	defer func() { r.sockets.close(0) }() // the loops have ended
	addrs, err := r.gnetAddrs()
	if err != nil {
		return err
	}
	err = gnet.Rotate(r, addrs,
		gnet.WithTicker(true),
		gnet.WithNumEventLoop(len(r.loops)),
		gnet.WithReusePort(true),
		gnet.WithReuseAddr(true), // after a restart, old connections are in TIME_WAIT
		gnet.WithReadBufferCap(64<<10),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithLogger(gnetLogger{r.core.log}),
		gnet.WithLogLevel(logging.WarnLevel))
	for _, l := range r.loops {
		l.closeTails()
	}
	if r.unused != nil {
		r.unused.close()
	}
	return errors.Join(err, r.bootError)
}

// gnetAddrs returns the addresses that gnet listens on: those of TCP, or a placeholder.
func (r *Reactor) gnetAddrs() (addrs []string, err error) {
	for _, l := range r.listeners {
		if _, socket := SocketPath(l.addr); !socket {
			addrs = append(addrs, l.forGnet())
		}
	}
	if addrs != nil {
		return addrs, nil
	}
	if r.unused, err = newPlaceholder(r.sockets.files[0].path); err != nil {
		return nil, err
	}
	return []string{r.unused.addr()}, nil
}

func (r *Reactor) unexpectedEnd(err error) error {
	r.core.StartDrain()
	r.core.handshakes.all.Wait()
	if err != nil {
		return fmt.Errorf("engine: event loops: %w", err)
	}
	return ErrStoppedUnexpectedly
}

// OnBoot is gnet's call when the listeners are open and no loop runs yet.
func (r *Reactor) OnBoot(e gnet.Engine) gnet.Action {
	r.engine = e
	if r.unused != nil {
		r.unused.unlink()
	}
	return gnet.None
}

// OnOpen is gnet's call for a new connection, on its loop.
func (r *Reactor) OnOpen(conn gnet.Conn) ([]byte, gnet.Action) {
	l := r.loopOf(conn)
	var to *Listener
	remote := conn.RemoteAddr()
	switch from := conn.Context().(type) {
	case introduction:
		return nil, gnet.Close
	case *boundListener: // a socket file, whose peers have no address
		to, remote = &from.Listener, &net.UnixAddr{Name: from.addr, Net: "unix"}
	default:
		to = &listenerOf(r.listeners, conn.LocalAddr()).Listener
	}
	l.yieldToLane()
	r.core.groups[l.index].advance(time.Now()) // else the session would be older than it is
	if r.draining.Load() {
		return r.refuse(conn, l, ReasonShuttingDown, remote, to)
	}
	if conn.Fd() > r.lastFile { // the kernel hands out the lowest: all others are in use
		return r.core.Refusal(ReasonTooManyConnections, remote, to), gnet.Close
	}
	link := &gnetLink{conn: conn}
	s, reason := r.core.Open(l.index, link, remote, to)
	if s == nil {
		return r.refuse(conn, l, reason, remote, to)
	}
	conn.SetContext(s)
	link.boundKernel()
	if to.Greets {
		_ = l.Run(context.Background()) // writes the greeting before anything is read
	}
	return nil, gnet.None
}

// loopOf returns the loop of a connection and binds it to gnet's on its first connection.
func (r *Reactor) loopOf(conn gnet.Conn) *loop {
	el := conn.EventLoop()
	r.bind.Lock()
	defer r.bind.Unlock()
	for _, l := range r.loops {
		if l.events == nil {
			l.events = el
			close(l.bound)
		}
		if l.events == el {
			return l
		}
	}
	panic("engine: gnet runs more event loops than configured")
}

// OnTraffic is gnet's call when bytes have come, on the connection's loop.
func (r *Reactor) OnTraffic(conn gnet.Conn) gnet.Action {
	s, ok := conn.Context().(*Session)
	if !ok {
		if refused, ok := conn.Context().(*refusedConn); ok {
			return refused.close()
		}
		_, _ = conn.Discard(-1)
		return gnet.None
	}
	l := s.group.carrier.(*loop)
	switch {
	case s.tls.lasts():
		l.receiveHandshake(s) // also if the session is to end: its client gets the reason
	case s.refused || s.closing.Load():
		s.discardAllInput()
	case s.queued:
		l.limitQueued(s)
	case r.draining.Load():
		s.discardAllInput()
	case s.need > 0 && s.inputSize() < int(s.need): // received would copy everything for each byte that comes
	default:
		l.receive(s)
	}
	return gnet.None
}

// OnClose is gnet's call when the connection is about to be closed, on its loop.
func (r *Reactor) OnClose(conn gnet.Conn, err error) gnet.Action {
	if refused, ok := conn.Context().(*refusedConn); ok {
		refused.closed()
	}
	if s, ok := conn.Context().(*Session); ok {
		if errors.Is(err, io.EOF) {
			s.flushFeeds(lastFeedParts) // else each would become a tailLink for a moment
			if s.group.carrier.(*loop).halfClosed(s, conn, r.lastFile) {
				return gnet.None
			}
		}
		reason := ReasonPeerClosed
		if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
			reason = ReasonPeerReset
		}
		r.core.Closed(s, reason)
	}
	return gnet.None
}
