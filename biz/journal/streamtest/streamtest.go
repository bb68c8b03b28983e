// Package streamtest runs JetStream servers in this process, for tests of shared journals.
package streamtest

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"holdfast/biz/journal"
)

// The stream of the tests.
const (
	Stream  = "HF0"
	Subject = "hf.journal.0"
)

// patience is how long something may take that a test waits for.
const patience = time.Minute

// A Node is one server.
type Node struct {
	*server.Server

	Name   string
	t      testing.TB
	fences atomic.Uint64
}

// Alone runs one server with an empty stream. The test stops it at its end.
func Alone(t testing.TB) *Node {
	t.Helper()
	n := start(t, "alone", "")
	n.create(Stream, 1)
	return n
}

// Cluster runs three servers with an empty stream that each of them stores.
func Cluster(t testing.TB) []*Node {
	t.Helper()
	ports := freePorts(t, 3)
	routes := "nats-route://" + strings.Join(ports, ", nats-route://")
	var nodes []*Node
	for i, port := range ports {
		nodes = append(nodes, start(t, fmt.Sprintf("n%d", i+1), fmt.Sprintf(`cluster { name: test, listen: %q, no_advertise: true, routes: [%s] }`,
			port, routes)))
	}
	nodes[0].create(Stream, 3)
	return nodes
}

// freePorts returns addresses on which nobody listens.
func freePorts(t testing.TB, n int) (addrs []string) {
	t.Helper()
	var open []net.Listener // at the same time, so that they differ
	for range n {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, l)
		addrs = append(addrs, l.Addr().String())
	}
	for _, l := range open {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return addrs
}

// start starts a server with these settings of its cluster.
func start(t testing.TB, name, cluster string) *Node {
	t.Helper()
	o := new(server.Options)
	err := o.ProcessConfigString(fmt.Sprintf("server_name: %s\nlisten: 127.0.0.1:-1\njetstream { store_dir: %q, sync_interval: always }\n%s", name, t.TempDir(), cluster))
	if err != nil {
		t.Fatal(err)
	}
	o.NoSigs, o.NoLog = true, true
	srv, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Server: srv, Name: name, t: t}
	srv.Start()
	t.Cleanup(n.Stop)
	return n
}

// Stop stops the server.
func (n *Node) Stop() {
	n.Shutdown()
	n.WaitForShutdown()
}

// Connect returns a connection to the server.
func (n *Node) Connect(name string) (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(n.Server), nats.Name(name), nats.Timeout(patience), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ReconnectBufSize(-1))
}

// LeadsStream reports whether the server leads the stream.
func (n *Node) LeadsStream() bool { return n.JetStreamIsStreamLeader("$G", Stream) }

// Shared returns the settings of a journal on the stream. Each call makes another fence.
func (n *Node) Shared(leads func() bool) *journal.Shared {
	fence := n.Name + " fence " + strconv.FormatUint(n.fences.Add(1), 10)
	return &journal.Shared{Connect: n.Connect, Stream: Stream, Subject: Subject, Node: n.Name, Fence: []byte(fence), Leads: leads}
}

// JetStream calls do with a client of the server.
func (n *Node) JetStream(do func(ctx context.Context, js jetstream.JetStream) error) {
	n.t.Helper()
	nc, err := n.Connect("test")
	if err != nil {
		n.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	if err := do(ctx, js); err != nil {
		n.t.Fatal(err)
	}
}

// create creates a stream as soon as the servers can.
func (n *Node) create(stream string, replicas int) {
	n.t.Helper()
	if !n.ReadyForConnections(patience) {
		n.t.Fatal("the server does not start")
	}
	n.JetStream(func(ctx context.Context, js jetstream.JetStream) error {
		for {
			once, cancel := context.WithTimeout(ctx, time.Second)
			_, err := js.CreateStream(once, journal.StreamConfig(stream, Subject, replicas))
			cancel()
			if err == nil || ctx.Err() != nil {
				return err
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
}

// Publish appends a batch without a check of what comes before it. epoch is its header; "": it has no header.
func (n *Node) Publish(msg []byte, epoch string) {
	n.t.Helper()
	n.JetStream(func(ctx context.Context, js jetstream.JetStream) error {
		m := nats.NewMsg(Subject)
		m.Data = msg
		if epoch != "" {
			m.Header.Set(journal.EpochHeader, epoch)
		}
		_, err := js.PublishMsg(ctx, m)
		return err
	})
}

// Batch returns a stored batch and its epoch.
func (n *Node) Batch(number uint64) (msg []byte, epoch string) {
	n.t.Helper()
	n.JetStream(func(ctx context.Context, js jetstream.JetStream) error {
		stream, err := js.Stream(ctx, Stream)
		if err != nil {
			return err
		}
		m, err := stream.GetMsg(ctx, number)
		if err == nil {
			msg, epoch = m.Data, m.Header.Get(journal.EpochHeader)
		}
		return err
	})
	return msg, epoch
}

// Empty makes the stream empty.
func (n *Node) Empty() {
	n.t.Helper()
	n.JetStream(func(ctx context.Context, js jetstream.JetStream) error { return js.DeleteStream(ctx, Stream) })
	n.create(Stream, 1)
}
