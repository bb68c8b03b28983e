package gateway_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
)

// TestProjectorWaitsForSpace: while the disk is nearly full the history is not written; it
// catches up once there is space.
func TestProjectorWaitsForSpace(t *testing.T) {
	s := start(t, setup{recent: 1})
	tr := s.login(alice)
	for range 3 {
		tr.buy(tin, 1)
	}
	s.stop()
	for _, name := range []string{"history.db", "history.db-wal", "history.db-shm"} {
		if err := os.Remove(filepath.Join(s.setup.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	var free atomic.Uint64
	s.setup.watermark, s.setup.free = 10, func() (uint64, error) { return free.Load(), nil }
	s = start(t, s.setup)
	tr = s.login(alice)
	_, err := tr.History(t.Context(), client.HistoryQuery{})
	if e := refused(t, err); e.Result != codec.ResultUnavailable || s.service.HistoryBehind() == 0 {
		t.Errorf("%s, behind %d", e.Result, s.service.HistoryBehind())
	}
	free.Store(1000)
	eventually(t, "orders to be taken", func() bool { return s.service.Accepting() == nil })
	if page := tr.history(client.HistoryQuery{}); len(page.Executions) != 3 {
		t.Errorf("%d executions", len(page.Executions))
	}
	s.catchUp()
}

// TestHistoryDamagedWhileRunning: trading goes on, executions in memory can still be read,
// others are UNAVAILABLE, and after the next start the history is complete again.
func TestHistoryDamagedWhileRunning(t *testing.T) {
	s := start(t, setup{recent: 2})
	tr, op := s.login(alice), s.login(operator)
	first := tr.buy(tin, 1)
	for range 4 {
		tr.buy(tin, 1)
	}
	s.catchUp()
	s.spoilHistory()
	for range 3 {
		tr.buy(tin, 1)
	}
	tr.history(client.HistoryQuery{Limit: 1})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, err := tr.History(ctx, client.HistoryQuery{})
	if e := refused(t, err); e.Result != codec.ResultUnavailable {
		t.Errorf("history: %s", e.Result)
	}
	_, err = op.Bust(ctx, first.ID, "too old")
	if e := refused(t, err); e.Result != codec.ResultUnavailable {
		t.Errorf("bust: %s", e.Result)
	}
	tr.buy(tin, 1)
	want := s.service.StateHash()
	s = s.restart()
	if s.service.StateHash() != want {
		t.Error("the accounts are not those from before")
	}
	if page := s.login(alice).history(client.HistoryQuery{}); len(page.Executions) != 9 {
		t.Errorf("%d executions, want 9", len(page.Executions))
	}
}

// spoilHistory overwrites the database while the server runs.
func (s *server) spoilHistory() {
	s.t.Helper()
	for _, name := range []string{"history.db", "history.db-wal"} {
		path := filepath.Join(s.setup.dir, name)
		b, err := os.ReadFile(path)
		must(s.t, err)
		for i := min(100, len(b)); i < len(b); i++ {
			b[i] ^= 0xff
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		must(s.t, err)
		_, err = f.WriteAt(b, 0)
		must(s.t, errors.Join(err, f.Close()))
	}
}
