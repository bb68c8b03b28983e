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
	// PasswordGuesses is how many wrong passwords a customer may get from one
	// address in a minute before further ones are delayed. 0 means 5.
	PasswordGuesses int
	// DiskWatermark is how many free bytes the disk must have for orders to be
	// taken; 0 is no watch. FreeSpace tells how many there are; it is required with
	// a watermark.
	DiskWatermark uint64
	FreeSpace     func() (bytes uint64, err error)
	// MaxHeldBytes bounds the replies and pushes that wait for one commit,
	// MaxOpenBytes the records: an order beyond is OVERLOADED. 0 means 256 MiB, and
	// what the journal takes.
	MaxHeldBytes int
	MaxOpenBytes int
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
	room      roomBoard

	guesses *guesses
	disk    disk

	projectedBatch atomic.Uint64         // the last one that the history has
	historyDamage  atomic.Pointer[error] // why the history can't be used until the next start

	// Clients can have these lines logged as often as they like: one in warnPause is.
	warnedAhead, warnedHistory, warnedBlocking engine.Seldom

	stop    context.CancelFunc
	running sync.WaitGroup
}

// warnPause is the shortest time between two lines that clients bring about.
const warnPause = time.Minute

// New rebuilds the accounts from the seed, the newest snapshot and the journal.
// Errors are ErrForeignData, ErrHistoryAhead, a journal.DamageError, or what the
// stores say.
func New(ctx context.Context, c Config) (*Service, error) {
	if c.RecentEvents == 0 {
		c.RecentEvents = ledger.DefaultRecent
	}
	if c.MaxHeldBytes <= 0 {
		c.MaxHeldBytes = defaultHeldBytes
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
		accounts: make(map[ledger.Customer]*account, len(c.Seed.Customers)),
		guesses:  newGuesses(&c),
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
		OnRoom:     s.hasRoom,
		Log:        s.log,
	})
	if err != nil {
		return nil, err
	}
	s.core = core
	s.state = engine.NewProperty[*sessionState](core)
	s.committer = journal.NewCommitter(s.journal, s.newRelease, journal.CommitterOptions{OnFailure: s.failed, MaxOpenBytes: s.config.MaxOpenBytes})
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	if err := s.bindSeed(ctx); err != nil {
		cancel()
		return nil, errors.Join(err, core.Close(context.Background()))
	}
	s.lookAtDisk()
	if s.config.DiskWatermark > 0 {
		s.running.Go(func() { s.watchDisk(ctx) })
	}
	for range cap(s.guesses.slots) {
		s.running.Go(func() { s.verify(ctx) })
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
// posted. It is the reactor's OnDrain. Passwords that wait for their turn are
// answered OVERLOADED.
func (s *Service) Drain(ctx context.Context) error {
	if err := s.guesses.drain(ctx); err != nil {
		return err
	}
	return s.durable(ctx)
}

// Close commits what is left, saves a snapshot and stops. The sessions must be
// gone.
func (s *Service) Close(ctx context.Context) error {
	s.guesses.giveUp()
	s.stop()
	s.running.Wait()
	if err := s.Ready(); err != nil {
		return err
	}
	var snapshot error
	switch {
	case s.direct != nil:
	case s.snapshotsAllowed():
		snapshot = s.saveSnapshot(ctx)
	default:
		s.log.Warn("no snapshot saved: the disk is nearly full or the history damaged; the next start replays more of the journal")
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

// Ready returns nil while events can be made durable, or why that is over.
func (s *Service) Ready() error {
	if s.direct != nil {
		if err := s.direct.failed.Load(); err != nil {
			return *err
		}
	}
	return s.committer.Failed()
}

// Accepting returns nil while orders are taken, or why they are not: what Ready
// says, or ErrDiskLow.
func (s *Service) Accepting() error {
	if s.disk.low.Load() {
		return ErrDiskLow
	}
	return s.Ready()
}
