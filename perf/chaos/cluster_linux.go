package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/client"
)

func clusterFault() Fault {
	return Fault{
		Name: "cluster", ID: "K1", Short: "faults of the nodes of a cluster under load",
		How: "three nodes; at random kill -9, a stop of the process for seconds, a graceful stop, a planned move, two nodes down, or a node that " +
			"comes back with an emptied or an older folder, while customers place, cancel and replace orders at all nodes, one sends each order " +
			"to all nodes at once, prices move, an operator busts and corrects, some sessions only watch, and some histories are checked by porcupine",
		Promise: "nothing acknowledged is lost, nothing takes effect twice (D8); accounts are linearizable; sessions of nodes that live see a pause " +
			"and no error; a session that resumes at another node receives every push it missed, once",
		Long: Size{Rounds: 300, Size: 16}, Gate: Size{Rounds: 8, Size: 8},
		RoundsHelp: "rounds, each with a fault",
		SizeHelp:   "customers who trade",
		Run:        func(ctx context.Context, r *Run) error { return runCluster(ctx, r, nil, clusterKinds()) },
	}
}

// Parameters of the rounds of cluster.
const (
	clusterNodes       = 3
	clusterVerifyEvery = 5
	clusterWhole       = 60 * time.Second // how long the cluster may take to be whole again
	clusterProbers     = 12               // sessions that measure the pause
	clusterProbePause  = 2 * time.Millisecond
	clusterProbeLimit  = 30 * time.Second // for an answer
)

// clusterRun is a cluster and its clients.
type clusterRun struct {
	*Run
	kinds     []clusterKind
	random    *rand.Rand
	nodes     []*clusterNode
	traders   []*trader
	watched   []*watcher
	histories *clusterHistories
	racer     *racer
	raced     client.Key                 // what racer trades
	pauses    map[string][]time.Duration // the longest waits of all probers in all rounds, by fault
	network   bool                       // nodes may not reach each other: sessions may end
	ended     atomic.Int64               // sessions that measured, and have ended
	aged      int                        // nodes that came back with an older folder
	what      atomic.Value               // string: the fault of this round
	explained atomic.Value               // string: the last one that said has explained
}

// clusterNode is a node that may be down.
type clusterNode struct {
	name, data          string
	listen, admin, peer string   // fixed, so that clients and nodes know them
	prefix              []string // of its command
	host, network       string   // of a clusterNetwork
	args                []string
	*Server

	mu      sync.Mutex
	servers []*Server // that it has had lately, for what they have said
}

// runCluster tries faults of these kinds. The nodes are in network, or on the loopback interface if it is nil.
func runCluster(ctx context.Context, r *Run, network *clusterNetwork, kinds []clusterKind) error {
	k := &clusterRun{Run: r, kinds: kinds, network: network != nil, random: r.Random(), traders: r.newTraders(r.Size), pauses: make(map[string][]time.Duration)}
	k.what.Store("start")
	k.explained.Store("")
	r.explain = k.said
	for _, t := range k.traders {
		t.undoes, t.moves = true, true
	}
	last := client.Customer(firstCustomer + customers - 1 - clusterProbers)
	k.racer = &racer{k: k, customer: last}
	k.histories = newClusterHistories(k, client.Customer(firstCustomer+r.Size), last-1)
	k.makeNodes(network, r.shallowSeed(k.traders))
	k.startNodes(ctx, k.nodes)
	k.awaitWhole(ctx, "start")
	k.watched = watch(k.traders)
	defer func() { closeAll(k.watched) }()
	rememberAll(ctx, k.nodes[0].Addr, k.traders)
	_, quotes := look(ctx, k.nodes[0].Addr, k.racer.customer, shippedInstruments)
	k.raced = k.quiet(quotes)[linearKeys].Key
	resumeAll(ctx, k.nodes[1].Addr, k.watched)
	r.rounds(ctx, func(round int) { k.round(ctx, round) })
	return k.finish(ctx)
}

