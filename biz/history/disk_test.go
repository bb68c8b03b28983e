package history_test

import (
	"errors"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"holdfast/biz/history"
)

// TestFull: a transaction on a full disk changes nothing, and succeeds once there is space.
func TestFull(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 10)
	must(t, s.LimitPages(1))
	must(t, s.Begin(t.Context()))
	for n := uint32(11); n <= 5000; n++ {
		e := made(7, n)
		must(t, s.Insert(&e.Fill))
	}
	err := s.Commit(2, 0)
	if !errors.Is(err, history.ErrFull) || errors.Is(err, history.ErrDamaged) {
		t.Fatalf("commit on a full disk: %v, want ErrFull", err)
	}
	if got, err := s.Progress(t.Context()); got != 1 || err != nil {
		t.Fatalf("progress %d (%v)", got, err)
	}
	must(t, s.LimitPages(0))
	project(t, s, 2, 7, 11, 5000)
	must(t, s.Verify(t.Context()))
	rows, err := readAll(s, history.Query{Customer: 7})
	if err != nil || len(rows) != 5000 {
		t.Fatalf("%d rows (%v)", len(rows), err)
	}
}

// TestErrorsOfTheDisk: a full disk, a failing disk and a damaged file have different errors.
func TestErrorsOfTheDisk(t *testing.T) {
	all := []error{history.ErrFull, history.ErrDisk, history.ErrDamaged}
	for code, want := range map[sqlite.ResultCode]error{
		sqlite.ResultFull:       history.ErrFull,
		sqlite.ResultIOErr:      history.ErrDisk,
		sqlite.ResultIOErrFsync: history.ErrDisk,
		sqlite.ResultIOErrWrite: history.ErrDisk,
		sqlite.ResultCorrupt:    history.ErrDamaged,
		sqlite.ResultNotADB:     history.ErrDamaged,
		sqlite.ResultBusy:       nil,
		sqlite.ResultInterrupt:  nil,
		sqlite.ResultConstraint: nil,
		sqlite.ResultIOErrRead:  history.ErrDisk,
	} {
		err := history.Damage(code.ToError())
		if err == nil || sqlite.ErrCode(err) != code {
			t.Errorf("%v became %v", code, err)
		}
		for _, kind := range all {
			if errors.Is(err, kind) != (kind == want) {
				t.Errorf("%v is %v: %v", code, kind, errors.Is(err, kind))
			}
		}
	}
}

// TestDamageFoundInUse: damage that a query finds is recorded, so that Open refuses the file
// until it is removed.
func TestDamageFoundInUse(t *testing.T) {
	path, _ := writeContent(t)
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	must(t, err)
	must(t, sqlitex.ExecuteTransient(conn, "UPDATE executions SET last = last + 1", nil))
	must(t, conn.Close())
	for range 2 { // no query has found it: the file opens
		must(t, open(t, path).Close())
	}
	s := open(t, path)
	if _, err := readAll(s, history.Query{Customer: 7}); !errors.Is(err, history.ErrDamaged) {
		t.Fatalf("query: %v, want ErrDamaged", err)
	}
	must(t, s.Close())
	if s, err := history.Open(t.Context(), history.Options{Path: path}); !errors.Is(err, history.ErrDamaged) {
		_ = s.Close()
		t.Fatalf("open: %v, want ErrDamaged", err)
	}
	must(t, history.Remove(path))
	must(t, open(t, path).Close())
}
