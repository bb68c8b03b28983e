package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The owner of a venue trims its stream as a server on its own trims its journal, but never what
// another node that stores the stream still needs. Each node reports to all others up to which batch of a stream
// it has two checkpoints and the history. A node that reports nothing, since it is down, needs everything.

const (
	floorSubject = "hf.floor." // then the name of the stream
	// floorTime is how long a report of a node counts: it reports every ten seconds.
	floorTime = 45 * time.Second
	// heldTime is how long a node may keep batches that are to be trimmed until that is logged, and
	// logged again.
	heldTime = time.Hour
)

// floors is what the nodes have reported of the streams. Goroutine: any.
type floors struct {
	conn *nats.Conn
	node string
	now  func() time.Time

	mu       sync.Mutex
	reported map[string]map[string]floor // by stream and node
}

// floor is up to which batch a node needs none of a stream.
type floor struct {
	Node  string `json:"node"`
	Batch uint64 `json:"batch"`
	heard time.Time
}

// newFloors listens to the other nodes until the connection is closed.
func newFloors(conn *nats.Conn, node string) (*floors, error) {
	f := &floors{conn: conn, node: node, now: time.Now, reported: make(map[string]map[string]floor)}
	_, err := conn.Subscribe(floorSubject+"*", func(m *nats.Msg) {
		var report floor
		if json.Unmarshal(m.Data, &report) == nil {
			f.hear(strings.TrimPrefix(m.Subject, floorSubject), report)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return f, nil
}

func (f *floors) hear(stream string, report floor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reported[stream] == nil {
		f.reported[stream] = make(map[string]floor)
	}
	report.heard = f.now()
	f.reported[stream][report.Node] = report
}

// report reports to the other nodes up to which batch this one needs none of a stream.
func (f *floors) report(stream string, batch uint64) {
	body, _ := json.Marshal(floor{Node: f.node, Batch: batch}) // it never fails
	_ = f.conn.Publish(floorSubject+stream, body)              // it is reported again
}

// lowest returns up to which batch none of the nodes needs a stream, at most wanted, and the node that
// needs more of it than this one.
func (f *floors) lowest(stream string, nodes []string, wanted uint64) (batch uint64, holder string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	batch = wanted
	for _, node := range nodes {
		if node == f.node {
			continue
		}
		report := f.reported[stream][node]
		if f.now().Sub(report.heard) > floorTime {
			return 0, node + " does not say what it needs: it is down, or it has no journal_keep"
		}
		if report.Batch < batch {
			batch, holder = report.Batch, fmt.Sprintf("%s has two checkpoints and the history only up to batch %d", node, report.Batch)
		}
	}
	return batch, holder
}

// trimming is the desk.Others of a venue.
type trimming struct {
	floors *floors
	stream string
	info   func(ctx context.Context, stream string) (*jetstream.StreamInfo, error)
	log    *slog.Logger

	mu     sync.Mutex
	holder string    // who keeps the owner from trimming; "": nobody
	since  time.Time // when that was logged, or started
}

// Spares implements desk.Others.
func (t *trimming) Spares(batch uint64) { t.floors.report(t.stream, batch) }

// Spared implements desk.Others.
func (t *trimming) Spared(ctx context.Context, wanted uint64) uint64 {
	info, err := t.info(ctx, t.stream)
	if err != nil {
		return 0
	}
	batch, holder := t.floors.lowest(t.stream, nodesOf(info), wanted)
	switch first := info.State.FirstSeq; {
	case len(nodesOf(info)) < info.Config.Replicas:
		batch, holder = 0, "the stream has fewer copies than it should"
	case batch >= first:
		holder = "" // it goes on, if later
	}
	t.hold(holder, wanted)
	return batch
}

// nodesOf returns the nodes that store a stream.
func nodesOf(info *jetstream.StreamInfo) (nodes []string) {
	if info.Cluster == nil {
		return nil
	}
	if info.Cluster.Leader != "" {
		nodes = append(nodes, info.Cluster.Leader)
	}
	for _, r := range info.Cluster.Replicas {
		nodes = append(nodes, r.Name)
	}
	return nodes
}

// hold stores who keeps the owner from trimming up to a batch.
func (t *trimming) hold(holder string, wanted uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	started := t.holder == "" && holder != ""
	t.holder = holder
	switch now := t.floors.now(); {
	case started:
		t.since = now
	case holder != "" && now.Sub(t.since) >= heldTime:
		t.since = now
		t.log.Warn("the stream is not trimmed since a node may need it", "why", holder, "wanted_batch", wanted)
	}
}

// held returns who keeps the owner from trimming; "": nobody.
func (t *trimming) held() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.holder
}
