package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	// ErrUnavailable means that the PostgreSQL server could not be reached, was stopped, or did
	// not answer in time. A transaction may be written or not, but never in part: read the
	// progress. The same call can succeed later.
	ErrUnavailable = errors.New("history: the database is unavailable")

	// ErrTaken means that another server writes to the same tables.
	ErrTaken = errors.New("history: another server writes to this database")

	// ErrNotDurable means that the PostgreSQL server does not write to its disk in time, so that
	// the journal must not be trimmed.
	ErrNotDurable = errors.New("history: the database can lose rows in a power cut")
)

// postgresError turns an error of the driver into one of this package where there is one.
func postgresError(err error) error {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		err = connectError{connect}
	}
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return driverError(err)
	}
	kind := postgresKind(server.Code)
	if kind == nil {
		return withHint(err, server)
	}
	return fmt.Errorf("%w: %w", kind, withHint(err, server))
}

// connectError is the driver's error on one line. With sslmode prefer, which is the default, the
// driver tries each address with and without TLS, and that a server has no TLS is not the problem.
type connectError struct{ *pgconn.ConnectError }

func (e connectError) Error() string {
	what, attempts, several := strings.Cut(e.ConnectError.Error(), ":\n\t")
	if !several {
		return what
	}
	var failed []string
	for line := range strings.SplitSeq(attempts, "\n\t") {
		if !strings.Contains(line, "server refused TLS connection") && !slices.Contains(failed, line) {
			failed = append(failed, line)
		}
	}
	if len(failed) == 0 {
		return what + ": the server refused TLS"
	}
	return what + ": " + strings.Join(failed, "; ")
}

// Unwrap returns the driver's error.
func (e connectError) Unwrap() error { return e.ConnectError }

// driverError is for errors that the server did not report.
func driverError(err error) error {
	switch {
	case errors.Is(err, pgx.ErrNoRows): // of the table meta, which has one
		return fmt.Errorf("%w: the table meta is empty", ErrGone)
	case isOwn(err):
		return err
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("%w: %w; start PostgreSQL, or correct host and port in the URL", ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// isOwn reports whether an error was made by this package.
func isOwn(err error) bool {
	for _, own := range []error{ErrDamaged, ErrGone, ErrVersion, ErrTaken, ErrNotDurable, ErrInvalid, ErrOrder, ErrUnavailable, errSetup} {
		if errors.Is(err, own) {
			return true
		}
	}
	return false
}

// errSetup means that an administrator of the database has to change something.
var errSetup = errors.New("history: the database can't be used")

// postgresKind returns the error of this package for a SQLSTATE, nil if there is no such error.
func postgresKind(code string) error {
	switch code {
	case "42P01", "3F000": // no such table, no such schema
		return ErrGone
	case "23505": // unique violation
		return ErrDuplicate
	case "53100":
		return ErrFull
	case "58030":
		return ErrDisk
	case "XX001", "XX002": // damaged table or index
		return ErrDamaged
	case "3D000", "42501", "42P07", "2BP01", "25006", "28000", "28P01":
		return errSetup
	case "57014": // cancelled: by statement_timeout or an administrator
		return ErrUnavailable
	}
	switch code[:2] {
	case "08", "40", "53", "55", "57": // connection, rollback, resources, locks, shutdown
		return ErrUnavailable
	}
	return nil
}

// hints say what to do, by SQLSTATE.
var hints = map[string]string{
	"3D000": "create it: CREATE DATABASE name ENCODING 'UTF8'",
	"42501": "allow it: GRANT CREATE ON DATABASE name TO user; or CREATE SCHEMA holdfast AUTHORIZATION user",
	"42P07": "the schema has a table with this name that is not of a history: choose another one with ?search_path=name",
	"2BP01": "drop what depends on the tables first",
	"25006": "this server is a standby or read-only: use the primary",
	"28000": "check the user in the URL and pg_hba.conf",
	"28P01": "check the user and password in the URL",
	"53100": "free some space on the database's disk",
}

// withHint adds the details of the server's error, and what to do.
func withHint(err error, server *pgconn.PgError) error {
	var more []string
	for _, text := range []string{server.Detail, server.Hint, hints[server.Code]} {
		if text != "" {
			more = append(more, text)
		}
	}
	if len(more) == 0 {
		return err
	}
	return fmt.Errorf("%w; %s", err, strings.Join(more, "; "))
}
