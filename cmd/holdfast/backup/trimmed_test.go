package backup_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/cmd/holdfast/backup"
	"holdfast/engine"
)

// trimming starts a server that saves checkpoints and trims its journal all the time.
func trimming(t *testing.T, data string) *server.Server {
	t.Helper()
	s, err := seed.Default()
	must(t, err)
	running, err := server.Start(t.Context(), server.Config{
		Data: data, Seed: s, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler),
		Desk: desk.Config{CheckpointInterval: 20 * time.Millisecond, Keep: desk.Retention{Bytes: 1}},
	})
	must(t, err)
	return running
}

// parts is how many executions an order of trade has.
const parts = 400

// trade executes an order in many parts.
func trade(t *testing.T, s *server.Server, n int) {
	t.Helper()
	must(t, s.Desk.Accounts()[1].Do(s.Desk.NewTurn(), func(visit *desk.Turn) {
		visit.Parts = parts
		o := ledger.NewOrder{Side: ledger.Buy, Type: ledger.Market, TimeInForce: ledger.Day, Quantity: parts, Terms: ledger.Terms{Time: time.Now().UnixNano()}}
		if n%2 == 1 {
			o.Side = ledger.Sell
		}
		if _, err := visit.Place(&o); err != nil {
			t.Error(err)
		}
	}))
	must(t, s.Desk.Durable(t.Context()))
}

// tradeUntilTrimmed trades until the journal has lost files once more.
func tradeUntilTrimmed(t *testing.T, s *server.Server) {
	t.Helper()
	before := s.Journal.FirstBatch()
	for n := 0; s.Journal.FirstBatch() == before; n++ {
		trade(t, s, n)
		must(t, t.Context().Err())
	}
}

// starts starts a server on a data folder, and returns the hash of its accounts. All executions
// must be in its history.
func starts(t *testing.T, data string) [32]byte {
	t.Helper()
	s := trimming(t, data)
	defer func() { must(t, s.Stop()) }()
	hash, a := s.Desk.StateHash(), s.Desk.Accounts()[1]
	last := uint32(0)
	a.View(func(l *ledger.Account) { last = l.LastExecution() })
	for s.Desk.HistoryBehind() > 0 {
		time.Sleep(time.Millisecond)
	}
	for _, number := range []uint32{1, last / 2, last} {
		x, found, err := s.History.Execution(t.Context(), uint64(ledger.NewExecutionID(a.Customer(), number)))
		if err != nil || !found || x.ID == 0 {
			t.Errorf("execution %d of %d: %v, %v", number, last, found, err)
		}
	}
	return hash
}

// TestBackupOfATrimmedJournal backs up a server that trades, saves checkpoints and trims meanwhile,
// and one that was stopped.
func TestBackupOfATrimmedJournal(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	running := trimming(t, data)
	tradeUntilTrimmed(t, running)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			default:
				trade(t, running, n)
			}
		}
	}()
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		restoredStarts(t, data, "journal", "manifest.json", "new-history")
		if t.Failed() {
			break
		}
	}
	close(done)
	<-ended
	hash := running.Desk.StateHash()
	must(t, running.Stop())
	if restoredStarts(t, data, "journal", "manifest.json", "new-history") != hash {
		t.Error("the backup of the stopped server has other accounts")
	}
}

// restoredStarts makes a backup of a trimmed journal, restores it and starts a server on it. It
// returns the hash of the accounts.
func restoredStarts(t *testing.T, data string, files ...string) [32]byte {
	t.Helper()
	folder, m := written(t, data)
	if m.First <= 1 || len(m.Checkpoints) == 0 || m.History+1 < m.First || m.Unusable != nil || m.ExternalHistory {
		t.Errorf("%+v", m)
	}
	holds(t, folder, slices.Concat([]string{"checkpoints", "history.db"}, files)...)
	if _, err := backup.Check(t.Context(), folder, unseen); err != nil {
		t.Error(err)
	}
	to := filepath.Join(t.TempDir(), "data")
	_, err := backup.Restore(t.Context(), folder, to, unseen)
	must(t, err)
	holds(t, to, "checkpoints", "history.db", "journal", "new-history")
	return starts(t, to)
}

// TestBackupThatCouldNotStart: the backup of a trimmed journal is refused if something that a start
// needs is missing. A damaged checkpoint is left out.
func TestBackupThatCouldNotStart(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	running := trimming(t, data)
	tradeUntilTrimmed(t, running)
	must(t, running.Stop())
	parent := t.TempDir()
	write := func() (*backup.Manifest, error) {
		return backup.Write(t.Context(), backup.Source{Data: data, Version: "test"}, filepath.Join(parent, fmt.Sprint(time.Now().UnixNano())), unseen)
	}
	refused := func(says string) {
		t.Helper()
		if _, err := write(); !errors.Is(err, backup.ErrNoStart) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %q", err, says)
		}
	}
	h := filepath.Join(data, "history.db")
	must(t, os.Rename(h, h+".away"))
	refused("set --history-url")
	made, err := history.Open(t.Context(), history.Options{Path: h})
	must(t, err)
	must(t, made.Close())
	refused("the history ends with batch 0")
	refused("set --history-url")
	external := backup.Source{Data: data, Version: "test", ExternalHistory: true}
	m, err := backup.Write(t.Context(), external, filepath.Join(parent, "external"), unseen)
	if err != nil || !m.ExternalHistory || m.History != 0 {
		t.Errorf("%+v, %v", m, err)
	}
	r := (&backup.Report{Title: "backup written"}).Of(m, time.Second)
	if want := fmt.Sprintf("batches up to %d at least and %d at most: run pg_dump", m.First-1, m.First+m.Batches-1); !strings.Contains(r.String(), want) {
		t.Errorf("%s; want %q", r, want)
	}
	must(t, os.Rename(h+".away", h))

	files, err := filepath.Glob(filepath.Join(data, "checkpoints", "*[0-9]"))
	must(t, err)
	flip := func(path string) {
		content, err := os.ReadFile(path)
		must(t, err)
		content[len(content)/2] ^= 1
		must(t, os.WriteFile(path, content, 0o600))
	}
	flip(files[1])
	if m, err = write(); err != nil || len(m.Checkpoints) != 1 || len(m.Unusable) != 1 || !strings.Contains(m.Unusable[0], "from byte ") {
		t.Errorf("%+v, %v", m, err)
	}
	flip(files[0])
	refused("no checkpoint can be used")
}

// TestDamagedPartsAreNamed damages what a backup has besides the journal.
func TestDamagedPartsAreNamed(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	running := trimming(t, data)
	tradeUntilTrimmed(t, running)
	must(t, running.Stop())
	folder, m := written(t, data)
	for _, name := range []string{"history.db", fmt.Sprint("checkpoints/", m.Checkpoints[0])} {
		path := filepath.Join(folder, name)
		whole, err := os.ReadFile(path)
		must(t, err)
		altered := slices.Clone(whole)
		altered[len(altered)/3] ^= 8
		must(t, os.WriteFile(path, altered, 0o600))
		parent := t.TempDir()
		_, checked := backup.Check(context.Background(), folder, unseen)
		_, restored := backup.Restore(t.Context(), folder, filepath.Join(parent, "data"), unseen)
		for _, err := range []error{checked, restored} {
			if err == nil || !strings.Contains(err.Error(), name+" was altered") {
				t.Errorf("%s: %v", name, err)
			}
		}
		holds(t, parent)
		must(t, os.WriteFile(path, whole, 0o600))
	}
	_, err := backup.Check(t.Context(), folder, unseen)
	must(t, err)
}
