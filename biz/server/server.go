package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"holdfast/biz/chat"
	"holdfast/biz/desk"
	"holdfast/biz/gateway"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/biz/simulation"
	"holdfast/engine"
)

// Config has the settings of a Server. Data, Seed and Listeners are required.
type Config struct {
	// Data is the folder of the journal and the history. Start creates it if it is missing.
	Data string
	// Seed has the instruments and customers.
	Seed *seed.Seed
	// Journal has the settings of the journal. Its folder is inside Data. With Journal.Shared, Start
	// follows the journal until this process leads it; Journal.Shared.Fence may be nil.
	Journal journal.Options
	// HistoryURL is the PostgreSQL database of the history; "": it is SQLite in Data.
	HistoryURL string
	// DurableHistory makes the history durable without the journal.
	DurableHistory bool

	// Listeners are where clients connect.
	Listeners []engine.Listener
	// EventLoops is the number of event loops. 0: one per processor.
	EventLoops int
	// Drain limits the duration of a graceful stop. 0: 10 s.
	Drain time.Duration
	// Limits are the limits on connections and memory.
	Limits engine.Limits

	// Desk, Gateway and Simulation have the settings of these parts; Start sets the fields
	// that connect them. Without Desk.Fatal, the server ends once orders can't be made
	// durable any more.
	Desk       desk.Config
	Gateway    gateway.Config
	Simulation simulation.Config
	// Clock is the trading clock; nil is the computer's.
	Clock *market.Clock
	// Follows is set if the market is that of another server: Clock and Simulation do not count,
	// and Script passes the driver what the other server's market does: simulation.Driver.Follow.
	Follows bool
	// Owns says which customers' accounts are this server's, and not another one's of the cluster; nil: all are.
	Owns func(ledger.Customer) bool
	// Script, if set, is called before the driver starts to make the time of Clock pass. ctx ends
	// when the driver is to end.
	Script func(ctx context.Context, s *Server, d *simulation.Driver) error

	// NewCarrier returns the carrier of a server's Core; nil means the reactor. When it drains, it
	// must call the Drain of its Gateway.
	NewCarrier func(*Server) (Carrier, error)
	// NewCommitLog sets Desk.NewCommitLog. It also receives the history.
	NewCommitLog func(*history.Store, desk.CommitLogOptions) desk.CommitLog
	// Attach, if set, is called before the server accepts connections. detach is called
	// after the last connection has ended, before anything is closed.
	Attach func(*Server) (detach func(), err error)
	// Log receives messages for operators; nil means slog.Default.
	Log *slog.Logger
}

// Carrier carries the clients' sessions: the reactor, or a goroutine server to compare it
// with.
type Carrier interface {
	// Run serves until ctx ends, then drains.
	Run(ctx context.Context) error
	// Booted is closed once clients can connect to Addrs.
	Booted() <-chan struct{}
	Addrs() []string
}

// Server is a running server.
type Server struct {
	// Addrs are the addresses of the listeners, in their order.
	Addrs []string
	// Files is the open-file limit.
	Files engine.FileLimit

	// Follows and Owns are those of the Config.
	Follows bool
	Owns    func(ledger.Customer) bool

	Desk    *desk.Desk
	Gateway *gateway.Gateway
	Core    *engine.Core
	Journal *journal.Journal
	History *history.Store

	data      *dataFolder
	reader    bool // it is not started: see OpenReader
	detach    func()
	driver    *simulation.Driver
	endDriver context.CancelFunc
	driven    chan struct{}
	stop      context.CancelCauseFunc
	ended     chan struct{}
	err       error // why it ended; valid when ended is closed
}

// Start opens the data folder, rebuilds the accounts and starts to serve. It returns once
// clients can connect. Wait returns how the server ended. ctx bounds only the start; with
// Journal.Shared the journal is given up when it ends.
//
// Errors are an *engine.ListenError, ErrFolder, and the errors of Attach, NewCarrier and
// the parts.
func Start(ctx context.Context, c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.EventLoops <= 0 {
		c.EventLoops = runtime.NumCPU()
	}
	files, err := engine.RaiseOpenFiles()
	if err != nil {
		c.Log.Warn("could not raise the open-file limit; raise it with ulimit -n", "error", err)
	}
	run, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	s := &Server{Files: files, Follows: c.Follows, Owns: c.Owns, stop: cancel, ended: make(chan struct{}), detach: func() {}}
	c.Simulation.Owns = c.Owns
	if s.data, err = openData(ctx, &c); err != nil {
		return nil, err
	}
	if c.Journal.Shared != nil {
		defer context.AfterFunc(ctx, s.data.journal.GiveUp)()
	}
	carrier, err := s.wire(ctx, &c)
	if err != nil {
		return nil, errors.Join(err, s.close(c.Log))
	}
	served := make(chan error, 1)
	go func() { served <- carrier.Run(run) }()
	go s.supervise(run, served, c.Log)
	select {
	case <-carrier.Booted():
		s.Addrs = carrier.Addrs()
		return s, nil
	case <-s.ended:
		return nil, s.err
	}
}

