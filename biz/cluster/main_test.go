package cluster_test

import (
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast/biz/cluster"
)

// timersBefore are those of the NATS server before a node has started.
var timersBefore []time.Duration

// IgnoreCurrent: ants starts a pool when it is imported.
func TestMain(m *testing.M) {
	timersBefore = slices.Clone(cluster.Timers())
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}
