package server_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/history/postgrestest"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/engine"
)

// startWithDatabase is startOn with the history in a PostgreSQL database.
func startWithDatabase(t *testing.T, dir, url string, log lines) (*server.Server, error) {
	t.Helper()
	shipped, err := seed.Default()
	must(t, err)
	return server.Start(t.Context(), server.Config{
		Data: dir, Seed: shipped, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(log),
		Desk: desk.Config{RecentEvents: 1}, HistoryURL: url,
	})
}

// The history is in PostgreSQL: its tables are dropped and the database is stopped while the server
// runs. The server goes on, and has all executions as soon as the database is there again. A
// server with another journal changes nothing in it.
func TestHistoryInPostgres(t *testing.T) {
	database := postgrestest.Run(t)
	url := database.URL("postgres")
	dir := t.TempDir()
	unpack(t, filepath.Join("testdata", "73e8446-killed.tar.gz"), dir)
	log := newLines()
	s, err := startWithDatabase(t, dir, url, log)
	must(t, err)
	hasAll := func() {
		t.Helper()
		for _, a := range s.Desk.Accounts() {
			allExecutions(t, s.Desk, a)
		}
	}
	hasAll()

	rows := countRows(t, database)
	checkNamed(t, database)
	_, err = database.Query(t.Context(), "postgres", "DROP SCHEMA holdfast CASCADE")
	must(t, err)
	log.await("the history is made again")
	hasAll()
	if again := countRows(t, database); again != rows || rows == "0" {
		t.Fatalf("%s rows after the tables were dropped, %s before", again, rows)
	}
	checkNamed(t, database)

	// Nothing is traded, so that no commit finds out.
	_, err = database.Query(t.Context(), "postgres", "TRUNCATE holdfast.execution, holdfast.orders; UPDATE holdfast.meta SET batch = 0, checksum = NULL")
	must(t, err)
	log.await("went back to an earlier state")
	hasAll()
	if again := countRows(t, database); again != rows {
		t.Fatalf("%s rows after the database went back, %s before", again, rows)
	}

	must(t, database.Kill(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for _, a := range s.Desk.Accounts() {
		_, _, err := s.Desk.Executions(ctx, a, desk.Query{})
		if err != nil && !errors.Is(err, desk.ErrCatchingUp) && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v, want ErrCatchingUp", err)
		}
	}
	_, err = startWithDatabase(t, t.TempDir(), url, newLines())
	if !errors.Is(err, history.ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
	must(t, database.Start(t.Context()))
	hasAll()
	must(t, s.Stop())

	other, err := startWithDatabase(t, t.TempDir(), url, newLines())
	if err == nil {
		t.Fatal("a server with another journal has started", other.Stop())
	}
	t.Log(err)
	s, err = startWithDatabase(t, dir, url, newLines())
	must(t, err)
	hasAll()
	must(t, s.Stop())
	if again := countRows(t, database); again != rows {
		t.Fatalf("%s rows at the end, %s before", again, rows)
	}
}

// checkNamed fails if the views show an instrument by its number.
func checkNamed(t *testing.T, database *postgrestest.Server) {
	t.Helper()
	unnamed, err := database.Query(t.Context(), "postgres", "SELECT count(*) FROM holdfast.executions WHERE instrument NOT LIKE '%/%'")
	must(t, err)
	if unnamed != "0" {
		t.Fatalf("%s executions in instruments without a name", unnamed)
	}
}

// countRows returns the number of executions in the database.
func countRows(t *testing.T, database *postgrestest.Server) string {
	t.Helper()
	rows, err := database.Query(t.Context(), "postgres", "SELECT count(*) FROM holdfast.executions")
	must(t, err)
	return rows
}
