package chaos

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

func clusterNetworkFault() Fault {
	f := clusterFault()
	f.Name, f.ID, f.Short = "cluster-network", "K2", "the network between nodes of a cluster cut"
	f.How = "three nodes in networks of their own; at random what one node sends to another, what two send to each other, or all between a " +
		"node and the others is lost for 1 to 8 s, under the same load as in cluster"
	f.Promise = "as for cluster; sessions at a node that can't reach the owner of their account may be closed, and then resume at another"
	f.Needs, f.Root = []string{"ip", "iptables"}, true
	f.Long, f.Gate = Size{Rounds: 100, Size: 16}, Size{Rounds: 3, Size: 4}
	f.Run = func(ctx context.Context, r *Run) error {
		return runCluster(ctx, r, newClusterNetwork(ctx, r), clusterCuts())
	}
	return f
}

// clusterCuts are the faults of the network.
func clusterCuts() []clusterKind {
	return []clusterKind{
		{"cut between two nodes", 3, 2, func(k *clusterRun, ctx context.Context, v []*clusterNode) {
			k.cut(ctx, [][2]*clusterNode{{v[0], v[1]}, {v[1], v[0]}})
		}},
		{"cut from one node to another", 3, 2, func(k *clusterRun, ctx context.Context, v []*clusterNode) {
			k.cut(ctx, [][2]*clusterNode{{v[0], v[1]}})
		}},
		{"node cut off", 2, 1, func(k *clusterRun, ctx context.Context, v []*clusterNode) {
			k.cut(ctx, append(k.fromOthers(v[0]), k.toOthers(v[0])...))
		}},
		{"node that nobody hears", 1, 1, func(k *clusterRun, ctx context.Context, v []*clusterNode) { k.cut(ctx, k.toOthers(v[0])) }},
		{"node that hears nobody", 1, 1, func(k *clusterRun, ctx context.Context, v []*clusterNode) { k.cut(ctx, k.fromOthers(v[0])) }},
	}
}

// toOthers returns the ways from a node to all others, fromOthers those back.
func (k *clusterRun) toOthers(from *clusterNode) (ways [][2]*clusterNode) {
	for _, to := range k.nodes {
		if to != from {
			ways = append(ways, [2]*clusterNode{from, to})
		}
	}
	return ways
}

func (k *clusterRun) fromOthers(to *clusterNode) (ways [][2]*clusterNode) {
	for _, from := range k.nodes {
		if from != to {
			ways = append(ways, [2]*clusterNode{from, to})
		}
	}
	return ways
}

// cut lets nothing pass some ways between nodes for 1 to 8 s.
func (k *clusterRun) cut(ctx context.Context, ways [][2]*clusterNode) {
	for _, way := range ways {
		way[1].iptables(ctx, "-A", "INPUT", "-s", way[0].host, "-j", "DROP")
	}
	sleep(ctx, time.Duration(1000+k.random.IntN(7000))*time.Millisecond)
	for _, n := range k.nodes {
		n.iptables(context.WithoutCancel(ctx), "-F", "INPUT")
	}
}

// iptables changes the rules of the node's network.
func (n *clusterNode) iptables(ctx context.Context, args ...string) {
	ip(ctx, append([]string{"netns", "exec", n.network, "iptables", "-w"}, args...)...)
}

// clusterNetwork has a network namespace for each node, on a bridge that this process can reach.
type clusterNetwork struct {
	hosts, names []string
}

// newClusterNetwork creates the namespaces, which are removed at the end of the run with their rules.
func newClusterNetwork(ctx context.Context, r *Run) *clusterNetwork {
	random := r.Random()
	subnet := fmt.Sprintf("10.%d.%d.", 64+random.IntN(128), random.IntN(250))
	name := fmt.Sprintf("hf%dk", unix.Getpid()%100_000)
	remove := func(args ...string) { // what was not created can't be removed
		r.Cleanup(func() error {
			_ = exec.Command("ip", args...).Run()
			return nil
		})
	}
	remove("link", "del", name)
	ip(ctx, "link", "add", name, "type", "bridge")
	ip(ctx, "addr", "add", subnet+"1/24", "dev", name)
	ip(ctx, "link", "set", name, "up")
	n := new(clusterNetwork)
	for i := range clusterNodes {
		link, host := fmt.Sprintf("%s%d", name, i+1), fmt.Sprintf("%s%d", subnet, i+11)
		n.names, n.hosts = append(n.names, link), append(n.hosts, host)
		remove("netns", "del", link)
		ip(ctx, "netns", "add", link)
		remove("link", "del", link)
		ip(ctx, "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", link)
		ip(ctx, "link", "set", link, "master", name)
		ip(ctx, "link", "set", link, "up")
		ip(ctx, "-n", link, "addr", "add", host+"/24", "dev", "eth0")
		ip(ctx, "-n", link, "link", "set", "eth0", "up")
		ip(ctx, "-n", link, "link", "set", "lo", "up")
	}
	return n
}

// place moves a node into the network with its number.
func (w *clusterNetwork) place(n *clusterNode, i int) {
	n.host, n.network = w.hosts[i], w.names[i]
	n.listen, n.admin, n.peer = n.host+":7001", n.host+":7002", n.host+":7003"
	n.prefix = []string{"ip", "netns", "exec", n.network}
}
