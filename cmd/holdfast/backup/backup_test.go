package backup_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/cmd/holdfast/backup"
	"holdfast/cmd/holdfast/inspect"
	"holdfast/engine"
)

func unseen(int64, int64) {}

// written makes a backup.
func written(t *testing.T, data string) (folder string, m *backup.Manifest) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "backup")
	m, err := backup.Write(t.Context(), backup.Source{Data: data, Version: "test"}, folder, unseen)
	must(t, err)
	return folder, m
}

// stateOf verifies the journal of a data folder and returns the hash of its accounts.
func stateOf(t *testing.T, data string) string {
	t.Helper()
	s, err := seed.Default()
	must(t, err)
	v, err := inspect.Verify(t.Context(), data, s, unseen)
	must(t, err)
	return v.StateHash
}

// holds compares the names in a folder.
func holds(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !slices.Equal(names, want) {
		t.Errorf("%s has %q, want %q", folder, names, want)
	}
}

func TestBackupAndRestore(t *testing.T) {
	data := dataOf(t)
	folder, m := written(t, data)
	holds(t, filepath.Dir(folder), "backup")
	holds(t, folder, "journal", "manifest.json", "new-history")
	if m.Events == 0 || m.LastTime == nil || m.Holdfast != "test" || stateOf(t, folder) != stateOf(t, data) {
		t.Errorf("%+v", m)
	}
	if _, err := backup.Check(t.Context(), folder, unseen); err != nil {
		t.Error(err)
	}
	parent := t.TempDir()
	empty := filepath.Join(parent, "empty")
	must(t, os.Mkdir(empty, 0o755))
	for _, restored := range []string{filepath.Join(parent, "missing", "data"), empty} {
		if _, err := backup.Restore(t.Context(), folder, restored, unseen); err != nil {
			t.Fatal(err)
		}
		holds(t, restored, "journal", "new-history")
		if stateOf(t, restored) != stateOf(t, data) {
			t.Errorf("%s: the accounts differ", restored)
		}
	}
}

// TestBackupThroughALink writes to where a link leads, and keeps the link.
func TestBackupThroughALink(t *testing.T) {
	data, parent := dataOf(t), t.TempDir()
	real, link := filepath.Join(t.TempDir(), "disk"), filepath.Join(parent, "link")
	must(t, os.Symlink(real, link))
	if _, err := backup.Write(t.Context(), backup.Source{Data: data, Version: "test"}, link, unseen); !errors.Is(err, backup.ErrTarget) {
		t.Errorf("a link to nothing: %v", err)
	}
	must(t, os.Mkdir(real, 0o755))
	_, err := backup.Write(t.Context(), backup.Source{Data: data, Version: "test"}, link, unseen)
	must(t, err)
	holds(t, real, "journal", "manifest.json", "new-history")
	if to, err := os.Readlink(link); to != real || err != nil {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

// TestDamagedBackupIsNamed damages one thing of a backup. Check and Restore name it, and
// Restore leaves the data folder as it was.
func TestDamagedBackupIsNamed(t *testing.T) {
	const block = "journal/jetstream/$G/streams/JOURNAL/msgs/1.blk"
	edit := func(change func([]byte) []byte) func(string) error {
		return func(path string) error {
			content, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path, change(content), 0o600))
		}
	}
	flip := edit(func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	replace := func(old, by string) func(string) error {
		return edit(func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(by), 1) })
	}
	for name, tc := range map[string]struct {
		file, says string
		do         func(path string) error
	}{
		"bit flipped":      {block, block + " was altered", flip},
		"cut":              {block, block + " has 40 bytes instead of", func(path string) error { return os.Truncate(path, 40) }},
		"block removed":    {block, block + " is missing", os.Remove},
		"mark removed":     {"journal/mark", "journal/mark is missing", os.Remove},
		"manifest removed": {"manifest.json", "not a backup", os.Remove},
		"manifest cut":     {"manifest.json", "manifest.json: unexpected EOF", func(path string) error { return os.Truncate(path, 40) }},
		"other count":      {"manifest.json", "manifest.json says", replace(`"events": `, `"events": 1`)},
		"other format":     {"manifest.json", "format 19, this release reads formats 1 to 3", replace(`"format": 3`, `"format": 19`)},
		"path outside":     {"manifest.json", "is not a name in the backup", replace(`"name": "journal/`, `"name": "../journal/`)},
	} {
		t.Run(name, func(t *testing.T) {
			folder, _ := written(t, dataOf(t))
			must(t, tc.do(filepath.Join(folder, tc.file)))
			parent := t.TempDir()
			_, checked := backup.Check(t.Context(), folder, unseen)
			_, restored := backup.Restore(t.Context(), folder, filepath.Join(parent, "data"), unseen)
			for _, err := range []error{checked, restored} {
				if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), folder) {
					t.Errorf("%v; want %q and the folder", err, tc.says)
				}
			}
			holds(t, parent)
		})
	}
}