// makeNodes chooses the addresses of the nodes.
func (k *clusterRun) makeNodes(network *clusterNetwork, args []string) {
	var peers []string
	for i := range clusterNodes {
		n := &clusterNode{name: fmt.Sprintf("n%d", i+1), data: filepath.Join(k.Scratch, fmt.Sprintf("node%d", i+1))}
		if network != nil {
			network.place(n, i)
		} else {
			n.listen, n.admin, n.peer = freeAddress(), freeAddress(), freeAddress()
		}
		k.nodes = append(k.nodes, n)
		peers = append(peers, "--cluster-peer", n.name+"="+n.peer)
	}
	for _, n := range k.nodes {
		n.args = slices.Concat(args, []string{
			"--listen", n.listen, "--admin", n.admin, "--allow-plaintext", "--cluster-node", n.name, "--cluster-listen", n.peer,
		}, peers)
	}
}

// freeAddress returns a free port of the loopback interface.
func freeAddress() string {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	check(l.Close())
	return l.Addr().String()
}

// startNodes starts nodes side by side: one alone waits for others.
func (k *clusterRun) startNodes(ctx context.Context, nodes []*clusterNode) {
	var all sync.WaitGroup
	problems := make([]error, len(nodes))
	for i, n := range nodes {
		all.Go(func() {
			n.Server, problems[i] = k.Start(ctx, ServerOptions{Data: n.data, Args: n.args, Prefix: n.prefix})
			n.remember()
		})
	}
	all.Wait()
	check(errors.Join(problems...))
}

// clusterStatus is a part of what a node says.
type clusterStatus struct {
	Streams []struct {
		Stream, Owner, Leader, Trouble string
		Copies                         []struct {
			Node    string
			Current bool
			Lag     uint64
		}
		Repeated uint64 `json:"appends_repeated"`
		Adopted  uint64 `json:"appends_adopted"`
		Voids    uint64 `json:"void_batches"`
	}
}

func (n *clusterNode) status(ctx context.Context) (s clusterStatus, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request := must(http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Admin+"/cluster", http.NoBody))
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		return s, err
	}
	defer reply.Body.Close()
	return s, json.NewDecoder(reply.Body).Decode(&s)
}

// awaitWhole waits until each stream has an owner and three copies in order.
func (k *clusterRun) awaitWhole(ctx context.Context, after string) {
	lacks := ""
	if !waitUntil(ctx, clusterWhole, 50*time.Millisecond, func() bool {
		lacks = k.lacks(ctx)
		return lacks == ""
	}) {
		k.Broken("the cluster is not whole %v after a fault (%s): %s", clusterWhole, after, lacks)
	}
}

// lacks returns what a whole cluster has and this one lacks, as one of its nodes sees it.
func (k *clusterRun) lacks(ctx context.Context) string {
	for _, n := range k.nodes {
		s, err := n.status(ctx)
		if err != nil {
			return fmt.Sprintf("an answer of %s: %v", n.name, err)
		}
		if len(s.Streams) == 0 {
			return "streams"
		}
		for _, stream := range s.Streams {
			if stream.Owner == "" || stream.Owner != stream.Leader || len(stream.Copies) < clusterNodes {
				return fmt.Sprintf("an owner or copies of %s, as %s sees it: %+v", stream.Stream, n.name, stream)
			}
			for _, c := range stream.Copies {
				if !c.Current {
					return fmt.Sprintf("the copy of %s at %s: %+v", stream.Stream, c.Node, stream)
				}
			}
		}
	}
	return ""
}

