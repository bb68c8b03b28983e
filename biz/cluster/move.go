package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// stepDown makes this node pass on the lead of a stream. heir is who should get it; "": anybody.
func (n *Node) stepDown(stream, heir string) error {
	if !n.store.leads(stream) {
		return nil
	}
	var request struct {
		Placement *struct {
			Preferred string `json:"preferred"`
		} `json:"placement,omitempty"`
	}
	if heir != "" {
		request.Placement = &struct {
			Preferred string `json:"preferred"`
		}{heir}
	}
	body, _ := json.Marshal(&request) // it never fails
	answer, err := n.conn.Request("$JS.API.STREAM.LEADER.STEPDOWN."+stream, body, apiTime)
	if err != nil {
		return fmt.Errorf("cluster: step down from %s: %w", stream, err)
	}
	var reply struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &reply); err != nil {
		return fmt.Errorf("cluster: step down from %s: %w", stream, err)
	}
	if reply.Error != nil {
		return fmt.Errorf("cluster: step down from %s: %w", stream, reply.Error)
	}
	return nil
}

const (
	// balancePause is the time between two moves, steadyTime how long a node must have been in order
	// before it gets streams back.
	balancePause = time.Second
	steadyTime   = 5 * time.Second
)

// balance passes each stream back to its preferred node, one a second, while this node leads the meta
// group. Preferred are the nodes in their order, so that each has as many.
func (n *Node) balance(ctx context.Context) {
	steady := make(map[string]time.Time) // since when a preferred node is in order, by stream
	for ctx.Err() == nil {
		wait(ctx, balancePause)
		if !n.store.srv.JetStreamIsLeader() {
			clear(steady)
			continue
		}
		for i := range n.layout.Streams {
			if n.balanceOne(ctx, i, steady) {
				break
			}
		}
	}
}

// balanceOne moves a stream to its preferred node, if that is needed and possible.
func (n *Node) balanceOne(ctx context.Context, i int, steady map[string]time.Time) (moved bool) {
	name := StreamName(i)
	info, err := n.info(ctx, name)
	if err != nil || info.Cluster == nil || info.Cluster.Leader == "" {
		delete(steady, name)
		return false
	}
	wanted := n.preferred(ctx, i, info)
	if wanted == info.Cluster.Leader {
		delete(steady, name)
		return false
	}
	if steady[name].IsZero() {
		steady[name] = time.Now()
	}
	if time.Since(steady[name]) < steadyTime {
		return false
	}
	delete(steady, name)
	if err := n.Move(ctx, name, wanted); err != nil {
		n.log.Warn("stream not moved to its preferred node", "stream", name, "node", wanted, "error", err)
	}
	return true
}

// preferred returns the node that should lead a stream: the first one in the order that starts with the
// stream's, that has an up-to-date copy and takes streams. If there is no such node, it is the present leader.
func (n *Node) preferred(ctx context.Context, i int, info *jetstream.StreamInfo) string {
	ready := make(map[string]bool)
	for _, r := range info.Cluster.Replicas {
		ready[r.Name] = isCurrent(r)
	}
	peers := n.config.Peers
	for k := range peers {
		node := peers[(i+k)%len(peers)].Node
		if node == info.Cluster.Leader || ready[node] && n.ask(ctx, node, orderReady) == nil {
			return node
		}
	}
	return info.Cluster.Leader
}

// maxLag is how many batches a copy may lack and still count as up to date: some are always on their way.
const maxLag = 256

// isCurrent reports whether a copy has, or will have in a moment, all that the leader has.
func isCurrent(r *jetstream.PeerInfo) bool { return !r.Offline && r.Lag <= maxLag }

func (n *Node) info(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	s, err := n.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("cluster: stream %s: %w", stream, err)
	}
	return s.CachedInfo(), nil
}

// ErrMove means that what was asked of a node was not done.
var ErrMove = errors.New("cluster: not done")

