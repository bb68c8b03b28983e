package server_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/engine"
)

// lines is a log that passes its messages on.
type lines struct {
	slog.Handler
	messages chan string
}

func (l lines) Handle(_ context.Context, r slog.Record) error {
	l.messages <- r.Message
	return nil
}

// await returns once a message with this text was logged.
func (l lines) await(text string) {
	for !strings.Contains(<-l.messages, text) {
	}
}

func newLines() lines {
	return lines{Handler: slog.NewTextHandler(os.Stderr, nil), messages: make(chan string, 1000)}
}

// startOn starts a server on a data folder, with few executions in memory.
func startOn(t *testing.T, dir string, log lines) *server.Server {
	t.Helper()
	shipped, err := seed.Default()
	must(t, err)
	s, err := server.Start(t.Context(), server.Config{
		Data: dir, Seed: shipped, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(log),
		Desk: desk.Config{RecentEvents: 1},
	})
	must(t, err)
	return s
}

// TestGoneHistoryIsMadeAgainWhileServing removes or moves files of the history of a running
// server. All executions can be read again soon, and the checkpoint of the stop is complete.
func TestGoneHistoryIsMadeAgainWhileServing(t *testing.T) {
	harm := map[string]func(path string) error{
		"removed":     os.Remove,
		"moved":       func(path string) error { return os.Rename(path, path+".away") },
		"WAL removed": func(path string) error { return os.Remove(path + "-wal") },
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".away"), os.WriteFile(path, []byte("another file"), 0o600))
		},
	}
	for what, do := range harm {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			unpack(t, filepath.Join("testdata", "73e8446-killed.tar.gz"), dir)
			must(t, startOn(t, dir, newLines()).Stop()) // saves a checkpoint
			log := newLines()
			s := startOn(t, dir, log)
			state := s.Desk.StateHash()
			must(t, do(filepath.Join(dir, "history.db")))
			log.await("the history is made again")
			for _, a := range s.Desk.Accounts() {
				allExecutions(t, s.Desk, a)
			}
			must(t, s.Stop())
			s = startOn(t, dir, newLines())
			if s.Desk.StateHash() != state {
				t.Error("the accounts differ after the next start")
			}
			for _, a := range s.Desk.Accounts() {
				allExecutions(t, s.Desk, a)
			}
			must(t, s.Stop())
		})
	}
}

// TestGoneDataFolderEndsTheServer removes the data folder of an idle server.
func TestGoneDataFolderEndsTheServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := startOn(t, dir, newLines())
	must(t, os.RemoveAll(dir))
	err := s.Wait()
	if !errors.Is(err, journal.ErrChanged) || !strings.Contains(err.Error(), dir+" was removed or moved") {
		t.Errorf("ended with %v", err)
	}
	if !errors.Is(s.Desk.Accepting(), desk.ErrUnavailable) {
		t.Error("still accepts orders")
	}
}
