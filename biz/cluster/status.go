package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"holdfast/biz/server"
)

// Status is what all nodes know of the cluster.
type Status struct {
	Node    string         `json:"node"` // which was asked
	Nodes   []NodeStatus   `json:"nodes"`
	Streams []StreamStatus `json:"streams"`
}

// NodeStatus is what is known of a node.
type NodeStatus struct {
	Node    string `json:"node"`
	Answers bool   `json:"answers"` // it runs, and is connected to the node that was asked
	Drained bool   `json:"drained"` // it takes no streams
}

// StreamStatus is what is known of a stream and its venue.
type StreamStatus struct {
	Stream string `json:"stream"`
	// Owner is the node that serves the venue, Leader the one that leads the stream, and owns the venue
	// soon if it does not yet. "": none that is known.
	Owner  string `json:"owner"`
	Leader string `json:"leader"`
	// Epoch is the number of the batch with which the owner began; 0 without an owner.
	Epoch uint64 `json:"epoch"`
	// Copies are the nodes that store it, in the order of their names.
	Copies []CopyStatus `json:"copies"`
	// First is the number of the first batch that was not trimmed, Batches that of the last one.
	First   uint64 `json:"first"`
	Batches uint64 `json:"batches"`
	Bytes   uint64 `json:"bytes"`
	// TakeOvers is how often the nodes that answer have become the owner since they started, TakeOver how
	// long that took the present owner, from the lead to the first client.
	TakeOvers uint64        `json:"take_overs"`
	TakeOver  time.Duration `json:"take_over_ns"`
	Sessions  int           `json:"sessions"` // of clients, at the owner
	// Repeated, Adopted and Voids are those of Counts, of all nodes that answer.
	Repeated uint64 `json:"appends_repeated"`
	Adopted  uint64 `json:"appends_adopted"`
	Voids    uint64 `json:"void_batches"`
	// Untrimmed says which node keeps the stream from being trimmed; "": nobody does.
	Untrimmed string `json:"untrimmed,omitempty"`
	// Trouble is why the venue ended last at the node that was asked; "": it did not, or that is past.
	Trouble string `json:"trouble,omitempty"`
}

// CopyStatus is one copy of a stream.
type CopyStatus struct {
	Node    string `json:"node"`
	Current bool   `json:"current"`
	Lag     uint64 `json:"lag"` // batches that it lacks
}

// Counts are what a node has counted itself of a stream and its venue, since the node started.
type Counts struct {
	Stream    string        `json:"stream"`
	Owns      bool          `json:"owns"`
	Epoch     uint64        `json:"epoch"` // of the newest owner that the node knows; 0: none
	TakeOvers uint64        `json:"take_overs"`
	TakeOver  time.Duration `json:"take_over_ns"` // the last one, from the lead to the first client
	HandOvers uint64        `json:"hand_overs"`   // for a move, a drain or a stop
	Sessions  int           `json:"sessions"`     // 0 unless it owns the venue
	Commits   uint64        `json:"commits"`
	Records   uint64        `json:"records"`
	// Repeated counts appends that were sent again, Adopted those that were stored although no answer came.
	Repeated uint64 `json:"repeated"`
	Adopted  uint64 `json:"adopted"`
	// Voids is how many batches of former owners are in the part of the stream that was read, and do not
	// count. It must be 0.
	Voids uint64 `json:"voids"`
	// Untrimmed says which node keeps the stream from being trimmed; "": nobody does, or another node owns it.
	Untrimmed string `json:"untrimmed,omitempty"`
}

// add adds what a server has counted.
func (c *Counts) add(s *server.Server) {
	commits, shared := s.Desk.Stats(), s.Journal.SharedStats()
	c.Commits += commits.Commits
	c.Records += commits.Records
	c.Repeated += shared.Repeated
	c.Adopted += shared.Adopted
	c.Voids = max(c.Voids, shared.Voids) // a server finds again those that the one before has found
}

// Counts returns what the node has counted, by stream. It asks nobody.
func (n *Node) Counts() []Counts {
	list := make([]Counts, 0, len(n.venues))
	owners := n.Front.Owners()
	for i, v := range n.venues {
		c := v.counts()
		c.Epoch = max(c.Epoch, owners[i].Epoch)
		list = append(list, c)
	}
	return list
}

func (v *venue) counts() Counts {
	v.mu.Lock()
	c, s := v.past, v.server
	v.mu.Unlock()
	c.Stream, c.TakeOvers, c.TakeOver, c.HandOvers = v.name, v.epochs.Load(), time.Duration(v.took.Load()), v.handOvers.Load()
	if s != nil {
		c.add(s)
		c.Owns, c.Epoch, c.Sessions, c.Untrimmed = true, s.Journal.Epoch(), s.Core.Len(), v.trim.held()
	}
	return c
}

// ErrNoOwner means that clients of some streams must wait.
var ErrNoOwner = errors.New("no owner is known of")

