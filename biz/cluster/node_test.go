package cluster_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/cluster"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/codec"
	"holdfast/engine"
)

// nodes is a cluster of three in this process.
type nodes struct {
	t       *testing.T
	configs []cluster.Config
	running []*cluster.Node // nil: it is down
}

// startNodes starts a cluster of three.
func startNodes(t *testing.T) *nodes {
	t.Helper()
	n := newNodes(t)
	n.start(0, 1, 2)
	return n
}

// newNodes returns a cluster of three that does not run yet.
func newNodes(t *testing.T) *nodes {
	t.Helper()
	s, err := seed.Default()
	must(t, err)
	n := &nodes{t: t, running: make([]*cluster.Node, 3)}
	var peers []cluster.Peer
	for i := range n.running {
		peers = append(peers, cluster.Peer{Node: fmt.Sprint("n", i+1), Address: freeAddress(t)})
	}
	dir := t.TempDir()
	for _, p := range peers {
		n.configs = append(n.configs, cluster.Config{
			Node: p.Node, Peers: peers, Listen: p.Address, Secret: "secret of the nodes", Data: filepath.Join(dir, p.Node),
			SeedHash: func() string { return hex.EncodeToString(s.SHA256[:]) }, Version: "test",
			Venue:     func(int) server.Config { return server.Config{Seed: s, Log: slog.New(slog.DiscardHandler)} },
			Listeners: []engine.Listener{{Address: "127.0.0.1:0", Dialect: codec.Packet{}}}, EventLoops: 1,
			Heartbeat: time.Minute, Log: slog.New(slog.DiscardHandler),
		})
	}
	t.Cleanup(n.stopAll)
	return n
}

// start starts nodes side by side: one alone waits for others.
func (n *nodes) start(which ...int) {
	n.t.Helper()
	problems := make([]error, len(which))
	var all sync.WaitGroup
	for k, i := range which {
		all.Go(func() { n.running[i], problems[k] = cluster.Start(n.t.Context(), n.configs[i]) })
	}
	all.Wait()
	must(n.t, errors.Join(problems...))
}

func (n *nodes) stop(i int) {
	n.t.Helper()
	must(n.t, n.running[i].Stop())
	n.running[i] = nil
}

func (n *nodes) stopAll() {
	var all sync.WaitGroup
	for _, node := range n.running {
		if node != nil {
			all.Go(func() { _ = node.Stop() }) // without the others it may be unclean
		}
	}
	all.Wait()
}

func (n *nodes) login(i int, customer client.Customer) *client.Client {
	n.t.Helper()
	c, err := client.Dial(n.t.Context(), n.running[i].Addrs[0], client.Options{})
	must(n.t, err)
	n.t.Cleanup(func() { c.Close() })
	_, err = c.Login(n.t.Context(), customer, client.DemoToken(customer))
	must(n.t, err)
	return c
}

// await waits until a node sees what it should.
func (n *nodes) await(what string, i int, good func(cluster.Status) bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	for !good(n.running[i].Status(ctx)) {
		if ctx.Err() != nil {
			n.t.Fatalf("not in %v: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func place(t *testing.T, c *client.Client, id string) client.Placed {
	t.Helper()
	o := client.Order{ClientOrderID: id, Side: client.Buy, Key: client.Key{Market: "ALFA", Code: "600101"}, Quantity: 100}
	placed, err := c.PlaceOrder(t.Context(), o)
	must(t, err)
	return placed
}

// Any node takes any client; a venue that moves, also since its node stops, is a pause for them.
func TestNodes(t *testing.T) {
	n := startNodes(t)
	const customers = 6
	var sessions []*client.Client
	for i := range customers * 3 {
		sessions = append(sessions, n.login(i/customers, client.Customer(100_001+i%customers)))
	}
	ids := make(map[client.ExecutionID]bool)
	trade := func(round string) {
		t.Helper()
		for i, c := range sessions {
			if c == nil {
				continue
			}
			for _, x := range place(t, c, fmt.Sprintf("%s-%d", round, i)).Executions {
				if ids[x.ID] {
					t.Errorf("%s: execution %v twice", round, x.ID)
				}
				ids[x.ID] = true
			}
		}
	}
	trade("start")

	var moved string
	n.await("an owner of every venue", 0, func(s cluster.Status) bool {
		for _, stream := range s.Streams {
			if stream.Leader == "" {
				return false
			}
		}
		moved = s.Streams[2].Stream
		return true
	})
	to := n.configs[0].Node
	if n.running[0].Status(t.Context()).Streams[2].Leader == to {
		to = n.configs[1].Node
	}
	must(t, n.running[0].Move(t.Context(), moved, to))
	trade("move")
	n.await("the move", 0, func(s cluster.Status) bool { return s.Streams[2].Leader == to })

	for i := 2 * customers; i < 3*customers; i++ {
		sessions[i].Close()
		sessions[i] = nil
	}
	n.stop(2)
	trade("one node less")
	n.start(2)
	for i := range customers {
		sessions[2*customers+i] = n.login(2, client.Customer(100_001+i))
	}
	trade("whole again")

	for i := range customers {
		page, err := sessions[2*customers+i].History(t.Context(), client.HistoryQuery{Limit: 1000})
		must(t, err)
		if want := 4*3 - 1; len(page.Executions) != want {
			t.Errorf("customer %d has %d executions instead of %d", 100_001+i, len(page.Executions), want)
		}
	}
	for _, node := range n.running {
		for _, s := range node.Status(t.Context()).Streams {
			if s.Voids > 0 {
				t.Errorf("stream %s has void batches", s.Stream)
			}
		}
	}
	refused(t, n)
}

// refused tries what a node must not do.
func refused(t *testing.T, n *nodes) {
	t.Helper()
	if _, err := cluster.Start(t.Context(), n.configs[0]); !errors.Is(err, cluster.ErrNodeTwice) {
		t.Errorf("a node that runs already: %v", err)
	}
	for stream, node := range map[string]string{"HF0": "n9", "HF99": "n1"} {
		if err := n.running[0].Move(t.Context(), stream, node); !errors.Is(err, cluster.ErrMove) {
			t.Errorf("move of %s to %s: %v", stream, node, err)
		}
	}
	n.stop(2)
	other := n.configs[2]
	other.SeedHash = func() string { return "another" }
	if _, err := cluster.Start(t.Context(), other); !errors.Is(err, cluster.ErrMismatch) {
		t.Errorf("another seed file: %v", err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}