// wire creates and connects all parts except the data folder.
func (s *Server) wire(ctx context.Context, c *Config) (Carrier, error) {
	d, err := s.openDesk(ctx, c)
	if err != nil {
		return nil, err
	}
	s.Journal, s.History = s.data.journal, s.data.history
	if s.driver = simulation.NewDriver(c.Clock, c.Simulation, c.Log); c.Follows {
		s.driver = simulation.NewFollower(c.Log)
	}
	c.Gateway.Desk, c.Gateway.Seed, c.Gateway.Log, c.Gateway.Clock = d, c.Seed, c.Log, s.driver
	c.Gateway.Chat = chat.New(chat.Config{Now: c.Gateway.Now})
	g := gateway.New(c.Gateway)
	core, err := g.Start(c.Limits)
	if err != nil {
		return nil, err
	}
	if err := removeMark(c.Data); err != nil { // the new identity is durable
		c.Log.Warn("the next start gives the history a new identity again, since a file can't be removed", "error", err)
	}
	s.Desk, s.Gateway, s.Core = d, g, core
	carrier, err := s.newCarrier(c)
	if err != nil {
		return nil, err
	}
	if c.Attach != nil {
		detach, err := c.Attach(s)
		if err != nil {
			return nil, err
		}
		s.detach = detach
	}
	if err := s.drive(c); err != nil {
		return nil, err
	}
	return carrier, nil
}

// openDesk rebuilds the accounts: after a damaged history with a new one, after a checkpoint that
// can't be used from an older one or the journal, and once more if another node has changed the book.
func (s *Server) openDesk(ctx context.Context, c *Config) (*desk.Desk, error) {
	for {
		d, err := s.newDesk(ctx, c)
		switch {
		case errors.Is(err, history.ErrDamaged):
			err = s.data.rebuildHistory(ctx, err)
		case errors.Is(err, desk.ErrBookChanged):
			c.Log.Info("another node has added instruments or customers; the accounts are rebuilt")
			err = s.data.olderCheckpoint(0) // the desk may have saved one
		case errors.Is(err, desk.ErrCheckpoint):
			c.Log.Warn("a checkpoint can't be used; an older one or the journal does instead", "error", err)
			err = s.data.olderCheckpoint(s.data.checkpoint.Point.Batch)
		default:
			s.data.desk = d
			return d, err
		}
		if err != nil {
			return nil, err
		}
	}
}

func (s *Server) newDesk(ctx context.Context, c *Config) (*desk.Desk, error) {
	dc := c.Desk
	var err error
	if dc.NewHistory, err = marked(c.Data); err != nil {
		return nil, err
	}
	dc.Seed, dc.Journal, dc.History, dc.Log = c.Seed, s.data.journal, s.data.history, c.Log
	dc.Lead = c.Journal.Shared != nil && !s.reader
	dc.Checkpoint, dc.Checkpoints = s.data.checkpoint, s.data.checkpoints
	if dc.FreeSpace == nil {
		dc.FreeSpace = func() (uint64, error) { return freeSpace(c.Data) }
	}
	if dc.Fatal == nil {
		dc.Fatal = func(err error) { s.stop(fmt.Errorf("orders can't be made durable: %w", err)) }
	}
	if c.NewCommitLog != nil {
		dc.NewCommitLog = func(o desk.CommitLogOptions) desk.CommitLog { return c.NewCommitLog(s.data.history, o) }
	}
	return desk.New(ctx, dc)
}

func (s *Server) newCarrier(c *Config) (Carrier, error) {
	if c.NewCarrier != nil {
		return c.NewCarrier(s)
	}
	return s.Core.NewReactor(engine.ReactorConfig{
		Listeners: c.Listeners, Loops: c.EventLoops, Drain: c.Drain, OnDrain: s.Gateway.Drain,
	})
}

// drive starts to make the trading time pass.
func (s *Server) drive(c *Config) error {
	ctx, cancel := context.WithCancel(context.Background())
	if c.Script != nil {
		if err := c.Script(ctx, s, s.driver); err != nil {
			cancel()
			return err
		}
	}
	s.endDriver, s.driven = cancel, make(chan struct{})
	go func() {
		defer close(s.driven)
		s.driver.Run(ctx, s.Desk)
	}()
	return nil
}

// EndDriver ends the trading time: from then on nothing happens but what clients request. It is for a carrier
// that has drained and must leave nothing to be written; the end of the server does it, too.
func (s *Server) EndDriver() {
	if s.endDriver != nil {
		s.endDriver()
		<-s.driven
	}
}

// supervise waits until the carrier ends, and closes everything.
func (s *Server) supervise(run context.Context, served <-chan error, log *slog.Logger) {
	err := <-served
	if cause := context.Cause(run); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	s.err = errors.Join(err, s.close(log))
	close(s.ended)
}

// Abandon ends the server because another node leads its journal, or must be able to at once: no commit
// succeeds any more, and Wait returns cause. It does not wait. Only for a server with
// Journal.Shared. Goroutine: any.
func (s *Server) Abandon(cause error) {
	s.stop(cause)
	s.Journal.GiveUp()
}

// Stop drains the server and waits until it has ended.
func (s *Server) Stop() error {
	s.StartStop()
	return s.Wait()
}

// StartStop is Stop without the wait. Goroutine: any.
func (s *Server) StartStop() { s.stop(context.Canceled) }

// Wait waits until the server has ended. It returns nil after a Stop that drained it.
func (s *Server) Wait() error {
	<-s.ended
	return s.err
}

// Ended returns a channel that is closed when the server has ended.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// closeTime is how long the parts may take to close.
const closeTime = 10 * time.Second

// close closes all parts in the order of their dependencies.
func (s *Server) close(log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	s.detach()
	s.EndDriver()
	var errs []error
	if s.Gateway != nil {
		s.Gateway.Close()
		if err := s.Desk.Close(ctx); err != nil {
			log.Error("accounts not closed cleanly", "error", err)
			errs = append(errs, err)
		}
		errs = append(errs, s.Core.Close(ctx))
	}
	return errors.Join(append(errs, s.data.close(ctx))...)
}
