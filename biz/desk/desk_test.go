package desk_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// patience is how long a test waits for an event. Only a failing test waits this long.
const patience = time.Minute

// The customers of the test seed: alice and carol hold nothing, bob holds tin.
const (
	alice ledger.Customer = 100001
	bob   ledger.Customer = 100002
	carol ledger.Customer = 100003
)

// tin is the first instrument of the test seed.
const tin ledger.InstrumentID = 0

const seedText = `{
  "format": 1,
  "instruments": [
    {"market": "ALFA", "code": "600100", "name": "Tin", "last": "10.00"},
    {"market": "BETA", "code": "300100", "name": "Rail", "last": "74.00"},
    {"market": "ALFA", "code": "600101", "name": "Mills", "lot": 100, "last": "2.50"}
  ],
  "customers": [
    {"customer": 100001, "name": "Alice", "cash": "10000.00"},
    {"customer": 100002, "name": "Bob", "cash": "5000.00",
     "positions": [{"market": "ALFA", "code": "600100", "quantity": 100, "average_cost": "10.00"}]},
    {"customer": 100003, "name": "Carol", "cash": "1000000000.00"}
  ]
}`

// setup says how to open a desk. The zero value is usable.
type setup struct {
	dir       string        // "" makes a new one
	seed      string        // the file; "" means seedText
	afresh    bool          // Config.NewHistory
	recent    int           // events in memory; 0 means the default
	maxStore  int64         // of the journal
	openBytes int           // Config.MaxOpenBytes
	heldBytes int           // Config.MaxHeldBytes
	interval  time.Duration // Config.CheckpointInterval
	keep      desk.Retention
	unusable  int    // how many checkpoints are damaged
	watermark uint64 // Config.DiskWatermark
	free      func() (uint64, error)
	log       slog.Handler
	unstarted func(*history.Store) // called after desk.New
	rest      time.Duration        // of the projector after each transaction; 0: as usual

	newOutbound  func() desk.Outbound
	newCommitLog func(desk.CommitLogOptions) desk.CommitLog
	watcher      func(*desk.Account) desk.Watcher
}

// opened is a desk on its data folder, with a turn for the goroutine of the test.
type opened struct {
	*desk.Desk
	t       testing.TB
	setup   setup
	turn    *desk.Turn
	journal *journal.Journal
	history *history.Store
	fatal   chan error // gets what Config.Fatal gets
	ended   atomic.Bool
}

// open opens and starts a desk that is closed at the end of the test.
func open(t testing.TB, with setup) *opened {
	t.Helper()
	d, err := tryOpen(t, with)
	must(t, err)
	return d
}

// tryOpen is open with the error of desk.New.
func tryOpen(t testing.TB, with setup) (*opened, error) {
	t.Helper()
	if with.dir == "" {
		with.dir = t.TempDir()
	}
	if with.seed == "" {
		with.seed = seedText
	}
	if with.log == nil {
		with.log = slog.DiscardHandler
	}
	d := &opened{t: t, setup: with, fatal: make(chan error, 1)}
	must(t, os.MkdirAll(with.dir, 0o755))
	s, err := seed.Parse("test.json", []byte(with.seed))
	must(t, err)
	checkpoints := filepath.Join(with.dir, "checkpoints")
	from, unusable, err := checkpoint.Newest(checkpoints, 0)
	must(t, err)
	if len(unusable) != with.unusable {
		t.Fatal(unusable)
	}
	options := journal.Options{Dir: filepath.Join(with.dir, "journal"), MaxStore: with.maxStore, AckTimeout: patience, AckAttempts: 1}
	if from != nil {
		options.Checked = from.Point
	}
	d.journal, err = journal.Open(t.Context(), options)
	must(t, err)
	d.history, err = history.Open(t.Context(), history.Options{Path: filepath.Join(with.dir, "history.db")})
	must(t, err)
	d.Desk, err = desk.New(t.Context(), desk.Config{
		Seed: s, Journal: d.journal, History: d.history, RecentEvents: with.recent,
		DiskWatermark: with.watermark, FreeSpace: with.free, MaxOpenBytes: with.openBytes, MaxHeldBytes: with.heldBytes,
		NewCommitLog: with.newCommitLog, Fatal: func(err error) { d.fatal <- err }, Log: slog.New(with.log),
		NewHistory: with.afresh, Checkpoint: from, Checkpoints: checkpoints, CheckpointInterval: with.interval, Keep: with.keep,
	})
	if err != nil {
		must(t, errors.Join(d.history.Close(), d.journal.Close(t.Context())))
		return nil, err
	}
	if with.watcher != nil {
		for _, a := range d.Accounts() {
			a.Watch(with.watcher(a))
		}
	}
	if with.rest > 0 {
		d.RestFor(with.rest)
	}
	if with.unstarted != nil {
		with.unstarted(d.history)
	}
	must(t, d.Start(desk.Hooks{NewOutbound: with.newOutbound}))
	d.turn = d.NewTurn()
	t.Cleanup(d.close)
	return d, nil
}

