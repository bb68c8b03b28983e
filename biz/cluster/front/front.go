package front

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"holdfast/biz/cluster/link"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// readyTime is how long requests wait for a venue before their session is closed.
const readyTime = 10 * time.Second

// tickTime is the step of the front's clock.
const tickTime = 20 * time.Millisecond

// Config configures a Front. Conn, Node, StreamOf and Streams are required.
type Config struct {
	// Conn is used, and not closed.
	Conn *nats.Conn
	// Node is the name of this node, without dots and spaces.
	Node string
	// Streams is the number of streams, and so of venues; StreamOf returns that of a customer, who may
	// not exist.
	Streams  int
	StreamOf func(ledger.Customer) int
	// FIXCustomer returns the customer of a SenderCompID; nil: the front has no FIX listeners.
	FIXCustomer func(compID string) (ledger.Customer, bool)
	// Heartbeat, Version and HistoryID are what Conn tells clients.
	Heartbeat time.Duration
	Version   string
	HistoryID []byte
	// Delays says that venues delay orders (gateway.Config.Preset): replies may overtake each other.
	Delays bool
	// Limits are those of the clients' sessions.
	Limits engine.Limits
	// Log is for operators; nil means slog.Default.
	Log *slog.Logger
}

// Front forwards the requests of clients. Its Core is for a reactor, whose OnDrain is Drain.
type Front struct {
	config      Config
	log         *slog.Logger
	core        *engine.Core
	clients     engine.Property[*client]
	incarnation string
	subject     string
	venues      []*venue // by stream
	subscribed  []*nats.Subscription
	stop        chan struct{}
	running     sync.WaitGroup

	out    *engine.Outbox // of receive
	bodies bodies         // of receive

	named      atomic.Uint64 // orders that got their client order id here
	unanswered atomic.Int64  // requests that were forwarded
	requests   sync.Pool     // of *request

	mu      sync.Mutex
	lanes   map[uint64]*lane
	number  uint64                // of the last lane
	waiting map[*shadow]time.Time // shadows that are not ready, and since when
	held    map[*shadow]struct{}  // shadows with requests that wait for the client to read
}

// New returns a front that looks for venues at once. Close ends it.
func New(c Config) (*Front, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	f := &Front{
		config: c, log: c.Log, stop: make(chan struct{}),
		lanes: make(map[uint64]*lane), waiting: make(map[*shadow]time.Time), held: make(map[*shadow]struct{}),
	}
	f.requests.New = func() any { return new(request) }
	var random [8]byte
	_, _ = rand.Read(random[:]) // it never fails
	f.incarnation = hex.EncodeToString(random[:])
	f.subject = link.FrontSubject(c.Node, f.incarnation)
	for stream := range c.Streams {
		f.venues = append(f.venues, &venue{front: f, stream: stream, waiting: make(map[*shadow]struct{})})
	}
	var err error
	f.core, err = engine.NewCore(engine.Config{
		Router: f.router(), Limits: c.Limits, Malformed: unreadable, OnOpen: f.opened, OnClose: f.closed, Log: c.Log,
	})
	if err != nil {
		return nil, err
	}
	f.clients = engine.NewProperty[*client](f.core)
	f.out = f.core.NewOutbox()
	if err := f.subscribe(); err != nil {
		return nil, errors.Join(err, f.Close(context.Background()))
	}
	f.running.Go(f.keepTime)
	return f, nil
}

func (f *Front) subscribe() error {
	messages, err := f.config.Conn.Subscribe(f.subject, f.receive)
	if err != nil {
		return fmt.Errorf("front: %w", err)
	}
	_ = messages.SetPendingLimits(-1, -1) // each lane has its window
	f.subscribed = append(f.subscribed, messages)
	owners, err := link.WatchOwners(f.config.Conn, func(o link.Owner) {
		if o.Stream >= 0 && o.Stream < len(f.venues) {
			f.venues[o.Stream].announced(o)
		}
	})
	if owners != nil {
		f.subscribed = append(f.subscribed, owners)
	}
	return err
}

