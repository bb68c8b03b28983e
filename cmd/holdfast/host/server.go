package host

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/fixecho"
	"holdfast/biz/gateway"
	"holdfast/biz/journal"
	"holdfast/biz/seed"
	wiring "holdfast/biz/server"
	"holdfast/biz/simulation"
	"holdfast/cmd/holdfast/config"
	"holdfast/codec"
	"holdfast/codec/chat"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
	"holdfast/perf/goconn"
	"holdfast/perf/txlog"
)

// Reactor is the name of the reactor in Carriers.
const Reactor = "reactor"

// Carriers returns the names of the carriers, the values for Options.Carrier.
func Carriers() []string {
	names := []string{Reactor}
	for _, style := range goconn.Styles() {
		names = append(names, string(style))
	}
	return names
}

// Server is a complete running server with its admin port.
type Server struct {
	*wiring.Server
	Admin   string     // address of metrics and pprof
	Console string     // address of the console; "": it is not served
	Seed    *seed.Seed // of the start
	Day     *Day
	Memory  Memory

	config       *config.Config
	version      string
	encryption   *encryption // nil: no listener speaks TLS
	seedFile     string      // of the last reload, or of the start
	log          *slog.Logger
	droppedLines func() uint64
}

// Options are the settings that are not in the configuration file.
type Options struct {
	Version             string // sent to clients
	SubmitOnLoop        bool
	Carrier             string // one of Carriers; "" is Reactor
	CarrierChat         bool   // the listener of a Carrier other than Reactor is a chat listener
	TransactionPerOrder bool
	WebSocketEcho       bool                             // the WebSocket listeners serve /echo
	FIXEcho             bool                             // the FIX listeners serve biz/fixecho, too
	Reload              func() (gateway.Reloaded, error) // for operators: loads the settings again and calls Server.Reload
	DroppedLines        func() uint64                    // lines that standard output and error lost, for the metrics; nil: 0
}

// carrierDialect is the dialect of a Carrier other than Reactor.
func (o Options) carrierDialect() codec.Dialect {
	if o.CarrierChat {
		return chat.Dialect{}
	}
	return codec.Packet{}
}

// Start starts a server with the settings of c. It returns when clients can connect. A
// *config.Error names the setting that prevents the start.
func Start(ctx context.Context, c *config.Config, o Options, log *slog.Logger) (*Server, error) {
	s := newServer(c, o, log)
	var err error
	if s.Seed, err = LoadSeed(c.SeedFile); err != nil {
		return nil, err
	}
	if s.Day, err = newDay(c, s.Seed, time.Now()); err != nil {
		return nil, err
	}
	if s.encryption, err = newEncryption(c, time.Now()); err != nil {
		return nil, err
	}
	if err := c.CheckExposed(); err != nil {
		return nil, err
	}
	if err := checkPorts(c); err != nil {
		return nil, err
	}
	for _, key := range c.Exposed() {
		log.Warn("other machines can reach an address that does not encrypt", "setting", key)
	}
	web, err := newConsole(c, s, log)
	if err != nil {
		return nil, portError(c, "console", c.Console, err)
	}
	parts := s.parts(c, o, log)
	web.addDoor(&parts)
	parts.Attach = func(running *wiring.Server) (detach func(), err error) {
		s.Server = running
		a, err := startAdmin(c.Admin, s, log)
		if err != nil {
			return nil, portError(c, "admin", c.Admin, err)
		}
		s.Admin = a.addr
		web.start(a.health)
		return func() { web.close(); a.close() }, nil
	}
	if _, err := wiring.Start(ctx, parts); err != nil {
		web.close()
		return nil, settingError(c, err)
	}
	web.open(s.Addrs)
	return s, nil
}

// newServer returns a server without its parts.
func newServer(c *config.Config, o Options, log *slog.Logger) *Server {
	s := &Server{Memory: PlanMemory(c), config: c, version: o.Version, seedFile: c.SeedFile, log: log, droppedLines: o.DroppedLines}
	if s.droppedLines == nil {
		s.droppedLines = func() uint64 { return 0 }
	}
	return s
}

