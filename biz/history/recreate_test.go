package history_test

import (
	"errors"
	"os"
	"testing"

	"holdfast/biz/history"
)

// TestGoneFilesAreNoticedAndMadeAgain removes, moves or replaces each file of an open history.
func TestGoneFilesAreNoticedAndMadeAgain(t *testing.T) {
	harm := map[string]func(path string) error{
		"removed": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+".away") },
		"replaced": func(path string) error {
			content, err := os.ReadFile(path)
			return errors.Join(err, os.Rename(path, path+".away"), os.WriteFile(path, content, 0o600))
		},
	}
	for what, do := range harm {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			t.Run(what+suffix, func(t *testing.T) {
				path := t.TempDir() + "/history.db"
				s, err := history.Open(t.Context(), history.Options{Path: path})
				must(t, err)
				t.Cleanup(func() { must(t, s.Close()) })
				insertOne(t, s, 1)
				must(t, s.Present())
				must(t, do(path+suffix))
				if err := s.Present(); !errors.Is(err, history.ErrGone) {
					t.Fatalf("Present: %v", err)
				}
				must(t, s.Recreate(t.Context()))
				must(t, s.Present())
				if n, err := s.Progress(t.Context()); n != 0 || err != nil {
					t.Errorf("progress %d, %v in the new file", n, err)
				}
				insertOne(t, s, 1)
				if _, ok, err := s.Execution(t.Context(), 1<<32|1); !ok || err != nil {
					t.Errorf("found %v, %v after projecting again", ok, err)
				}
			})
		}
	}
}

// TestOtherFolderIsLeftAlone puts another folder with a history in the place of the open one.
func TestOtherFolderIsLeftAlone(t *testing.T) {
	dir := t.TempDir() + "/data"
	path := dir + "/history.db"
	must(t, os.Mkdir(dir, 0o755))
	s, err := history.Open(t.Context(), history.Options{Path: path})
	must(t, err)
	insertOne(t, s, 1)
	must(t, os.Rename(dir, dir+".away"))
	if err := s.Recreate(t.Context()); !errors.Is(err, history.ErrGone) {
		t.Errorf("without the folder: %v", err)
	}
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.WriteFile(path, []byte("another history"), 0o600))
	if err := s.Recreate(t.Context()); !errors.Is(err, history.ErrGone) {
		t.Errorf("with another folder: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "another history" {
		t.Errorf("%q, %v in the other folder", text, err)
	}
	must(t, s.Close())
}

// TestUncreatableHistoryFailsUntilItIsCreated has something else at the path at first.
func TestUncreatableHistoryFailsUntilItIsCreated(t *testing.T) {
	path := t.TempDir() + "/history.db"
	s, err := history.Open(t.Context(), history.Options{Path: path})
	must(t, err)
	must(t, os.Remove(path))
	must(t, os.MkdirAll(path+"/folder", 0o755))
	if err := s.Recreate(t.Context()); err == nil {
		t.Fatal("replaced a folder")
	}
	if _, err := s.Progress(t.Context()); !errors.Is(err, history.ErrGone) {
		t.Errorf("Progress: %v", err)
	}
	if err := s.Begin(t.Context()); !errors.Is(err, history.ErrGone) {
		t.Errorf("Begin: %v", err)
	}
	must(t, os.RemoveAll(path))
	must(t, s.Recreate(t.Context()))
	insertOne(t, s, 1)
	must(t, s.Close())
}

func insertOne(t *testing.T, s *history.Store, batch uint64) {
	t.Helper()
	must(t, s.Begin(t.Context()))
	must(t, s.Insert(&history.Fill{ID: 1<<32 | 1, OrderID: 1, Event: 1, Side: history.Buy, Quantity: 1, Price: 1, Cost: 1}))
	must(t, s.Commit(batch, 0))
}
