package engine

import "math"

// MemoryPlan divides the memory of the process among the queues whose size depends on the
// peers. When all are full at once they hold, with their buffers, at most 11/16 of the
// limit. The rest is for the accounts, the caches of the stores and garbage.
type MemoryPlan struct {
	// LimitBytes is what the plan divides; 0 means that there is no limit.
	LimitBytes int64
	// OutboundTotalBytes is for Limits.OutboundTotalBytes: an eighth. An unsent byte
	// takes one to two bytes of gnet's buffers, three if it comes in tiny writes.
	// The logs of feeds take up to a quarter as much, or half while a loop is stuck.
	OutboundTotalBytes int
	// LaneBytes is for Limits.LaneBytes: a 32nd for all lanes together, each of which
	// has two batches and as much in held requests.
	LaneBytes int
	// HeldBytes is for the replies and pushes that wait for a commit: a 16th. As many
	// can be on their way out at the same time.
	HeldBytes int
	// OpenBytes is for the records that wait for a commit: a 64th. As many can be
	// written at the same time, in more than one copy.
	OpenBytes int
}

// Upper limits of the parts of a plan: larger queues would only delay a refusal.
const (
	maxOutboundTotal = 4 << 30
	maxLaneBytes     = 64 << 20
	maxHeldBytes     = 256 << 20
	maxOpenBytes     = 64 << 20
)

// minPart is the lower limit of a part: the plan is not made for less than 64 MiB.
const minPart = 1 << 20

// PlanMemory divides limitBytes for that many lanes. Without a limit (0, or what
// debug.SetMemoryLimit then reports) every part has its upper limit.
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
