package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/cluster/link"
	"holdfast/biz/cluster/quotes"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/server"
	"holdfast/biz/simulation"
)

const (
	// leadPoll is the time between two looks whether this node still leads a stream.
	leadPoll = 5 * time.Millisecond
	// provenTime is how long an acknowledged append proves that this node owns the venue, from when
	// it was sent: another node can take over after the shortest election.
	provenTime = 700 * time.Millisecond
	// venuePause is the time before a venue that has ended starts again, doubled after each failure.
	venuePause    = 50 * time.Millisecond
	venuePauseMax = 5 * time.Second
)

// venue is the venue of a stream at this node: standby or owner, one after the other.
type venue struct {
	node   *Node
	number int
	name   string // of the stream
	trim   *trimming

	epochs    atomic.Uint64 // how often it became the owner
	handOvers atomic.Uint64 // how often it has given the lead away
	took      atomic.Int64  // how long the last take-over lasted, in nanoseconds
	leading   atomic.Int64  // since when the node leads the stream, in Unix nanoseconds; 0: it does not
	lacking   atomic.Bool   // it can't start without what another node has

	borrowed time.Time // when it got that last; owner: run

	mu     sync.Mutex
	server *server.Server // nil unless it is the owner
	past   Counts         // of the servers before
	heir   string         // who gets the lead when the server has drained; "": nobody in particular
	leave  bool           // the lead is handed over when the server has drained
	failed error          // why it ended last
}

func newVenue(n *Node, number int) *venue {
	v := &venue{node: n, number: number, name: StreamName(number)}
	v.trim = &trimming{floors: n.floors, stream: v.name, info: n.info, log: n.log.With("stream", v.name)}
	return v
}

// errMoved means that another node leads the stream.
var errMoved = errors.New("another node leads the stream now")

