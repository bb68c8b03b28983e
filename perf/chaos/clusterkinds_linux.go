package chaos

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"syscall"
	"time"
)

// clusterKind is a kind of fault.
type clusterKind struct {
	name   string
	weight int
	hurt   int // how many nodes it is done to; sessions at the others must not end
	do     func(k *clusterRun, ctx context.Context, victims []*clusterNode)
}

// clusterKinds are the faults of processes and folders.
func clusterKinds() []clusterKind {
	return []clusterKind{
		{"kill -9", 6, 1, (*clusterRun).killNodes},
		{"stop of the process", 4, 1, (*clusterRun).freeze},
		{"graceful stop", 4, 1, (*clusterRun).stopNodes},
		{"planned move", 6, 1, (*clusterRun).moveStreams},
		{"two nodes down", 2, 2, (*clusterRun).killNodes},
		{"emptied folder", 1, 1, (*clusterRun).emptyNode},
		{"older folder", 1, 1, (*clusterRun).ageNode},
		{"emptied folder and one behind", 1, 2, (*clusterRun).emptyBesideOld},
	}
}

// pick chooses a kind by the weights.
func (k *clusterRun) pick() clusterKind {
	total := 0
	for _, kind := range k.kinds {
		total += kind.weight
	}
	at := k.random.IntN(total)
	for _, kind := range k.kinds {
		if at -= kind.weight; at < 0 {
			return kind
		}
	}
	return k.kinds[0]
}

func (k *clusterRun) killNodes(ctx context.Context, victims []*clusterNode) {
	for _, n := range victims {
		n.Kill()
		n.keepCopy()
	}
	sleep(ctx, time.Duration(k.random.IntN(3000))*time.Millisecond)
	k.startNodes(ctx, victims)
}

func (k *clusterRun) freeze(ctx context.Context, victims []*clusterNode) {
	for _, n := range victims {
		check(n.Signal(syscall.SIGSTOP))
	}
	sleep(ctx, time.Duration(5000+k.random.IntN(10_000))*time.Millisecond)
	for _, n := range victims {
		check(n.Signal(syscall.SIGCONT))
	}
}

func (k *clusterRun) stopNodes(ctx context.Context, victims []*clusterNode) {
	for _, n := range victims {
		check(n.Terminate())
		k.exits(ctx, n.Server, "graceful stop", 0, clusterWhole)
		n.keepCopy()
	}
	k.startNodes(ctx, victims)
}

// emptyNode lets a node come back without its folder.
func (k *clusterRun) emptyNode(ctx context.Context, victims []*clusterNode) {
	for _, n := range victims {
		n.Kill()
		check(os.RemoveAll(n.data))
	}
	sleep(ctx, time.Duration(k.random.IntN(2000))*time.Millisecond)
	k.startNodes(ctx, victims)
}

// emptyBesideOld lets a node come back without its folder together with one that has been down: only the third
// has everything.
func (k *clusterRun) emptyBesideOld(ctx context.Context, victims []*clusterNode) {
	old, emptied := victims[0], victims[1]
	old.Kill()
	sleep(ctx, time.Duration(2000+k.random.IntN(2000))*time.Millisecond) // the other two go on
	emptied.Kill()
	check(os.RemoveAll(emptied.data))
	sleep(ctx, time.Duration(k.random.IntN(4000))*time.Millisecond) // the third may notice that it is alone
	k.startNodes(ctx, victims)
}

// ageNode lets a node come back with its folder of some rounds ago, if there is a copy of one.
func (k *clusterRun) ageNode(ctx context.Context, victims []*clusterNode) {
	for _, n := range victims {
		n.Kill()
		if _, err := os.Stat(n.copied()); err == nil {
			check(os.RemoveAll(n.data))
			check(os.Rename(n.copied(), n.data))
			k.aged++
		} else {
			n.keepCopy()
		}
	}
	k.startNodes(ctx, victims)
}

func (n *clusterNode) copied() string { return n.data + "-before" }

// keepCopy copies the folder of a node that does not run, for ageNode, unless there is a copy.
func (n *clusterNode) keepCopy() {
	if _, err := os.Stat(n.copied()); err == nil {
		return
	}
	unfinished := n.copied() + "-unfinished"
	check(os.CopyFS(unfinished, os.DirFS(n.data)))
	check(os.Rename(unfinished, n.copied()))
}

// moveStreams moves the streams of the victims to other nodes.
func (k *clusterRun) moveStreams(ctx context.Context, victims []*clusterNode) {
	s := must(victims[0].status(ctx))
	for _, stream := range s.Streams {
		if stream.Leader != victims[0].name {
			continue
		}
		to := k.nodes[k.random.IntN(clusterNodes)]
		if to == victims[0] {
			continue
		}
		k.moveStream(ctx, victims[0], stream.Stream, to)
	}
}

// moveStream moves a stream from its leader to another node.
func (k *clusterRun) moveStream(ctx context.Context, from *clusterNode, stream string, to *clusterNode) {
	form := url.Values{"stream": {stream}, "node": {to.name}}
	request := must(http.NewRequestWithContext(ctx, http.MethodPost, "http://"+from.Admin+"/cluster/move?"+form.Encode(), http.NoBody))
	reply, err := http.DefaultClient.Do(request)
	check(err)
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		k.Broken("move of %s to %s: %s", stream, to.name, reply.Status)
	}
}
