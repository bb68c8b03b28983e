package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

const (
	// Partitions is into how many parts the accounts are divided, by the hash of the customer. It
	// never changes, so that a cluster with more streams can be filled part by part.
	Partitions = 64
	// Replicas is how many nodes store each stream.
	Replicas = 3
	// streamsPerNode is how many streams a new cluster has for each of its nodes: the share of a
	// node that dies is divided between two others.
	streamsPerNode = 2

	idKey         = "holdfast-cluster"
	streamsKey    = "holdfast-streams"
	partitionsKey = "holdfast-partitions"

	layoutPause = 200 * time.Millisecond
	apiTime     = 2 * time.Second
)

// Layout is what all nodes of a cluster have in common. It is in the metadata of stream 0, which is
// made first, and does not change.
type Layout struct {
	ID      desk.HistoryID // also the identity of the history of all venues
	Streams int
}

// StreamOf returns the number of the stream that has a customer's account.
func (l Layout) StreamOf(c ledger.Customer) int { return PartitionOf(c) % l.Streams }

// PartitionOf returns the partition of a customer.
func PartitionOf(c ledger.Customer) int {
	h := fnv.New32a()
	_, _ = h.Write(strconv.AppendUint(nil, uint64(c), 10))
	return int(h.Sum32() % Partitions)
}

// StreamName returns the name of a stream.
func StreamName(n int) string { return "HF" + strconv.Itoa(n) }

// subjectOf returns the subject of a stream's batches.
func subjectOf(n int) string { return "hf.journal." + strconv.Itoa(n) }

// ErrLayout means that the streams are not those of this node's cluster.
var ErrLayout = errors.New("cluster: the streams are of another layout")

// findLayout returns the layout when all streams are there. The leader of the meta group makes those that
// are missing. The error is ErrLayout, or the end of ctx.
func findLayout(ctx context.Context, s *store, js jetstream.JetStream, c *Config) (Layout, error) {
	var last error
	for warned := time.Now(); ; {
		l, err := tryLayout(ctx, s, js, c)
		if err == nil || errors.Is(err, ErrLayout) {
			return l, err
		}
		last = err
		if time.Since(warned) > 10*time.Second {
			warned = time.Now()
			c.Log.Warn("waiting for the other nodes: the streams are not there yet", "error", last)
		}
		select {
		case <-ctx.Done():
			return Layout{}, fmt.Errorf("cluster: no streams: %w; last: %w", context.Cause(ctx), last)
		case <-time.After(layoutPause):
		}
	}
}

var errNoLeader = errors.New("the nodes have not elected a leader yet")

func tryLayout(ctx context.Context, s *store, js jetstream.JetStream, c *Config) (Layout, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	if !s.srv.JetStreamIsCurrent() {
		return Layout{}, errNoLeader
	}
	first, err := js.Stream(ctx, StreamName(0))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if !s.srv.JetStreamIsLeader() || len(s.srv.JetStreamClusterPeers()) < min(len(c.Peers), Replicas) {
			return Layout{}, err
		}
		first, err = js.CreateStream(ctx, streamConfig(0, newMetadata(len(c.Peers))))
	}
	if err != nil {
		return Layout{}, err
	}
	meta := first.CachedInfo().Config.Metadata
	l, err := layoutIn(meta)
	if err != nil {
		return Layout{}, err
	}
	for n := 1; n < l.Streams; n++ {
		_, err := js.Stream(ctx, StreamName(n))
		if errors.Is(err, jetstream.ErrStreamNotFound) && s.srv.JetStreamIsLeader() {
			_, err = js.CreateStream(ctx, streamConfig(n, ownMetadata(meta)))
		}
		if err != nil {
			return Layout{}, fmt.Errorf("stream %s: %w", StreamName(n), err)
		}
	}
	return l, nil
}

func newMetadata(nodes int) map[string]string {
	var id desk.HistoryID
	_, _ = rand.Read(id[:]) // it never fails
	return Layout{ID: id, Streams: streamsPerNode * nodes}.metadata()
}

// metadata returns the metadata from which layoutIn reads the layout.
func (l Layout) metadata() map[string]string {
	return map[string]string{
		idKey: hex.EncodeToString(l.ID[:]), streamsKey: strconv.Itoa(l.Streams), partitionsKey: strconv.Itoa(Partitions),
	}
}

// ownMetadata returns our part of a stream's metadata, to which the server adds its own.
func ownMetadata(m map[string]string) map[string]string {
	return map[string]string{idKey: m[idKey], streamsKey: m[streamsKey], partitionsKey: m[partitionsKey]}
}

func layoutIn(m map[string]string) (Layout, error) {
	var l Layout
	id, err := hex.DecodeString(m[idKey])
	if err != nil || len(id) != len(l.ID) {
		return l, fmt.Errorf("%w: stream %s has no id of a cluster", ErrLayout, StreamName(0))
	}
	copy(l.ID[:], id)
	if m[copyKey] != "" {
		return l, fmt.Errorf("%w: the copy of a server's accounts into this cluster is not complete; run \"holdfast cluster copy\" again", ErrLayout)
	}
	if m[partitionsKey] != strconv.Itoa(Partitions) {
		return l, fmt.Errorf("%w: they are for %s partitions, and this release has %d", ErrLayout, m[partitionsKey], Partitions)
	}
	if l.Streams, err = strconv.Atoi(m[streamsKey]); err != nil || l.Streams < 1 {
		return l, fmt.Errorf("%w: %q streams", ErrLayout, m[streamsKey])
	}
	return l, nil
}

// streamConfig returns the settings of a stream.
func streamConfig(n int, metadata map[string]string) jetstream.StreamConfig {
	c := journal.StreamConfig(StreamName(n), subjectOf(n), Replicas)
	c.Metadata = metadata
	return c
}
