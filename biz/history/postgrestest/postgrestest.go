// Package postgrestest starts PostgreSQL servers for tests. A server has its own folder, and
// listens only on a Unix socket in it.
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
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// User and Password are those of the superuser of every server.
const (
	User     = "postgres"
	Password = "p@ss/word:1"
)

// debianPackage is what has to be installed.
const debianPackage = "postgresql"

// errMissing says what to install.
var errMissing = errors.New("needs PostgreSQL: apt-get install " + debianPackage)

// Server is one PostgreSQL server.
type Server struct {
	programs string // folder of initdb and pg_ctl
	folder   string
	owner    *syscall.Credential // nil: this user
}

// Run starts a server that stops at the end of the test. Without PostgreSQL the test is skipped,
// in .ci/run it fails. Settings are those of postgresql.conf; without one, fsync is off.
func Run(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := New(t.Context(), settings...)
	switch {
	case errors.Is(err, errMissing) && os.Getenv("HOLDFAST_CI") == "":
		t.Skipf("skip: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// New makes the folder of a server, and does not start it.
func New(ctx context.Context, settings ...string) (*Server, error) {
	programs, err := findPrograms(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{programs: programs}
	if s.folder, err = os.MkdirTemp("", "postgres"); err != nil {
		return nil, err
	}
	if err := s.setUp(ctx, settings); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.folder))
	}
	return s, nil
}

func (s *Server) setUp(ctx context.Context, settings []string) error {
	password := filepath.Join(s.folder, "password")
	if err := os.WriteFile(password, []byte(Password), 0o600); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		if err := s.giveAway(s.folder, password); err != nil {
			return err
		}
	}
	arguments := []string{
		"--pgdata", s.data(), "--username", User, "--pwfile", password, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--no-sync",
	}
	if err := s.command(ctx, "initdb", arguments...); err != nil {
		return err
	}
	settings = append([]string{
		"listen_addresses = ''",
		"unix_socket_directories = '" + s.folder + "'",
		"max_wal_size = 4GB",
		"fsync = off",
	}, settings...)
	file, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString("\n" + strings.Join(settings, "\n") + "\n")
	return errors.Join(err, file.Close())
}

// giveAway makes a user that is not root the owner of these files, and of the server.
func (s *Server) giveAway(paths ...string) error {
	var owner *user.User
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		if owner, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	uid, err := strconv.ParseUint(owner.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(owner.Gid, 10, 32)
	if err != nil {
		return err
	}
	s.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for _, path := range paths {
		if err := os.Chown(path, int(uid), int(gid)); err != nil {
			return err
		}
	}
	return nil
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

// Remove stops the server if it runs, and removes its folder.
func (s *Server) Remove(ctx context.Context) error {
	var err error
	if _, bad := os.Stat(filepath.Join(s.data(), "postmaster.pid")); bad == nil {
		err = s.Kill(ctx)
	}
	return errors.Join(err, os.RemoveAll(s.folder))
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) control(ctx context.Context, action string, options ...string) error {
	return s.command(ctx, "pg_ctl", append([]string{action, "--pgdata", s.data(), "--wait", "--timeout", "60"}, options...)...)
}

// command runs a program of PostgreSQL as the owner of the server.
func (s *Server) command(ctx context.Context, name string, arguments ...string) error {
	c := exec.CommandContext(ctx, filepath.Join(s.programs, name), arguments...)
	c.Dir = s.folder
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	if out, err := c.CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
		return fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(arguments, " "), err, out, log)
	}
	return nil
}

// findPrograms returns the folder of the newest PostgreSQL server on this machine.
func findPrograms(ctx context.Context) (string, error) {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // Debian: not in PATH
	version := func(folder string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		return n
	}
	slices.SortFunc(folders, func(a, b string) int { return version(b) - version(a) })
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	for _, folder := range folders {
		if _, err := exec.LookPath(filepath.Join(folder, "initdb")); err == nil {
			return folder, nil
		}
	}
	return "", errMissing
}