// TestDamagedDataFolderHasNoBackup damages the data folder: the backup names the file, and
// nothing is left of it.
func TestDamagedDataFolderHasNoBackup(t *testing.T) {
	data, parent := dataOf(t), t.TempDir()
	must(t, os.Truncate(filepath.Join(data, "journal", "mark"), 3))
	m, err := backup.Write(t.Context(), backup.Source{Data: data, Version: "test"}, filepath.Join(parent, "backup"), unseen)
	var damage *journal.DamageError
	if !errors.As(err, &damage) || damage.File != "mark" || m != nil {
		t.Errorf("%+v, %v", m, err)
	}
	holds(t, parent)
}

func TestRefusedFolders(t *testing.T) {
	data := dataOf(t)
	folder, _ := written(t, data)
	full := t.TempDir()
	must(t, os.WriteFile(filepath.Join(full, "notes"), nil, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(data, link))
	for name, to := range map[string]string{
		"not empty": full, "another backup": folder, "in the data folder": filepath.Join(data, "backup"),
		"in the data folder through a link": filepath.Join(link, "backup"), "the data folder": data,
	} {
		if _, err := backup.Write(t.Context(), backup.Source{Data: data, Version: "test"}, to, unseen); !errors.Is(err, backup.ErrTarget) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := backup.Restore(t.Context(), folder, full, unseen); !errors.Is(err, backup.ErrTarget) {
		t.Errorf("restore into a folder with files: %v", err)
	}
	if _, err := backup.Write(t.Context(), backup.Source{Data: t.TempDir(), Version: "test"}, filepath.Join(t.TempDir(), "b"), unseen); !errors.Is(err, journal.ErrNoJournal) {
		t.Errorf("no journal: %v", err)
	}
}

// TestInterruptedBackupLeavesNothing ends the context at the first progress.
func TestInterruptedBackupLeavesNothing(t *testing.T) {
	data := dataOf(t)
	folder, _ := written(t, data)
	parent := t.TempDir()
	interrupted := func(do func(context.Context, backup.Progress) (*backup.Manifest, error)) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := do(ctx, unseen); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		holds(t, parent)
	}
	interrupted(func(ctx context.Context, seen backup.Progress) (*backup.Manifest, error) {
		return backup.Write(ctx, backup.Source{Data: data, Version: "test"}, filepath.Join(parent, "backup"), seen)
	})
	interrupted(func(ctx context.Context, seen backup.Progress) (*backup.Manifest, error) {
		return backup.Restore(ctx, folder, filepath.Join(parent, "data"), seen)
	})
}

// TestBackupCountsEvents: the manifest counts the events of a command, which are one record of
// the journal.
func TestBackupCountsEvents(t *testing.T) {
	data := dataOf(t)
	_, before := written(t, data)
	s, err := seed.Default()
	must(t, err)
	running, err := server.Start(t.Context(), server.Config{
		Data: data, Seed: s, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	must(t, running.Desk.Accounts()[1].Do(running.Desk.NewTurn(), func(visit *desk.Turn) {
		visit.Parts = 3
		o := ledger.NewOrder{Side: ledger.Buy, Type: ledger.Market, TimeInForce: ledger.Day, Quantity: 30, Terms: ledger.Terms{Time: 1_900_000_000_000_000_000}}
		if events, err := visit.Place(&o); err != nil || len(events) != 3 {
			t.Errorf("%d events, %v", len(events), err)
		}
	}))
	must(t, running.Stop())
	folder, m := written(t, data)
	if m.Events != before.Events+3 || m.LastTime.UnixNano() != 1_900_000_000_000_000_000 {
		t.Errorf("%d events to %v, %d before", m.Events, m.LastTime, before.Events)
	}
	if _, err := backup.Restore(t.Context(), folder, filepath.Join(t.TempDir(), "data"), unseen); err != nil || stateOf(t, folder) != stateOf(t, data) {
		t.Errorf("restored: %v", err)
	}
}

// TestBackupOfTheReleaseBefore restores a backup that has only a journal, with the manifest of the
// release before.
func TestBackupOfTheReleaseBefore(t *testing.T) {
	data := dataOf(t)
	folder, _ := written(t, data)
	path := filepath.Join(folder, "manifest.json")
	text, err := os.ReadFile(path)
	must(t, err)
	early := bytes.Replace(text, []byte(`"format": 3`), []byte(`"format": 1`), 1)
	must(t, os.WriteFile(path, early, 0o600))
	if _, err := backup.Check(t.Context(), folder, unseen); err != nil || bytes.Equal(early, text) || bytes.Contains(text, []byte("first_batch")) {
		t.Errorf("%v: %s", err, text)
	}
	restored := filepath.Join(t.TempDir(), "data")
	if _, err := backup.Restore(t.Context(), folder, restored, unseen); err != nil || stateOf(t, restored) != stateOf(t, data) {
		t.Error(err)
	}
}
