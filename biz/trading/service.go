package trading

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/engine"
)

// Config is what a Service is made of.
type Config struct {
	// Seed has the instruments and customers; the data folder belongs to it.
	Seed *seed.Seed
	// Journal and History are open; the caller closes them after the Service.
	Journal *journal.Journal
	History *history.Store
	// RecentEvents is how many events of each account stay in memory: how far
	// back a repeated client order id is recognised. 0 means 256.
	RecentEvents int
	// Heartbeat is the interval that clients are told.
	Heartbeat time.Duration
	// Version is told to clients.
	Version string
	// SubmitOnLoop runs Submit on the event loop instead of the lane.
	SubmitOnLoop bool
	// TransactionPerOrder is for measuring the design that the journal replaces: an
	// order, or a bust, is one SQL transaction in History, which should be Durable,
	// before the account takes the next. SQLite takes one at a time, so that the
	// orders of all accounts wait for the disk in turn. The journal gets nothing, so
	// the data folder serves for one run only.
	TransactionPerOrder bool
	// Simulation of orders and prices; the zero value is none.
	Simulation Simulation
	// Fatal is called once when nothing can be made durable any more; the
	// process must end. Required.
	Fatal func(error)
	// Log gets what operators should know; nil means slog.Default.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service is the business side of the server: accounts, market, and the handlers
// that clients reach.
type Service struct {
	config   Config
	log      *slog.Logger
	market   *market.Market
	accounts map[ledger.Customer]*account // never changed after New
	order    []*account                   // the same, as the seed has them
	journal  *journal.Journal
	history  *history.Store

	core      *engine.Core
	state     engine.Property[*sessionState]
	committer *journal.Committer[*release]
	direct    *directRelease // of TransactionPerOrder, else nil
	presence  presence
	quotes    quoteBoard

	passwords     chan struct{} // a place for each password that is verified at once
	verifications atomic.Int32  // passwords that are verified or wait for it

	projectedBatch atomic.Uint64 // the last one that the history has

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New rebuilds the accounts from the seed, the newest snapshot and the journal.
// Errors are ErrForeignData, ErrHistoryAhead, a journal.DamageError, or what the
// stores say.
func New(ctx context.Context, c Config) (*Service, error) {
	if c.RecentEvents == 0 {
		c.RecentEvents = ledger.DefaultRecent
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	m, err := market.New(c.Seed.Instruments)
	if err != nil {
		return nil, err
	}
	s := &Service{
		config: c, log: c.Log, market: m, journal: c.Journal, history: c.History,
		accounts:  make(map[ledger.Customer]*account, len(c.Seed.Customers)),
		passwords: make(chan struct{}, maxPasswords),
	}
	s.quotes.init(m.Len())
	if err := s.recover(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Start makes the engine's core and begins to commit, project and simulate.
// After it, every failure to make something durable goes to Config.Fatal.
func (s *Service) Start(limits engine.Limits) (*engine.Core, error) {
	core, err := engine.NewCore(engine.Config{
		Router:     s.router(),
		Limits:     limits,
		NewLocal:   func() any { return newWorkspace() },
		Overloaded: s.overloaded,
		Sink:       s,
		OnOpen:     s.sessionOpened,
		OnClose:    s.sessionClosed,
		Log:        s.log,
	})
	if err != nil {
		return nil, err
	}
	s.core = core
	s.state = engine.NewProperty[*sessionState](core)
	s.committer = journal.NewCommitter(s.journal, s.newRelease, journal.CommitterOptions{OnFailure: s.failed})
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	if err := s.bindSeed(ctx); err != nil {
		cancel()
		return nil, errors.Join(err, core.Close(context.Background()))
	}
	if s.config.TransactionPerOrder {
		s.direct = &directRelease{out: core.NewHoldingOutbox()}
	} else {
		s.running.Go(func() { s.project(ctx) })
		s.running.Go(func() { s.snapshots(ctx) })
	}
	s.running.Go(func() { s.publish(ctx) })
	if s.config.Simulation.active() {
		s.running.Go(func() { s.simulate(ctx) })
	}
	return core, nil
}

// failed tells the sessions and the caller that nothing is made durable any more.
func (s *Service) failed(err error) {
	s.core.CloseAll(engine.ReasonUnavailable)
	s.config.Fatal(err)
}

// Drain returns when everything that was accepted is durable and its replies are
// posted. It is the reactor's OnDrain.
func (s *Service) Drain(ctx context.Context) error { return s.durable(ctx) }

// Close commits what is left, saves a snapshot and stops. The sessions must be
// gone.
func (s *Service) Close(ctx context.Context) error {
	s.stop()
	s.running.Wait()
	if err := s.Ready(); err != nil {
		return err
	}
	var snapshot error
	if s.direct == nil {
		snapshot = s.saveSnapshot(ctx)
	}
	if err := s.committer.Close(ctx); err != nil {
		return err
	}
	return snapshot
}

// Stats is what the service has committed so far.
func (s *Service) Stats() journal.Stats { return s.committer.Stats() }

// HistoryBehind returns how many batches of the journal the history lacks.
func (s *Service) HistoryBehind() uint64 {
	projected := s.projectedBatch.Load()
	return s.journal.LastBatch() - projected
}

// Ready returns nil while orders are taken, or why they are not.
func (s *Service) Ready() error {
	if s.direct != nil {
		if err := s.direct.failed.Load(); err != nil {
			return *err
		}
	}
	return s.committer.Failed()
}
