package front_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"holdfast/biz/client"
	"holdfast/biz/cluster/front"
	"holdfast/biz/cluster/link"
	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/codec"
	"holdfast/codec/fix"
	"holdfast/codec/websocket"
	"holdfast/engine"
)

// patience is how long a test waits for an event.
const patience = 30 * time.Second

// Customers of the shipped seed.
const (
	dealer   = 100001
	holder   = 100002
	operator = 900001
)

var quiet = slog.New(slog.DiscardHandler)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cluster is the network of nodes that are all in this process, and what the venues have in common.
type cluster struct {
	t       testing.TB
	nats    *natsserver.Server
	seed    *seed.Seed
	dirs    []string // by stream
	history []byte
	log     *slog.Logger
	gate    func(context.Context) error
	preset  market.Preset
}

// newCluster starts a network. The data folders of the streams have one history.
func newCluster(t testing.TB, streams int) *cluster {
	t.Helper()
	c := &cluster{t: t, log: quiet}
	var err error
	c.nats, err = natsserver.NewServer(&natsserver.Options{DontListen: true, NoSigs: true})
	must(t, err)
	c.nats.Start()
	t.Cleanup(func() {
		c.nats.Shutdown()
		c.nats.WaitForShutdown()
	})
	if !c.nats.ReadyForConnections(patience) {
		t.Fatal("nats does not start")
	}
	c.seed, err = seed.Default()
	must(t, err)
	first := t.TempDir()
	s, err := server.Start(t.Context(), server.Config{Data: first, Seed: c.seed, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: quiet})
	must(t, err)
	id := s.Desk.HistoryID()
	c.history = id[:]
	must(t, s.Stop())
	c.dirs = append(c.dirs, first)
	for range streams - 1 {
		dir := t.TempDir()
		must(t, copyFolder(dir, first))
		c.dirs = append(c.dirs, dir)
	}
	return c
}

func copyFolder(to, from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(from, path) // it is below from
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), b, 0o644)
	})
}

func (c *cluster) connect() *nats.Conn {
	c.t.Helper()
	conn, err := nats.Connect("", nats.InProcessServer(c.nats), nats.NoReconnect())
	must(c.t, err)
	c.t.Cleanup(conn.Close)
	return conn
}

// streamOf puts the customers on the streams one after the other.
func (c *cluster) streamOf(customer ledger.Customer) int { return int(customer) % len(c.dirs) }

// venue is a running venue.
type venue struct {
	*server.Server
	stopped bool
}

// startVenue starts the venue of a stream. It is stopped at the end of the test.
func (c *cluster) startVenue(stream int, epoch uint64) *venue {
	c.t.Helper()
	var carrier *link.Carrier
	conn := c.connect()
	s, err := server.Start(c.t.Context(), server.Config{
		Data: c.dirs[stream], Seed: c.seed, Log: c.log,
		Limits:  engine.Limits{ConnectionsPerAddress: -1},
		Gateway: gateway.Config{Preset: c.preset},
		NewCarrier: func(s *server.Server) (server.Carrier, error) {
			carrier = link.New(link.Config{
				Core: s.Core, Conn: conn, Stream: stream, Epoch: epoch, Node: "a", OnDrain: s.Gateway.Drain, Gate: c.gate, Log: c.log,
			})
			return carrier, nil
		},
		Attach: func(s *server.Server) (func(), error) {
			carrier.SetGateway(s.Gateway)
			return func() {}, nil
		},
	})
	must(c.t, err)
	v := &venue{Server: s}
	c.t.Cleanup(func() { v.stop(c.t) })
	return v
}

func (v *venue) stop(t testing.TB) {
	t.Helper()
	if !v.stopped {
		v.stopped = true
		must(t, v.Stop())
		if n := v.Core.Stats.Panics.Load(); n > 0 {
			t.Errorf("%d handlers of a venue panicked", n)
		}
	}
}

// node is a front with its reactor.
type node struct {
	*front.Front
	packet, tlv, web, fix string // addresses
}

