package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/fix"
	"holdfast/engine"
)

// Gateway is what the carrier needs of the gateway to log sessions in without the client's secret.
// gateway.Gateway implements it.
type Gateway interface {
	// Ticket returns a token that logs one session in, nil if the customer no longer has the credential.
	Ticket(customer ledger.Customer, credential []byte) []byte
	// Credential names the credential that a session has logged in with; nil if it has not.
	Credential(s *engine.Session) []byte
}

// Config configures a Carrier. Core, Conn and Node are required.
type Config struct {
	Core *engine.Core
	// Conn is used, and not closed.
	Conn *nats.Conn
	// Stream and Epoch name the venue, Node its node.
	Stream int
	Epoch  uint64
	Node   string
	// Gate, if set, is called before output leaves. It returns once the venue has proven that it
	// still owns the stream; an error ends the lane.
	Gate func(context.Context) error
	// Drain is how long a stop may take. Default 10 s.
	Drain time.Duration
	// OnDrain, if set, is called during a stop, after the last request was executed, as in
	// engine.ReactorConfig.
	OnDrain func(context.Context) error
	// Log is for operators; nil means slog.Default.
	Log *slog.Logger
}

// Carrier carries the sessions of a venue, which fronts open. Its connection limits are those of the
// fronts: set Limits.ConnectionsPerAddress of the core below 0.
type Carrier struct {
	config  Config
	gateway Gateway
	subject string
	packet  engine.Listener
	fix     engine.Listener
	booted  chan struct{}
	workers []*worker
	running sync.WaitGroup // goroutines of lanes

	draining atomic.Bool

	mu    sync.Mutex
	lanes map[laneKey]*venueLane
	count int // of lanes so far
}

// laneKey names a lane: the subject of its front, and its number.
type laneKey struct {
	front  string
	number uint64
}

// venueLane is the venue's end of a lane.
type venueLane struct {
	*Lane
	carrier *Carrier
	key     laneKey
	worker  *worker

	// Goroutine: worker.
	sessions map[uint32]*session
	written  bool // it is among worker.written
	closed   bool
}

// New returns a carrier. Nothing runs before Run.
func New(c Config) *Carrier {
	if c.Drain <= 0 {
		c.Drain = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	v := &Carrier{
		config: c, subject: VenueSubject(c.Stream, c.Epoch), booted: make(chan struct{}), lanes: make(map[laneKey]*venueLane),
		packet: engine.Listener{Address: "link", Dialect: codec.Packet{}}, fix: engine.Listener{Address: "link", Dialect: fix.Dialect{}},
	}
	for range runtime.GOMAXPROCS(0) {
		v.workers = append(v.workers, newWorker(c.Core))
	}
	return v
}

// SetGateway sets who logs sessions in. Call it before Run.
func (c *Carrier) SetGateway(g Gateway) { c.gateway = g }

// Booted is closed when fronts can open sessions.
func (c *Carrier) Booted() <-chan struct{} { return c.booted }

// Addrs returns the subject of the venue.
func (c *Carrier) Addrs() []string { return []string{c.subject} }

// Run serves until ctx ends, then drains: requests that have arrived are executed and answered, what
// was accepted becomes durable, and the fronts are told that the venue has ended. It returns nil after
// that, engine.ErrDrainTimeout if Config.Drain was too short, or why it could not start.
func (c *Carrier) Run(ctx context.Context) error {
	messages, err := c.config.Conn.Subscribe(c.subject, c.receive)
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	defer messages.Unsubscribe()          //nolint:errcheck // the connection may be closed
	_ = messages.SetPendingLimits(-1, -1) // each lane has its window
	asked, err := c.config.Conn.Subscribe(askSubject, func(*nats.Msg) { c.announce(false) })
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	defer asked.Unsubscribe() //nolint:errcheck // as above
	if err := c.config.Conn.FlushTimeout(flushTime); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	for _, w := range c.workers {
		go w.work()
	}
	c.config.Core.StartServing()
	close(c.booted)
	stop := make(chan struct{})
	c.running.Go(func() { c.keepTime(stop) })
	<-ctx.Done()
	_ = asked.Unsubscribe()
	err = c.drain()
	close(stop)
	c.running.Wait()
	return err
}

// keepTime announces the venue, keeps the lanes alive and finds silent ones, until stop is closed.
func (c *Carrier) keepTime(stop <-chan struct{}) {
	c.announce(false)
	announced, reviewed := time.Now(), time.Now()
	ticker := time.NewTicker(keepTime / 5)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-ticker.C:
			for _, l := range c.all() {
				if !l.Tick(now) {
					c.end(l, "the front is silent")
				}
			}
			if now.Sub(reviewed) >= keepTime {
				reviewed = now
				for _, w := range c.workers {
					w.add(job{run: func() { c.config.Core.Review(w.index) }})
				}
			}
			if now.Sub(announced) >= announceTime && !c.draining.Load() {
				announced = now
				c.announce(false)
			}
		}
	}
}

func (c *Carrier) announce(ended bool) {
	o := Owner{Stream: c.config.Stream, Node: c.config.Node, Epoch: c.config.Epoch, Ended: ended}
	_ = o.Announce(c.config.Conn) // it comes again
}