// round does one fault while all customers trade.
func (k *clusterRun) round(ctx context.Context, round int) {
	kind := k.pick()
	var victims, others []*clusterNode
	for i, n := range k.random.Perm(clusterNodes) {
		if i < kind.hurt {
			victims = append(victims, k.nodes[n])
		} else {
			others = append(others, k.nodes[n])
		}
	}
	k.record(round, kind, victims)
	k.histories.start(ctx, k.anyNode())
	trading, stop := context.WithTimeout(ctx, 2*clusterWhole)
	defer stop()
	var work sync.WaitGroup
	for i, t := range k.traders {
		work.Go(func() { k.trade(trading, t, i) })
	}
	work.Go(func() { k.movePrices(trading) })
	work.Go(func() { k.histories.work(ctx, trading) })
	work.Go(func() { k.racer.run(ctx, trading) })
	pauses := make([]time.Duration, clusterProbers)
	for i := range pauses {
		node := others[i%len(others)]
		work.Go(func() { pauses[i] = k.probe(trading, node, i, kind) })
	}
	sleep(ctx, time.Duration(200+k.random.IntN(400))*time.Millisecond)
	kind.do(k, ctx, victims)
	k.awaitWhole(ctx, kind.name)
	sleep(ctx, 200*time.Millisecond)
	stop()
	work.Wait()
	check(ctx.Err())
	k.pauses[kind.name] = append(k.pauses[kind.name], pauses...)
	resumeAll(ctx, k.anyNode(), k.watched)
	last := round == k.Rounds-1
	k.histories.end(ctx, k.anyNode(), last, fmt.Sprintf("round %d", round+1))
	if round%clusterVerifyEvery == clusterVerifyEvery-1 && !last { // finish verifies after the last one
		verifyAll(ctx, k.anyNode(), k.traders, false)
	}
}

// anyNode returns the address of a node for clients.
func (k *clusterRun) anyNode() string { return k.nodes[k.random.IntN(clusterNodes)].listen }

// trade trades at one node after the other, until ctx ends.
func (k *clusterRun) trade(ctx context.Context, t *trader, first int) {
	for n := first; ctx.Err() == nil; n++ {
		t.trade(ctx, k.nodes[n%clusterNodes].listen)
		sleep(ctx, 20*time.Millisecond)
	}
}

func (k *clusterRun) movePrices(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		k.traders[0].prices.move(ctx, k.nodes[n%clusterNodes].listen)
		sleep(ctx, 20*time.Millisecond)
	}
}

// finish compares everything and writes the figures.
func (k *clusterRun) finish(ctx context.Context) error {
	addr := k.nodes[0].Addr
	check(resendAll(ctx, addr, k.traders))
	resumeAll(ctx, addr, k.watched)
	seen := closeAll(k.watched)
	verifyAll(ctx, addr, k.traders, true)
	k.racer.finish(ctx, addr)
	var voids, repeated uint64
	for _, s := range must(k.nodes[0].status(ctx)).Streams {
		voids, repeated = voids+s.Voids, repeated+s.Repeated
	}
	if voids > 0 {
		k.Broken("%d void batches in the journals", voids)
	}
	sum := countAll(k.traders)
	sum.figures(k.Run)
	k.Figure("busts", sum.busts, "")
	k.Figure("corrections", sum.corrections, "")
	k.Figure("requests sent again without a first reply", sum.resent, "")
	k.Figure("of these done before", sum.done, "")
	k.Figure("pushes received by sessions that watch", seen.pushes, "")
	k.Figure("sessions that resumed", seen.resumed, "")
	k.Figure("pushes that these had missed", seen.missed, "")
	k.Figure("sessions that started with a snapshot", seen.fresh, "")
	k.Figure("appends repeated since the last starts", repeated, "")
	k.Figure("nodes that came back with an older folder", k.aged, "")
	if k.network {
		k.Figure("sessions at other nodes that were closed", int(k.ended.Load()), "")
	}
	k.histories.figures()
	k.pauseFigures()
	if sum.acked < k.Rounds*20 || k.histories.counted.ops < k.Rounds*20 || k.racer.answered < k.Rounds*2 {
		return ErrTooLittle
	}
	return nil
}

// pauseFigures writes the percentiles of the longest waits.
func (k *clusterRun) pauseFigures() {
	for _, kind := range k.kinds {
		list := slices.DeleteFunc(k.pauses[kind.name], func(d time.Duration) bool { return d == 0 })
		if len(list) == 0 {
			continue
		}
		slices.Sort(list)
		at := func(percent int) time.Duration {
			return list[min(len(list)*percent/100, len(list)-1)].Round(time.Millisecond)
		}
		k.Figure("pause, "+kind.name, at(50), fmt.Sprintf("p50; p90 %v, p99 %v, longest %v of %d sessions", at(90), at(99), at(100), len(list)))
	}
}
