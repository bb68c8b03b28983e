package load

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"holdfast/codec"
)

// Account is a customer whom a connection logs in as.
type Account struct {
	Customer uint32
	Token    []byte
}

// Options of one run. The zero value of every field but Addr is usable.
type Options struct {
	// Addr is the server, host:port. A host name is looked up once.
	Addr string
	// Workload defaults to Submit.
	Workload Workload
	// Connections defaults to 1. Limit: the hard limit of open files.
	Connections int
	// Depth is the number of requests that may be open on a connection.
	// Default 1; with Rate 64. Limit 65536.
	Depth int
	// Rate > 0 makes an open loop: so many requests a second over all
	// connections, on a fixed schedule, round robin. 0: closed loop.
	Rate float64
	// Interval is the think time of the closed loop: when all replies of a
	// connection have come it waits this long, then sends Depth requests.
	Interval Interval
	// Warmup is not measured. Default 0.
	Warmup time.Duration
	// Duration is the measured time. Default 10 s.
	Duration time.Duration
	// BodySize of a Submit request. Default 64 bytes, limit what a frame of 64 KiB
	// holds: without a login, servers take no longer ones.
	BodySize int
	// Accounts for all workloads but Submit and Heartbeat: connection i logs in as
	// Accounts[i mod n].
	Accounts []Account
	// SessionsPerAccount, for Push only: connection i logs in as
	// Accounts[i / SessionsPerAccount mod n] and trades if i mod
	// SessionsPerAccount is 0. Default 10.
	SessionsPerAccount int
	// Instruments for Orders and Push, each {market, code}; a connection goes round
	// them.
	Instruments [][2]string
	// OnAck is told of every order answered OK. Goroutine: the event loop, so it
	// must be quick. The slices are valid until it returns; reply is the body
	// behind the result byte.
	OnAck func(customer uint32, clientOrderID, reply []byte)
	// Nonce makes client order ids unique among runs. 0: a random one.
	Nonce uint32
	// Seed of the think times.
	Seed uint64

	// Sources is the number of addresses 127.0.x.y to connect from; only for a
	// server on IPv4 loopback. 0: one for every 1,000 connections there, since
	// servers bound how many one address may have, else 1.
	Sources int
	// ConnectTimeout bounds the whole ramp. Default 30 s.
	ConnectTimeout time.Duration
	// Settle is waited for between the ramp and the reading of the server's
	// memory. Default with ServerPID 500 ms for Idle, where that memory is the
	// result, and 50 ms for others; without it 0.
	Settle time.Duration
	// KeepAlive is the time between heartbeats of an Idle connection, and of any
	// other that sends nothing else for so long. Default 20 s.
	KeepAlive time.Duration
	// Drain bounds the wait for open replies at the end. Default 5 s.
	Drain time.Duration
	// MaxErrors ends the run when exceeded. Default 100; -1: no limit.
	MaxErrors int
	// ServerPID > 0: read this process's CPU time and memory from /proc.
	ServerPID int
	// CountSyscalls counts the system calls of ServerPID for a moment after the
	// window, while the load goes on. It takes a right of the kernel's that not
	// everybody has: see ServerUse.SyscallsPerRequest.
	CountSyscalls bool
	// Progress gets a connection bar and a line each second. nil: silent.
	Progress io.Writer

	hooks hooks
}

// hooks are what Compare has done beside a run; each may be nil.
type hooks struct {
	// during runs in a goroutine of its own from the begin of the window. The load
	// goes on until it returns; its error is the run's.
	during func(ctx context.Context) error
	// mallocs is Server.Mallocs.
	mallocs func(ctx context.Context) (uint64, error)
}

const (
	maxDepth           = 1 << 16
	maxBodySize        = 64<<10 - codec.PacketHeaderLen
	maxConnections     = 1 << 22
	connectionsPerAddr = 1000
	maxSources         = 250 * 250
)

// withDefaults fills what was left out.
func (o Options) withDefaults() Options {
	setDefault(&o.Workload, Submit)
	setDefault(&o.Connections, 1)
	setDefault(&o.Duration, 10*time.Second)
	setDefault(&o.BodySize, 64)
	setDefault(&o.Sources, o.neededSources())
	setDefault(&o.ConnectTimeout, 30*time.Second)
	setDefault(&o.KeepAlive, 20*time.Second)
	setDefault(&o.Drain, 5*time.Second)
	setDefault(&o.MaxErrors, 100)
	setDefault(&o.SessionsPerAccount, 10)
	switch {
	case o.ServerPID == 0:
	case o.Workload == Idle:
		setDefault(&o.Settle, 500*time.Millisecond)
	default:
		setDefault(&o.Settle, 50*time.Millisecond)
	}
	if o.Rate > 0 {
		setDefault(&o.Depth, 64)
	}
	setDefault(&o.Depth, 1)
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// neededSources is how many source addresses the connections take where there
// are as many as one likes.
func (o Options) neededSources() int {
	if o.Connections <= connectionsPerAddr {
		return 1
	}
	tcp, err := net.ResolveTCPAddr("tcp", o.Addr)
	if err != nil || len(tcp.IP) > 0 && (tcp.IP.To4() == nil || !tcp.IP.IsLoopback()) {
		return 1
	}
	return min((o.Connections+connectionsPerAddr-1)/connectionsPerAddr, maxSources)
}

// validate names the first option that can't be used; o has its defaults.
func (o Options) validate() error {
	switch {
	case o.Addr == "":
		return fmt.Errorf("%w: Addr is empty", ErrOptions)
	case o.Connections < 1 || o.Connections > maxConnections:
		return fmt.Errorf("%w: Connections %d is not in 1..%d", ErrOptions, o.Connections, maxConnections)
	case o.Depth < 1 || o.Depth > maxDepth:
		return fmt.Errorf("%w: Depth %d is not in 1..%d", ErrOptions, o.Depth, maxDepth)
	case o.BodySize < 0 || o.BodySize > maxBodySize:
		return fmt.Errorf("%w: BodySize %d is not in 0..%d", ErrOptions, o.BodySize, maxBodySize)
	case o.Rate < 0 || o.Rate > 1e9:
		return fmt.Errorf("%w: Rate %g is not in 0..1e9", ErrOptions, o.Rate)
	case o.SessionsPerAccount < 1:
		return fmt.Errorf("%w: SessionsPerAccount %d is not 1 or more", ErrOptions, o.SessionsPerAccount)
	case o.Sources < 1 || o.Sources > maxSources:
		return fmt.Errorf("%w: Sources %d is not in 1..%d", ErrOptions, o.Sources, maxSources)
	}
	if err := o.validateTimes(); err != nil {
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
		{"Settle", o.Settle}, {"KeepAlive", o.KeepAlive}, {"Drain", o.Drain}, {"Interval.Min", o.Interval.Min},
	} {
		if t.value < 0 {
			return fmt.Errorf("%w: %s %v is negative", ErrOptions, t.name, t.value)
		}
	}
	if o.Interval.Max < o.Interval.Min {
		return fmt.Errorf("%w: Interval.Max %v is below Interval.Min %v", ErrOptions, o.Interval.Max, o.Interval.Min)
	}
	if o.Rate > 0 && o.Interval.Max > 0 {
		return fmt.Errorf("%w: Rate and Interval exclude each other", ErrOptions)
	}
	return nil
}
