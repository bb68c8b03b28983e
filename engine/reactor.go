package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
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
	// Listen is the address, such as "127.0.0.1:8888"; port 0 takes a free one.
	Listen string
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
// Each loop has a listener of its own (SO_REUSEPORT), so that a connection over
// the limit is closed before the next one is accepted and descriptors never run
// out: gnet ends all loops when accept fails for want of one.
type Reactor struct {
	gnet.BuiltinEventEngine
	core     *Core
	config   ReactorConfig
	addr     string
	lastFile int // the highest descriptor that a client may have
	engine   gnet.Engine
	loops    []*loop
	bind     sync.Mutex // guards the binding of loops to gnet's
	booted   chan struct{}
	draining atomic.Bool
}

// NewReactor checks that the address is free and makes the carrier's loops. It
// lowers Limits.MaxConnections to what the open files in use leave. The error
// wraps ErrFewDescriptors when that is hardly any.
func (c *Core) NewReactor(config ReactorConfig) (*Reactor, error) {
	addr, err := freeAddress(config.Listen)
	if err != nil {
		return nil, err
	}
	config.Loops = max(1, min(config.Loops, maxLanes))
	setDefault(&config.Drain, 10*time.Second)
	setDefault(&config.Tick, DefaultTick)
	lastFile, room, err := lastClientFile(config.Loops)
	if err != nil {
		return nil, err
	}
	c.limits.MaxConnections = min(c.limits.MaxConnections, room)
	r := &Reactor{core: c, config: config, addr: addr, lastFile: lastFile, booted: make(chan struct{})}
	for range config.Loops {
		r.loops = append(r.loops, newLoop(c, config.Tick))
	}
	return r, nil
}

// freeAddress refuses an address that somebody listens on. With SO_REUSEPORT
// alone a second server would share the port without an error.
//
// The address has the host that was asked for: where Go listens for IPv4 and IPv6
// alike it says "[::]", which for gnet is IPv6 alone.
func freeAddress(listen string) (string, error) {
	host, _, _ := net.SplitHostPort(listen) // Listen says what is wrong with it
	network := "tcp"
	if net.ParseIP(host).To4() != nil {
		network = "tcp4"
	}
	l, err := net.Listen(network, listen)
	if err != nil {
		return "", fmt.Errorf("engine: %w", err)
	}
	addr := l.Addr().(*net.TCPAddr)
	if host == "" && addr.IP.To4() == nil {
		return net.JoinHostPort("", strconv.Itoa(addr.Port)), l.Close()
	}
	return addr.String(), l.Close()
}

// Addr returns the address the reactor listens on; it is final when Booted is
// closed.
func (r *Reactor) Addr() string { return r.addr }

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
	stopCtx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if stopErr := r.engine.Stop(stopCtx); stopErr != nil { // a loop is stuck: nobody can wait for it
		return errors.Join(err, fmt.Errorf("engine: event loops: %w", stopErr))
	}
	return errors.Join(err, <-ended)
}

// bindAttempts is how many free ports are tried where any will do: between the
// choice and the use of one, another program may take it.
const bindAttempts = 5

func (r *Reactor) runLoops() error {
	for attempt := 1; ; attempt++ {
		err := r.runOnce()
		if attempt == bindAttempts || !errors.Is(err, syscall.EADDRINUSE) || !strings.HasSuffix(r.config.Listen, ":0") {
			return err
		}
		if r.addr, err = freeAddress(r.config.Listen); err != nil {
			return err
		}
	}
}

func (r *Reactor) runOnce() error {
	return gnet.Run(r, "tcp://"+r.addr,
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
	if r.draining.Load() {
		return r.core.Refusal(ReasonShuttingDown, conn.RemoteAddr()), gnet.Close
	}
	if conn.Fd() > r.lastFile { // descriptors are given out from the lowest: the rest is taken
		return r.core.Refusal(ReasonTooManyConnections, conn.RemoteAddr()), gnet.Close
	}
	link := &gnetLink{conn: conn}
	s, reason := r.core.Open(l.index, link, conn.RemoteAddr())
	if s == nil {
		return r.core.Refusal(reason, conn.RemoteAddr()), gnet.Close
	}
	conn.SetContext(s)
	link.boundKernel()
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
	switch {
	case !ok || s.refused || s.closing.Load():
		_, _ = conn.Discard(-1)
	case s.waiting:
		s.group.carrier.(*loop).pileUp(s, conn)
	case r.draining.Load():
		_, _ = conn.Discard(-1)
	case conn.InboundBuffered() < int(s.need): // looking would copy all of it, for each byte that comes
	default:
		s.group.carrier.(*loop).receive(s, conn)
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
