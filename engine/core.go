package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/ants/v2"

	"holdfast/codec"
	"holdfast/codec/websocket"
	"holdfast/pool"
)

// Config configures a Core.
type Config struct {
	// Router has the handlers; required.
	Router *Router
	// Limits; zero fields mean their defaults.
	Limits Limits
	// NewLocal, when set, makes the value of Context.Local, one for each worker that
	// runs handlers.
	NewLocal func() any
	// Overloaded replies to a request when too many tasks run off the lane already; nil
	// replies OVERLOADED.
	Overloaded Handler
	// Malformed replies to a request whose body the dialect can't decode: err wraps
	// codec.ErrBody. nil replies MALFORMED.
	Malformed func(c *Context, err error)
	// OnOpen and OnClose, when set, are called on the event loop when a session opens
	// and when it closes. They must be quick.
	OnOpen  func(*Session)
	OnClose func(*Session, Reason)
	// OnCatchUp, when set, is called on the event loop when a session that has missed
	// droppable pushes can take some again: push the newest state of these keys, of all
	// keys if nil. It must be quick; post the pushes later.
	OnCatchUp func(s *Session, keys []uint32)
	// Log receives what operators should know; nil means slog.Default. Its handler must not
	// block: event loops and lanes call it, so that all sessions would wait.
	Log *slog.Logger
}

// Core is the engine without the network: it holds the sessions and passes messages to
// handlers. A carrier, such as the Reactor, feeds it.
type Core struct {
	Stats Stats

	config        Config
	router        *Router
	limits        Limits
	log           *slog.Logger
	ends          closeLog
	sessions      registry
	groups        []*group
	propertyCount int
	dueLimit      int64 // see flow.go
	largeReply    int

	started       time.Time    // stamps count from here
	phase         atomic.Int32 // see health.go
	pushesWaiting atomic.Int64
	pushesDone    chan struct{} // receives a value when that is 0

	workers      *ants.Pool
	handshakes   *handshakes
	offLaneTasks atomic.Int64

	buffers  pool.Buffers
	outboxes sync.Pool
	batches  sync.Pool
	detached sync.Pool
}

// NewCore returns a core; Close ends it.
func NewCore(config Config) (*Core, error) {
	if config.Router == nil {
		return nil, errors.New("engine: Config.Router is required")
	}
	if config.Overloaded == nil {
		config.Overloaded = func(c *Context) { c.Reply(codec.ResultOverloaded, nil) }
	}
	if config.Malformed == nil {
		config.Malformed = func(c *Context, _ error) { c.Reply(codec.ResultMalformed, nil) }
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	c := &Core{config: config, router: config.Router, log: config.Log, pushesDone: make(chan struct{}, 1), started: time.Now()}
	c.limits = config.Limits.withDefaults(OpenFiles().Soft)
	c.setDueLimits()
	c.ends.log = c.log
	c.handshakes = newHandshakes()
	workers, err := ants.NewPool(c.limits.OffLaneTasks+maxLanes,
		ants.WithNonblocking(true),
		ants.WithExpiryDuration(30*time.Second),
		ants.WithPanicHandler(func(v any) { c.log.Error("worker panicked", "panic", v, "stack", string(debug.Stack())) }))
	if err != nil {
		return nil, fmt.Errorf("engine: workers: %w", err)
	}
	c.workers = workers
	return c, nil
}

// maxLanes is how many lanes can have a worker besides the tasks off the lane.
const maxLanes = 256

// Limits returns the limits in force.
func (c *Core) Limits() Limits { return c.limits }

// Find returns the open session with that id.
func (c *Core) Find(id SessionID) (*Session, bool) { return c.sessions.find(id) }

// Len returns how many sessions are open.
func (c *Core) Len() int { return c.sessions.len() }

// Sessions returns the open sessions, in no order. Goroutine: any.
func (c *Core) Sessions() []*Session { return c.sessions.all() }

// CloseAll closes every session with a Notice.
func (c *Core) CloseAll(reason Reason) { c.closeSessions(c.sessions.all(), reason) }

func (c *Core) closeSessions(sessions []*Session, reason Reason) {
	out := c.NewOutbox()
	for _, s := range sessions {
		if s.closing.CompareAndSwap(false, true) {
			out.closeAfter(s, reason, 0, false)
		}
	}
	out.Post()
	out.Free()
}

// Close stops the workers. Sessions and carriers must have ended.
func (c *Core) Close(ctx context.Context) error {
	if err := c.WaitOffLane(ctx); err != nil {
		return err
	}
	timeout := time.Second
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(time.Millisecond, time.Until(deadline))
	}
	if err := c.workers.ReleaseTimeout(timeout); err != nil && !errors.Is(err, ants.ErrPoolClosed) {
		return fmt.Errorf("engine: workers: %w", err)
	}
	return nil
}

// AddCarrier registers a carrier and returns its number. Call it before the carrier opens
// sessions.
func (c *Core) AddCarrier(carrier Carrier) int {
	g := &group{index: len(c.groups), carrier: carrier}
	c.groups = append(c.groups, g)
	return g.index
}

// AddInlineCarrier is AddCarrier for a carrier that serves all its sessions inline: with
// contexts of NewInlineContext.
func (c *Core) AddInlineCarrier(carrier Carrier) int {
	index := c.AddCarrier(carrier)
	c.groups[index].inline = true
	return index
}

