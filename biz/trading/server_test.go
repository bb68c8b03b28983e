package trading_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/biz/trading"
	"holdfast/engine"
)

// patience is how long a test waits for what must come; only a failing test
// waits so long.
const patience = time.Minute

// setup says how to start a server; the zero value is good.
type setup struct {
	dir        string // the data folder; "" makes a new one
	seed       *seed.Seed
	recent     int // events in memory; 0 means the default
	maxStore   int64
	heldBytes  int // Config.MaxHeldBytes
	openBytes  int // Config.MaxOpenBytes
	limits     engine.Limits
	listen     string // address; "" takes a free port
	simulation trading.Simulation
	guesses    int                    // 0 means the default
	watermark  uint64                 // Config.DiskWatermark
	free       func() (uint64, error) // Config.FreeSpace
	log        *slog.Logger           // nil: none

	submitOnLoop bool
	transactions bool // Config.TransactionPerOrder
}

// server is a whole server on a free port, without a process of its own.
type server struct {
	t       testing.TB
	setup   setup
	addr    string
	service *trading.Service
	core    *engine.Core
	journal *journal.Journal
	history *history.Store
	fatal   chan error // gets what Config.Fatal gets

	cancel context.CancelFunc
	served chan error
	once   sync.Once
}

// start starts a server that ends with the test at the latest.
func start(t testing.TB, with setup) *server {
	t.Helper()
	s, err := tryStart(t, with)
	must(t, err)
	return s
}

// tryStart is start for servers that may refuse to. The folder is free again
// when they do.
func tryStart(t testing.TB, with setup) (*server, error) {
	t.Helper()
	if with.dir == "" {
		with.dir = t.TempDir()
	}
	if with.seed == nil {
		with.seed = newSeed(t, "Tin")
	}
	s := &server{t: t, setup: with, fatal: make(chan error, 8), served: make(chan error, 1)}
	s.openData()
	if err := s.serve(); err != nil {
		s.closeData()
		return nil, err
	}
	t.Cleanup(s.stop)
	return s, nil
}

func (s *server) openData() {
	s.t.Helper()
	var err error
	s.journal, err = journal.Open(s.t.Context(), journal.Options{
		Dir: filepath.Join(s.setup.dir, "journal"), MaxStore: s.setup.maxStore,
		AckTimeout: patience, AckAttempts: 1,
	})
	must(s.t, err)
	path := filepath.Join(s.setup.dir, "history.db")
	s.history, err = history.Open(s.t.Context(), history.Options{Path: path, Durable: s.setup.transactions})
	if errors.Is(err, history.ErrDamaged) {
		must(s.t, history.Remove(path))
		s.history, err = history.Open(s.t.Context(), history.Options{Path: path})
	}
	must(s.t, err)
}

func (s *server) closeData() {
	s.t.Helper()
	must(s.t, s.history.Close())
	// The error is that of the commit that failed, which the test knows of.
	_ = s.journal.Close(context.Background())
}

func (s *server) serve() error {
	service, err := trading.New(s.t.Context(), trading.Config{
		Seed: s.setup.seed, Journal: s.journal, History: s.history,
		RecentEvents: s.setup.recent, MaxHeldBytes: s.setup.heldBytes, MaxOpenBytes: s.setup.openBytes, Version: "test",
		SubmitOnLoop: s.setup.submitOnLoop, TransactionPerOrder: s.setup.transactions, Simulation: s.setup.simulation,
		PasswordGuesses: s.setup.guesses, DiskWatermark: s.setup.watermark, FreeSpace: s.setup.free,
		Fatal: func(err error) { s.fatal <- err },
		Log:   cmp.Or(s.setup.log, slog.New(slog.DiscardHandler)), Now: newClock(),
	})
	if err != nil {
		return err
	}
	s.service = service
	s.core, err = service.Start(s.setup.limits)
	must(s.t, err)
	reactor, err := s.core.NewReactor(engine.ReactorConfig{
		Listen: cmp.Or(s.setup.listen, "127.0.0.1:0"), Loops: 2, Drain: patience, OnDrain: service.Drain,
	})
	must(s.t, err)
	s.addr = reactor.Addr()
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() { s.served <- reactor.Run(ctx) }()
	select {
	case <-reactor.Booted():
	case err := <-s.served:
		s.t.Fatal(err)
	}
	return nil
}

// stop ends the server as an operator does, unless it has ended. Nothing may
// have panicked, and what failed must be what the test has provoked.
func (s *server) stop() {
	s.once.Do(func() {
		s.t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		failed := s.service.Ready()
		s.cancel()
		drained := <-s.served
		closed := s.service.Close(ctx)
		if failed == nil && (drained != nil || closed != nil) {
			s.t.Errorf("stop: drained %v, closed %v", drained, closed)
		}
		if errors.Is(drained, engine.ErrDrainTimeout) {
			s.t.Error("not drained in time")
		}
		must(s.t, s.core.Close(ctx))
		s.closeData()
		if n := s.core.Stats.Panics.Load(); n != 0 {
			s.t.Errorf("%d handlers panicked", n)
		}
		if traffic := s.core.Traffic(); traffic.Replies > traffic.Requests {
			s.t.Errorf("%d replies to %d requests", traffic.Replies, traffic.Requests)
		}
	})
}

// restart stops the server and starts one on the same folder.
func (s *server) restart() *server {
	s.t.Helper()
	s.stop()
	return start(s.t, s.setup)
}

// settle waits until the history has what the journal has.
func (s *server) settle() {
	s.t.Helper()
	must(s.t, s.service.Drain(s.t.Context()))
	eventually(s.t, "the history to catch up", func() bool {
		n, err := s.history.Progress(s.t.Context())
		must(s.t, err)
		return n == s.journal.LastBatch()
	})
}

// copyData copies the data folder as a crash at this moment would leave it. The
// server must be idle.
func (s *server) copyData() (dir string) {
	s.t.Helper()
	s.settle()
	dir = s.t.TempDir()
	must(s.t, os.CopyFS(dir, os.DirFS(s.setup.dir)))
	return dir
}

// sameState compares the accounts of two servers.
func sameState(t testing.TB, got, want *server) {
	t.Helper()
	if !reflect.DeepEqual(got.service.Hashes(), want.service.Hashes()) {
		t.Error("the accounts are not those from before")
	}
}

// newClock returns a clock that goes on by a millisecond at each look.
func newClock() func() time.Time {
	var looks atomic.Int64
	base := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time { return base.Add(time.Duration(looks.Add(1)) * time.Millisecond) }
}

// eventually waits until ok says so.
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

// sameHashes checks that no account has changed.
func sameHashes(t testing.TB, s *server, want map[ledger.Customer][sha256.Size]byte) {
	t.Helper()
	for c, hash := range s.service.Hashes() {
		if hash != want[c] {
			t.Errorf("account %d has changed", c)
		}
	}
}
