package desk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// sizeOfMany is about the size of three block files of the journal.
const sizeOfMany = 24 << 20

// checkpointsIn returns the names of the checkpoints of a desk.
func (d *opened) checkpointsIn() (names []string) {
	d.t.Helper()
	entries, err := os.ReadDir(filepath.Join(d.setup.dir, "checkpoints"))
	if !errors.Is(err, os.ErrNotExist) {
		must(d.t, err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".log") {
			names = append(names, e.Name())
		}
	}
	return names
}

// trimmed returns a desk whose journal has lost its start, with orders before, between and after two
// checkpoints. Few of their events are in memory.
func trimmed(t testing.TB, with setup) *opened {
	t.Helper()
	with.recent, with.keep.Bytes = 3, 1
	d := open(t, with)
	for n := range 3 {
		for i := range 10 {
			o := marketOrder(ledger.Buy, tin, 1, i)
			o.ClientOrderID = named(t, fmt.Sprint("order ", n, "-", i))
			d.place(carol, o)
			d.place(bob, limitOrder(ledger.Buy, rail, 1, 70_0000, i))
		}
		if n == 2 {
			break
		}
		must(t, d.AddBulk(t.Context(), sizeOfMany))
		must(t, d.SaveCheckpoint(t.Context()))
	}
	d.catchUp()
	d.Trim(t.Context())
	if first := d.journal.FirstBatch(); first == 1 {
		t.Fatalf("nothing was trimmed: batches %d to %d, checkpoints %v", first, d.journal.LastBatch(), d.checkpointsIn())
	}
	return d
}

// complete checks what the accounts and the history must have after trimmed.
func (d *opened) complete() {
	d.t.Helper()
	for n := range 3 {
		for i := range 10 {
			name := fmt.Sprint("order ", n, "-", i)
			o, remembered, found := d.findNamed(carol, name)
			if !remembered || !found || o.Order.ClientOrderID != named(d.t, name) || len(o.Executions) != 1 {
				d.t.Fatalf("%s: remembered %v, found %v: %+v", name, remembered, found, o)
			}
		}
	}
	if working := d.working(bob); len(working) != 30 {
		d.t.Errorf("%d orders work", len(working))
	}
	d.Account(carol).View(func(l *ledger.Account) {
		events, all := l.EventsAfter(nil, l.LastPush()-1)
		if !all || len(events) != 1 {
			d.t.Errorf("after the last push but one: %d events, all: %v", len(events), all)
		}
		if _, all := l.EventsAfter(nil, 1); all {
			d.t.Error("all events are in memory")
		}
	})
}

