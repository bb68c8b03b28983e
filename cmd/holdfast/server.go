package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"syscall"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/gateway"
	"holdfast/biz/journal"
	"holdfast/biz/seed"
	wiring "holdfast/biz/server"
	"holdfast/biz/simulation"
	"holdfast/cmd/holdfast/config"
	"holdfast/codec"
	"holdfast/engine"
	"holdfast/perf/goconn"
	"holdfast/perf/txlog"
)

// reactorPlumbing is the name of the reactor among the plumbings.
const reactorPlumbing = "reactor"

// plumbings lists what serverOptions.Plumbing may be.
func plumbings() []string {
	names := []string{reactorPlumbing}
	for _, style := range goconn.Styles() {
		names = append(names, string(style))
	}
	return names
}

// server is a whole running server with its admin port.
type server struct {
	*wiring.Server
	Admin string // where metrics and pprof are; "" when there is no admin port

	seed   *seed.Seed
	memory memory
}

// serverOptions are settings that no configuration file has.
type serverOptions struct {
	SubmitOnLoop bool
	NoAdmin      bool
	// Plumbing is one of plumbings; "" means the reactor.
	Plumbing            string
	TransactionPerOrder bool
}

// startServer starts a server with the settings of c. It returns when clients can
// connect.
func startServer(ctx context.Context, c *config.Config, o serverOptions, log *slog.Logger) (*server, error) {
	s := &server{memory: planMemory(c.MemoryLimit, loopsOf(c))}
	var err error
	if s.seed, err = loadSeed(c.SeedFile); err != nil {
		return nil, err
	}
	parts := s.parts(c, o, log)
	if !o.NoAdmin {
		parts.Attach = func(w *wiring.Server) (detach func(), err error) {
			s.Server = w
			return s.startAdmin(c, log)
		}
	}
	running, err := wiring.Start(ctx, parts)
	if err != nil {
		return nil, settingError(c, err)
	}
	if o.NoAdmin { // else the admin port has it already
		s.Server = running
	}
	return s, nil
}

// parts returns the settings of the server's parts.
func (s *server) parts(c *config.Config, o serverOptions, log *slog.Logger) wiring.Config {
	w := wiring.Config{
		Data: c.Data, Seed: s.seed, Journal: journalOptions(c), DurableHistory: o.TransactionPerOrder,
		Listeners: listenersOf(c), EventLoops: loopsOf(c), Drain: c.Drain, Limits: limitsOf(c, s.memory.plan),
		Desk: desk.Config{
			RecentEvents: c.RecentEvents, DiskWatermark: uint64(c.DiskWatermark),
			MaxHeldBytes: s.memory.plan.HeldBytes, MaxOpenBytes: s.memory.plan.OpenBytes,
		},
		Gateway: gateway.Config{
			Heartbeat: c.Heartbeat, Version: readVersion().String(), SubmitOnLoop: o.SubmitOnLoop,
			PasswordGuesses: c.Limits.PasswordGuesses, SessionsPerAccount: c.Limits.SessionsPerAccount,
		},
		Simulation: simulation.Config{
			Orders: float64(c.Simulate), PriceMoves: float64(c.PriceMoves), Random: c.RandomSeed,
		},
		Log: log,
	}
	if o.TransactionPerOrder {
		w.NewCommitLog = txlog.New
	}
	if o.Plumbing != "" && o.Plumbing != reactorPlumbing {
		w.NewCarrier = func(core *engine.Core, drain func(context.Context) error) (wiring.Carrier, error) {
			return goconn.New(core, goconn.Config{
				Style: goconn.Style(o.Plumbing), Listen: c.Listen, Drain: c.Drain, OnDrain: drain, Log: log,
			})
		}
	}
	return w
}

