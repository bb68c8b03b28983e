package cluster_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"holdfast/biz/cluster"
	"holdfast/biz/journal/streamtest"
)

// newFloors returns what two nodes know of each other, and their clock.
func newFloors(t *testing.T) (a, b cluster.Floors, clock *atomic.Int64) {
	t.Helper()
	n := streamtest.Alone(t)
	clock = new(atomic.Int64)
	clock.Store(int64(time.Hour))
	made := make(map[string]cluster.Floors)
	for _, name := range []string{"a", "b"} {
		conn, err := n.Connect(name)
		must(t, err)
		t.Cleanup(conn.Close)
		made[name], err = cluster.NewFloors(conn, name, func() time.Time { return time.Unix(0, clock.Load()) })
		must(t, err)
		must(t, conn.Flush())
	}
	return made["a"], made["b"], clock
}

// TestFloors: a stream may lose what each node has said that it does not need, for a short time.
func TestFloors(t *testing.T) {
	a, b, clock := newFloors(t)
	lowest := func(nodes ...string) uint64 {
		batch, _ := a.Lowest("HF0", nodes, 10)
		return batch
	}
	if got := lowest("a"); got != 10 {
		t.Errorf("alone: %d", got)
	}
	if got, holder := a.Lowest("HF0", []string{"a", "b"}, 10); got != 0 || !strings.HasPrefix(holder, "b does not say") {
		t.Errorf("b is silent: %d, %q", got, holder)
	}
	b.Report("HF1", 9)
	b.Report("HF0", 7)
	eventually(t, "what b tells", func() bool { return lowest("a", "b") != 0 })
	if got, holder := a.Lowest("HF0", []string{"a", "b"}, 10); got != 7 || !strings.HasPrefix(holder, "b has") {
		t.Errorf("%d, %q", got, holder)
	}
	if got := lowest("a", "b", "c"); got != 0 {
		t.Errorf("c is silent: %d", got)
	}
	clock.Add(int64(time.Minute))
	if got := lowest("a", "b"); got != 0 {
		t.Errorf("b has been silent for a minute: %d", got)
	}
}

// TestHeld: who keeps a stream from being trimmed is in the status at once, and in the log once an hour.
func TestHeld(t *testing.T) {
	a, b, clock := newFloors(t)
	var log bytes.Buffer
	info := &jetstream.StreamInfo{
		Config: jetstream.StreamConfig{Replicas: 2}, State: jetstream.StreamState{FirstSeq: 5},
		Cluster: &jetstream.ClusterInfo{Leader: "a", Replicas: []*jetstream.PeerInfo{{Name: "b"}}},
	}
	trim := cluster.NewTrimming(a, "HF0", info, slog.New(slog.NewTextHandler(&log, nil)))
	for _, step := range []struct {
		passed time.Duration
		lines  int
	}{{0, 0}, {59 * time.Minute, 0}, {time.Minute, 1}, {59 * time.Minute, 1}, {time.Minute, 2}} {
		clock.Add(int64(step.passed))
		if got := trim.Spared(t.Context(), 10); got != 0 || trim.Held() == "" {
			t.Errorf("%d, %q", got, trim.Held())
		}
		if got := strings.Count(log.String(), "\n"); got != step.lines {
			t.Errorf("%d lines in the log, want %d: %s", got, step.lines, &log)
		}
	}
	b.Report("HF0", 4)
	eventually(t, "what b tells", func() bool { return trim.Spared(t.Context(), 10) == 4 })
	if trim.Held() == "" {
		t.Error("b needs the first batch, and that was reported to nobody")
	}
	b.Report("HF0", 8)
	eventually(t, "what b tells", func() bool { return trim.Spared(t.Context(), 10) == 8 })
	if trim.Held() != "" {
		t.Errorf("%q", trim.Held())
	}
	info.Config.Replicas = 3
	if got := trim.Spared(t.Context(), 10); got != 0 || trim.Held() == "" {
		t.Errorf("a copy is missing: %d, %q", got, trim.Held())
	}
}
