package desk

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
)

// Config configures a Desk.
type Config struct {
	// Seed has the instruments and customers; the data folder belongs to it.
	Seed *seed.Seed
	// Journal and History are open; the caller closes them after the Desk.
	Journal *journal.Journal
	History *history.Store
	// RecentEvents is how many events of each account stay in memory: how far
	// back a repeated client order id is recognised. 0 means 256.
	RecentEvents int
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
	// gets no records, and there is no projection and no snapshot.
	NewCommitLog func(CommitLogOptions) CommitLog
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
	accounts map[ledger.Customer]*Account // never changed after New
	order    []*Account                   // the same, as the seed has them
	journal  *journal.Journal
	history  *history.Store

	commits CommitLog // of Start
	newOut  func() Outbound
	prices  priceBoard
	disk    disk

	projectedBatch atomic.Uint64         // the last one that the history has
	historyDamage  atomic.Pointer[error] // why the history can't be used until the next start

	stop    context.CancelFunc
	running sync.WaitGroup
}

// New rebuilds the accounts from the seed, the newest snapshot and the journal. Errors
// are ErrForeignData, ErrHistoryAhead, a journal.DamageError, or those of the stores.
func New(ctx context.Context, c Config) (*Desk, error) {
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
	d := &Desk{
		config: c, log: c.Log, market: m, journal: c.Journal, history: c.History,
		accounts: make(map[ledger.Customer]*Account, len(c.Seed.Customers)),
	}
	d.prices.init(m.Len())
	if err := d.recover(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Hooks are functions that a desk calls. All may be nil.
type Hooks struct {
	// NewOutbound makes the output collectors of turns and commits.
	NewOutbound func() Outbound
	// Failed is called before Config.Fatal.
	Failed func(error)
}

// Start starts the commits, the projection and the snapshots. From then on, a failure to
// make something durable is reported to Config.Fatal.
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
	d.stop = cancel
	if d.config.NewCommitLog != nil {
		d.commits = d.config.NewCommitLog(options)
	} else {
		g := newGroupCommit(d.journal, options, d.config.MaxOpenBytes, d.config.MaxHeldBytes)
		d.commits = g
		if err := d.bindSeed(ctx, g); err != nil {
			cancel()
			return err
		}
		d.running.Go(func() { d.project(ctx) })
		d.running.Go(func() { d.snapshots(ctx) })
	}
	d.CheckDisk()
	if d.config.DiskWatermark > 0 {
		d.running.Go(func() { d.watchDisk(ctx) })
	}
	return nil
}

// Durable returns when all turns so far are durable and their output has left. The error
// says why that will never be, or that ctx ended first.
func (d *Desk) Durable(ctx context.Context) error { return d.commits.Durable(ctx) }

// Close commits what is left, saves a snapshot and stops. The accounts must no longer be
// in use.
func (d *Desk) Close(ctx context.Context) error {
	d.stop()
	d.running.Wait()
	if err := d.Failed(); err != nil {
		return err
	}
	var snapshot error
	switch {
	case d.config.NewCommitLog != nil:
	case d.snapshotsAllowed():
		snapshot = d.SaveSnapshot(ctx)
	default:
		d.log.Warn("no snapshot saved because the disk is nearly full or the history damaged; the next start replays more of the journal")
	}
	return errors.Join(d.commits.Close(ctx), snapshot)
}

// Market returns the instruments and their last prices.
func (d *Desk) Market() *market.Market { return d.market }

// Account returns the account of a customer, or nil.
func (d *Desk) Account(c ledger.Customer) *Account { return d.accounts[c] }

// Accounts returns all accounts in the order of the seed. Do not change the slice.
func (d *Desk) Accounts() []*Account { return d.order }

// SetPrice sets the last price of an instrument.
func (d *Desk) SetPrice(id ledger.InstrumentID, p ledger.Price) {
	d.market.SetLast(id, p)
	d.prices.mark(id)
}

// ChangedPrices appends the instruments whose prices were set since the last call.
func (d *Desk) ChangedPrices(dst []ledger.InstrumentID) []ledger.InstrumentID {
	return d.prices.take(dst)
}

// Stats returns what the desk has committed so far.
func (d *Desk) Stats() journal.Stats { return d.commits.Stats() }

// HistoryBehind returns how many journal batches are not in the history yet.
func (d *Desk) HistoryBehind() uint64 {
	projected := d.projectedBatch.Load()
	return d.journal.LastBatch() - projected
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

// MarketOrder sets o to an order at the last price. unixNano is its time in nanoseconds
// since the Unix epoch. The client order id of o does not change.
func (d *Desk) MarketOrder(o *ledger.Order, side ledger.Side, id ledger.InstrumentID, q ledger.Quantity, unixNano int64) {
	o.Side, o.Instrument, o.Quantity, o.Time = side, id, q, unixNano
	o.Price, o.Lot = d.market.Last(id), d.market.At(id).Lot
}