// receive takes a message of a front. Goroutine: that of the subscription.
func (c *Carrier) receive(m *nats.Msg) {
	h, _, err := parseHeader(m.Data)
	if err != nil || m.Reply == "" || c.draining.Load() {
		return
	}
	l := c.lane(laneKey{m.Reply, h.lane}, h.number == 1)
	if l == nil {
		if h.number != 0 {
			sendEnd(c.config.Conn, h.lane, m.Reply, c.subject)
		}
		return
	}
	entries, ok := l.Receive(m.Data)
	switch {
	case h.number == 0:
		c.end(l, "")
	case !ok:
		c.end(l, "a message was lost")
	case len(entries) > 0:
		l.worker.add(job{lane: l, entries: entries})
	}
}

// lane returns the lane with that key, or a new one. It may return nil if create is false.
func (c *Carrier) lane(key laneKey, create bool) *venueLane {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.lanes[key]; l != nil || !create {
		return l
	}
	l := &venueLane{carrier: c, key: key, worker: c.workers[c.count%len(c.workers)], sessions: make(map[uint32]*session)}
	l.Lane = NewLane(LaneConfig{Conn: c.config.Conn, Number: key.number, To: key.front, From: c.subject, Gate: c.config.Gate})
	c.count++
	c.lanes[key] = l
	c.running.Go(func() {
		if err := l.Run(); err != nil && !errors.Is(err, context.Canceled) {
			c.end(l, err.Error())
		}
	})
	return l
}

func (c *Carrier) all() []*venueLane {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.lanes))
}

// end ends a lane and its sessions. why is for the log; "": nothing is wrong.
func (c *Carrier) end(l *venueLane, why string) {
	c.mu.Lock()
	registered := c.lanes[l.key] == l
	delete(c.lanes, l.key)
	c.mu.Unlock()
	if !registered {
		return
	}
	if why != "" {
		c.config.Log.Warn("the link to a front broke; its clients go on over another one", "front", l.key.front, "stream", c.config.Stream, "why", why)
	}
	l.End()
	l.worker.add(job{run: l.close})
}

// close ends the sessions. Goroutine: worker.
func (l *venueLane) close() {
	l.closed = true
	for _, s := range l.sessions {
		s.end(engine.ReasonPeerReset)
	}
}

// serve executes what a front has sent. Goroutine: worker.
func (l *venueLane) serve(entries []byte) {
	if l.closed {
		return
	}
	ok := Entries(entries, l.take)
	l.worker.context.Post()
	if !ok {
		l.carrier.end(l, errMalformed.Error())
	}
}

func (l *venueLane) take(e Entry) {
	s := l.sessions[e.Session]
	switch {
	case e.Kind == KindOpen && s == nil:
		l.open(e)
	case s == nil: // it has ended
	case e.Kind == KindData:
		s.data(e.Body)
	case e.Kind == KindClose:
		s.end(engine.ReasonPeerClosed)
	case e.Kind == KindBacklog:
		s.setBacklog(e.Body)
	}
}

// open opens a session, or refuses it with a Notice.
func (l *venueLane) open(e Entry) {
	s := &session{lane: l, number: e.Session}
	var err error
	if s.open, err = parseOpen(e.Body); err != nil {
		l.add(Entry{Kind: KindClosed, Session: e.Session}, nil)
		return
	}
	listener := &l.carrier.packet
	if s.open.FIX {
		listener = &l.carrier.fix
	}
	core, remote := l.carrier.config.Core, remoteAddr(s.open.Remote)
	opened, reason := core.Open(l.worker.index, s, remote, listener)
	if opened == nil {
		l.add(Entry{KindData, e.Session, core.Refusal(reason, remote, listener)}, nil)
		l.add(Entry{Kind: KindClosed, Session: e.Session}, nil)
		return
	}
	s.session = opened
	l.sessions[e.Session] = s
	if s.open.Admission != nil {
		s.admit(s.open.Admission)
	}
}

// add adds an entry that is sent at the end of the worker's turn.
func (l *venueLane) add(e Entry, waiting *atomic.Int64) {
	l.Add(e, waiting)
	if !l.written {
		l.written = true
		l.worker.written = append(l.worker.written, l)
	}
}

// drain executes what has arrived, and ends the lanes once their fronts have the replies.
func (c *Carrier) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), c.config.Drain)
	defer cancel()
	c.config.Core.StartDrain()
	c.draining.Store(true)
	err := c.finish(ctx)
	c.announce(true)
	for _, l := range c.all() {
		c.end(l, "")
	}
	for _, w := range c.workers {
		w.stop()
	}
	_ = c.config.Conn.FlushTimeout(flushTime) // else the fronts notice by silence
	return err
}

// finish executes the requests that have arrived and sends their replies.
func (c *Carrier) finish(ctx context.Context) error {
	if err := c.barrier(ctx); err != nil {
		return err
	}
	if err := c.config.Core.WaitOffLane(ctx); err != nil {
		return err
	}
	if c.config.OnDrain != nil {
		if err := c.config.OnDrain(ctx); err != nil {
			return err
		}
	}
	if err := c.barrier(ctx); err != nil {
		return err
	}
	for _, l := range c.all() {
		if l.Drained(ctx) != nil {
			return engine.ErrDrainTimeout
		}
	}
	return nil
}

// barrier waits until the workers have done what they had to do.
func (c *Carrier) barrier(ctx context.Context) error {
	for _, w := range c.workers {
		select {
		case <-w.barrier():
		case <-ctx.Done():
			return engine.ErrDrainTimeout
		}
	}
	return nil
}

// flushTime is how long the connection may take to send what it has.
const flushTime = 5 * time.Second
