//go:build gate && linux

package deploy_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/biz/client"
)

// clusterUp starts cluster/compose.yaml, and restarts node after node while clients trade at the other two:
// their sessions see no error, and every order that was acknowledged is there, once.
func clusterUp(t *testing.T, e *engine) {
	step := stopwatch(t)
	e.podman("rm", "--force", "--all", "--time", "1") // those of other tests need processors
	e.scratchImage("prometheus", "/usr/bin/prometheus")
	e.environ = append(e.environ, "PROMETHEUS_IMAGE=prometheus:latest")
	defer e.serve(t)()
	folder := filepath.Join(e.files(), "cluster")
	e.run("sh", filepath.Join(folder, "secrets.sh"))
	e.compose("docker-compose", "-f", filepath.Join(folder, "compose.yaml"), "up", "--detach")
	step("docker-compose up")
	e.environ = append(e.environ, "COMPOSE=sh "+e.composer())
	sessions := []*session{{customer: 100051}, {customer: 100052}}
	for _, node := range nodes {
		e.ready("cluster_" + node + "_1")
	}
	step("all nodes are ready")
	for i, node := range nodes {
		for k, s := range sessions {
			s.begin(t, e, (i+1+k)%len(nodes))
		}
		for _, s := range sessions {
			s.await(t, 20)
		}
		e.compose("sh", filepath.Join(folder, "rolling.sh"), node)
		for _, s := range sessions {
			s.await(t, 20)
			s.end()
		}
		step("restart of " + node)
	}
	for i, s := range sessions {
		s.check(t, e, i)
	}
	for _, node := range nodes {
		if logs, errs, _ := e.try("podman", "logs", "cluster_"+node+"_1"); strings.Contains(logs+errs, "certificate") {
			t.Errorf("%s has trouble with certificates:\n%s%s", node, logs, errs)
		}
	}
	e.rounds(t)
	e.until("sh", "-c", `promtool query instant http://127.0.0.1:9091 'count(up{job="holdfast"} == 1)' | grep -q '=> 3 '`)
	step("another round, and Prometheus")
}

// composer writes a program that is docker-compose, but for the subcommand exec: podman would keep processes
// for five minutes after each. It returns the path.
func (e *engine) composer() (path string) {
	e.t.Helper()
	path = filepath.Join(e.folder, "compose.sh")
	const program = `if [ "$3 $4" = "exec -T" ]; then # -f FILE exec -T NODE COMMAND...
	node=$5
	shift 5
	exec podman exec "cluster_${node}_1" "$@"
fi
exec docker-compose "$@"
`
	if err := os.WriteFile(path, []byte(program), 0o600); err != nil {
		e.t.Fatal(err)
	}
	return path
}

// session is a customer who trades at one node after the other, and expects no error.
type session struct {
	customer client.Customer
	client   *client.Client
	done     sync.WaitGroup
	quit     chan struct{}
	progress chan struct{} // a value for each answer, unless nobody waits for it
	acked    []string      // client order ids
}

// enter logs the customer in at a node, by its number from 0.
func (s *session) enter(t *testing.T, e *engine, node int) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), fmt.Sprintf("127.0.0.1:888%d", node+1), client.Options{Timeout: patience, Dial: e.dial})
	if err == nil {
		_, err = c.Login(t.Context(), s.customer, client.DemoToken(s.customer))
	}
	if err != nil {
		t.Fatalf("customer %d at %s: %v", s.customer, nodes[node], err)
	}
	return c
}

// begin starts to trade at a node. It sends an order after the answer to the one before.
func (s *session) begin(t *testing.T, e *engine, node int) {
	t.Helper()
	s.client, s.quit, s.progress = s.enter(t, e, node), make(chan struct{}), make(chan struct{}, 1)
	instruments, err := s.client.Quotes(t.Context(), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.client.Close(); s.done.Wait() }) // of a test that has failed
	s.done.Go(func() {
		defer s.client.Close()
		for {
			select {
			case <-s.quit:
				return
			case <-time.After(pace):
			}
			o := client.Order{ClientOrderID: fmt.Sprintf("o%d", len(s.acked)), Side: client.Buy, Key: instruments[0].Key, Quantity: 1}
			if placed, err := s.client.PlaceOrder(t.Context(), o); err != nil || placed.Duplicate || placed.Filled != 1 {
				t.Errorf("customer %d at %s, which lives: %+v, %v", s.customer, nodes[node], placed, err)
				return
			}
			s.acked = append(s.acked, o.ClientOrderID)
			select {
			case s.progress <- struct{}{}:
			default:
			}
		}
	})
}

// await waits for count more answers.
func (s *session) await(t *testing.T, count int) {
	t.Helper()
	late := time.After(patience)
	for range count {
		select {
		case <-s.progress:
		case <-late:
			t.Fatalf("customer %d had no answer within %v", s.customer, patience)
		}
	}
}

// end ends the session after the answer to its last order.
func (s *session) end() {
	close(s.quit)
	s.done.Wait()
}

// check compares what was acknowledged with what a node knows.
func (s *session) check(t *testing.T, e *engine, node int) {
	t.Helper()
	c := s.enter(t, e, node)
	defer c.Close()
	executed := make(map[string]int)
	for x, err := range c.Executions(t.Context(), client.HistoryQuery{Limit: 1000}) {
		if err != nil {
			t.Fatal(err)
		}
		executed[x.ClientOrderID]++
	}
	for _, id := range s.acked {
		if executed[id] != 1 {
			t.Errorf("customer %d: the acknowledged order %s was executed %d times", s.customer, id, executed[id])
		}
	}
	if len(executed) != len(s.acked) {
		t.Errorf("customer %d: %d orders were acknowledged, and %d executed", s.customer, len(s.acked), len(executed))
	}
	t.Logf("customer %d: %d orders acknowledged and executed", s.customer, len(s.acked))
}

// dial opens a connection inside the network namespace.
func (e *engine) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	outside, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer outside.Close()
	inside, err := os.Open(filepath.Join("/run/netns", e.namespace))
	if err != nil {
		return nil, err
	}
	defer inside.Close()
	if err := unix.Setns(int(inside.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	conn, err = new(net.Dialer).DialContext(ctx, network, address) // an IP address: it starts no goroutine that dials
	if err := unix.Setns(int(outside.Fd()), unix.CLONE_NEWNET); err != nil {
		panic(err) // the thread is of no use any more
	}
	return conn, err
}
