package desk

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
)

// Config configures a Desk.
type Config struct {
	// Seed has the instruments and customers. What events depend on must be as the data
	// folder has it: see Book.
	Seed *seed.Seed
	// Journal and History are open; the caller closes them after the Desk.
	Journal *journal.Journal
	History *history.Store
	// Lead makes New follow the journal, which must be a shared one, until this process leads
	// it. Meanwhile the history is written already.
	Lead bool
	// Checkpoint is where the accounts are rebuilt from; nil: from the seed and the entire
	// journal. Its Point must be the journal's journal.Options.Checked, or older.
	Checkpoint *checkpoint.Checkpoint
	// Checkpoints is the folder of the checkpoints; "": no checkpoint is saved.
	Checkpoints string
	// CheckpointInterval is the longest time from an event to a checkpoint that has it; 0
	// means 5 minutes.
	CheckpointInterval time.Duration
	// Keep says which batches the journal keeps that are in two checkpoints and durable in
	// the history.
	Keep Retention
	// Others are the other nodes that store the journal, with Lead. The journal is trimmed only up to
	// where they do not need it either; nil: never.
	Others Others
	// NewHistory makes Start create a new identity of the history. For a data folder that was
	// restored from a backup: clients may have seen events after the backup.
	NewHistory bool
	// HistoryID is the identity of a new history; zero: a random one.
	HistoryID HistoryID
	// RecentEvents is how many events of each account stay in memory: how far back a client
	// can resume. 0 means 256.
	RecentEvents int
	// WorkingOrders is how many orders of an account may work at a time, ClientOrderIDs how
	// many client order ids of one day are remembered; 0 means the ledger's limits.
	WorkingOrders  int
	ClientOrderIDs int
	// DiskWatermark is how many bytes of the disk must be free for orders to be taken;
	// 0 means no check. FreeSpace returns the free bytes; required with a watermark.
	DiskWatermark uint64
	FreeSpace     func() (bytes uint64, err error)
	// MaxHeldBytes bounds the replies and pushes that wait for a commit, MaxOpenBytes
	// the records; beyond them Account.Do returns ErrOverloaded. 0 means the journal's
	// default.
	MaxHeldBytes int
	MaxOpenBytes int
	// NewCommitLog, when set, replaces the group commit to the Journal. The Journal then
	// gets no records, and there is no projection and no checkpoint.
	NewCommitLog func(CommitLogOptions) CommitLog
	// Moved, if set, is called with everything that happens to the market, in order: so that
	// other desks can do the same with Follow. It must be fast and must not call the desk; it
	// may keep the event. What Follow does is not reported.
	Moved func(MarketEvent)
	// Fatal is called once when nothing can be made durable any more; the
	// process must end. Required.
	Fatal func(error)
	// Log receives what operators should know; nil means slog.Default.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Desk is one partition of the accounts.
type Desk struct {
	config   Config
	log      *slog.Logger
	market   *market.Market
	accounts atomic.Pointer[accounts]
	journal  *journal.Journal
	history  *history.Store

	historyID HistoryID
	bookUse   sync.Mutex     // held while the book changes, from before the definitions go to the journal
	book      *Book          // changes in Start and Reload
	change    *Change        // of the seed; Start adds it to the book
	fills     []ledger.Price // price of the last fill of each instrument; from Start on groupCommit's
	script    ScriptPosition // the same
	sequences sequences      // the same
	newest    atomic.Int64   // time of the newest market event, in Unix nanoseconds

	orderBooks  atomic.Pointer[[]*orderBook] // by instrument; replaced under bookUse
	expiriesUse sync.Mutex
	expiries    market.Expiries
	stepping    sync.Mutex // held during a price step, with what follows
	stepTurn    *Turn
	pricedAt    map[ledger.InstrumentID]int64 // time of the newest MarketPriced; stepping guards it
	matches     []market.Match

	commits CommitLog    // of Start
	group   *groupCommit // the same; nil with Config.NewCommitLog
	newOut  func() Outbound
	prices  priceBoard
	disk    disk

	projectedBatch atomic.Uint64         // the last one that the history has
	projectedTime  atomic.Int64          // its Batch.Time; 0: it was not read yet
	historyDamage  atomic.Pointer[error] // why the history can't be used until the next start
	historyUse     sync.RWMutex          // locked to write while the history is made again
	historyWanted  chan struct{}         // received from by a projector that rests; a query that waits sends
	restAfter      func(worked time.Duration, records uint64, since, lag time.Duration) time.Duration
	presence       sync.Mutex // held by historyPresent

	bookBatch        uint64                                   // the last batch that was read for the book in New
	replayed         int                                      // events in New
	savedEvents      int                                      // of them, which a checkpoint of this run has
	savingCheckpoint sync.Mutex                               // held while one is saved
	checkpoints      atomic.Pointer[[]*checkpoint.Checkpoint] // that this run has read or saved and that are there, newest first
	replaceNewest    atomic.Bool                              // the folder has a newer one, which can't be used
	storedIDs        []*storedIDs                             // of checkpoints; savingCheckpoint guards them
	idLog            *checkpoint.LogIndex                     // with ids that accounts lack; nil if all have theirs
	older            older

	started atomic.Bool // the commits are there
	stop    context.CancelFunc
	running sync.WaitGroup
}

// New rebuilds the accounts from the seed, the checkpoint and the journal. Errors are
// ErrForeignData, ErrHistoryAhead, ErrHistoryLacks, ErrNoCheckpoint, ErrCheckpoint,
// ErrForeignCheckpoint, ErrBookChanged with Config.Lead, a journal.DamageError, or those of the stores.
func New(ctx context.Context, c Config) (*Desk, error) {
	if c.RecentEvents == 0 {
		c.RecentEvents = ledger.DefaultRecent
	}
	if c.CheckpointInterval == 0 {
		c.CheckpointInterval = checkpointInterval
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	d := &Desk{config: c, log: c.Log, journal: c.Journal, history: c.History, historyWanted: make(chan struct{}), restAfter: restAfter,
		pricedAt: make(map[ledger.InstrumentID]int64), stop: func() {},
	}
	d.checkpoints.Store(new([]*checkpoint.Checkpoint))
	if c.Checkpoint != nil {
		d.checkpoints.Store(&[]*checkpoint.Checkpoint{c.Checkpoint})
	}
	newest, err := checkpoint.NewestBatch(c.Checkpoints)
	if err != nil {
		return nil, err
	}
	d.replaceNewest.Store(newest != 0 && (c.Checkpoint == nil || newest > c.Checkpoint.Point.Batch))
	if err := d.recover(ctx); err != nil {
		return nil, errors.Join(err, d.Release())
	}
	d.chooseHistory()
	return d, nil
}

// Hooks are functions that a desk calls. All may be nil.
type Hooks struct {
	// NewOutbound makes the output collectors of turns and commits.
	NewOutbound func() Outbound
	// Failed is called before Config.Fatal.
	Failed func(error)
}

// Start adds to the journal what the seed adds to the book, and the identity of a new
// history. Then it starts the commits, the projection and the checkpoints. From then on, a
// failure to make something durable is reported to Config.Fatal.
func (d *Desk) Start(h Hooks) error {
	if d.newOut = h.NewOutbound; d.newOut == nil {
		d.newOut = func() Outbound { return nobody{} }
	}
	options := CommitLogOptions{NewOutbound: d.newOut, OnFailure: func(err error) {
		if h.Failed != nil {
			h.Failed(err)
		}
		d.config.Fatal(err)
	}}
	ctx, cancel := context.WithCancel(context.Background())
	stopEarlier := d.stop
	d.stop = func() { cancel(); stopEarlier() }
	if d.config.NewCommitLog != nil {
		d.commits = d.config.NewCommitLog(options)
	} else {
		d.group = newGroupCommit(d.journal, options, d.config.MaxOpenBytes, d.config.MaxHeldBytes)
		d.group.fills, d.group.script, d.group.sequences = d.fills, d.script, d.sequences
		d.commits = d.group
	}
	d.started.Store(true)
	if err := d.defineSeed(ctx); err != nil {
		cancel()
		return err
	}
	d.stepTurn = d.NewTurn()
	d.CheckDisk()
	if d.group != nil {
		if !d.config.Lead { // else it runs since New
			d.running.Go(func() { d.project(ctx) })
		}
		saved := make(chan struct{}, 1)
		d.running.Go(func() { d.saveCheckpoints(ctx, saved) })
		d.running.Go(func() { d.trimOn(ctx, saved) })
		d.running.Go(func() { d.verifyOlder(ctx) })
		d.running.Go(func() { d.loadIDs(ctx) })
	}
	if d.config.DiskWatermark > 0 {
		d.running.Go(func() { d.watchDisk(ctx) })
	}
	return nil
}

// Durable returns when all turns so far are durable and their output has left. The error
// says why that will never be, or that ctx ended first.
func (d *Desk) Durable(ctx context.Context) error { return d.commits.Durable(ctx) }

// Close commits what is left, saves a checkpoint if anything has changed or the newest one can't be
// used, and stops. The accounts must no longer be in use.
func (d *Desk) Close(ctx context.Context) error {
	d.stop()
	d.running.Wait()
	if err := d.Failed(); err != nil {
		return errors.Join(err, d.closeIDs())
	}
	var unsaved error
	switch {
	case d.group == nil:
	case d.disk.low.Load():
		d.log.Warn("no checkpoint saved because the disk is nearly full; the next start replays more of the journal")
	default:
		if unsaved = d.Durable(ctx); unsaved == nil && (d.replaceNewest.Load() || d.changedSinceCheckpoint()) {
			unsaved = d.SaveCheckpoint(ctx)
		}
	}
	return errors.Join(d.commits.Close(ctx), unsaved, d.closeIDs())
}

// Market returns the instruments and their last prices.
func (d *Desk) Market() *market.Market { return d.market }

// Account returns the account of a customer, or nil.
func (d *Desk) Account(c ledger.Customer) *Account { return d.accounts.Load().byNumber[c] }

// Accounts returns all accounts in the order of the seed, then those that reloads have
// added. Do not change the slice.
func (d *Desk) Accounts() []*Account { return d.accounts.Load().all }

// ChangedPrices appends the instruments whose prices were set since the last call.
func (d *Desk) ChangedPrices(dst []ledger.InstrumentID) []ledger.InstrumentID {
	return d.prices.take(dst)
}

// Stats returns what the desk has committed so far. Records are commands.
// It is zero before Start.
func (d *Desk) Stats() journal.Stats {
	if !d.started.Load() {
		return journal.Stats{}
	}
	return d.commits.Stats()
}

// Failed returns nil while events can be made durable, else the reason why not.
func (d *Desk) Failed() error { return d.commits.Failed() }

// Accepting returns nil while orders are accepted, else ErrDiskLow, or ErrUnavailable
// joined with Failed.
func (d *Desk) Accepting() error {
	if d.disk.low.Load() {
		return ErrDiskLow
	}
	if err := d.Failed(); err != nil {
		return errors.Join(ErrUnavailable, err)
	}
	return nil
}

// accountOptions returns the settings of the ledger's accounts.
func (c *Config) accountOptions() ledger.Options {
	return ledger.Options{Recent: c.RecentEvents, Orders: c.WorkingOrders, ClientOrderIDs: c.ClientOrderIDs}
}

// orderBook returns the book of an instrument; nil if the id has no instrument, or a new one
// that is not traded yet.
func (d *Desk) orderBook(id ledger.InstrumentID) *orderBook {
	if all := *d.orderBooks.Load(); int(id) < len(all) {
		return all[id]
	}
	return nil
}

// addOrderBooks lets new instruments of the market be traded.
func (d *Desk) addOrderBooks() {
	var books []*orderBook
	if before := d.orderBooks.Load(); before != nil {
		books = slices.Clone(*before)
	}
	for n := len(books); n < d.market.Len(); n++ {
		i := d.market.At(ledger.InstrumentID(n))
		ob := &orderBook{book: market.NewOrderBook(i.Tick, i.Depth)}
		ob.book.Step(d.market.Last(i.ID), d.market.Limits(i.ID))
		books = append(books, ob)
	}
	d.orderBooks.Store(&books)
}
