package load

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Account is a customer whom a connection logs in as.
type Account struct {
	Customer uint32
	Token    []byte
}

// Options of one run. Only Addr is required.
type Options struct {
	// Addr is the server, host:port. A host name is looked up once. Several addresses, of the nodes
	// of a cluster, are separated by commas: connection i begins with number i mod n of them, and goes
	// on with the next one if that fails.
	Addr string
	// Dialect defaults to DialectPacket.
	Dialect Dialect
	// Path is that of a WebSocket handshake. Default "/ws"; with DialectEcho "/echo", in
	// the workload Chat "/chat".
	Path string
	// TLS is how to speak TLS with the server; nil means not to. Sessions are resumed if it has
	// a ClientSessionCache.
	TLS *tls.Config
	// Workload defaults to Submit.
	Workload Workload
	// Connections defaults to 1. Limit: the hard limit of open files.
	Connections int
	// Depth is the number of requests that may be in flight on a connection. Default 1;
	// with Rate 64. Limit 65536.
	Depth int
	// Rate > 0 makes an open loop: this many requests a second over all
	// connections, on a fixed schedule, round robin. 0: closed loop. Chat is always an
	// open loop: 0 means one message a second from each connection.
	Rate float64
	// Interval is the think time of the closed loop: a connection that has all its
	// replies waits this long, then sends Depth requests.
	Interval Interval
	// Warmup is not measured. Default 0.
	Warmup time.Duration
	// Duration is the measured time. Default 10 s.
	Duration time.Duration
	// Accounts for all workloads except Submit, Heartbeat and HalfOpen: connection i logs
	// in as Accounts[i mod n].
	Accounts []Account
	// SessionsPerAccount, for Push only: connection i logs in as
	// Accounts[i / SessionsPerAccount mod n] and trades if i mod
	// SessionsPerAccount is 0. Default 10.
	SessionsPerAccount int
	// Instruments for Orders, Resting and Push, each {market, code}; a connection uses them
	// in turn.
	Instruments [][2]string
	// RestPrices, for Resting only: for each of Instruments a price, in 1/10000, that is so low
	// that a buy at it rests.
	RestPrices []int64

	// Sources is the number of addresses 127.0.x.y to connect from; only for a server on
	// IPv4 loopback. 0: one per 1,000 connections to loopback, because servers limit the
	// connections of one address, else 1.
	Sources int
	// ConnectTimeout bounds the complete ramp. Default 30 s.
	ConnectTimeout time.Duration
	// MemoryWait is the pause between the ramp and the reading of the server's memory.
	// Default with ServerPID: 500 ms for Idle and HalfOpen, where memory is the result, 50
	// ms for other workloads; without ServerPID 0.
	MemoryWait time.Duration
	// KeepAlive is the time between heartbeats of an Idle connection, and of any other
	// connection that sends nothing else for that long. Default 20 s; of Idle over FIX 30 s.
	KeepAlive time.Duration
	// Drain bounds the wait for open replies at the end. Default 5 s.
	Drain time.Duration
	// MaxErrors ends the run if exceeded. Default 100; -1: no limit.
	MaxErrors int
	// ServerPID > 0: read this process's CPU time and memory from /proc.
	ServerPID int
	// CountSyscalls counts the system calls of ServerPID for a moment after the window,
	// while the load continues. It needs privileges of the kernel: see
	// ServerUse.SyscallsPerRequest.
	CountSyscalls bool
	// Progress receives a connection bar and then a line each second. nil: silent.
	Progress io.Writer

	// During runs in another goroutine from the start of the window. The load continues
	// until it returns; ctx ends if the run fails. Its error is the error of the run.
	// nil: not used.
	During func(ctx context.Context) error
	// Mallocs returns how many heap objects the server's process has allocated since its
	// start. nil: allocations are not counted.
	Mallocs func(ctx context.Context) (uint64, error)
}

// Limits of Options.
const (
	MaxConnections = 1 << 22
	MaxDepth       = 1 << 16
	MaxRate        = 1e9
)

const (
	connectionsPerAddr = 1000
	maxSources         = 250 * 250
)

