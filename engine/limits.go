package engine

import "time"

// Limits bounds what one peer, and all of them together, may take up. A zero
// field means its default.
type Limits struct {
	// MaxFrameBytes is the largest frame a client may send. A longer one is
	// refused on its declared length: Notice TOO_LARGE, close. Default 1 MiB.
	MaxFrameBytes int
	// MaxConnections is how many sessions are open at once; the next one gets a
	// Notice and is closed. Default: the open-file limit less DescriptorReserve.
	MaxConnections int
	// InFlightRequests and InFlightBytes bound what one session has sent and not
	// got answered: Notice OVERLOADED, close. Defaults 4,096 and 1 MiB.
	InFlightRequests int
	InFlightBytes    int
	// LaneBytes bounds what waits in the lane of one event loop: the session
	// whose bytes do not fit gets Notice OVERLOADED, close. Default 64 MiB.
	LaneBytes int
	// OutboundSoftBytes is how much unsent output a session may have and still
	// get droppable pushes (quotes). Default 256 KiB.
	OutboundSoftBytes int
	// OutboundHardBytes is how much unsent output closes a session as a slow
	// consumer. Default 1 MiB.
	OutboundHardBytes int
	// OffLaneTasks is how many handlers run off the lane at once; a request
	// beyond that is answered OVERLOADED. Default 256.
	OffLaneTasks int
	// Linger is how long a session that the server closes may take to read its
	// last Notice. Default 1 s.
	Linger time.Duration
}

// DescriptorReserve is how many descriptors are kept from clients: for the
// journal, the database, logs, the admin listener and the event loops.
const DescriptorReserve = 512

func (l Limits) withDefaults(openFiles uint64) Limits {
	setDefault(&l.MaxFrameBytes, 1<<20)
	setDefault(&l.InFlightRequests, 4096)
	setDefault(&l.InFlightBytes, 1<<20)
	setDefault(&l.LaneBytes, 64<<20)
	setDefault(&l.OutboundSoftBytes, 256<<10)
	setDefault(&l.OutboundHardBytes, 1<<20)
	setDefault(&l.OffLaneTasks, 256)
	setDefault(&l.Linger, time.Second)
	room := max(1, int(min(openFiles, 1<<30))-DescriptorReserve)
	if l.MaxConnections <= 0 || l.MaxConnections > room {
		l.MaxConnections = room
	}
	return l
}

func setDefault[T ~int | ~int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
