package cluster

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Floors is floors with a clock of the test.
type Floors struct{ *floors }

// NewFloors is newFloors.
func NewFloors(conn *nats.Conn, node string, now func() time.Time) (Floors, error) {
	f, err := newFloors(conn, node)
	if err == nil {
		f.mu.Lock()
		f.now = now
		f.mu.Unlock()
	}
	return Floors{f}, err
}

// Report is floors.report.
func (f Floors) Report(stream string, batch uint64) { f.report(stream, batch) }

// Lowest is floors.lowest.
func (f Floors) Lowest(stream string, nodes []string, wanted uint64) (batch uint64, holder string) {
	return f.lowest(stream, nodes, wanted)
}

// Trimming is trimming.
type Trimming struct{ *trimming }

// NewTrimming returns what the venue of a stream knows, with that state of the stream.
func NewTrimming(f Floors, stream string, info *jetstream.StreamInfo, log *slog.Logger) Trimming {
	return Trimming{&trimming{
		floors: f.floors, stream: stream, log: log,
		info: func(context.Context, string) (*jetstream.StreamInfo, error) { return info, nil },
	}}
}

// Held is trimming.held.
func (t Trimming) Held() string { return t.held() }

// Timers returns the times of the Raft groups of this process.
func Timers() []time.Duration {
	t := timersNow()
	return []time.Duration{t.electionMin, t.electionMax, t.heartbeat, t.lostQuorum, t.lostQuorumCheck}
}

// Theirs returns the times that the NATS server must have before they are set.
func Theirs() []time.Duration {
	return []time.Duration{theirs.electionMin, theirs.electionMax, theirs.heartbeat, theirs.lostQuorum, theirs.lostQuorumCheck}
}

// CheckTimers returns the error that values of another release lead to.
func CheckTimers(electionMin time.Duration) error {
	have := theirs
	have.electionMin = electionMin
	return have.check()
}

// Fits compares the facts of two nodes.
func Fits(mine, other *Config) error { return mine.facts().fits(other.facts()) }

// Check checks the settings.
func (c *Config) Check() error { return c.check() }

// LayoutIn reads the layout in the metadata of a stream.
func LayoutIn(m map[string]string) (Layout, error) { return layoutIn(m) }

// NewMetadata returns the metadata of a new cluster.
func NewMetadata(nodes int) map[string]string { return newMetadata(nodes) }