// startAdmin opens the admin port. It is closed quickly: a profile that somebody takes
// must not use up the time of the rest.
func (s *server) startAdmin(c *config.Config, log *slog.Logger) (detach func(), err error) {
	admin, err := startAdmin(c.Admin, s, log)
	if err != nil {
		return nil, portError(c, "admin", c.Admin, err)
	}
	s.Admin = admin.addr
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := admin.close(ctx); err != nil {
			log.Warn("admin port not closed cleanly", "error", err)
		}
	}, nil
}

func journalOptions(c *config.Config) journal.Options {
	o := journal.Options{URL: c.JournalURL, Replicas: c.JournalCopies}
	if c.JournalMonitor != "" {
		o.MonitorURLs = strings.Split(c.JournalMonitor, ",")
	}
	return o
}

// listenersOf returns the packet listener, and then the others.
func listenersOf(c *config.Config) []engine.Listener {
	all := []engine.Listener{{Address: c.Listen, Dialect: codec.Packet{}}}
	for _, l := range c.Listeners {
		e := engine.Listener{Address: l.Address, Dialect: codec.Packet{}, Greets: l.Greet}
		if l.Dialect == config.DialectTLV {
			e.Dialect = codec.TLV{BigEndian: l.BigEndian}
		}
		all = append(all, e)
	}
	return all
}

// loginTime is how long a session may take to its login where one is required.
const loginTime = 10 * time.Second

func limitsOf(c *config.Config, plan engine.MemoryPlan) engine.Limits {
	l := engine.Limits{
		MaxFrameBytes:         c.Limits.MaxFrameBytes,
		LoginFrameBytes:       c.Limits.LoginFrameBytes,
		MaxConnections:        c.MaxConnections,
		ConnectionsPerAddress: c.Limits.ConnectionsPerAddress,
		InFlightRequests:      c.Limits.InFlightRequests,
		InFlightBytes:         c.Limits.InFlightBytes,
		LaneBytes:             plan.LaneBytes,
		OutboundSoftBytes:     c.Limits.OutboundSoftBytes,
		OutboundSoftTime:      c.Limits.OutboundSoftTime,
		OutboundHardBytes:     c.Limits.OutboundHardBytes,
		OutboundTotalBytes:    c.Limits.OutboundTotalBytes,
		FirstFrameTime:        c.Limits.FirstFrameTime,
		FrameTime:             c.Limits.FrameTime,
		IdleTime:              c.Limits.IdleTime,
		WriteStallTime:        c.Limits.WriteStallTime,
		Heartbeat:             c.Heartbeat,
	}
	if l.ConnectionsPerAddress == 0 {
		l.ConnectionsPerAddress = -1
	}
	if l.OutboundTotalBytes == 0 {
		l.OutboundTotalBytes = plan.OutboundTotalBytes
	}
	if c.RequireLogin {
		l.LoginTime = loginTime
	}
	return l
}

func loopsOf(c *config.Config) int {
	if c.EventLoops > 0 {
		return c.EventLoops
	}
	return runtime.NumCPU()
}

// settingError names the setting that an error of the start comes from.
func settingError(c *config.Config, err error) error {
	var listen *engine.ListenError
	switch {
	case errors.Is(err, wiring.ErrFolder):
		return &config.Error{Origin: c.Origin("data"), Problem: err.Error()}
	case errors.As(err, &listen):
		for i, l := range c.Listeners {
			if l.Address == listen.Address && l.Address != c.Listen {
				return portError(c, fmt.Sprintf("listeners[%d]", i), l.Address, err)
			}
		}
		return portError(c, "listen", c.Listen, err)
	default:
		return err
	}
}

// portError names the setting whose address can't be had.
func portError(c *config.Config, key, addr string, err error) error {
	problem := err.Error()
	var network *net.OpError
	if errors.As(err, &network) && errors.Is(err, syscall.EADDRINUSE) {
		problem = fmt.Sprintf("%s %q: another program listens there, or another listener of this server; choose another port", key, addr)
	}
	return &config.Error{Origin: c.Origin(key), Problem: problem}
}
