package engine

import "math"

// MemoryPlan divides the memory of the process among the queues that can grow with
// what peers do, or leave undone. What they hold when all are full at once, with
// the buffers around it, is at most 5/8 of the limit; the rest is for the accounts,
// the caches of the stores and what the garbage collector has not collected yet.
type MemoryPlan struct {
	// LimitBytes is what the plan divides; 0: no limit is known.
	LimitBytes int64
	// OutboundTotalBytes is for Limits.OutboundTotalBytes: an eighth. An unsent byte
	// takes up one to two in gnet's buffers; it is three where a session gets single
	// writes of a few bytes.
	OutboundTotalBytes int
	// LaneBytes is for Limits.LaneBytes: a 32nd for all lanes together, each of which
	// has two batches.
	LaneBytes int
	// HeldBytes is for the replies and pushes that wait for a commit: a 16th, while
	// as many can be on their way out.
	HeldBytes int
	// OpenBytes is for the records that wait for a commit: a 64th, while as many are
	// being written, by more than one copy.
	OpenBytes int
}

// What the parts of a plan are at most: more would only delay the refusal.
const (
	maxOutboundTotal = 4 << 30
	maxLaneBytes     = 64 << 20
	maxHeldBytes     = 256 << 20
	maxOpenBytes     = 64 << 20
)

// minPart is the least that any part gets: the plan is not for a process with less
// than 64 MiB.
const minPart = 1 << 20

// PlanMemory divides limitBytes for that many lanes. Zero, or what
// debug.SetMemoryLimit reports where there is no limit, gives every part its
// largest size.
func PlanMemory(limitBytes int64, lanes int) MemoryPlan {
	if limitBytes <= 0 || limitBytes == math.MaxInt64 {
		return MemoryPlan{0, maxOutboundTotal, maxLaneBytes, maxHeldBytes, maxOpenBytes}
	}
	part := func(fraction int64, most int) int {
		return int(max(minPart, min(limitBytes/fraction, int64(most))))
	}
	return MemoryPlan{
		LimitBytes:         limitBytes,
		OutboundTotalBytes: part(8, maxOutboundTotal),
		LaneBytes:          part(32*int64(max(1, lanes)), maxLaneBytes),
		HeldBytes:          part(16, maxHeldBytes),
		OpenBytes:          part(64, maxOpenBytes),
	}
}