// close closes the desk unless it is closed. Only a desk that has failed may return an error.
func (d *opened) close() {
	d.t.Helper()
	if d.ended.Swap(true) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	failed := d.Failed()
	if err := d.Close(ctx); failed == nil {
		must(d.t, err)
	}
	must(d.t, d.history.Close())
	if err := d.journal.Close(ctx); failed == nil {
		must(d.t, err)
	}
}

// restart closes the desk and opens one on the same folder.
func (d *opened) restart() *opened {
	d.t.Helper()
	d.close()
	return open(d.t, d.setup)
}

// crash opens a desk on a copy of the folder, which is the state after a crash. The desk must
// be idle.
func (d *opened) crash() *opened {
	d.t.Helper()
	d.catchUp()
	with := d.setup
	with.dir = d.t.TempDir()
	resume, err := d.Freeze(d.t.Context(), filepath.Join(d.setup.dir, "journal"))
	must(d.t, err)
	must(d.t, os.CopyFS(with.dir, os.DirFS(d.setup.dir)))
	resume()
	d.close()
	return open(d.t, with)
}

// catchUp waits until everything is durable and in the history.
func (d *opened) catchUp() {
	d.t.Helper()
	must(d.t, d.Durable(d.t.Context()))
	eventually(d.t, "the history to catch up", func() bool { return d.HistoryBehind() == 0 })
}

// marketOrder returns an order at any price. Its time is n seconds after a fixed start.
func marketOrder(side ledger.Side, id ledger.InstrumentID, q ledger.Quantity, n int) (o ledger.NewOrder) {
	o.Side, o.Type, o.TimeInForce, o.Instrument, o.Quantity = side, ledger.Market, ledger.Day, id, q
	o.Terms.Time = timeOf(n)
	return o
}

// limitOrder returns an order that works until it is cancelled.
func limitOrder(side ledger.Side, id ledger.InstrumentID, q ledger.Quantity, limit ledger.Price, n int) ledger.NewOrder {
	o := marketOrder(side, id, q, n)
	o.Type, o.TimeInForce, o.Price = ledger.Limit, ledger.GoodTillCancelled, limit
	return o
}

// named returns a client order id.
func named(t testing.TB, text string) ledger.ClientOrderID {
	t.Helper()
	id, err := ledger.ParseClientOrderID(text)
	must(t, err)
	return id
}

// at makes a turn at a customer's account.
func (d *opened) at(c ledger.Customer, do func(*desk.Turn)) {
	d.t.Helper()
	must(d.t, d.Account(c).Do(d.turn, do))
}

// place places an order that must not be refused, and returns its last event.
func (d *opened) place(c ledger.Customer, o ledger.NewOrder) (last ledger.Event) {
	d.t.Helper()
	d.at(c, func(turn *desk.Turn) {
		events, err := turn.Place(&o)
		must(d.t, err)
		last = events[len(events)-1]
	})
	return last
}

// price makes a price step.
func (d *opened) price(id ledger.InstrumentID, p ledger.Price, n int) {
	d.t.Helper()
	must(d.t, d.SetPrice(d.t.Context(), id, p, timeOf(n)))
}

// working returns the working orders of a customer.
func (d *opened) working(c ledger.Customer) (orders []ledger.Order) {
	d.Account(c).View(func(l *ledger.Account) { orders, _ = l.OrdersFrom(nil, 0, ledger.MaxOrders) })
	return orders
}

func timeOf(n int) int64 {
	return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(n) * time.Second).UnixNano()
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
