package gateway_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/gateway"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	wiring "holdfast/biz/server"
	"holdfast/biz/simulation"
	"holdfast/codec"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// patience is how long a test waits for an event. Only a failing test waits this long.
const patience = time.Minute

// setup says how to start a server. The zero value is usable.
type setup struct {
	dir        string // the data folder; "" makes a new one
	seed       *seed.Seed
	recent     int // events in memory; 0 means the default
	maxStore   int64
	heldBytes  int // Config.MaxHeldBytes
	openBytes  int // Config.MaxOpenBytes
	limits     engine.Limits
	listen     string // address; "" takes a free port
	simulation simulation.Config
	clock      *market.Clock // nil: the computer's
	preset     market.Preset
	random     uint64                 // Config.Random
	orders     int                    // Config.WorkingOrders
	ids        int                    // Config.ClientOrderIDs
	guesses    int                    // 0 means the default
	loginQueue int                    // Config.LoginQueue
	watermark  uint64                 // Config.DiskWatermark
	free       func() (uint64, error) // Config.FreeSpace
	log        *slog.Logger           // nil: none

	reload func() (gateway.Reloaded, error) // Config.ReloadSettings

	submitOnLoop bool
	sessions     int               // Config.SessionsPerAccount
	listeners    []engine.Listener // beside the packet one
	turnLog      func(*history.Store, desk.CommitLogOptions) desk.CommitLog
}

// server is a complete server on a free port, in this process.
type server struct {
	t       testing.TB
	setup   setup
	addr    string
	service service
	core    *engine.Core
	journal *journal.Journal
	history *history.Store
	fatal   chan error // gets what Config.Fatal gets

	running *wiring.Server
	once    sync.Once
}

// service is what the server does, whichever half does it.
type service struct {
	*gateway.Gateway
	*desk.Desk
}

// Ready returns nil while events can be made durable.
func (s service) Ready() error { return s.Failed() }

// MovePrice makes p the last price.
func (s service) MovePrice(id ledger.InstrumentID, p ledger.Price) {
	_ = s.SetPrice(context.Background(), id, p, time.Now().UnixNano()) // nothing of this fails while the server runs
}

// StepAgain makes price steps at the last prices: what a bust has reopened is executed now instead of
// at the next start.
func (s service) StepAgain() {
	for n := range s.Market().Len() {
		s.MovePrice(ledger.InstrumentID(n), s.Market().Last(ledger.InstrumentID(n)))
	}
}

// Hashes returns the state hash of every account.
func (s service) Hashes() map[ledger.Customer][sha256.Size]byte {
	hashes := make(map[ledger.Customer][sha256.Size]byte)
	for _, a := range s.Accounts() {
		a.View(func(l *ledger.Account) { hashes[a.Customer()] = l.Hash() })
	}
	return hashes
}

// executionOf returns the execution in a record of the journal; ok is false for
// records that are not events.
func executionOf(record []byte) (e ledger.Execution, ok bool) {
	entry, err := desk.DecodeEntry(record)
	for _, event := range entry.Events {
		if event.Kind == ledger.KindFill {
			return event.Execution, err == nil
		}
	}
	return e, false
}

// start starts a server that is stopped at the end of the test.
func start(t testing.TB, with setup) *server {
	t.Helper()
	s, err := tryStart(t, with)
	must(t, err)
	return s
}

// tryStart is start for servers that may fail to start. Then the folder is free again.
func tryStart(t testing.TB, with setup) (*server, error) {
	t.Helper()
	if with.dir == "" {
		with.dir = t.TempDir()
	}
	if with.seed == nil {
		with.seed = newSeed(t, "Tin")
	}
	s := &server{t: t, setup: with, fatal: make(chan error, 8)}
	var err error
	s.running, err = wiring.Start(t.Context(), with.config(s.fatal))
	if err != nil {
		return nil, err
	}
	s.addr, s.core, s.journal, s.history = s.running.Addrs[0], s.running.Core, s.running.Journal, s.running.History
	s.service = service{s.running.Gateway, s.running.Desk}
	t.Cleanup(s.stop)
	return s, nil
}

// config returns the settings of the server's parts.
func (w *setup) config(fatal chan<- error) wiring.Config {
	now := newClock()
	wall := now
	isFIX := func(l engine.Listener) bool { return l.Dialect == codec.Dialect(codecfix.Dialect{}) }
	if slices.ContainsFunc(w.listeners, isFIX) { // FIX messages have times
		if wall = time.Now; w.clock != nil {
			wall = func() time.Time { return time.Unix(0, w.clock.Now()) }
		}
	}
	return wiring.Config{
		Data: w.dir, Seed: w.seed, EventLoops: 2, Drain: patience, Limits: w.limits,
		Journal:   journal.Options{MaxStore: w.maxStore, AckTimeout: patience, AckAttempts: 1},
		Listeners: append([]engine.Listener{{Address: cmp.Or(w.listen, "127.0.0.1:0")}}, w.listeners...),
		Desk: desk.Config{
			RecentEvents: w.recent, MaxHeldBytes: w.heldBytes, MaxOpenBytes: w.openBytes,
			DiskWatermark: w.watermark, FreeSpace: w.free, Now: now, WorkingOrders: w.orders, ClientOrderIDs: w.ids, Fatal: func(err error) { fatal <- err },
		},
		Gateway: gateway.Config{
			Version: "test", SubmitOnLoop: w.submitOnLoop, PasswordGuesses: w.guesses, LoginQueue: w.loginQueue,
			SessionsPerAccount: w.sessions, Now: wall, ReloadSettings: w.reload, Preset: w.preset, Random: w.random,
		},
		Simulation: w.simulation, Clock: w.clock, NewCommitLog: w.turnLog,
		Log: cmp.Or(w.log, slog.New(slog.DiscardHandler)),
	}
}

// stop stops the server as an operator does, unless it has ended. Nothing may have panicked,
// and only an expected failure may have happened.
func (s *server) stop() {
	s.once.Do(func() {
		s.t.Helper()
		failed := s.service.Ready()
		err := s.running.Stop()
		if failed == nil && err != nil {
			s.t.Errorf("stop: %v", err)
		}
		if errors.Is(err, engine.ErrDrainTimeout) {
			s.t.Error("not drained in time")
		}
		if n := s.core.Stats.Panics.Load(); n != 0 {
			s.t.Errorf("%d handlers panicked", n)
		}
		if traffic := s.core.Traffic(); traffic.Replies > traffic.Requests {
			s.t.Errorf("%d replies to %d requests", traffic.Replies, traffic.Requests)
		}
	})
}

// holdPasswords is gateway.Gateway.HoldPasswords; at the end of the test it releases them, since a
// server that waits for a password does not stop.
func (s *server) holdPasswords() (release func()) {
	release = s.service.HoldPasswords()
	s.t.Cleanup(release)
	return release
}

// restart stops the server and starts one on the same folder.
func (s *server) restart() *server {
	s.t.Helper()
	s.stop()
	return start(s.t, s.setup)
}

// catchUp waits until the history has everything in the journal.
func (s *server) catchUp() {
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
	s.catchUp()
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

// newClock returns a clock that advances by a millisecond with each call.
func newClock() func() time.Time {
	var looks atomic.Int64
	base := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time { return base.Add(time.Duration(looks.Add(1)) * time.Millisecond) }
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

// sameHashes checks that no account has changed.
func sameHashes(t testing.TB, s *server, want map[ledger.Customer][sha256.Size]byte) {
	t.Helper()
	for c, hash := range s.service.Hashes() {
		if hash != want[c] {
			t.Errorf("account %d has changed", c)
		}
	}
}
