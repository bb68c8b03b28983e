package engine

import (
	"net"
	"runtime/debug"
	"time"
)

// Limits bounds what one peer, and all peers together, may use. A zero field means its
// default.
type Limits struct {
	// MaxFrameBytes is the largest frame a client may send. A longer one is refused as
	// soon as its length is read: Notice TOO_LARGE, close. Default 1 MiB.
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
	// LimitLoopback applies ConnectionsPerAddress also to the addresses of this machine
	// (127.0.0.0/8, ::1). Default: it applies only to other machines.
	LimitLoopback bool
	// InFlightRequests and InFlightBytes bound the unanswered requests of one session:
	// Notice OVERLOADED, close. Defaults 4,096 and 1 MiB.
	InFlightRequests int
	InFlightBytes    int
	// FramesPerEvent is how many frames of one session are taken per readiness event;
	// the rest waits until other sessions were served. Default 1,024.
	FramesPerEvent int
	// LaneBytes bounds what waits in the lane of one event loop. A session whose bytes
	// do not fit waits with a few requests; with more: Notice OVERLOADED, close.
	// Default 64 MiB.
	LaneBytes int
	// OutboundSoftBytes is the unsent output above which a session gets no droppable
	// pushes (quotes). Default 256 KiB.
	OutboundSoftBytes int
	// OutboundHardBytes is the unsent output above which a session is closed as a slow
	// consumer: twice as much if there are replies among it. While more than half of it
	// is due in large replies, the session's further requests wait. Default 1 MiB.
	OutboundHardBytes int
	// OutboundSoftTime is how long a session above OutboundSoftBytes, or with requests
	// that wait until it has read, may take to read half of OutboundSoftBytes; then it is
	// closed as a slow consumer. Default 5 s.
	OutboundSoftTime time.Duration
	// OutboundTotalBytes is the unsent output of all sessions together above which those
	// with the most are closed. Each carrier has an equal share. Default: from PlanMemory
	// and the Go runtime's memory limit.
	OutboundTotalBytes int
	// FirstFrameTime, FrameTime and LoginTime are how long a peer may take to its first
	// complete frame, for a frame once started, and to its login. Single bytes do not
	// extend them. Defaults 5 s, 10 s and no limit (0).
	FirstFrameTime time.Duration
	FrameTime      time.Duration
	LoginTime      time.Duration
	// HandshakeTime is how long a WebSocket client may take to the end of its opening
	// handshake; it takes the place of FirstFrameTime. A TLS client may take as long for each
	// of the two parts of its handshake, before these times start, and four times as long if the
	// server is late. PongTime is how long it may take to answer a ping, which it gets after
	// Heartbeat without a frame of it. Defaults 5 s and 10 s.
	HandshakeTime time.Duration
	PongTime      time.Duration
	// IdleTime is how long a session may go without sending a complete frame.
	// Default 60 s.
	IdleTime time.Duration
	// WriteStallTime is how long a peer may take none of its unsent output. Default 10 s.
	WriteStallTime time.Duration
	// Heartbeat is the time without output after which a session that is logged in gets
	// a heartbeat push. Default 20 s.
	Heartbeat time.Duration
	// OffLaneTasks is how many handlers may run off the lane at once; further requests
	// are answered OVERLOADED. Default 256.
	OffLaneTasks int
	// Linger is how long a peer may take to read its Notice before the connection is
	// closed. Default 1 s.
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
	setDefault(&l.HandshakeTime, 5*time.Second)
	setDefault(&l.PongTime, 10*time.Second)
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
	most := MaxClients(openFiles)
	if l.MaxConnections <= 0 || l.MaxConnections > most {
		l.MaxConnections = most
	}
	return l
}

// limitsAddress reports whether ConnectionsPerAddress applies to a peer.
func (l *Limits) limitsAddress(remote net.Addr) bool {
	return l.ConnectionsPerAddress >= 0 && (l.LimitLoopback || !PeerAddress(remote).IsLoopback())
}

func setDefault[T ~int | ~int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