// run starts the venue again and again until ctx ends.
func (v *venue) run(ctx context.Context) {
	pause := venuePause
	for ctx.Err() == nil {
		if !v.node.store.stores(v.name) {
			wait(ctx, venuePauseMax)
			continue
		}
		start := time.Now()
		err := v.once(ctx)
		v.setFailed(err)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil, errors.Is(err, errMoved), errors.Is(err, errBorrowed):
			pause = venuePause
			v.node.log.Debug("venue starts again", "stream", v.name, "why", err)
		default:
			v.node.log.Error("venue ended; it starts again", "stream", v.name, "in", pause, "error", err)
			if err := v.node.stepDown(v.name, ""); err != nil { // another node may be able to serve it
				v.node.log.Warn("the lead of the stream was not handed over", "stream", v.name, "error", err)
			}
			if time.Since(start) > venuePauseMax {
				pause = venuePause
			}
		}
		wait(ctx, pause)
		pause = min(2*pause, venuePauseMax)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// once runs the venue as standby, then as owner, until it ends.
func (v *venue) once(ctx context.Context) error {
	s, err := server.Start(ctx, v.config(ctx))
	if err != nil {
		return v.complete(ctx, err)
	}
	v.own(s)
	defer v.disown()
	ticker := time.NewTicker(leadPoll)
	defer ticker.Stop()
	done := ctx.Done()
	for {
		select {
		case <-s.Ended():
			return s.Wait()
		case <-done:
			done = nil
			v.handOver("")
		case <-ticker.C:
			if !v.leads() && !v.leaving() {
				s.Abandon(errMoved)
			}
		}
	}
}

// leads reports whether this node leads the stream.
func (v *venue) leads() bool {
	leads := v.node.store.leads(v.name)
	if since := v.leading.Load(); leads != (since != 0) {
		at := time.Now().UnixNano()
		if !leads {
			at = 0
		}
		v.leading.CompareAndSwap(since, at)
	}
	return leads
}

// config returns the settings of the venue's server.
func (v *venue) config(ctx context.Context) server.Config {
	n := v.node
	c := n.config.Venue(v.number)
	c.Data, c.Listeners, c.Log = n.config.venueFolder(v.number), nil, n.log.With("stream", v.name)
	c.Journal = journal.Options{Replicas: Replicas, Shared: &journal.Shared{
		Connect: n.store.connect, Stream: v.name, Subject: subjectOf(v.number),
		Node: n.config.Node, Leads: v.leads,
	}}
	c.Desk.HistoryID, c.Desk.Others = n.layout.ID, v.trim
	c.Limits.ConnectionsPerAddress, c.Limits.MaxConnections = -1, maxVenueSessions
	c.NewCarrier = func(s *server.Server) (server.Carrier, error) { return v.newCarrier(s) }
	c.Owns = func(customer ledger.Customer) bool { return n.layout.StreamOf(customer) == v.number }
	if v.number == marketStream {
		v.leadMarket(&c)
	} else {
		v.followMarket(ctx, &c)
	}
	return c
}

// marketStream is the number of the stream whose venue moves the prices and has the trading clock.
const marketStream = 0

// leadMarket makes the venue the one that others follow. It goes on where the market was.
func (v *venue) leadMarket(c *server.Config) {
	n := v.node
	if c.Clock == nil {
		c.Clock, _ = market.NewClock(market.WallClock, time.Now().UnixNano(), 1) // these have no error
	}
	leader, script := quotes.NewLeader(), c.Script
	c.Desk.Moved = leader.Moved
	c.Script = func(ctx context.Context, s *server.Server, d *simulation.Driver) error {
		if err := n.market.Restore(ctx, s.Desk, c.Clock); err != nil {
			return err
		}
		if script != nil {
			if err := script(ctx, s, d); err != nil {
				return err
			}
		}
		if err := leader.Start(n.conn, s.Journal.Epoch(), s.Desk, d, c.Log); err != nil {
			return err
		}
		n.running.Go(func() {
			<-ctx.Done()
			leader.Close()
		})
		return nil
	}
}

// marketTime is how long a venue waits for the market when it starts. Without it its clock rests.
const marketTime = time.Second

// followMarket makes the venue show the market of another one, and do what the script has for its
// customers.
func (v *venue) followMarket(ctx context.Context, c *server.Config) {
	script := c.Script
	c.Follows, c.Clock, c.Simulation = true, nil, simulation.Config{}
	c.Script = func(driving context.Context, s *server.Server, d *simulation.Driver) error {
		waiting, cancel := context.WithTimeout(ctx, marketTime)
		defer cancel()
		_ = v.node.market.Wait(waiting) // else it goes on once it is there
		context.AfterFunc(driving, v.node.market.Follow(s.Desk, d))
		if script == nil {
			return nil
		}
		return script(driving, s, d)
	}
}

// maxVenueSessions is how many sessions of fronts a venue takes; the fronts bound them.
const maxVenueSessions = 1 << 20

// newCarrier returns the carrier of the venue's sessions.
func (v *venue) newCarrier(s *server.Server) (server.Carrier, error) {
	n := v.node
	c := link.New(link.Config{
		Core: s.Core, Conn: n.conn, Stream: v.number, Epoch: s.Journal.Epoch(), Node: n.config.Node,
		Gate:  func(ctx context.Context) error { return prove(ctx, s) },
		Drain: n.config.Drain, OnDrain: s.Gateway.Drain, Log: n.log,
	})
	c.SetGateway(s.Gateway)
	return &leavingCarrier{Carrier: c, venue: v, server: s}, nil
}

// prove returns once the venue of s is proven to be the owner: nothing that its clients see is older
// than what another owner has acknowledged.
func prove(ctx context.Context, s *server.Server) error {
	for s.Journal.Proven() > provenTime {
		if err := s.Desk.Prove(ctx); err != nil {
			return fmt.Errorf("cluster: this node can't prove that it leads the stream: %w", err)
		}
	}
	return nil
}

// leavingCarrier hands the lead of the stream over as soon as the sessions are drained: the next owner
// need not wait until the server has closed its files.
type leavingCarrier struct {
	*link.Carrier
	venue  *venue
	server *server.Server
}

// Run implements server.Carrier.
func (c *leavingCarrier) Run(ctx context.Context) error {
	err := c.Carrier.Run(ctx)
	if heir, leaves := c.venue.leaves(); leaves {
		c.server.EndDriver()
		c.venue.settle(c.server)
		if err := c.venue.node.stepDown(c.venue.name, heir); err != nil {
			c.venue.node.log.Warn("the lead of the stream was not handed over", "stream", c.venue.name, "error", err)
		}
	}
	return err
}

// settle waits until everything is durable that the driver has done last.
func (v *venue) settle(s *server.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), apiTime)
	defer cancel()
	if err := s.Desk.Durable(ctx); err != nil {
		v.node.log.Warn("the lead of the stream is handed over before everything is durable; nobody has an answer that depends on the rest", "stream", v.name, "error", err)
	}
}

// handOver drains the venue and then passes the lead of its stream to a node; "": to any. It reports whether
// this node is the owner.
func (v *venue) handOver(to string) bool {
	v.mu.Lock()
	s := v.server
	if s != nil {
		if !v.leave {
			v.handOvers.Add(1)
		}
		v.leave, v.heir = true, to
	}
	v.mu.Unlock()
	if s == nil {
		return false
	}
	s.StartStop()
	return true
}

func (v *venue) leaves() (heir string, leaves bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.heir, v.leave
}

func (v *venue) leaving() bool {
	_, leaves := v.leaves()
	return leaves
}

func (v *venue) own(s *server.Server) {
	since := v.leading.Load()
	if since != 0 {
		v.took.Store(time.Now().UnixNano() - since)
	}
	v.epochs.Add(1)
	v.mu.Lock()
	v.server, v.leave, v.heir = s, false, ""
	v.mu.Unlock()
	v.node.log.Info("this node owns the venue", "stream", v.name, "epoch", s.Journal.Epoch(), "took", time.Duration(v.took.Load()).Round(time.Millisecond))
}

func (v *venue) disown() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.past.add(v.server)
	v.server = nil
}

func (v *venue) setFailed(err error) {
	v.mu.Lock()
	v.failed = err
	v.mu.Unlock()
}