// parts returns the settings of the server's parts.
func (s *Server) parts(c *config.Config, o Options, log *slog.Logger) wiring.Config {
	w := wiring.Config{
		Data: c.Data, Seed: s.Seed, Journal: journalOptions(c), HistoryURL: c.HistoryURL, DurableHistory: o.TransactionPerOrder,
		Listeners: listenersOf(c, s.encryption, o.WebSocketEcho), EventLoops: EventLoops(c), Drain: c.Drain, Limits: limitsOf(c, s.Memory.plan),
		Desk: desk.Config{
			RecentEvents: c.RecentEvents, DiskWatermark: uint64(c.DiskWatermark),
			WorkingOrders: c.Limits.WorkingOrders, ClientOrderIDs: c.Limits.ClientOrderIDs,
			CheckpointInterval: c.CheckpointInterval, Keep: desk.Retention(c.JournalKeep),
			MaxHeldBytes: s.Memory.plan.HeldBytes, MaxOpenBytes: s.Memory.plan.OpenBytes,
		},
		Gateway: gateway.Config{
			Heartbeat: c.Heartbeat, Version: o.Version, SubmitOnLoop: o.SubmitOnLoop,
			PasswordGuesses: c.Limits.PasswordGuesses, SessionsPerAccount: c.Limits.SessionsPerAccount,
			LoginQueue: c.Limits.LoginQueue, LoginWait: c.Limits.LoginWait,
			Preset: s.Day.Preset, ReloadSettings: o.Reload, Random: s.Day.simulation.Random,
			FIXCompID: c.FIXCompID,
		},
		Simulation: s.Day.simulation, Clock: s.Day.Clock,
		Log: log,
	}
	if o.FIXEcho {
		w.Gateway.FIXEcho = fixecho.New()
	}
	if s.Day.Clock != nil {
		w.Script = func(ctx context.Context, running *wiring.Server, driver *simulation.Driver) error {
			return s.Day.start(ctx, c, running, driver, log)
		}
	}
	if o.TransactionPerOrder {
		w.NewCommitLog = txlog.New
	}
	if o.Carrier != "" && o.Carrier != Reactor {
		w.NewCarrier = func(running *wiring.Server) (wiring.Carrier, error) {
			return goconn.New(running.Core, goconn.Config{
				Style: goconn.Style(o.Carrier), Dialect: o.carrierDialect(), Listen: c.Listen, Drain: c.Drain, OnDrain: running.Gateway.Drain, Log: log,
			})
		}
	}
	return w
}

func journalOptions(c *config.Config) journal.Options {
	o := journal.Options{URL: c.JournalURL, Replicas: c.JournalCopies}
	if c.JournalMonitor != "" {
		o.MonitorURLs = strings.Split(c.JournalMonitor, ",")
	}
	return o
}

// listenersOf returns the packet listener first, then the others.
func listenersOf(c *config.Config, e *encryption, echo bool) []engine.Listener {
	configOf := func(encrypted bool) *tls.Config {
		if !encrypted {
			return nil
		}
		return e.config()
	}
	all := []engine.Listener{{Address: c.Listen, Dialect: codec.Packet{}, TLS: configOf(c.ListenTLS)}}
	for _, l := range c.Listeners {
		e := engine.Listener{Address: l.Address, Dialect: codec.Packet{}, Greets: l.Greet, TLS: configOf(l.TLS)}
		switch l.Dialect {
		case config.DialectTLV:
			e.Dialect = codec.TLV{BigEndian: l.BigEndian}
		case config.DialectChat:
			e.Dialect = chat.Dialect{}
		case config.DialectFIX:
			e.Dialect = codecfix.Dialect{}
		case config.DialectWebSocket:
			e.WebSocket = newWebSocket(l, echo)
		}
		all = append(all, e)
	}
	return all
}

// loginTime is the longest time from the connect to the login if a login is required.
const loginTime = 10 * time.Second

func limitsOf(c *config.Config, plan engine.MemoryPlan) engine.Limits {
	l := engine.Limits{
		MaxFrameBytes:         c.Limits.MaxFrameBytes,
		LoginFrameBytes:       c.Limits.LoginFrameBytes,
		MaxConnections:        c.MaxConnections,
		ConnectionsPerAddress: c.Limits.ConnectionsPerAddress,
		LimitLoopback:         !c.Limits.ExemptLoopback,
		InFlightRequests:      c.Limits.InFlightRequests,
		InFlightBytes:         c.Limits.InFlightBytes,
		LaneBytes:             plan.LaneBytes,
		OutboundSoftBytes:     c.Limits.OutboundSoftBytes,
		OutboundSoftTime:      c.Limits.OutboundSoftTime,
		OutboundHardBytes:     c.Limits.OutboundHardBytes,
		OutboundTotalBytes:    c.Limits.OutboundTotalBytes,
		FirstFrameTime:        c.Limits.FirstFrameTime,
		HandshakeTime:         c.Limits.HandshakeTime,
		PongTime:              c.Limits.PongTime,
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

// EventLoops returns the number of event loops with the settings of c.
func EventLoops(c *config.Config) int {
	if c.EventLoops > 0 {
		return c.EventLoops
	}
	return runtime.NumCPU()
}

// settingError adds to an error of the start the setting that caused it.
func settingError(c *config.Config, err error) error {
	var listen *engine.ListenError
	switch {
	case errors.Is(err, wiring.ErrFolder):
		return &config.Error{Origin: c.Origin("data"), Problem: err.Error()}
	case errors.As(err, &listen):
		return listenError(c, listen)
	default:
		return err
	}
}
