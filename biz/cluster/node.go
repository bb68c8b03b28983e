package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"holdfast/biz/cluster/front"
	"holdfast/biz/cluster/quotes"
	"holdfast/engine"
)

// Node is one running node.
type Node struct {
	// Addrs are the addresses of the listeners, in their order.
	Addrs []string
	// Front has the clients' sessions.
	Front *front.Front

	config  Config
	log     *slog.Logger
	store   *store
	conn    *nats.Conn // of the node itself and its venues
	clients *nats.Conn // of the front
	js      jetstream.JetStream
	layout  Layout
	market  *quotes.Mirror
	floors  *floors
	lender  *lender
	venues  []*venue
	drained atomic.Bool // it takes no streams

	stop    context.CancelCauseFunc
	leave   context.CancelFunc // makes the venues hand their streams over and end
	running sync.WaitGroup
	ended   chan struct{}
	err     error // why it ended; valid when ended is closed
}

// Start starts a node. It returns when clients can connect; their requests wait until the venues have
// owners. Wait returns how the node ended. ctx bounds only the start.
//
// Errors wrap ErrConfig, ErrNodeTwice, ErrMismatch, ErrLayout or ErrTimers, or are those of the parts.
func Start(ctx context.Context, c Config) (*Node, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.checkAlone(); err != nil {
		return nil, err
	}
	n := &Node{config: c, log: c.Log, ended: make(chan struct{})}
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// start starts all parts.
func (n *Node) start(ctx context.Context) (err error) {
	if n.store, err = startStore(&n.config); err != nil {
		return err
	}
	if n.conn, err = n.store.connect("node"); err != nil {
		return err
	}
	if n.clients, err = n.store.connect("front"); err != nil {
		return err
	}
	if n.js, err = jetstream.New(n.conn); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	if n.layout, err = findLayout(ctx, n.store, n.js, &n.config); err != nil {
		return err
	}
	if err := greet(ctx, n.conn, &n.config); err != nil {
		return err
	}
	if n.market, err = quotes.NewMirror(n.conn, n.log); err != nil {
		return fmt.Errorf("cluster: market: %w", err)
	}
	if n.floors, err = newFloors(n.conn, n.config.Node); err != nil {
		return err
	}
	if n.lender, err = newLender(n.conn, &n.config, n.layout.Streams); err != nil {
		return err
	}
	for i := range n.layout.Streams {
		n.venues = append(n.venues, newVenue(n, i))
	}
	if _, err := n.conn.Subscribe(orderSubject(n.config.Node), func(m *nats.Msg) {
		_ = m.Respond([]byte(n.obey(string(m.Data)))) // who asked sees that nothing comes
	}); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	carrier, err := n.startFront()
	if err != nil {
		return err
	}
	if err := n.answerStatus(); err != nil {
		return err
	}
	venues, leave := context.WithCancel(context.WithoutCancel(ctx))
	n.leave = leave
	for _, v := range n.venues {
		n.running.Go(func() { v.run(venues) })
	}
	n.running.Go(func() { n.balance(venues) })
	n.running.Go(func() { n.lender.run(venues) })
	run, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	n.stop = stop
	served := make(chan error, 1)
	go func() { served <- carrier.Run(run) }()
	go n.supervise(served)
	select {
	case <-carrier.Booted():
		n.Addrs = carrier.Addrs()
		return nil
	case <-n.ended:
		return n.err
	}
}

// supervise waits until the listeners are closed and the clients' requests answered, and closes everything.
func (n *Node) supervise(served <-chan error) {
	err := <-served
	n.err = errors.Join(err, n.close())
	close(n.ended)
}

// Stop answers the requests that have come, hands all venues over and stops.
func (n *Node) Stop() error {
	n.stop(context.Canceled)
	return n.Wait()
}

// Wait waits until the node has ended. It returns nil after a Stop that drained it.
func (n *Node) Wait() error {
	<-n.ended
	return n.err
}

// Ended returns a channel that is closed when the node has ended.
func (n *Node) Ended() <-chan struct{} { return n.ended }

// closeTime is how long the front may take to close.
const closeTime = 10 * time.Second

// close closes all parts, in the order of their dependencies.
func (n *Node) close() error {
	if n.leave != nil {
		n.leave()
	}
	n.running.Wait()
	var err error
	if n.Front != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		err = n.Front.Close(ctx)
	}
	if n.market != nil {
		n.market.Close()
	}
	for _, nc := range []*nats.Conn{n.clients, n.conn} {
		if nc != nil {
			nc.Close()
		}
	}
	if n.store != nil {
		n.store.close()
	}
	return err
}

// startFront starts what clients connect to.
func (n *Node) startFront() (*engine.Reactor, error) {
	c := &n.config
	var err error
	if n.Front, err = front.New(front.Config{
		Conn: n.clients, Node: c.Node, Streams: n.layout.Streams, StreamOf: n.layout.StreamOf,
		Heartbeat: c.Heartbeat, Version: c.Version, HistoryID: n.layout.ID[:], Delays: c.Delays, FIXCustomer: c.FIXCustomer,
		Limits: c.Limits, Log: n.log,
	}); err != nil {
		return nil, err
	}
	return n.Front.Core().NewReactor(engine.ReactorConfig{Listeners: c.Listeners, Loops: c.EventLoops, Drain: c.Drain, OnDrain: n.Front.Drain})
}

// Streams returns how many streams the cluster has.
func (n *Node) Streams() int { return n.layout.Streams }