// Open registers a session for a connection that came to listener l of the carrier with
// that number. If a limit forbids it, Open returns nil and the reason: send the peer
// Refusal, and close. Goroutine: the carrier.
func (c *Core) Open(carrier int, link Link, remote net.Addr, l *Listener) (*Session, Reason) {
	s := &Session{core: c, link: link, group: c.groups[carrier], remote: remote, connected: time.Now(), listener: l, dialect: l.Dialect, ordered: l.Dialect.Ordered()}
	s.secure, _ = link.(SecureLink)
	if l.WebSocket != nil {
		s.ws = new(webInput)
	}
	if l.TLS != nil && !s.group.inline {
		s.tls = &tlsInput{asked: s.group.now}
	}
	if reason := c.sessions.add(s, &c.limits); reason != ReasonNone {
		return nil, reason
	}
	s.startDeadlines()
	if s.tls == nil {
		s.announce()
	}
	return s, ReasonNone
}

// announce calls Config.OnOpen: for a TLS session, when its handshake is done.
func (s *Session) announce() {
	s.announced = true
	if s.core.config.OnOpen != nil {
		s.core.config.OnOpen(s)
	}
}

// Refusal counts and logs a refused connection and returns the Notice for its peer.
// Goroutine: any.
func (c *Core) Refusal(reason Reason, remote net.Addr, l *Listener) []byte {
	c.Stats.closes[reason].Add(1)
	c.ends.ended(time.Now(), 0, remote, reason, "")
	if l.TLS != nil {
		return appendAlert(nil, alertHandshake)
	}
	if l.WebSocket != nil {
		return websocket.AppendHTTPError(nil, httpStatus(reason), c.limits.notice(reason).GetText())
	}
	return c.limits.appendNotice(nil, l.Dialect, reason)
}

// Closed tells the core that the connection of s is closed. The reason counts only if
// the engine did not close it for another. Goroutine: the carrier.
func (c *Core) Closed(s *Session, reason Reason) {
	if s.closed {
		return
	}
	s.closed = true
	s.closing.Store(true)
	if s.reason == ReasonNone {
		s.reason = reason
	}
	c.Stats.closes[s.reason].Add(1)
	s.early = nil
	s.group.backlog.set(s, 0)
	s.unwatch()
	c.sessions.remove(s)
	s.leaveFeeds()
	s.tls.closed()
	if c.config.OnClose != nil && s.announced {
		c.config.OnClose(s, s.reason)
	}
	c.ends.ended(time.Now(), s.id, s.remote, s.reason, s.detail())
}

// NewContext returns a context for a worker that calls Serve.
func (c *Core) NewContext() *Context { return c.contextWith(c.NewOutbox()) }

// NewInlineContext returns a context for an inline carrier (AddInlineCarrier), which takes
// the replies to the requests that it serves (Context.Take) and writes them itself. It
// gets deferred replies and pushes by Carrier.Post.
func (c *Core) NewInlineContext() *Context {
	return c.contextWith(&Outbox{core: c, kind: inline})
}

func (c *Core) contextWith(out *Outbox) *Context {
	ctx := &Context{core: c, out: out, mostDue: math.MaxInt64}
	if c.config.NewLocal != nil {
		ctx.Local = c.config.NewLocal()
	}
	return ctx
}

// Received counts what a session has sent. It is for carriers that call Serve
// themselves.
func (c *Core) Received(s *Session, requests, sizeBytes int) {
	s.group.requests.Add(uint64(requests))
	s.group.bytesIn.Add(uint64(sizeBytes))
}

// Serve executes the messages in frames, which codec.Scan has passed, and
// gathers the replies in the context's outbox. A panic of a handler closes s and is
// counted. Goroutine: one at a time for each session and each context.
func (c *Core) Serve(ctx *Context, s *Session, frames []byte) { c.execute(ctx, s, frames, false) }

// execute is Serve. With onLoop it stops at the first message whose handler may not run
// on the event loop. It also stops when the session has too much output due for the
// context (flow.go). It returns how many bytes, and how many messages, it took.
func (c *Core) execute(ctx *Context, s *Session, frames []byte, onLoop bool) (used, served int) {
	defer c.recoverPanic(ctx)
	dialect := s.dialect
	ctx.Session = s
	ctx.serves++
	for used < len(frames) && !s.closing.Load() && s.due.Load() <= ctx.mostDue {
		n, err := dialect.Next(frames[used:], &ctx.Message)
		if onLoop && (err != nil || n <= 0 || c.router.routes[ctx.Message.Command].class != OnLoop) {
			break
		}
		if n <= 0 && (err == nil || errors.Is(err, codec.ErrBody)) {
			c.log.Error("the dialect took no bytes of a frame; the session is closed", "dialect", dialect, "session", uint64(s.id))
			err = errNoBytes
		}
		if err != nil && !errors.Is(err, codec.ErrBody) {
			s.ws.explain(err)
			s.closeAfter(ctx.out, ReasonMalformed, s.requests, true)
			break
		}
		used += n
		served++
		ctx.replied, ctx.number, ctx.taken = false, s.requests, ctx.sampled.of(served)
		s.requests++
		if err != nil {
			c.config.Malformed(ctx, err)
		} else {
			c.router.find(ctx.Message.Command)(ctx)
		}
		if !ctx.replied {
			ctx.unanswered()
		}
		if ctx.out.kind == fromLane && ctx.out.Size() > maxGathered {
			ctx.Post()
		}
	}
	return used, served
}

// maxGathered is how many bytes of replies a lane gathers before it hands them
// over, so that one session's large replies do not pile up.
const maxGathered = 1 << 20

func (c *Core) recoverPanic(ctx *Context) {
	v := recover()
	if v == nil {
		return
	}
	c.Stats.Panics.Add(1)
	c.log.Error("handler panicked; its session is closed",
		"command", ctx.Message.Command, "session", uint64(ctx.Session.id), "panic", v, "stack", string(debug.Stack()))
	// Its own reply may never come.
	ctx.Session.closeAfter(ctx.out, ReasonPanic, ctx.number, !ctx.unordered)
}