// withDefaults sets the defaults of zero fields.
func (o Options) withDefaults() Options {
	o.Workload = cmp.Or(o.Workload, Submit)
	o.Dialect = cmp.Or(o.Dialect, DialectPacket)
	o.Path = cmp.Or(o.Path, o.defaultPath())
	o.Connections = cmp.Or(o.Connections, 1)
	o.Duration = cmp.Or(o.Duration, 10*time.Second)
	o.Sources = cmp.Or(o.Sources, o.neededSources())
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 30*time.Second)
	if o.Dialect == DialectFIX && o.Workload == Idle {
		o.KeepAlive = cmp.Or(o.KeepAlive, fixHeartBtInt)
	}
	o.KeepAlive = cmp.Or(o.KeepAlive, 20*time.Second)
	o.Drain = cmp.Or(o.Drain, 5*time.Second)
	o.MaxErrors = cmp.Or(o.MaxErrors, 100)
	o.SessionsPerAccount = cmp.Or(o.SessionsPerAccount, 10)
	switch {
	case o.ServerPID == 0:
	case o.Workload == Idle || o.Workload == HalfOpen:
		o.MemoryWait = cmp.Or(o.MemoryWait, 500*time.Millisecond)
	default:
		o.MemoryWait = cmp.Or(o.MemoryWait, 50*time.Millisecond)
	}
	if o.Workload == Chat && o.Interval.Max == 0 {
		o.Rate = cmp.Or(o.Rate, float64(o.Connections))
	}
	if o.Rate > 0 {
		o.Depth = cmp.Or(o.Depth, 64)
	}
	o.Depth = cmp.Or(o.Depth, 1)
	return o
}

func (o Options) defaultPath() string {
	switch {
	case o.Dialect != DialectEcho:
		return "/ws"
	case o.Workload == Chat:
		return "/chat"
	default:
		return "/echo"
	}
}

// addrs returns the addresses of the server.
func (o Options) addrs() []string { return strings.Split(o.Addr, ",") }

// neededSources returns how many source addresses the connections need.
func (o Options) neededSources() int {
	if o.Connections <= connectionsPerAddr {
		return 1
	}
	for _, addr := range o.addrs() {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil || len(tcp.IP) > 0 && (tcp.IP.To4() == nil || !tcp.IP.IsLoopback()) {
			return 1
		}
	}
	return min((o.Connections+connectionsPerAddr-1)/connectionsPerAddr, maxSources)
}

// validate returns an error for the first invalid option. Call it after withDefaults.
func (o Options) validate() error {
	if o.Addr == "" {
		return fmt.Errorf("%w: Addr is empty", ErrOptions)
	}
	for _, n := range []struct {
		name             string
		value, min, most int
	}{
		{"Connections", o.Connections, 1, MaxConnections}, {"Depth", o.Depth, 1, MaxDepth}, {"Sources", o.Sources, 1, maxSources},
	} {
		if n.value < n.min || n.value > n.most {
			return fmt.Errorf("%w: %s %d is not in %d..%d", ErrOptions, n.name, n.value, n.min, n.most)
		}
	}
	if !(o.Rate >= 0 && o.Rate <= MaxRate) { // also not for NaN
		return fmt.Errorf("%w: Rate %g is not in 0..1e9", ErrOptions, o.Rate)
	}
	if o.SessionsPerAccount < 1 {
		return fmt.Errorf("%w: SessionsPerAccount %d is not 1 or more", ErrOptions, o.SessionsPerAccount)
	}
	if err := o.validateTimes(); err != nil {
		return err
	}
	if err := o.validateDialect(); err != nil {
		return err
	}
	return o.validateWorkload()
}

func (o Options) validateTimes() error {
	for _, t := range []struct {
		name  string
		value time.Duration
	}{
		{"Warmup", o.Warmup}, {"Duration", o.Duration}, {"ConnectTimeout", o.ConnectTimeout},
		{"MemoryWait", o.MemoryWait}, {"KeepAlive", o.KeepAlive}, {"Drain", o.Drain}, {"Interval.Min", o.Interval.Min},
	} {
		if t.value < 0 {
			return fmt.Errorf("%w: %s %v is negative", ErrOptions, t.name, t.value)
		}
	}
	if o.Interval.Max < o.Interval.Min {
		return fmt.Errorf("%w: Interval.Max %v is below Interval.Min %v", ErrOptions, o.Interval.Max, o.Interval.Min)
	}
	if o.Rate > 0 && o.Interval.Max > 0 {
		return fmt.Errorf("%w: Rate and Interval exclude each other: set only one", ErrOptions)
	}
	return nil
}