// Core returns the core of the clients' sessions.
func (f *Front) Core() *engine.Core { return f.core }

// Owners returns the owner of each stream as it announces itself. Epoch 0 means that the stream has no
// owner now: no owner was heard of, it has ended, or it is silent. Goroutine: any.
func (f *Front) Owners() []link.Owner {
	owners := make([]link.Owner, 0, len(f.venues))
	for _, v := range f.venues {
		owners = append(owners, v.announcer())
	}
	return owners
}

// Close ends the front after its reactor.
func (f *Front) Close(ctx context.Context) error {
	close(f.stop)
	for _, s := range f.subscribed {
		_ = s.Unsubscribe() // the connection may be closed
	}
	for _, v := range f.venues {
		v.close()
	}
	f.running.Wait()
	return f.core.Close(ctx)
}

// drainTime is how long a stop waits for replies of venues.
const drainTime = 3 * time.Second

// Drain waits until the requests that were forwarded are answered, for some seconds at most.
func (f *Front) Drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for f.unanswered.Load() > 0 {
		select {
		case <-ctx.Done():
			f.log.Warn("stopped before the venues had answered all requests", "unanswered", f.unanswered.Load())
			return nil
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

// keepTime keeps lanes alive, and ends sessions that have waited too long.
func (f *Front) keepTime() {
	ticker := time.NewTicker(tickTime)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case now := <-ticker.C:
			for _, v := range f.venues {
				v.tick(now)
			}
			for _, s := range f.late(now) {
				s.expire()
			}
			for _, s := range f.takeHeld() {
				s.goOn()
			}
		}
	}
}

// late returns the shadows that have not been ready for readyTime.
func (f *Front) late(now time.Time) (list []*shadow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s, since := range f.waiting {
		if now.Sub(since) >= readyTime {
			list = append(list, s)
		}
	}
	return list
}

// setWaiting notes whether a shadow is not ready.
func (f *Front) setWaiting(s *shadow, yes bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !yes {
		delete(f.waiting, s)
	} else if _, already := f.waiting[s]; !already {
		f.waiting[s] = time.Now()
	}
}

func (f *Front) takeHeld() (list []*shadow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.held {
		list = append(list, s)
	}
	clear(f.held)
	return list
}

// receive takes a message of a venue. Goroutine: that of the subscription.
func (f *Front) receive(m *nats.Msg) {
	number, ok := link.LaneOf(m.Data)
	if !ok {
		return
	}
	f.mu.Lock()
	l := f.lanes[number]
	f.mu.Unlock()
	if l == nil {
		return
	}
	entries, ok := l.Receive(m.Data)
	if ok {
		ok = link.Entries(entries, func(e link.Entry) {
			if s := l.shadow(e.Session); s != nil && !s.take(l, e) {
				ok = false
			}
		}) && ok
	}
	f.out.Post()
	if !ok {
		l.venue.lost(l)
	}
}

// hello returns what a client learns about its session and the server.
func (f *Front) hello(s *engine.Session) *pb.ConnReply {
	return &pb.ConnReply{
		Uid: uint64(s.ID()), HeartbeatInterval: f.config.Heartbeat.Nanoseconds(),
		ServerVersion: f.config.Version, HistoryId: f.config.HistoryID,
	}
}

func (f *Front) opened(s *engine.Session) {
	f.clients.Set(s, &client{front: f, session: s, shadows: make(map[int]*shadow)})
	if s.Greets() {
		out := f.core.NewOutbox()
		out.Push(s, codec.CommandConn, 0, f.hello(s))
		out.Post()
		out.Free()
	}
}

func (f *Front) closed(s *engine.Session, _ engine.Reason) { f.clients.Get(s).close() }

// hold makes a shadow go on once its client may have read more.
func (f *Front) hold(s *shadow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held[s] = struct{}{}
}
