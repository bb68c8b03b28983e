package history_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"holdfast/biz/history"
)

// TestLocked: a transaction of another program makes a commit fail after some time, with what
// to do, and does not disturb queries. Afterwards the same commit succeeds.
func TestLocked(t *testing.T) {
	path := newPath(t)
	s, err := history.OpenImpatient(t.Context(), path, time.Millisecond)
	must(t, err)
	defer s.Close()
	project(t, s, 1, 7, 1, 10)
	other, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	must(t, err)
	must(t, sqlitex.ExecuteTransient(other, "BEGIN IMMEDIATE", nil))
	must(t, s.Begin(t.Context()))
	e := made(7, 11)
	must(t, s.Insert(&e.Fill))
	err = s.Commit(2, 0)
	if !errors.Is(err, history.ErrLocked) || errors.Is(err, history.ErrDamaged) || !strings.Contains(err.Error(), "close it there") {
		t.Fatalf("%v, want ErrLocked with what to do", err)
	}
	if n := len(all(t, s, history.Query{Customer: 7})); n != 10 {
		t.Errorf("%d executions while it is locked", n)
	}
	must(t, sqlitex.ExecuteTransient(other, "ROLLBACK", nil))
	must(t, other.Close())
	project(t, s, 2, 7, 11, 20)
	if n := len(all(t, s, history.Query{Customer: 7})); n != 20 {
		t.Errorf("%d executions afterwards", n)
	}
}

// TestOpenLocked: a file that another program has locked wholly is not damaged.
func TestOpenLocked(t *testing.T) {
	path := newPath(t)
	must(t, open(t, path).Close())
	other, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	must(t, err)
	must(t, sqlitex.ExecuteTransient(other, "PRAGMA locking_mode = exclusive", nil))
	must(t, sqlitex.ExecuteTransient(other, "BEGIN EXCLUSIVE", nil))
	_, err = history.OpenImpatient(t.Context(), path, time.Millisecond)
	if !errors.Is(err, history.ErrLocked) || errors.Is(err, history.ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, want ErrLocked with the path", err)
	}
	must(t, sqlitex.ExecuteTransient(other, "ROLLBACK", nil))
	must(t, other.Close())
	must(t, open(t, path).Close())
}
