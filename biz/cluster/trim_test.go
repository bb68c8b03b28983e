package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/cluster"
	"holdfast/biz/desk"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/engine"
)

// patience is how long a test waits for an event. Only a failing test waits this long.
const patience = time.Minute

const trader = 100002

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits until ok returns true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// three are the nodes of a cluster in this process. They trim whatever they may.
type three struct {
	t     *testing.T
	seed  *seed.Seed
	dir   string
	peers []cluster.Peer
	nodes [3]*cluster.Node

	client *client.Client // at the first node; nil: there is no client
}

func newThree(t *testing.T) *three {
	t.Helper()
	k := &three{t: t, dir: t.TempDir()}
	var err error
	k.seed, err = seed.Default()
	must(t, err)
	var open []net.Listener // at the same time, so that the ports differ
	for n := range k.nodes {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		open = append(open, l)
		k.peers = append(k.peers, cluster.Peer{Node: fmt.Sprintf("n%d", n+1), Address: l.Addr().String()})
	}
	for _, l := range open {
		must(t, l.Close())
	}
	started := make(chan error, len(k.nodes))
	for n := range k.nodes {
		go func() { started <- k.start(n) }()
	}
	for range k.nodes {
		if failed := <-started; failed != nil {
			err = failed
		}
	}
	t.Cleanup(func() {
		k.hangUp()
		for n := range k.nodes {
			k.stop(n)
		}
	})
	must(t, err)
	return k
}

func (k *three) folder(n int) string { return filepath.Join(k.dir, k.peers[n].Node) }

func (k *three) start(n int) error {
	ctx, cancel := context.WithTimeout(k.t.Context(), patience)
	defer cancel()
	node, err := cluster.Start(ctx, cluster.Config{
		Node: k.peers[n].Node, Peers: k.peers, Listen: k.peers[n].Address, Data: k.folder(n),
		SeedHash: func() string { return "the seed" }, Version: "test", Heartbeat: time.Minute,
		Venue: func(int) server.Config {
			return server.Config{
				Seed: k.seed,
				Desk: desk.Config{CheckpointInterval: 50 * time.Millisecond, Keep: desk.Retention{Bytes: 1}},
			}
		},
		Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, EventLoops: 1, Drain: time.Second,
		Log: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		k.nodes[n] = node
	}
	return err
}

func (k *three) stop(n int) {
	if node := k.nodes[n]; node != nil {
		k.nodes[n] = nil
		if err := node.Stop(); err != nil {
			k.t.Error(err)
		}
	}
}

// status returns what a node knows of the stream of the trader.
func (k *three) status(n int) cluster.StreamStatus {
	return k.nodes[n].Status(k.t.Context()).Streams[cluster.PartitionOf(trader)%k.nodes[n].Streams()]
}

// buy places an order at the first node. If a busy machine makes venues move, that may close the session.
func (k *three) buy() {
	k.t.Helper()
	eventually(k.t, "an order", func() bool {
		if k.client == nil {
			c, err := client.Dial(k.t.Context(), k.nodes[0].Addrs[0], client.Options{Timeout: patience})
			if err != nil {
				return false
			}
			k.client = c
			if _, err := c.Login(k.t.Context(), trader, client.DemoToken(trader)); err != nil {
				k.hangUp()
				return false
			}
		}
		_, err := k.client.PlaceOrder(k.t.Context(), client.Order{Side: client.Buy, Key: client.Key{Market: "ALFA", Code: "600100"}, Quantity: 1})
		if err != nil {
			k.hangUp()
		}
		return err == nil
	})
}

func (k *three) hangUp() {
	if k.client != nil {
		k.client.Close()
		k.client = nil
	}
}

// TestTrim: a cluster trims a stream. A node that is down keeps it as it is, and then goes on. One whose
// venue folder is lost gets what was trimmed from another one, and can own the venue.
func TestTrim(t *testing.T) {
	k := newThree(t)
	trimmed := func(beyond uint64) func() bool {
		return func() bool {
			k.buy()
			return k.status(0).First > beyond
		}
	}
	eventually(t, "a trim", trimmed(1))
	stream := k.status(0)
	owner := slices.IndexFunc(k.peers, func(p cluster.Peer) bool { return p.Node == stream.Leader })
	lost := (owner + 1) % 3
	if lost == 0 {
		lost = (owner + 2) % 3
	}
	k.stop(lost)
	eventually(t, "the status to say who is down", func() bool {
		k.buy()
		return k.status((lost+1)%3).Untrimmed != ""
	})
	venue := filepath.Join(k.folder(lost), "venues", stream.Stream)
	must(t, os.RemoveAll(venue))
	must(t, k.start(lost))
	eventually(t, "a further trim", trimmed(k.status(0).First))
	eventually(t, "the new owner", func() bool {
		_ = k.nodes[0].Move(t.Context(), stream.Stream, k.peers[lost].Node) // the next attempt may do
		return k.status(lost).Owner == k.peers[lost].Node
	})
	k.buy()
	if _, err := os.Stat(filepath.Join(venue, "borrowed")); !os.IsNotExist(err) {
		t.Error(err)
	}
}