// Ready returns an error unless the node takes clients and knows an owner of each stream. It wraps
// ErrNoOwner, with the names of the streams, or is that of engine.Core.Serving.
func (n *Node) Ready() error {
	if err := n.Front.Core().Serving(); err != nil {
		return err
	}
	var missing []string
	for i, o := range n.Front.Owners() {
		if o.Epoch == 0 {
			missing = append(missing, StreamName(i))
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w %s", ErrNoOwner, strings.Join(missing, ", "))
	}
	return nil
}

const (
	statusSubject = "hf.status"
	// statusTime is how long the other nodes may take to answer.
	statusTime = 500 * time.Millisecond
)

// report is what a node tells the one that is asked for the status.
type report struct {
	Node    string   `json:"node"`
	Drained bool     `json:"drained"`
	Counts  []Counts `json:"counts"`
}

// answerStatus makes the node answer others.
func (n *Node) answerStatus() error {
	_, err := n.conn.Subscribe(statusSubject, func(m *nats.Msg) {
		answer, _ := json.Marshal(report{Node: n.config.Node, Drained: n.drained.Load(), Counts: n.Counts()}) // it never fails
		_ = m.Respond(answer)                                                                                 // who asked does not wait for it
	})
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return nil
}

// reports asks all nodes, and returns the answers that come in time.
func (n *Node) reports(ctx context.Context) map[string]report {
	found := make(map[string]report)
	answers, err := n.conn.SubscribeSync(n.conn.NewInbox())
	if err != nil {
		return found // the node stops
	}
	defer func() { _ = answers.Unsubscribe() }()
	ctx, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	if n.conn.PublishRequest(statusSubject, answers.Subject, nil) != nil {
		return found
	}
	for len(found) < len(n.config.Peers) {
		m, err := answers.NextMsgWithContext(ctx)
		if err != nil {
			break
		}
		var r report
		if json.Unmarshal(m.Data, &r) == nil && len(r.Counts) == len(n.venues) {
			found[r.Node] = r
		}
	}
	return found
}

// Status asks all nodes, and the leaders of all streams.
func (n *Node) Status(ctx context.Context) Status {
	s := Status{Node: n.config.Node, Streams: make([]StreamStatus, len(n.venues))}
	var asking sync.WaitGroup
	for i, v := range n.venues {
		asking.Go(func() { s.Streams[i] = v.status(ctx) })
	}
	reports := n.reports(ctx)
	asking.Wait()
	for _, p := range n.config.Peers {
		r, answers := reports[p.Node]
		s.Nodes = append(s.Nodes, NodeStatus{Node: p.Node, Answers: answers, Drained: r.Drained})
		for i, c := range r.Counts {
			s.Streams[i].merge(p.Node, &c)
		}
	}
	return s
}

// merge adds what a node has counted.
func (s *StreamStatus) merge(node string, c *Counts) {
	s.TakeOvers += c.TakeOvers
	s.Repeated += c.Repeated
	s.Adopted += c.Adopted
	s.Voids = max(s.Voids, c.Voids)
	if c.Owns && c.Epoch > s.Epoch {
		s.Owner, s.Epoch, s.TakeOver, s.Sessions, s.Untrimmed = node, c.Epoch, c.TakeOver, c.Sessions, c.Untrimmed
	}
}

// status returns what the leader of the stream and this node know.
func (v *venue) status(ctx context.Context) StreamStatus {
	s := StreamStatus{Stream: v.name, Copies: []CopyStatus{}}
	if info, err := v.node.info(ctx, v.name); err == nil {
		s.First, s.Batches, s.Bytes = info.State.FirstSeq, info.State.LastSeq, info.State.Bytes
		if info.Cluster != nil {
			s.Leader, s.Copies = info.Cluster.Leader, copiesIn(info.Cluster)
		}
	}
	v.mu.Lock()
	if v.failed != nil && v.server == nil {
		s.Trouble = v.failed.Error()
	}
	v.mu.Unlock()
	return s
}

// copiesIn returns the copies that the leader of a stream knows.
func copiesIn(c *jetstream.ClusterInfo) []CopyStatus {
	list := make([]CopyStatus, 0, len(c.Replicas)+1)
	if c.Leader != "" {
		list = append(list, CopyStatus{Node: c.Leader, Current: true})
	}
	for _, r := range c.Replicas {
		list = append(list, CopyStatus{Node: r.Name, Current: isCurrent(r), Lag: r.Lag})
	}
	slices.SortFunc(list, func(a, b CopyStatus) int { return strings.Compare(a.Node, b.Node) })
	return list
}

// Copies returns the copies of the streams that this node leads, by stream. It asks only this node, which
// may take some seconds at most.
func (n *Node) Copies(ctx context.Context) map[string][]CopyStatus {
	found := make(map[string][]CopyStatus)
	for _, v := range n.venues {
		if !n.store.leads(v.name) {
			continue
		}
		info, err := n.info(ctx, v.name)
		if err == nil && info.Cluster != nil && info.Cluster.Leader == n.config.Node {
			found[v.name] = copiesIn(info.Cluster)
		}
	}
	return found
}
