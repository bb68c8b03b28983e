package engine_test

import (
	"math"
	"testing"

	"holdfast/engine"
)

func TestMemoryPlan(t *testing.T) {
	const mebi = 1 << 20
	for _, tc := range []struct {
		name  string
		limit int64
		lanes int
		want  engine.MemoryPlan
	}{
		{"256 MiB", 256 * mebi, 2, engine.MemoryPlan{LimitBytes: 256 * mebi, OutboundTotalBytes: 32 * mebi, LaneBytes: 4 * mebi, HeldBytes: 16 * mebi, OpenBytes: 4 * mebi}},
		{"24 GiB", 24 << 30, 2, engine.MemoryPlan{LimitBytes: 24 << 30, OutboundTotalBytes: 3 << 30, LaneBytes: 64 * mebi, HeldBytes: 256 * mebi, OpenBytes: 64 * mebi}},
		{"1 TiB", 1 << 40, 64, engine.MemoryPlan{LimitBytes: 1 << 40, OutboundTotalBytes: 4 << 30, LaneBytes: 64 * mebi, HeldBytes: 256 * mebi, OpenBytes: 64 * mebi}},
		{"hardly any", mebi, 256, engine.MemoryPlan{LimitBytes: mebi, OutboundTotalBytes: mebi, LaneBytes: mebi, HeldBytes: mebi, OpenBytes: mebi}},
		{"no limit", math.MaxInt64, 2, engine.MemoryPlan{OutboundTotalBytes: 4 << 30, LaneBytes: 64 * mebi, HeldBytes: 256 * mebi, OpenBytes: 64 * mebi}},
		{"unknown", 0, 0, engine.MemoryPlan{OutboundTotalBytes: 4 << 30, LaneBytes: 64 * mebi, HeldBytes: 256 * mebi, OpenBytes: 64 * mebi}},
	} {
		if got := engine.PlanMemory(tc.limit, tc.lanes); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
}

// If all queues are full at once, including their overhead, a part of the memory is still
// left.
func TestMemoryPlanAddsUp(t *testing.T) {
	for limit := int64(64 << 20); limit <= 1<<36; limit *= 2 {
		for _, lanes := range []int{1, 2, 4} {
			p := engine.PlanMemory(limit, lanes)
			full := int64(2*p.OutboundTotalBytes + p.OutboundTotalBytes/2 + 2*lanes*p.LaneBytes + 2*p.HeldBytes + 4*p.OpenBytes)
			if full > limit*11/16 {
				t.Errorf("%d MiB, %d lanes: full queues are %d MiB", limit>>20, lanes, full>>20)
			}
		}
	}
}
