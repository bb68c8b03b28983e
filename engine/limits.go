package engine

import (
	"runtime/debug"
	"time"
)

// Limits bounds what one peer, and all of them together, may take up. A zero
// field means its default.
type Limits struct {
	// MaxFrameBytes is the largest frame a client may send. A longer one is
	// refused on its declared length: Notice TOO_LARGE, close. Default 1 MiB.
	MaxFrameBytes int
	// LoginFrameBytes is the largest frame of a session that is not logged in
	// (Session.SetLoggedIn). Default 64 KiB, never above MaxFrameBytes.
	LoginFrameBytes int
	// MaxConnections is how many sessions are open at once; the next one gets a
	// Notice and is closed. Default: the open-file limit less DescriptorReserve.
	MaxConnections int
	// ConnectionsPerAddress is how many sessions one address (of IPv6: one /64
	// network) may have open; the next one gets a Notice and is closed. Default
	// 1,024; below 0: no limit.
	ConnectionsPerAddress int
	// InFlightRequests and InFlightBytes bound what one session has sent and not
	// got answered: Notice OVERLOADED, close. Defaults 4,096 and 1 MiB.
	InFlightRequests int
	InFlightBytes    int
	// FramesPerEvent is how many frames of one session are taken at one readiness
	// event; the rest waits until the other sessions had theirs. Default 1,024.
	FramesPerEvent int
	// LaneBytes bounds what waits in the lane of one event loop: the session
	// whose bytes do not fit gets Notice OVERLOADED, close. Default 64 MiB.
	LaneBytes int
	// OutboundSoftBytes is how much unsent output a session may have and still
	// get droppable pushes (quotes). Default 256 KiB.
	OutboundSoftBytes int
	// OutboundHardBytes is how much unsent output closes a session as a slow
	// consumer. Default 1 MiB.
	OutboundHardBytes int
	// OutboundSoftTime is how long a session may stay above OutboundSoftBytes: it
	// is closed as a slow consumer. Default 5 s.
	OutboundSoftTime time.Duration
	// OutboundTotalBytes is how much unsent output all sessions together may have:
	// above it those with the most are closed first. Each carrier has an equal share.
	// Default: what PlanMemory makes of the Go runtime's memory limit.
	OutboundTotalBytes int
	// FirstFrameTime, FrameTime and LoginTime bound what a peer may take: to its
	// first whole frame, for a frame once begun, and to its login. All are absolute:
	// single bytes do not renew them. Defaults 5 s, 10 s and none (0).
	FirstFrameTime time.Duration
	FrameTime      time.Duration
	LoginTime      time.Duration
	// IdleTime is how long a session may send no whole frame. Default 60 s.
	IdleTime time.Duration
	// WriteStallTime is how long unsent output may wait without any of it being
	// taken. Default 10 s.
	WriteStallTime time.Duration
	// Heartbeat is after how long without output a session that is logged in gets
	// a heartbeat push. Default 20 s.
	Heartbeat time.Duration
	// OffLaneTasks is how many handlers run off the lane at once; a request
	// beyond that is answered OVERLOADED. Default 256.
	OffLaneTasks int
	// Linger is how long a session that the server closes may take to read its
	// last Notice. Default 1 s.
	Linger time.Duration
}

func (l Limits) withDefaults(openFiles uint64) Limits {
	setDefault(&l.MaxFrameBytes, 1<<20)
	setDefault(&l.LoginFrameBytes, 64<<10)
	l.LoginFrameBytes = min(l.LoginFrameBytes, l.MaxFrameBytes)
	if l.ConnectionsPerAddress == 0 {
		l.ConnectionsPerAddress = 1024
	}
	setDefault(&l.FramesPerEvent, 1024)
	setDefault(&l.OutboundSoftTime, 5*time.Second)
	setDefault(&l.FirstFrameTime, 5*time.Second)
	setDefault(&l.FrameTime, 10*time.Second)
	setDefault(&l.IdleTime, time.Minute)
	setDefault(&l.WriteStallTime, 10*time.Second)
	setDefault(&l.Heartbeat, 20*time.Second)
	setDefault(&l.InFlightRequests, 4096)
	setDefault(&l.InFlightBytes, 1<<20)
	setDefault(&l.LaneBytes, 64<<20)
	setDefault(&l.OutboundSoftBytes, 256<<10)
	setDefault(&l.OutboundHardBytes, 1<<20)
	setDefault(&l.OutboundTotalBytes, PlanMemory(debug.SetMemoryLimit(-1), 1).OutboundTotalBytes)
	setDefault(&l.OffLaneTasks, 256)
	setDefault(&l.Linger, time.Second)
	room := RoomForClients(openFiles)
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
