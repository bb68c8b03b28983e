package desk_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/checkpoint"
	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/journal/streamtest"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
)

// A standby is a desk on a shared journal, which leads if the test says so.
type standby struct {
	opened

	others desk.Others
	leads  atomic.Bool
	made   chan error    // what desk.New returned
	done   chan struct{} // closed when it has returned
	gone   bool
	stop   context.CancelFunc
}

// newStandby opens a new data folder, and calls desk.New in a goroutine.
func newStandby(t *testing.T, n *streamtest.Node) *standby {
	t.Helper()
	return openStandby(t, n, setup{dir: t.TempDir()}, nil)
}

// openStandby opens a data folder, and calls desk.New in a goroutine.
func openStandby(t *testing.T, n *streamtest.Node, with setup, others desk.Others) *standby {
	t.Helper()
	with.seed = seedText
	s := &standby{opened: opened{t: t, setup: with, fatal: make(chan error, 1)}, others: others}
	shared := n.Shared(s.leads.Load)
	shared.Fence = desk.NewFence("n1")
	var err error
	s.journal, err = journal.Open(t.Context(), journal.Options{Dir: filepath.Join(s.setup.dir, "journal"), Shared: shared})
	must(t, err)
	s.history, err = history.Open(t.Context(), history.Options{Path: filepath.Join(s.setup.dir, "history.db")})
	must(t, err)
	s.follow()
	t.Cleanup(s.end)
	return s
}

func (s *standby) follow() {
	s.t.Helper()
	parsed, err := seed.Parse("test.json", []byte(s.setup.seed))
	must(s.t, err)
	checkpoints := filepath.Join(s.setup.dir, "checkpoints")
	from, _, err := checkpoint.Newest(checkpoints, 0)
	must(s.t, err)
	ctx, cancel := context.WithCancel(s.t.Context())
	s.stop, s.made, s.done = cancel, make(chan error, 1), make(chan struct{})
	go func() {
		defer close(s.done)
		d, err := desk.New(ctx, desk.Config{
			Seed: parsed, Journal: s.journal, History: s.history, Lead: true, HistoryID: desk.HistoryID{7}, Log: slog.New(slog.DiscardHandler),
			Checkpoint: from, Checkpoints: checkpoints, CheckpointInterval: s.setup.interval, Keep: s.setup.keep, Others: s.others,
			Fatal: func(err error) { s.fatal <- err },
		})
		s.Desk = d
		s.made <- err
	}()
}

// lead makes the standby lead, and starts it.
func (s *standby) lead() {
	s.t.Helper()
	s.leads.Store(true)
	must(s.t, <-s.made)
	must(s.t, s.Start(desk.Hooks{}))
	s.turn = s.NewTurn()
}

// end closes the desk, or its parts if it was not made.
func (s *standby) end() {
	s.t.Helper()
	if s.gone {
		return
	}
	s.gone = true
	s.stop()
	<-s.done
	if s.turn != nil {
		s.close()
		return
	}
	if s.Desk != nil {
		must(s.t, s.Release())
	}
	must(s.t, s.history.Close())
	must(s.t, s.journal.Close(context.Background()))
}

// awaitProjected waits until the history of a standby has everything that another one has written.
func (s *standby) awaitProjected(d *standby) {
	s.t.Helper()
	must(s.t, d.Durable(s.t.Context()))
	eventually(s.t, "the history of the standby", func() bool {
		progress, err := s.history.Progress(s.t.Context())
		return err == nil && progress == d.journal.LastBatch()
	})
}

