package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"syscall"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/trading"
	"holdfast/cmd/holdfast/config"
	"holdfast/engine"
	"holdfast/perf/goconn"
)

// carrier takes the clients' connections: the reactor, or other plumbing to
// compare it with.
type carrier interface {
	Run(context.Context) error
	Booted() <-chan struct{}
	Addr() string
}

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

// server is a whole running server: data folder, accounts, carrier, admin port.
type server struct {
	Addr  string // where clients connect
	Admin string // where metrics and pprof are; "" when there is no admin port

	files   engine.FileLimit
	memory  memory
	data    *dataFolder
	trading *trading.Service
	core    *engine.Core
	admin   *adminServer

	cancel context.CancelCauseFunc
	ended  chan struct{}
	err    error // why it ended; valid when ended is closed
}

// serverOptions are settings that no configuration file has.
type serverOptions struct {
	SubmitOnLoop bool
	NoAdmin      bool
	// Plumbing is one of plumbings; "" means the reactor.
	Plumbing            string
	TransactionPerOrder bool
}

// startServer opens the data folder, rebuilds the accounts and serves. It
// returns when clients can connect. Wait tells how it ended.
func startServer(ctx context.Context, c *config.Config, o serverOptions, log *slog.Logger) (*server, error) {
	files, err := engine.RaiseOpenFiles()
	if err != nil {
		log.Warn("open-file limit not raised", "error", err)
	}
	s := &server{files: files, memory: planMemory(c.MemoryLimit, loopsOf(c)), ended: make(chan struct{})}
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	s.cancel = cancel
	if s.data, err = openData(ctx, c, o.TransactionPerOrder, log); err != nil {
		return nil, err
	}
	carrier, err := s.wire(ctx, c, o, log)
	if err != nil {
		return nil, errors.Join(err, s.closeAll(log))
	}
	served := make(chan error, 1)
	go func() { served <- carrier.Run(run) }()
	go s.supervise(run, served, log)
	select {
	case <-carrier.Booted():
		s.Addr = carrier.Addr()
		return s, nil
	case <-s.ended:
		return nil, s.err
	}
}

// wire makes everything above the data folder.
func (s *server) wire(ctx context.Context, c *config.Config, o serverOptions, log *slog.Logger) (carrier, error) {
	service, err := s.newService(ctx, c, o, log)
	if errors.Is(err, history.ErrDamaged) {
		if err = s.data.remakeHistory(ctx, err, log); err == nil {
			service, err = s.newService(ctx, c, o, log)
		}
	}
	if err != nil {
		return nil, err
	}
	if s.core, err = service.Start(limitsOf(c, s.memory.plan)); err != nil {
		return nil, err
	}
	s.trading = service
	carrier, err := s.newCarrier(c, o, log)
	if errors.Is(err, engine.ErrFewDescriptors) {
		return nil, err
	}
	if err != nil {
		return nil, portError(c, "listen", c.Listen, err)
	}
	if o.NoAdmin {
		return carrier, nil
	}
	if s.admin, err = startAdmin(c.Admin, s, log); err != nil {
		return nil, portError(c, "admin", c.Admin, err)
	}
	s.Admin = s.admin.addr
	return carrier, nil
}

func (s *server) newCarrier(c *config.Config, o serverOptions, log *slog.Logger) (carrier, error) {
	if o.Plumbing == "" || o.Plumbing == reactorPlumbing {
		return s.core.NewReactor(engine.ReactorConfig{
			Listen: c.Listen, Loops: loopsOf(c), Drain: c.Drain, OnDrain: s.trading.Drain,
		})
	}
	return goconn.New(s.core, goconn.Config{
		Style: goconn.Style(o.Plumbing), Listen: c.Listen, Drain: c.Drain, OnDrain: s.trading.Drain, Log: log,
	})
}

func (s *server) newService(ctx context.Context, c *config.Config, o serverOptions, log *slog.Logger) (*trading.Service, error) {
	return trading.New(ctx, trading.Config{
		Seed: s.data.seed, Journal: s.data.journal, History: s.data.history,
		PasswordGuesses: c.Limits.PasswordGuesses,
		DiskWatermark:   uint64(c.DiskWatermark), FreeSpace: func() (uint64, error) { return freeSpace(c.Data) },
		RecentEvents: c.RecentEvents, Heartbeat: c.Heartbeat, Version: readVersion().String(),
		SubmitOnLoop: o.SubmitOnLoop, TransactionPerOrder: o.TransactionPerOrder,
		MaxHeldBytes: s.memory.plan.HeldBytes, MaxOpenBytes: s.memory.plan.OpenBytes,
		Simulation: trading.Simulation{
			Orders: float64(c.Simulate), PriceMoves: float64(c.PriceMoves), Random: c.RandomSeed,
		},
		Fatal: s.fatal,
		Log:   log,
	})
}

// fatal ends the server because nothing can be made durable any more.
func (s *server) fatal(err error) {
	s.cancel(fmt.Errorf("orders can't be made durable: %w", err))
}

// supervise waits for the end, however it comes, and closes everything.
func (s *server) supervise(run context.Context, served <-chan error, log *slog.Logger) {
	err := <-served
	if cause := context.Cause(run); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	s.err = errors.Join(err, s.closeAll(log))
	close(s.ended)
}

// Stop drains the server and waits for its end.
func (s *server) Stop() error {
	s.cancel(context.Canceled)
	return s.Wait()
}

// Wait returns when the server has ended: nil after a Stop that drained it.
func (s *server) Wait() error {
	<-s.ended
	return s.err
}

// Ended is closed when the server has ended.
func (s *server) Ended() <-chan struct{} { return s.ended }

// closeAll ends what was opened, in the order of the dependencies.
func (s *server) closeAll(log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var errs []error
	if s.admin != nil {
		// A profile that somebody takes must not use up the time of the rest.
		quick, stop := context.WithTimeout(ctx, time.Second)
		errs = append(errs, s.admin.close(quick))
		stop()
	}
	if s.trading != nil {
		if err := s.trading.Close(ctx); err != nil {
			log.Error("trading not closed cleanly", "error", err)
			errs = append(errs, err)
		}
	}
	if s.core != nil {
		errs = append(errs, s.core.Close(ctx))
	}
	return errors.Join(append(errs, s.data.close(ctx))...)
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

// portError names the setting whose address can't be had.
func portError(c *config.Config, key, addr string, err error) error {
	problem := err.Error()
	var network *net.OpError
	if errors.As(err, &network) && errors.Is(err, syscall.EADDRINUSE) {
		problem = fmt.Sprintf("%s %q: another program listens there; stop it or choose another port", key, addr)
	}
	return &config.Error{Origin: c.Origin(key), Problem: problem}
}
