package doctor

import (
	"net"
	"strconv"
	"time"

	"holdfast/engine"
)

// Unknown is a number that the system does not report.
const Unknown int64 = -1

// Wanted is the server that will run on the machine.
type Wanted struct {
	Listen, Admin string
	Console       string   // "": no console
	Listeners     []string // more addresses for clients
	Data          string
	HistoryURL    string // PostgreSQL database of the history; "": SQLite in Data
	Connections   int    // 0: as many as possible
	EventLoops    int
	FreeBytes     int64  // free disk space below which orders are refused; 0: no check
	MemoryLimit   int64  // bytes
	MemoryOrigin  string // what sets it: memory_limit, GOMEMLIMIT, cgroup or machine
	DemoLogins    bool   // the accounts have published passwords
	SoftFiles     uint64
	HardFiles     uint64
	Seed          [32]byte // hash of the seed file
	SeedError     error    // why the seed file can't be read
}

// usualConnections is the number of connections to check for if none is set.
const usualConnections = 10_000

func (w *Wanted) connections() int64 {
	if w.Connections > 0 {
		return int64(w.Connections)
	}
	return usualConnections
}

// Facts are the facts about the machine. Tests make their own.
type Facts struct {
	Wanted

	ListenError, AdminError, ConsoleError error // why the port can't be used
	ListenerErrors                        []error

	SystemFiles, SystemFilesUsed int64 // open files of all processes: limit and present number
	Backlog, SynBacklog          int64
	PortFirst, PortLast          int64 // local ports of outgoing connections
	ReuseTimeWait, TimeWait      int64 // tcp_tw_reuse; sockets in TIME_WAIT
	TrackedMost, Tracked         int64 // connections that the firewall tracks: limit and present number
	EpollWatches                 int64
	EpollError                   error

	MemoryTotal, MemoryAvailable int64
	GroupMemory                  int64 // limit of the control group
	Overcommit                   int64

	Processors int
	GroupCPUs  float64 // quota of the control group; 0: no quota

	Synchronised int64         // whether the clock is: 1 yes, 0 no
	ClockSource  string        // "" unknown
	ClockJump    time.Duration // largest difference between wall clock and monotonic clock during the check
	Now          time.Time

	Kernel string // release; "" unknown

	HistoryError error // why the database of the history can't be used

	Disk Disk
}

// Disk has the facts about the data folder and its disk.
type Disk struct {
	Path        string // the data folder or, if it does not exist, its nearest parent that does
	Exists      bool   // the data folder exists
	Error       error  // why it can't be used
	Locked      bool   // another process uses it
	Bound       bool   // it holds a journal
	Trimmed     bool   // the start of the journal was trimmed, which names the seed
	SeedMatches bool   // the journal starts with the wanted seed
	Newest      time.Time
	Type        string // "ext4"; "" unknown
	Total, Free int64
	FreeInodes  int64
	Sync        []time.Duration // times until a write was durable, shortest first
}

// median returns the median of Sync, 0 if it is empty.
func (d *Disk) median() time.Duration {
	if len(d.Sync) == 0 {
		return 0
	}
	return d.Sync[len(d.Sync)/2]
}

// loopback reports whether only this machine can reach the address.
func loopback(address string) bool {
	if _, socket := engine.SocketPath(address); socket {
		return true
	}
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