// TestStandby: a desk that follows another one writes its history meanwhile, and has the same accounts when
// it takes over. The other one then fails, and saves no checkpoint.
func TestStandby(t *testing.T) {
	n := streamtest.Alone(t)
	first := newStandby(t, n)
	first.lead()
	if id := first.HistoryID(); id != (desk.HistoryID{7}) {
		t.Errorf("the history has the identity %x", id)
	}
	first.buy(alice, tin, 1)
	must(t, first.Durable(t.Context()))
	second := newStandby(t, n)
	second.awaitProjected(first)
	for range 20 {
		first.buy(alice, tin, 1)
	}
	first.price(tin, 11_0000, 2)
	first.buy(carol, tin, 1)
	first.place(bob, limitOrder(ledger.Sell, tin, 5, 20_0000, 3))
	second.awaitProjected(first)
	hash := first.StateHash()
	second.lead()
	if got := second.StateHash(); got != hash {
		t.Errorf("the accounts have hash %x, want %x", got, hash)
	}
	if last := second.Market().Last(tin); last != 11_0000 {
		t.Errorf("the last price is %v", last)
	}
	if len(second.working(bob)) != 1 || second.HistoryID() != first.HistoryID() {
		t.Errorf("%v, history %x", second.working(bob), second.HistoryID())
	}
	second.buy(carol, tin, 1)
	second.catchUp()
	page, _, err := second.Executions(t.Context(), second.Account(alice), desk.Query{})
	if err != nil || len(page) != 21 {
		t.Errorf("%d executions, %v", len(page), err)
	}
	first.buy(alice, tin, 1) // it is not durable, and never will be
	if err := first.Durable(t.Context()); !errors.Is(err, journal.ErrFenced) {
		t.Error(err)
	}
	first.close()
	if saved, _ := filepath.Glob(filepath.Join(first.setup.dir, "checkpoints", "*")); len(saved) != 0 {
		t.Errorf("checkpoints of what is not in the journal: %v", saved)
	}
	var genesis []journal.Position
	must(t, second.journal.Replay(t.Context(), 1, func(at journal.Position, record []byte) error {
		if e, err := desk.DecodeEntry(record); err != nil || e.Genesis {
			genesis = append(genesis, at)
		}
		return nil
	}))
	if !slices.Equal(genesis, []journal.Position{{Batch: 2, Record: 2}}) {
		t.Errorf("the journal is founded at %v", genesis)
	}
}

// TestStandbyMeetsDefinitions: a standby that meets new customers must be made again.
func TestStandbyMeetsDefinitions(t *testing.T) {
	n := streamtest.Alone(t)
	first, second := newStandby(t, n), newStandby(t, n) // the second one before the first definitions
	first.lead()
	if err := <-second.made; !errors.Is(err, desk.ErrBookChanged) {
		t.Fatal(err)
	}
	second.follow()
	second.awaitProjected(first)
	_, err := first.reload(aliceLine, dave+aliceLine)
	must(t, err)
	first.at(100004, func(turn *desk.Turn) {
		_, err := turn.Deposit(1_0000, "welcome", timeOf(1))
		must(t, err)
	})
	if err := <-second.made; !errors.Is(err, desk.ErrBookChanged) {
		t.Fatal(err)
	}
	second.setup.seed = strings.Replace(second.setup.seed, aliceLine, dave+aliceLine, 1)
	second.follow()
	second.awaitProjected(first)
	hash := first.StateHash()
	second.lead()
	if got := second.StateHash(); got != hash {
		t.Errorf("the accounts have hash %x, want %x", got, hash)
	}
}

// TestStandbyEnds: New ends with its context, and when the journal is given up.
func TestStandbyEnds(t *testing.T) {
	n := streamtest.Alone(t)
	s := newStandby(t, n)
	s.stop()
	if err := <-s.made; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.follow()
	s.journal.GiveUp()
	if err := <-s.made; !errors.Is(err, journal.ErrGivenUp) {
		t.Error(err)
	}
}

// TestLeadLostIdle: a desk whose journal is given up reports that at once, and closes.
func TestLeadLostIdle(t *testing.T) {
	s := newStandby(t, streamtest.Alone(t))
	s.lead()
	s.buy(alice, tin, 1)
	s.catchUp()
	s.journal.GiveUp()
	select {
	case err := <-s.fatal:
		if !errors.Is(err, journal.ErrGivenUp) {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("nobody was told")
	}
	if err := s.Accepting(); !errors.Is(err, desk.ErrUnavailable) {
		t.Error(err)
	}
}