// TestTrimmedJournal: after a trim the promises hold, now and after each kind of restart that does
// not need what was trimmed.
func TestTrimmedJournal(t *testing.T) {
	d := trimmed(t, setup{})
	if first, kept := d.journal.FirstBatch(), d.checkpointsIn(); len(kept) != 2 || fmt.Sprint(first) > kept[0] && len(fmt.Sprint(first)) >= len(kept[0]) {
		t.Errorf("the journal starts with batch %d, the checkpoints are %v", first, kept)
	}
	d.complete()
	state, first := d.StateHash(), d.journal.FirstBatch()
	for _, way := range []way{ways[1], ways[0], {"the newest checkpoint torn", func(d *opened) setup {
		with := d.closed()
		names := d.checkpointsIn()
		must(t, os.Truncate(filepath.Join(with.dir, "checkpoints", slices.MaxFunc(names, func(a, b string) int { return len(a)*1000 - len(b)*1000 + strings.Compare(a, b) })), 100))
		with.unusable = 1
		return with
	}}} {
		d = open(t, way.do(d))
		if d.StateHash() != state || d.journal.FirstBatch() != first {
			t.Errorf("%s: other accounts, or the journal starts with batch %d, was %d", way.name, d.journal.FirstBatch(), first)
		}
		d.complete()
	}
	d.place(carol, marketOrder(ledger.Buy, tin, 1, 50))
	must(t, d.SaveCheckpoint(t.Context()))
	for _, name := range d.checkpointsIn() { // the torn one is not there any more
		if fi, err := os.Stat(filepath.Join(d.setup.dir, "checkpoints", name)); err != nil || fi.Size() == 100 {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

// TestTrimWhileOrdersRun: checkpoints and trims come while orders are executed, then the server is
// killed.
func TestTrimWhileOrdersRun(t *testing.T) {
	d := open(t, setup{recent: 3, keep: desk.Retention{Age: time.Nanosecond}, interval: time.Millisecond})
	stop := make(chan struct{})
	var trading sync.WaitGroup
	endTrading := sync.OnceFunc(func() { close(stop); trading.Wait() })
	defer endTrading()
	for _, c := range []ledger.Customer{alice, bob, carol} {
		turn := d.NewTurn()
		trading.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				side := ledger.Buy
				if n%2 == 1 {
					side = ledger.Sell
				}
				o := marketOrder(side, tin, 1, n)
				o.ClientOrderID = named(t, fmt.Sprint("n", n))
				err := d.Account(c).Do(turn, func(turn *desk.Turn) {
					if _, err := turn.Place(&o); err != nil {
						t.Error(err)
					}
				})
				if errors.Is(err, desk.ErrOverloaded) {
					err = nil
				}
				if err := errors.Join(err, d.Durable(t.Context())); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 4 {
		must(t, d.AddBulk(t.Context(), sizeOfMany/2))
	}
	eventually(t, "two trims", func() bool {
		if err := d.AddBulk(t.Context(), 1<<20); err != nil {
			t.Fatal(err)
		}
		return d.journal.FirstBatch() > 20
	})
	endTrading()
	must(t, d.Durable(t.Context()))
	state := d.StateHash()
	d = d.crash()
	if d.StateHash() != state {
		t.Error("the accounts differ after a kill")
	}
	if o, remembered, found := d.findNamed(alice, "n0"); !remembered || !found || len(o.Executions) != 1 || o.Executions[0].ID != ledger.NewExecutionID(alice, 1) {
		t.Errorf("the first order: %v, %v, %+v", remembered, found, o)
	}
	if page, err := d.allOf(alice); err != nil || len(page) == 0 || int(page[0].ID.Number()) != len(page) {
		t.Errorf("%d executions: %v", len(page), err)
	}
}

// TestWhatIsNotTrimmed: without a setting, before the second checkpoint, and what the history lacks.
func TestWhatIsNotTrimmed(t *testing.T) {
	all := desk.Retention{Bytes: 1}
	low := func() (uint64, error) { return 0, nil }
	for _, tc := range []struct {
		name string
		with setup
		do   func(*opened)
	}{
		{"without a setting", setup{}, func(d *opened) {}},
		{"small enough", setup{keep: desk.Retention{Bytes: 1 << 40}}, func(d *opened) {}},
		{"young enough", setup{keep: desk.Retention{Age: time.Hour}}, func(d *opened) {}},
		{"damaged history", setup{keep: all}, func(d *opened) { d.SetHistoryDamage(history.ErrDamaged) }},
		{"history gone", setup{keep: all}, func(d *opened) { must(t, history.Remove(filepath.Join(d.setup.dir, "history.db"))) }},
		{"history behind", setup{keep: all, watermark: 1, free: low}, func(d *opened) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := open(t, tc.with)
			for range 2 {
				must(t, d.AddBulk(t.Context(), sizeOfMany/2))
				if tc.with.watermark == 0 {
					d.catchUp()
				}
				d.Trim(t.Context())
				must(t, d.SaveCheckpoint(t.Context()))
			}
			tc.do(d)
			d.Trim(t.Context())
			if first := d.journal.FirstBatch(); first != 1 {
				t.Errorf("the journal starts with batch %d", first)
			}
		})
	}
}

// TestTrimmedFolderIsRefused: a start needs a checkpoint and a history that has what was trimmed,
// and says what to do.
func TestTrimmedFolderIsRefused(t *testing.T) {
	first := open(t, setup{})
	first.place(carol, marketOrder(ledger.Buy, tin, 1, 0))
	first.catchUp()
	old := t.TempDir()
	must(t, os.CopyFS(old, os.DirFS(first.setup.dir)))
	with := trimmed(t, first.closed()).closed()
	for _, tc := range []struct {
		name string
		do   func(dir string)
		want error
		says string
	}{
		{"no checkpoint", func(dir string) { must(t, os.RemoveAll(filepath.Join(dir, "checkpoints"))) }, desk.ErrNoCheckpoint, "restore the data folder from a backup"},
		{"no history", func(dir string) { must(t, history.Remove(filepath.Join(dir, "history.db"))) }, desk.ErrHistoryLacks, "restore the history from a backup"},
		{"old history", func(dir string) {
			must(t, history.Remove(filepath.Join(dir, "history.db")))
			for _, suffix := range []string{"", "-wal", "-shm"} {
				content, err := os.ReadFile(filepath.Join(old, "history.db"+suffix))
				if !errors.Is(err, os.ErrNotExist) {
					must(t, errors.Join(err, os.WriteFile(filepath.Join(dir, "history.db"+suffix), content, 0o600)))
				}
			}
		}, desk.ErrHistoryLacks, "restore the history from a backup"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			with := with
			dir := t.TempDir()
			must(t, os.CopyFS(dir, os.DirFS(with.dir)))
			tc.do(dir)
			with.dir = dir
			if _, err := tryOpen(t, with); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("started with %v", err)
			}
		})
	}
	open(t, with).complete()
}

// TestHistoryGoneFromATrimmedJournal: a history that can't be made again is damaged. Trading goes on,
// checkpoints are saved, and the error says what to do.
func TestHistoryGoneFromATrimmedJournal(t *testing.T) {
	log := &listener{text: "restore it from a backup"}
	d := trimmed(t, setup{log: log})
	must(t, history.Remove(filepath.Join(d.setup.dir, "history.db")))
	eventually(t, "the loss to be seen", func() bool { return d.HistoryDamage() != nil })
	d.place(carol, marketOrder(ledger.Buy, tin, 1, 50))
	must(t, d.SaveCheckpoint(t.Context()))
	if _, _, err := d.FindOrder(t.Context(), d.Account(carol), ledger.NewOrderID(carol, 1)); !errors.Is(err, desk.ErrHistoryDamaged) {
		t.Errorf("an order of the history: %v", err)
	}
	if log.heard.Load() != 1 {
		t.Errorf("the log says %d times what to do", log.heard.Load())
	}
}

// TestHistoryGoesBack: a database that lacks what it had, such as after a failover, and what was
// trimmed since, is damaged: it is never filled with a gap.
func TestHistoryGoesBack(t *testing.T) {
	with := trimmed(t, setup{}).closed()
	log := &listener{text: "restore it from a backup"}
	with.log, with.unstarted = log, func(h *history.Store) { must(t, h.Recreate(t.Context())) }
	d := open(t, with)
	eventually(t, "the loss to be seen", func() bool { return d.HistoryDamage() != nil })
	if err := d.HistoryDamage(); !errors.Is(err, desk.ErrHistoryLacks) || log.heard.Load() != 1 {
		t.Errorf("%v, logged %d times", err, log.heard.Load())
	}
	d.place(carol, marketOrder(ledger.Buy, tin, 1, 50))
	must(t, d.SaveCheckpoint(t.Context()))
}

// TestCheckpointsRemovedWhileRunning: what a start needs without them stays.
func TestCheckpointsRemovedWhileRunning(t *testing.T) {
	d := open(t, setup{keep: desk.Retention{Bytes: 1}})
	for range 2 {
		must(t, d.AddBulk(t.Context(), sizeOfMany/2))
		must(t, d.SaveCheckpoint(t.Context()))
	}
	d.catchUp()
	must(t, os.Remove(filepath.Join(d.setup.dir, "checkpoints", d.checkpointsIn()[0])))
	d.Trim(t.Context())
	if first := d.journal.FirstBatch(); first != 1 {
		t.Errorf("the journal starts with batch %d", first)
	}
}

// TestCheckpointIsReadBack: before the journal is trimmed, each checkpoint is restored as a start
// would. One that can't be is refused.
func TestCheckpointIsReadBack(t *testing.T) {
	d := open(t, setup{})
	d.place(carol, marketOrder(ledger.Buy, tin, 1, 1))
	d.place(alice, marketOrder(ledger.Buy, tin, 1, 1))
	must(t, d.Durable(t.Context()))
	must(t, d.SaveCheckpoint(t.Context()))
	c := d.Checkpoint()
	must(t, d.ReadBack(c))
	for name, content := range otherCheckpoints(t, c) {
		must(t, os.WriteFile(c.Path, content, 0o600))
		other, unusable, err := checkpoint.Newest(filepath.Dir(c.Path), 0)
		must(t, errors.Join(append(unusable, err)...))
		if err := d.ReadBack(other); !errors.Is(err, desk.ErrCheckpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOlderDamage: damage before the checkpoint is found while the desk runs, and named. Trading
// goes on, and nothing is trimmed.
func TestOlderDamage(t *testing.T) {
	d := open(t, setup{})
	must(t, d.AddBulk(t.Context(), sizeOfMany))
	d.catchUp()
	with := d.closed()
	blocks, err := filepath.Glob(filepath.Join(with.dir, "journal", "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	must(t, err)
	damaged := slices.MinFunc(blocks, func(a, b string) int { return len(a) - len(b) + strings.Compare(a, b) })
	content, err := os.ReadFile(damaged)
	must(t, err)
	content[len(content)/2] ^= 1
	must(t, os.WriteFile(damaged, content, 0o600))
	log := &listener{text: "an older part of the journal is damaged"}
	with.log, with.keep.Bytes = log, 1
	d = open(t, with)
	var found error
	eventually(t, "the damage to be found", func() bool { _, _, found = d.OlderJournal(); return found != nil })
	if !strings.Contains(found.Error(), filepath.Base(damaged)) || log.heard.Load() != 1 {
		t.Errorf("found %v, logged %d times", found, log.heard.Load())
	}
	for range 2 {
		d.place(carol, marketOrder(ledger.Buy, tin, 1, 1))
		must(t, d.SaveCheckpoint(t.Context()))
	}
	d.catchUp()
	d.Trim(t.Context())
	if d.journal.FirstBatch() != 1 || log.heard.Load() != 1 {
		t.Errorf("the journal starts with batch %d, logged %d times", d.journal.FirstBatch(), log.heard.Load())
	}
}

// TestOlderJournalIsChecked: what a start does not read is read while the desk runs.
func TestOlderJournalIsChecked(t *testing.T) {
	d := open(t, setup{})
	must(t, d.AddBulk(t.Context(), sizeOfMany))
	d = d.restart()
	eventually(t, "the check of the older part", func() bool {
		checked, total, damage := d.OlderJournal()
		return damage == nil && total > sizeOfMany/3 && checked == total
	})
}

// TestCheckpointDue: after many events, or after some time if there are new batches, but not while
// the disk is nearly full.
func TestCheckpointDue(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 40)
	d := open(t, setup{interval: time.Hour, watermark: 1 << 20, free: func() (uint64, error) { return free.Load(), nil }})
	check := func(what string, records uint64, passed time.Duration, want bool) {
		t.Helper()
		if got := d.CheckpointDue(records, passed); got != want {
			t.Errorf("%s: due %v", what, got)
		}
	}
	check("at the start", 1000, time.Minute, false)
	check("the definitions", 0, time.Hour, true)
	check("many events", 2_000_000, time.Second, true)
	must(t, d.SaveCheckpoint(t.Context()))
	check("nothing new", 0, 24*time.Hour, false)
	d.place(carol, marketOrder(ledger.Buy, tin, 1, 1))
	must(t, d.Durable(t.Context()))
	check("a new event", 1, time.Hour, true)
	check("a new event, soon", 1, time.Minute, false)
	free.Store(0)
	d.CheckDisk()
	check("a full disk", 2_000_000, time.Hour, false)
	d.close()
	if names := d.checkpointsIn(); len(names) != 1 {
		t.Errorf("saved at the stop, too: %v", names)
	}
}

// TestCheckpointAtAStop: a stop saves one if there is something new.
func TestCheckpointAtAStop(t *testing.T) {
	d := open(t, setup{})
	for _, want := range []int{1, 1, 2, 2} { // two stay
		if want == 2 {
			d.place(carol, marketOrder(ledger.Buy, tin, 1, 1))
		}
		before := d.checkpointsIn()
		d.close()
		names := d.checkpointsIn()
		if len(names) != want || slices.Equal(before, names) != (len(before) == 1 && want == 1) {
			t.Errorf("%v, want %d", names, want)
		}
		d = open(t, d.setup)
	}
}

// TestUnusableCheckpointIsReplaced: a start that could not use the newest checkpoint saves one although
// nothing has changed, and the next start finds only good ones.
func TestUnusableCheckpointIsReplaced(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, folder string, newest uint64){
		"torn": func(t *testing.T, folder string, newest uint64) {
			must(t, os.Truncate(filepath.Join(folder, fmt.Sprint(newest)), 100))
		},
		"beyond": func(t *testing.T, folder string, newest uint64) {
			must(t, os.WriteFile(filepath.Join(folder, fmt.Sprint(newest+1)), []byte("holdfcp"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, setup{interval: time.Hour})
			for range 2 {
				d.place(carol, marketOrder(ledger.Buy, tin, 1, 1))
				must(t, d.Durable(t.Context()))
				must(t, d.SaveCheckpoint(t.Context()))
			}
			last, with := d.journal.LastBatch(), d.closed()
			harm(t, filepath.Join(with.dir, "checkpoints"), last)
			with.unusable = 1
			d = open(t, with)
			if !d.CheckpointDue(0, 0) {
				t.Error("no checkpoint is due")
			}
			with = d.closed()
			with.unusable = 0
			d = open(t, with)
			if c := d.Checkpoint(); c == nil || c.Point.Batch != last {
				t.Errorf("the newest checkpoint is %+v, want one of batch %d", c, last)
			}
			if d.CheckpointDue(0, 0) {
				t.Error("another checkpoint is due")
			}
		})
	}
}

// TestCheckpointBetweenMarketAndJournal: a checkpoint has no state of the market that the journal
// could lack.
func TestCheckpointBetweenMarketAndJournal(t *testing.T) {
	d := open(t, setup{})
	saved := make(chan error, 1)
	halt := desk.MarketEvent{Kind: desk.MarketHalted, Time: timeOf(1), Prices: []desk.InstrumentPrice{{Instrument: tin}}}
	must(t, d.BetweenMarketAndJournal(t.Context(), halt, func() {
		go func() { saved <- d.SaveCheckpoint(context.Background()) }()
		select {
		case err := <-saved:
			t.Errorf("saved before the journal has the halt: %v", err)
			saved <- err
		case <-time.After(100 * time.Millisecond): // it waits for the journal
		}
	}))
	must(t, <-saved)
	if d = d.crash(); !d.Market().Halted(tin) {
		t.Error("the halt is lost")
	}
}

// TestCheckpointOfOtherAccounts: a file in which every byte is right, but whose accounts do not have
// the hash of those that were saved, is not used.
func TestCheckpointOfOtherAccounts(t *testing.T) {
	d := open(t, setup{})
	d.place(carol, marketOrder(ledger.Buy, tin, 1, 1))
	must(t, d.Durable(t.Context()))
	must(t, d.SaveCheckpoint(t.Context()))
	c := d.Checkpoint()
	with := d.closed()
	for name, content := range otherCheckpoints(t, c) {
		t.Run(name, func(t *testing.T) {
			with := with
			with.dir = t.TempDir()
			must(t, os.CopyFS(with.dir, os.DirFS(d.setup.dir)))
			must(t, os.WriteFile(filepath.Join(with.dir, "checkpoints", filepath.Base(c.Path)), content, 0o600))
			if _, err := tryOpen(t, with); !errors.Is(err, desk.ErrCheckpoint) || !strings.Contains(err.Error(), with.dir) {
				t.Errorf("started with %v", err)
			}
		})
	}
}

// otherCheckpoints returns variants of a checkpoint with accounts of carol, in which every byte is
// right, but not the accounts.
func otherCheckpoints(t *testing.T, c *checkpoint.Checkpoint) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	for name, change := range map[string]func(w *checkpoint.Writer, end *checkpoint.End, key uint32, state []byte) error{
		"other hash": func(w *checkpoint.Writer, end *checkpoint.End, key uint32, state []byte) error {
			end.StateHash[31] = ^c.StateHash[31]
			return w.Add(key, state)
		},
		"account missing": func(w *checkpoint.Writer, _ *checkpoint.End, key uint32, state []byte) error {
			if key == uint32(carol) {
				return nil
			}
			return w.Add(key, state)
		},
		"account twice": func(w *checkpoint.Writer, _ *checkpoint.End, key uint32, state []byte) error {
			if key == uint32(carol) {
				must(t, w.Add(key, state))
			}
			return w.Add(key, state)
		},
		"account of another customer": func(w *checkpoint.Writer, _ *checkpoint.End, key uint32, state []byte) error {
			if key == uint32(carol) {
				key = uint32(alice)
			}
			return w.Add(key, state)
		},
		"no book": func(w *checkpoint.Writer, _ *checkpoint.End, key uint32, state []byte) error {
			if key == 0 {
				return nil
			}
			return w.Add(key, state)
		},
		"state cut": func(w *checkpoint.Writer, _ *checkpoint.End, key uint32, state []byte) error {
			return w.Add(key, state[:len(state)-1])
		},
	} {
		dir := t.TempDir()
		must(t, os.CopyFS(dir, os.DirFS(filepath.Dir(c.Path))))
		w, err := checkpoint.Create(dir, c.Point, c.Log)
		must(t, err)
		end := c.End
		must(t, c.Sections(func(key uint32, state []byte) error { return change(w, &end, key, state) }))
		_, err = w.Finish(end)
		must(t, err)
		all[name], err = os.ReadFile(filepath.Join(dir, filepath.Base(c.Path)))
		must(t, err)
	}
	return all
}

// TestManyAccountsInACheckpoint: more than are collected at a time, of which only some have events.
func TestManyAccountsInACheckpoint(t *testing.T) {
	var customers strings.Builder
	for n := range 1000 {
		fmt.Fprintf(&customers, `, {"customer": %d, "name": "C", "cash": "100000.00"}`, 200_000+n)
	}
	d := open(t, setup{seed: edited(t, "\n  ]\n}", customers.String()+"\n  ]\n}"), keep: desk.Retention{Bytes: 1 << 40}})
	for n := 0; n < 1000; n += 3 {
		d.place(ledger.Customer(200_999-n), marketOrder(ledger.Buy, tin, 1, n))
	}
	unread := errors.New("not read back")
	if err := d.WriteCheckpoint(t.Context(), func(time.Duration) error { return unread }); !errors.Is(err, unread) || len(d.checkpointsIn()) > 0 || d.Checkpoint() != nil {
		t.Errorf("not read back: %v, %v", d.checkpointsIn(), err)
	}
	must(t, d.SaveCheckpoint(t.Context()))
	states := 0
	must(t, d.Checkpoint().Sections(func(uint32, []byte) error { states++; return nil }))
	if states != 335 {
		t.Errorf("%d sections", states)
	}
	state := d.StateHash()
	if d = d.crash(); d.StateHash() != state {
		t.Error("other accounts")
	}
}

// TestHistoryLag: the delay of the history is the time between two batches.
func TestHistoryLag(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 40)
	d := open(t, setup{watermark: 1 << 20, free: func() (uint64, error) { return free.Load(), nil }})
	d.place(carol, marketOrder(ledger.Buy, tin, 1, 1))
	d.catchUp()
	if lag := d.HistoryLag(); lag != 0 {
		t.Errorf("%s behind with everything", lag)
	}
	free.Store(0)
	d.CheckDisk() // the projection waits
	must(t, d.AddBulk(t.Context(), 1))
	start := time.Now()
	time.Sleep(20 * time.Millisecond) // what passes is measured, whatever it is
	must(t, d.AddBulk(t.Context(), 1))
	passed := time.Since(start)
	if lag := d.HistoryLag(); lag < 20*time.Millisecond || lag > passed+time.Minute {
		t.Errorf("%s behind", lag)
	}
	with := d.setup
	with.dir = t.TempDir()
	must(t, os.CopyFS(with.dir, os.DirFS(d.setup.dir)))
	again := open(t, with) // the projection waits here, too
	eventually(t, "the lag", func() bool { return again.HistoryLag() >= 20*time.Millisecond })
	free.Store(1 << 40)
	d.CheckDisk()
	d.catchUp()
	if lag := d.HistoryLag(); lag != 0 {
		t.Errorf("%s behind with everything again", lag)
	}
}

// TestProjectorRests: under load a multiple of the time that it has worked, but no longer than keeps
// up; far longer while orders come first; otherwise hardly.
func TestProjectorRests(t *testing.T) {
	for _, tc := range []struct {
		worked time.Duration
		events uint64
		since  time.Duration
		lag    time.Duration
		want   time.Duration
	}{
		{time.Minute, 5000, time.Second, 0, 20 * time.Millisecond},
		{time.Millisecond, 5001, time.Second, 0, 20 * time.Millisecond},
		{100 * time.Millisecond, 5001, time.Second, 0, 400 * time.Millisecond},
		{10 * time.Second, 5001, time.Second, 0, time.Second},
		{100 * time.Millisecond, 1_500_000, 10 * time.Second, 0, 400 * time.Millisecond},
		{100 * time.Millisecond, 1_500_000, 10 * time.Second, 9 * time.Second, 400 * time.Millisecond},
		{100 * time.Millisecond, 1_500_000, 10 * time.Second, 10 * time.Second, 20 * time.Millisecond},
		{100 * time.Millisecond, 1_500_001, 10 * time.Second, 59 * time.Second, 4900 * time.Millisecond},
		{10 * time.Second, 1_500_001, 10 * time.Second, 0, time.Minute},
		{100 * time.Millisecond, 1_500_001, 10 * time.Second, time.Minute, 400 * time.Millisecond},
		{100 * time.Millisecond, 0, 0, 0, 20 * time.Millisecond},
	} {
		if got := desk.RestAfter(tc.worked, tc.events, tc.since, tc.lag); got != tc.want {
			t.Errorf("%+v: rests %s", tc, got)
		}
	}
}

// TestProjectorCommits: a transaction that is large or old, although the history has not caught up.
func TestProjectorCommits(t *testing.T) {
	for _, tc := range []struct {
		rows int
		open time.Duration
		want bool
	}{{262_143, 4 * time.Second, false}, {262_144, 0, true}, {0, 5 * time.Second, true}} {
		if got := desk.Enough(tc.rows, tc.open); got != tc.want {
			t.Errorf("%+v: committed %v", tc, got)
		}
	}
}

// allOf returns all executions of a customer, newest first.
func (d *opened) allOf(c ledger.Customer) (all []ledger.Execution, err error) {
	d.t.Helper()
	for query := (desk.Query{Limit: history.MaxLimit}); ; {
		page, next, err := d.Executions(d.t.Context(), d.Account(c), query)
		all = append(all, page...)
		if query.Before = next; err != nil || next == 0 {
			return all, err
		}
	}
}

// named places an order of carol with a client order id.
func (d *opened) named(n int) {
	o := marketOrder(ledger.Buy, tin, 1, n)
	o.ClientOrderID = named(d.t, fmt.Sprintf("order %06d", n))
	d.place(carol, o)
}

func (d *opened) logs() []string {
	d.t.Helper()
	logs, err := filepath.Glob(filepath.Join(d.setup.dir, "checkpoints", "*.log"))
	must(d.t, err)
	return logs
}

// TestLogsRemovedWhileRunning: nothing is trimmed that a start would need then.
func TestLogsRemovedWhileRunning(t *testing.T) {
	d := open(t, setup{keep: desk.Retention{Bytes: 1}})
	for n := range 2 {
		d.named(n)
		must(t, d.AddBulk(t.Context(), sizeOfMany/2))
		must(t, d.SaveCheckpoint(t.Context()))
	}
	d.catchUp()
	for _, log := range d.logs() {
		must(t, os.Remove(log))
	}
	d.Trim(t.Context())
	if first := d.journal.FirstBatch(); first != 1 {
		t.Errorf("the journal starts with batch %d", first)
	}
}

// TestDamagedLogIsReplaced: with retention, a checkpoint does not go on with a log that is damaged.
func TestDamagedLogIsReplaced(t *testing.T) {
	d := open(t, setup{keep: desk.Retention{Bytes: 1}})
	n := 0
	save := func() error {
		d.named(n)
		n++
		must(t, d.AddBulk(t.Context(), sizeOfMany/2))
		return d.SaveCheckpoint(t.Context())
	}
	must(t, save())
	must(t, save())
	for _, log := range d.logs() {
		content, err := os.ReadFile(log)
		must(t, err)
		content[len(content)-8] ^= 1
		must(t, os.WriteFile(log, content, 0o600))
		failed := 0
		for range 4 {
			if err := save(); err != nil {
				failed++
			}
		}
		if failed > 1 {
			t.Errorf("%d checkpoints were not saved", failed)
		}
	}
	good, unusable, err := checkpoint.All(filepath.Join(d.setup.dir, "checkpoints"))
	must(t, err)
	if len(good) != 2 || len(unusable) > 0 {
		t.Errorf("%d good checkpoints; %v", len(good), unusable)
	}
}

// TestLogWithoutIDs: a checkpoint in which every byte is right, but whose log lacks the ids of its
// accounts, is not used.
func TestLogWithoutIDs(t *testing.T) {
	d := open(t, setup{})
	for n := range 5 {
		d.named(n)
	}
	must(t, d.Durable(t.Context()))
	must(t, d.SaveCheckpoint(t.Context()))
	with, c := d.closed(), d.Checkpoint()
	w, err := checkpoint.Create(filepath.Dir(c.Path), c.Point, checkpoint.Log{})
	must(t, err)
	must(t, c.Sections(w.Add))
	without, err := w.Finish(c.End)
	must(t, err)
	if _, err := tryOpen(t, with); !errors.Is(err, desk.ErrCheckpoint) {
		t.Errorf("started with %v", err)
	}
	if err := d.ReadBack(without); !errors.Is(err, desk.ErrCheckpoint) {
		t.Errorf("read back: %v", err)
	}
}

// TestCheckpointsWithoutNewIDs: what is remembered of logs does not grow.
func TestCheckpointsWithoutNewIDs(t *testing.T) {
	d := open(t, setup{})
	for n := range 6 {
		d.place(carol, marketOrder(ledger.Buy, tin, 1, n))
		must(t, d.Durable(t.Context()))
		must(t, d.SaveCheckpoint(t.Context()))
	}
	if n := d.StoredLogs(); n != 2 {
		t.Errorf("%d logs are remembered", n)
	}
}
