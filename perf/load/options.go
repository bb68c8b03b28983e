package load

import (
	"fmt"
	"io"
	"time"
)

// Workload says what the connections do.
type Workload string

// The workloads.
const (
	// Submit sends command 0x02 with a readable body; the reply is 14 bytes.
	Submit Workload = "submit"
	// Heartbeat sends command 0x03 with no body; the reply is 14 bytes.
	Heartbeat Workload = "heartbeat"
	// Orders logs each connection in, then buys 1 and sells 1 in turn.
	Orders Workload = "orders"
	// Idle connects (and logs in if Accounts are given), then only keeps alive.
	Idle Workload = "idle"
)

// Account is a customer whom a connection logs in as.
type Account struct {
	Customer uint32
	Token    []byte
}

// Interval is a think time, drawn evenly from Min to Max.
type Interval struct {
	Min, Max time.Duration
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
	// BodySize of a Submit request. Default 64 bytes, limit 64 KiB.
	BodySize int
	// Accounts for Orders and Idle: connection i logs in as Accounts[i mod n].
	Accounts []Account
	// Instruments for Orders, each {market, code}; a connection goes round them.
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
	// server on IPv4 loopback. 0: one for every 10,000 connections.
	Sources int
	// ConnectTimeout bounds the whole ramp. Default 30 s.
	ConnectTimeout time.Duration
	// Settle is waited for between the ramp and the reading of the server's
	// memory. Default 500 ms with ServerPID, else 0.
	Settle time.Duration
	// KeepAlive is the time between heartbeats of an Idle connection. Default 20 s.
	KeepAlive time.Duration
	// Drain bounds the wait for open replies at the end. Default 5 s.
	Drain time.Duration
	// MaxErrors ends the run when exceeded. Default 100; -1: no limit.
	MaxErrors int
	// ServerPID > 0: read this process's CPU time and memory from /proc.
	ServerPID int
	// Progress gets a connection bar and a line each second. nil: silent.
	Progress io.Writer
}

const (
	maxDepth           = 1 << 16
	maxBodySize        = 64 << 10
	maxConnections     = 1 << 22
	connectionsPerAddr = 10000
	maxSources         = 250 * 250
)

// withDefaults fills what was left out.
func (o Options) withDefaults() Options {
	setDefault(&o.Workload, Submit)
	setDefault(&o.Connections, 1)
	setDefault(&o.Duration, 10*time.Second)
	setDefault(&o.BodySize, 64)
	setDefault(&o.Sources, (o.Connections+connectionsPerAddr-1)/connectionsPerAddr)
	setDefault(&o.ConnectTimeout, 30*time.Second)
	setDefault(&o.KeepAlive, 20*time.Second)
	setDefault(&o.Drain, 5*time.Second)
	setDefault(&o.MaxErrors, 100)
	if o.ServerPID > 0 {
		setDefault(&o.Settle, 500*time.Millisecond)
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

func (o Options) validateWorkload() error {
	switch o.Workload {
	case Submit, Heartbeat, Idle:
		return nil
	case Orders:
	default:
		return fmt.Errorf("%w: Workload %q is none of submit, heartbeat, orders, idle", ErrOptions, o.Workload)
	}
	if len(o.Accounts) == 0 {
		return fmt.Errorf("%w: Orders needs Accounts", ErrOptions)
	}
	if len(o.Instruments) == 0 {
		return fmt.Errorf("%w: Orders needs Instruments", ErrOptions)
	}
	return nil
}

// logsIn says whether connections log in before the load starts.
func (o Options) logsIn() bool {
	return len(o.Accounts) > 0 && (o.Workload == Orders || o.Workload == Idle)
}