// startFront starts a front. It is stopped at the end of the test, before the venues.
func (c *cluster) startFront(limits engine.Limits) *node {
	c.t.Helper()
	f, err := front.New(front.Config{
		Conn: c.connect(), Node: "a", Streams: len(c.dirs), StreamOf: c.streamOf, HistoryID: c.history,
		Version: "test", Heartbeat: time.Minute, Limits: limits, Log: c.log, Delays: c.preset.LatencyMax > 0,
		FIXCustomer: func(compID string) (ledger.Customer, bool) { return holder, compID == "100002" },
	})
	must(c.t, err)
	reactor, err := f.Core().NewReactor(engine.ReactorConfig{
		Listeners: []engine.Listener{
			{Address: "127.0.0.1:0"},
			{Address: "127.0.0.1:0", Dialect: codec.TLV{}},
			{Address: "127.0.0.1:0", WebSocket: &engine.WebSocket{Binary: websocket.Packet{}, Text: websocket.JSON{}}},
			{Address: "127.0.0.1:0", Dialect: fix.Dialect{}},
		},
		Loops: 2, OnDrain: f.Drain,
	})
	must(c.t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(c.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- reactor.Run(ctx) }()
	<-reactor.Booted()
	c.t.Cleanup(func() {
		stop()
		must(c.t, <-ended)
		must(c.t, f.Close(context.Background()))
		if n := f.Core().Stats.Panics.Load(); n > 0 {
			c.t.Errorf("%d handlers of a front panicked", n)
		}
	})
	addrs := reactor.Addrs()
	return &node{Front: f, packet: addrs[0], tlv: addrs[1], web: "ws://" + addrs[2] + "/ws", fix: addrs[3]}
}

// trader is a client that stores its pushes.
type trader struct {
	*client.Client
	t      testing.TB
	pushes chan client.Push
}

// login connects a client to an address and logs it in.
func (c *cluster) login(addr string, customer client.Customer) *trader {
	c.t.Helper()
	tr := c.dial(addr)
	_, err := tr.Login(c.t.Context(), customer, client.DemoToken(customer))
	must(c.t, err)
	return tr
}

func (c *cluster) dial(addr string) *trader {
	c.t.Helper()
	tr := &trader{t: c.t, pushes: make(chan client.Push, 1<<16)}
	var err error
	tr.Client, err = client.Dial(c.t.Context(), addr, client.Options{
		Timeout: patience, HeartbeatInterval: -1, PushBuffer: 1 << 16, OnPush: func(p client.Push) { tr.pushes <- p },
	})
	must(c.t, err)
	c.t.Cleanup(func() { tr.Close() })
	return tr
}

var tin = client.Key{Market: "ALFA", Code: "600100"}

// buy places a market order.
func (tr *trader) buy(quantity client.Quantity) client.Placed {
	tr.t.Helper()
	p, err := tr.PlaceOrder(tr.t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: quantity})
	must(tr.t, err)
	return p
}

// rest places an order that works on.
func (tr *trader) rest() client.Placed {
	tr.t.Helper()
	p, err := tr.PlaceOrder(tr.t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 100, Price: 9_0000})
	must(tr.t, err)
	return p
}

// hasPushes waits until the pushes from first to last have come, and reports others.
func (tr *trader) hasPushes(first, last uint64) {
	tr.t.Helper()
	deadline := time.After(patience)
	for next := first; next <= last; {
		select {
		case p := <-tr.pushes:
			if broken, is := p.Event.(client.SequenceBreak); is {
				tr.t.Fatalf("push %d: %+v", next, broken)
			}
			if p.Sequence == 0 {
				continue
			}
			if p.Sequence != next {
				tr.t.Fatalf("push %d instead of %d", p.Sequence, next)
			}
			next++
		case <-tr.Done():
			tr.t.Fatalf("before push %d: %v", next, tr.Err())
		case <-deadline:
			tr.t.Fatalf("push %d does not come", next)
		}
	}
}
