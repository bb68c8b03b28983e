package main_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"holdfast/biz/cluster"
)

// startNodes starts the nodes n1, n2 and n3 of a cluster, until the end of the test, and waits until all
// streams have an owner.
func startNodes(t *testing.T) (nodes [3]*served) {
	t.Helper()
	var common []string
	addrs := freeAddresses(t)
	for n, addr := range addrs {
		common = append(common, "--cluster-peer", fmt.Sprintf("n%d=%s", n+1, addr))
	}
	for n := range nodes {
		nodes[n] = launchServe(t, append([]string{
			"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error",
			"--cluster-node", fmt.Sprintf("n%d", n+1), "--cluster-listen", addrs[n],
		}, common...)...)
	}
	t.Cleanup(func() { // they stop together: none waits for another one that takes its streams
		var stops sync.WaitGroup
		for _, s := range nodes {
			stops.Go(func() { s.stop() })
		}
		stops.Wait()
	})
	for _, s := range nodes {
		s.await(t)
	}
	for _, s := range nodes {
		awaitAnswer(t, "http://"+s.admin+"/readyz", http.StatusOK, "ready")
	}
	return nodes
}

// freeAddresses returns addresses that nobody listens on.
func freeAddresses(t *testing.T) (addrs [3]string) {
	t.Helper()
	var listeners [3]net.Listener // all at once, so that the ports differ
	for n := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[n], addrs[n] = l, l.Addr().String()
	}
	for _, l := range listeners {
		l.Close()
	}
	return addrs
}

// clusterStatus returns what the node at admin says.
func clusterStatus(t *testing.T, admin string) (s cluster.Status) {
	t.Helper()
	code, stdout, stderr := run(t, "cluster", "status", "--admin", admin, "--json")
	if code != 0 {
		t.Fatalf("%d %s", code, stderr)
	}
	documented(t, jsonPage(t), stdout, "cluster status")
	if err := json.Unmarshal([]byte(stdout), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCluster: each node shows the streams of all; one that is drained has none left, until it takes them
// again; a stream moves to where it is told to.
func TestCluster(t *testing.T) {
	nodes := startNodes(t)
	admin := nodes[0].admin
	s := clusterStatus(t, admin)
	if len(s.Streams) != 6 || len(s.Nodes) != 3 {
		t.Fatalf("%+v", s)
	}
	for _, k := range s.Streams {
		if k.Owner == "" || k.Epoch == 0 || k.TakeOvers == 0 || k.TakeOver == 0 || len(k.Copies) != 3 || k.Batches == 0 || k.Voids != 0 {
			t.Errorf("%+v", k)
		}
	}
	ok := func(want string, args ...string) {
		t.Helper()
		code, stdout, stderr := run(t, append([]string{"cluster"}, append(args, "--admin", admin)...)...)
		if code != 0 || !strings.HasPrefix(stdout, want) {
			t.Errorf("%q: %d %q %q", args, code, stdout, stderr)
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		code, stdout, stderr := run(t, append([]string{"cluster"}, append(args, "--admin", admin)...)...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%q: %d %q %q", args, code, stdout, stderr)
		}
	}
	refused(`there is no node "n9"; they are n1, n2, n3`, "move", "HF0", "n9")
	refused(`there is no stream "HF9"; they are HF0 to HF5`, "move", "HF9", "n1")
	refused(`there is no node "n9"`, "drain", "n9")

	ok("n2 owns no stream", "drain", "n2", "--wait")
	drained := clusterStatus(t, nodes[2].admin)
	if !drained.Nodes[1].Drained || slices.ContainsFunc(drained.Streams, func(k cluster.StreamStatus) bool { return k.Owner == "n2" }) {
		t.Errorf("%+v", drained)
	}
	refused("holdfast cluster undrain n2", "move", "HF0", "n2")
	ok("nodes: n1, n2 (drained), n3\n  stream  owner  epoch  copies ", "status")
	ok("n2 takes streams again", "undrain", "n2")
	ok("HF0 moves to n2", "move", "HF0", "n2")
	if !eventually(func() bool { return clusterStatus(t, admin).Streams[0].Owner == "n2" }) {
		t.Errorf("HF0 has not moved: %+v", clusterStatus(t, admin).Streams[0])
	}
	for _, want := range []string{`holdfast_cluster_owner{stream="HF5"} `, `holdfast_cluster_copy_lag{node="n1",stream="HF`, "holdfast_ready 1\n", "holdfast_client_connected 0\n"} {
		if metrics := get(t, "http://"+nodes[2].admin+"/metrics"); !strings.Contains(metrics, want) {
			t.Errorf("%s is missing: %s", want, metrics)
		}
	}
}
