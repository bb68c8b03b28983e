package history_test

import (
	"errors"
	"testing"

	"holdfast/biz/history"
)

// TestSync: it returns the progress, also in the middle of a transaction and without a WAL.
func TestSync(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	check := func(want uint64) {
		t.Helper()
		if got, err := s.Sync(t.Context()); got != want || err != nil {
			t.Fatalf("batch %d (%v), want %d", got, err, want)
		}
	}
	check(0)
	project(t, s, 5, 7, 1, 10)
	check(5)
	must(t, s.Begin(t.Context()))
	e := made(7, 11)
	must(t, s.Insert(&e.Fill))
	check(5)
	must(t, s.Commit(6, 0))
	check(6)
	must(t, s.Close())
	s = open(t, path)
	check(6)
}

// TestSyncReaches: what cannot be synced is not synced.
func TestSyncReaches(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	project(t, s, 1, 7, 1, 10)
	var synced []string
	history.WatchSyncs(s, func(path string) error { synced = append(synced, path); return nil })
	if _, err := s.Sync(t.Context()); err != nil || len(synced) != 2 || synced[0] != path+"-wal" {
		t.Fatalf("%q synced (%v)", synced, err)
	}
	broken := errors.New("broken")
	history.WatchSyncs(s, func(string) error { return broken })
	if n, err := s.Sync(t.Context()); n != 0 || !errors.Is(err, history.ErrDisk) || !errors.Is(err, broken) {
		t.Fatalf("batch %d, %v; want ErrDisk", n, err)
	}
}
