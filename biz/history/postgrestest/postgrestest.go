// Package postgrestest starts PostgreSQL servers for tests. The tests of a binary share one, and
// each has its database (New); a test that stops the server or changes its settings has a server
// for itself (Run). A server has its own folder, and listens only on a Unix socket in it.
//
// The servers stop, and their folders are removed, when the test binary ends: also after a panic,
// a signal or a timeout.
//
// PostgreSQL does not run as root: a test that does starts it as the user postgres or nobody.
//
// Goroutine: any; the methods of a Server one at a time.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// User and Password are those of the superuser of every server.
const (
	User     = "postgres"
	Password = "p@ss/word:1"
)

// The servers of this test binary.
var (
	servers = sync.OnceValues(newHome)
	shared  = sync.OnceValues(func() (*Server, error) {
		h, err := servers()
		if err != nil {
			return nil, err
		}
		return h.start(context.Background(), nil)
	})
	databases atomic.Int64 // that were made on the shared server
)

// Database is a database on the server that the tests of this binary share.
type Database struct {
	Name   string
	server *Server
}

// New makes an empty database that is dropped at the end of the test. Without PostgreSQL the test
// is skipped, in .ci/run it fails.
func New(t testing.TB) *Database {
	t.Helper()
	server, err := shared()
	check(t, err)
	d := &Database{Name: fmt.Sprintf("test%d", databases.Add(1)), server: server}
	_, err = server.Query(t.Context(), "postgres", "CREATE DATABASE "+d.Name)
	check(t, err)
	t.Cleanup(func() {
		if _, err := server.Query(context.Background(), "postgres", "DROP DATABASE "+d.Name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return d
}

// URL returns the URL of the database with the superuser's name and password.
func (d *Database) URL() string { return d.server.URL(d.Name) }

// URLOf returns the URL of another database on the same server. Its name should begin with the
// Name of this one, so that no other test has it.
func (d *Database) URLOf(name string) string { return d.server.URL(name) }

// Query executes a statement, and returns the first value of its result as text, "" without one.
func (d *Database) Query(ctx context.Context, statement string) (string, error) {
	return d.server.Query(ctx, d.Name, statement)
}

// Server is one PostgreSQL server.
type Server struct {
	home   *home
	folder string
}

// Run starts a server for this test alone; it stops at the end of the test. Without PostgreSQL the
// test is skipped, in .ci/run it fails. Settings are those of postgresql.conf; without one, fsync
// is off.
func Run(t testing.TB, settings ...string) *Server {
	t.Helper()
	h, err := servers()
	check(t, err)
	s, err := h.start(t.Context(), settings)
	check(t, err)
	t.Cleanup(func() {
		if err := s.remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// check ends a test that has no server.
func check(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, errMissing) && os.Getenv("HOLDFAST_CI") == "":
		t.Skipf("skip: %v", err)
	case err != nil:
		t.Fatal(err)
	}
}

// URL returns the URL of a database with the superuser's name and password.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(User, Password), Path: "/" + database}
	u.RawQuery = url.Values{"host": {s.folder}}.Encode()
	return u.String()
}

// Query executes a statement, and returns the first value of its result as text, "" without one.
func (s *Server) Query(ctx context.Context, database, statement string) (value string, err error) {
	c, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	results, err := c.PgConn().Exec(ctx, statement).ReadAll()
	if err == nil && len(results) > 0 && len(results[0].Rows) > 0 {
		value = string(results[0].Rows[0][0])
	}
	return value, err
}

// Start starts the server, and waits until it accepts connections.
func (s *Server) Start(ctx context.Context) error {
	return s.control(ctx, "start", "--log", filepath.Join(s.folder, "log"))
}

// Stop stops the server: connections are closed, transactions rolled back.
func (s *Server) Stop(ctx context.Context) error { return s.control(ctx, "stop", "--mode", "fast") }

// Kill stops the server at once (SIGQUIT). The next start recovers from its log, as after a crash.
func (s *Server) Kill(ctx context.Context) error {
	return s.control(ctx, "stop", "--mode", "immediate")
}

// remove stops the server if it runs, and removes its folder.
func (s *Server) remove(ctx context.Context) error {
	var err error
	if _, bad := os.Stat(filepath.Join(s.data(), "postmaster.pid")); bad == nil {
		err = s.Kill(ctx)
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) control(ctx context.Context, action string, options ...string) error {
	err := s.home.command(ctx, s.home.program("pg_ctl"), append([]string{action, "--pgdata", s.data(), "--wait", "--timeout", "60"}, options...)...)
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
		err = fmt.Errorf("%w%s", err, log)
	}
	return err
}