// moveTime is how long the owner may take to answer a request to move.
const moveTime = 5 * time.Second

// Move makes another node the owner of a venue: the present owner finishes what it has, then the other one
// takes over. It returns when the present owner has started. Errors wrap ErrMove.
func (n *Node) Move(ctx context.Context, stream, to string) error {
	if !slices.ContainsFunc(n.venues, func(v *venue) bool { return v.name == stream }) {
		return fmt.Errorf("%w: there is no stream %q; they are %s to %s", ErrMove, stream, StreamName(0), StreamName(len(n.venues)-1))
	}
	if err := n.ask(ctx, to, orderReady); err != nil {
		return err
	}
	info, err := n.info(ctx, stream)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMove, err)
	}
	has := slices.ContainsFunc(info.Cluster.Replicas, func(r *jetstream.PeerInfo) bool { return r.Name == to })
	switch {
	case info.Cluster.Leader == to:
		return nil
	case !has:
		return fmt.Errorf("%w: node %s has no copy of stream %s", ErrMove, to, stream)
	case info.Cluster.Leader == "":
		return fmt.Errorf("%w: nobody leads stream %s at the moment; try again, and see that two of the nodes that store it run", ErrMove, stream)
	}
	return n.ask(ctx, info.Cluster.Leader, orderMove+" "+stream+" "+to)
}

// Drain makes a node hand over all venues that it owns, and take none until Undrain or its next start. It
// returns when the node has started. Errors wrap ErrMove.
func (n *Node) Drain(ctx context.Context, node string) error { return n.ask(ctx, node, orderDrain) }

// Undrain ends what Drain started.
func (n *Node) Undrain(ctx context.Context, node string) error {
	return n.ask(ctx, node, orderUndrain)
}

// Orders of nodes to each other. The answer is empty, or why it was not done.
const (
	orderReady   = "ready" // does the node take streams?
	orderMove    = "move"  // then the stream and who shall lead it
	orderDrain   = "drain"
	orderUndrain = "undrain"
)

func orderSubject(node string) string { return "hf.node." + node }

// ask sends an order to a node, which may be this one.
func (n *Node) ask(ctx context.Context, node, order string) error {
	if !slices.ContainsFunc(n.config.Peers, func(p Peer) bool { return p.Node == node }) {
		return fmt.Errorf("%w: there is no node %q; they are %s", ErrMove, node, n.config.names())
	}
	ctx, cancel := context.WithTimeout(ctx, moveTime)
	defer cancel()
	answer, err := n.conn.RequestWithContext(ctx, orderSubject(node), []byte(order))
	if err != nil {
		return fmt.Errorf("%w: node %s does not answer: see whether it runs, and its log: %w", ErrMove, node, err)
	}
	if len(answer.Data) > 0 {
		return fmt.Errorf("%w: node %s: %s", ErrMove, node, answer.Data)
	}
	return nil
}

// obey executes an order, and returns why not.
func (n *Node) obey(order string) string {
	words := strings.Fields(order)
	switch {
	case len(words) == 1 && words[0] == orderReady:
		if n.drained.Load() {
			return "it is drained, and takes streams again after \"holdfast cluster undrain " + n.config.Node + "\""
		}
		for _, v := range n.venues {
			if v.lacking.Load() {
				return "it can't start the venue of " + v.name
			}
		}
	case len(words) == 1 && words[0] == orderDrain:
		n.drained.Store(true)
		for _, v := range n.venues {
			v.handOver("")
		}
	case len(words) == 1 && words[0] == orderUndrain:
		n.drained.Store(false)
	case len(words) == 3 && words[0] == orderMove:
		for _, v := range n.venues {
			if v.name == words[1] && v.handOver(words[2]) {
				return ""
			}
		}
		return "it does not own " + words[1] + " yet; try again"
	default:
		return "unknown order " + order
	}
	return ""
}
