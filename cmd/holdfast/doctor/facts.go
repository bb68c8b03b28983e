package doctor

import (
	"net"
	"strconv"
	"time"
)

// Unknown is a number that the system does not tell.
const Unknown int64 = -1

// Wanted is the server that is to run.
type Wanted struct {
	Listen, Admin string
	Listeners     []string // further addresses for clients
	Data          string
	Connections   int // 0: as many as there can be
	EventLoops    int
	FreeBytes     int64  // orders are refused when the disk has less; 0: no such mark
	MemoryLimit   int64  // bytes that the server keeps to
	MemoryOrigin  string // who says so: the setting, GOMEMLIMIT, the control group, the machine
	DemoLogins    bool   // accounts have the published passwords
	SoftFiles     uint64
	HardFiles     uint64
	Seed          [32]byte // hash of the seed file
	SeedError     error    // why it can't be read
}

// usualConnections is what the machine is judged for when no number is set.
const usualConnections = 10_000

func (w *Wanted) connections() int64 {
	if w.Connections > 0 {
		return int64(w.Connections)
	}
	return usualConnections
}

// Facts is what is known of the machine. Tests make their own.
type Facts struct {
	Wanted

	ListenError, AdminError error // why the port can't be had
	ListenerErrors          []error

	SystemFiles, SystemFilesUsed int64 // open files of all processes: at most, and at present
	Backlog, SynBacklog          int64
	PortFirst, PortLast          int64 // local ports of outgoing connections
	ReuseTimeWait, TimeWait      int64 // tcp_tw_reuse; sockets in TIME_WAIT
	TrackedMost, Tracked         int64 // connections that the firewall follows
	EpollWatches                 int64
	EpollError                   error

	MemoryTotal, MemoryAvailable int64
	GroupMemory                  int64 // limit of the control group
	Overcommit                   int64

	Processors int
	GroupCPUs  float64 // quota of the control group; 0: none

	Synchronised int64         // 1 the clock is, 0 it is not
	ClockSource  string        // "" unknown
	ClockJump    time.Duration // farthest that wall clock and monotonic clock moved apart while looking
	Now          time.Time

	Kernel string // release; "" unknown

	Disk Disk
}

// Disk is what is known of the data folder and the disk under it.
type Disk struct {
	Path        string // the data folder, or the folder above it where it is yet to be made
	Exists      bool   // the data folder does
	Error       error  // why it can't be used
	Locked      bool   // another process works in it
	Bound       bool   // it holds a journal
	SeedMatches bool   // which begins with the wanted seed
	Newest      time.Time
	Type        string // "ext4"; "" unknown
	Total, Free int64
	FreeInodes  int64
	Sync        []time.Duration // how long writes took to be durable, shortest first
}

// median of the writes; 0 when there are none.
func (d *Disk) median() time.Duration {
	if len(d.Sync) == 0 {
		return 0
	}
	return d.Sync[len(d.Sync)/2]
}

// loopback tells whether only this machine reaches the address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func portOf(address string) int64 {
	_, text, err := net.SplitHostPort(address)
	port, wrong := strconv.ParseInt(text, 10, 32)
	if err != nil || wrong != nil {
		return Unknown
	}
	return port
}
