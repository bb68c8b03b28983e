package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
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
	// Listeners are the addresses; all of them share the event loops. At least one.
	Listeners []Listener
	// Loops is the number of event loops.
	Loops int
	// Drain is how long a stop may take before what is left is cut off.
	Drain time.Duration
	// OnDrain, when set, is called in a stop after the last request was executed
	// and before the sessions are told: what replies still wait for must be
	// finished here.
	OnDrain func(context.Context) error
	// Tick is the step of the loops' clocks. Default DefaultTick.
	Tick time.Duration
}

// Reactor is the carrier on gnet: event loops that own their connections.
//
// Each loop has its own socket for each listener (SO_REUSEPORT), so that a connection over
// the limit is closed before the next one is accepted and descriptors never run
// out: gnet ends all loops when accept fails for want of one.
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
}

// NewReactor checks that the addresses are free and makes the carrier's loops. It
// lowers Limits.MaxConnections to what the open files in use leave. Errors are a
// *ListenError, or wrap ErrFewDescriptors when hardly any are left.
func (c *Core) NewReactor(config ReactorConfig) (*Reactor, error) {
	if len(config.Listeners) == 0 {
		return nil, errors.New("engine: ReactorConfig.Listeners is required")
	}
	listeners, err := bind(config.Listeners)
	if err != nil {
		return nil, err
	}
	config.Loops = max(1, min(config.Loops, maxLanes))
	setDefault(&config.Drain, 10*time.Second)
	setDefault(&config.Tick, DefaultTick)
	lastFile, room, err := lastClientFile(config.Loops, len(config.Listeners))
	if err != nil {
		return nil, err
	}
	c.limits.MaxConnections = min(c.limits.MaxConnections, room)
	r := &Reactor{core: c, config: config, listeners: listeners, lastFile: lastFile, booted: make(chan struct{})}
	for range config.Loops {
		r.loops = append(r.loops, newLoop(c, config.Tick))
	}
	return r, nil
}

// Addrs returns the addresses the reactor listens on, in the order of its listeners;
// they are final when Booted is closed.
func (r *Reactor) Addrs() []string {
	addrs := make([]string, 0, len(r.listeners))
	for _, l := range r.listeners {
		addrs = append(addrs, l.addr)
	}
	return addrs
}

// Booted is closed when the reactor accepts connections.
func (r *Reactor) Booted() <-chan struct{} { return r.booted }

// Run serves until ctx ends, then drains: what was received is executed and
// answered, sessions get a Notice, and the loops end. It returns nil after that,
// also when some peers did not read all of it in time; ErrDrainTimeout when the
// time was not enough for the requests, ErrStoppedUnasked when the loops ended by
// themselves, or why they could not start.
func (r *Reactor) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- r.runLoops() }()
	endTicks := r.startTicks()
	defer endTicks()
	select {
	case err := <-ended:
		return r.unasked(err)
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return r.unasked(err)
	case <-r.booted:
	}
	err := r.drain()
	endTicks()
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
		return err
	case <-time.After(stopTimeout): // a loop is stuck: nobody can wait for it
		return fmt.Errorf("engine: event loops: %w", context.DeadlineExceeded)
	}
}

// bindAttempts is how many free ports are tried where any will do: between the
// choice and the use of one, another program may take it.
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

func (r *Reactor) runOnce() error {
	addrs := r.Addrs()
	for i := range addrs {
		addrs[i] = "tcp://" + addrs[i]
	}
	return gnet.Rotate(r, addrs,
		gnet.WithNumEventLoop(len(r.loops)),
		gnet.WithReusePort(true),
		gnet.WithReuseAddr(true), // a restart finds the old connections in TIME_WAIT
		gnet.WithReadBufferCap(64<<10),
		gnet.WithTCPNoDelay(gnet.TCPNoDelay),
		gnet.WithLogger(gnetLogger{r.core.log}),
		gnet.WithLogLevel(logging.WarnLevel))
}

func (r *Reactor) unasked(err error) error {
	if err != nil {
		return fmt.Errorf("engine: event loops: %w", err)
	}
	return ErrStoppedUnasked
}

// OnBoot is gnet's call when the loops are about to start.
func (r *Reactor) OnBoot(e gnet.Engine) gnet.Action {
	r.engine = e
	close(r.booted)
	return gnet.None
}

// OnOpen is gnet's call for a new connection, on its loop.
func (r *Reactor) OnOpen(conn gnet.Conn) ([]byte, gnet.Action) {
	l := r.loopOf(conn)
	l.letLaneRun()
	r.core.groups[l.index].advance(time.Now()) // what has passed before is not held against a new session
	to := &listenerOf(r.listeners, conn.LocalAddr()).Listener
	if r.draining.Load() {
		return r.core.Refusal(ReasonShuttingDown, conn.RemoteAddr(), to), gnet.Close
	}
	if conn.Fd() > r.lastFile { // descriptors are given out from the lowest: the rest is taken
		return r.core.Refusal(ReasonTooManyConnections, conn.RemoteAddr(), to), gnet.Close
	}
	link := &gnetLink{conn: conn, in: inbound{conn}}
	s, reason := r.core.Open(l.index, link, conn.RemoteAddr(), to)
	if s == nil {
		return r.core.Refusal(reason, conn.RemoteAddr(), to), gnet.Close
	}
	conn.SetContext(s)
	link.boundKernel()
	if to.Greets {
		_ = l.Run(context.Background()) // the greeting, before the client is heard
	}
	return nil, gnet.None
}

// loopOf finds our loop for the connection's, binding it at the first sight.
func (r *Reactor) loopOf(conn gnet.Conn) *loop {
	el := conn.EventLoop()
	r.bind.Lock()
	defer r.bind.Unlock()
	for _, l := range r.loops {
		if l.events == nil {
			l.events = el
		}
		if l.events == el {
			return l
		}
	}
	panic("engine: gnet runs more event loops than it was told to")
}

// OnTraffic is gnet's call when bytes have come, on the connection's loop.
func (r *Reactor) OnTraffic(conn gnet.Conn) gnet.Action {
	s, ok := conn.Context().(*Session)
	if !ok {
		_, _ = conn.Discard(-1)
		return gnet.None
	}
	l, in := s.group.carrier.(*loop), &s.link.(*gnetLink).in
	switch {
	case s.refused || s.closing.Load():
		in.drop()
	case s.waiting:
		l.pileUp(s, in)
	case r.draining.Load():
		in.drop()
	case in.size() < int(s.need): // looking would copy all of it, for each byte that comes
	default:
		l.receive(s, in)
	}
	return gnet.None
}

// OnClose is gnet's call when the connection is about to be closed, on its loop.
func (r *Reactor) OnClose(conn gnet.Conn, err error) gnet.Action {
	if s, ok := conn.Context().(*Session); ok {
		reason := ReasonPeerClosed
		if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
			reason = ReasonPeerReset
		}
		r.core.Closed(s, reason)
	}
	return gnet.None
}
