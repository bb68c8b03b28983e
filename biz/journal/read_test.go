package journal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"holdfast/biz/journal"
)

// read is journal.Read with the records as texts.
func read(t *testing.T, dir string) (recs []string, r journal.Report, err error) {
	t.Helper()
	r, err = journal.Read(t.Context(), journal.ReadOptions{Dir: dir, Each: func(b *journal.Batch) error {
		n := b.First
		for number, rec := range b.Records() {
			if number != n {
				t.Errorf("batch %d: record %d instead of %d", b.Number, number, n)
			}
			n++
			recs = append(recs, string(rec))
		}
		return nil
	}})
	return recs, r, err
}

// TestRead reads the folder after a stop and after a kill, and does not change it.
func TestRead(t *testing.T) {
	for _, s := range specimens(t, 24, 2, 450_000) {
		before := snapshotOf(t, s.dir)
		recs, r, err := read(t, s.dir)
		if err != nil || !slices.Equal(recs, s.recs) {
			t.Errorf("%s: %d of %d records (%v)", s.name, len(recs), len(s.recs), err)
		}
		if r.Batches != 24 || r.Records != 48 || r.Bytes < 48*450_000 || r.Acknowledged != 24 || r.Torn != 0 {
			t.Errorf("%s: %+v", s.name, r)
		}
		if !bytes.Equal(before, snapshotOf(t, s.dir)) {
			t.Errorf("%s: the folder has changed", s.name)
		}
		var done, total int64
		_, err = journal.Read(t.Context(), journal.ReadOptions{Dir: s.dir, Progress: func(d, all int64) { done, total = d, all }})
		if err != nil || done != total || total < 48*450_000 {
			t.Errorf("%s: %d of %d bytes (%v)", s.name, done, total, err)
		}
	}
}

// snapshotOf returns everything in a folder except access times.
func snapshotOf(t *testing.T, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + fi.Mode().String() + fi.ModTime().Format(time.RFC3339Nano))
		if d.IsDir() {
			return nil
		}
		src, err := os.ReadFile(path)
		b.Write(src)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestReadTornTail: Read reports an incomplete write and does not change it.
func TestReadTornTail(t *testing.T) {
	s := specimens(t, 5, 3, 50)[1]
	edit(t, filepath.Join(s.dir, blocks(t, s.dir)[0]), func(b []byte) []byte { return append(b, startOfEntry(b, 100, 6)...) })
	for range 2 {
		recs, r, err := read(t, s.dir)
		if err != nil || r.Torn != 100 || !slices.Equal(recs, s.recs) {
			t.Fatalf("%+v, %d records (%v)", r, len(recs), err)
		}
	}
}

// TestReadDamage: Read reports the same place as Open, and counts everything before it.
func TestReadDamage(t *testing.T) {
	for _, s := range specimens(t, 24, 1, 900_000) {
		name := blocks(t, s.dir)[1]
		edit(t, filepath.Join(s.dir, name), func(b []byte) []byte { b[bytes.Index(b, []byte("13:xxx"))+5] ^= 1; return b })
		_, r, err := read(t, s.dir)
		var damage *journal.DamageError
		if !errors.As(err, &damage) || damage.Batch != 13 || damage.File != name || r.Batches != 12 {
			t.Errorf("%s: %v after %d batches", s.name, err, r.Batches)
		}
		if opened := openAndRead(s.dir); opened == nil || opened.Error() != err.Error() {
			t.Errorf("%s: Open says %v, Read %v", s.name, opened, err)
		}
	}
}

// TestReadRefuses reads folders without a journal, or in use.
func TestReadRefuses(t *testing.T) {
	used := t.TempDir()
	mustWrite(t, newCommitter(open(t, used), journal.CommitterOptions{}), "a")
	missing := filepath.Join(t.TempDir(), "missing")
	foreign := t.TempDir()
	closeJournal(t, open(t, foreign))
	if err := os.WriteFile(filepath.Join(foreign, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, dir string
		want      error
	}{
		{"in use", used, journal.ErrLocked},
		{"empty", t.TempDir(), journal.ErrNoJournal},
		{"missing", missing, journal.ErrNoJournal},
		{"another file in it", foreign, journal.ErrForeign},
	} {
		if _, _, err := read(t, tc.dir); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Error("reading made the folder")
	}
}

// TestReadLocksServersOut: Open fails while the journal is read.
func TestReadLocksServersOut(t *testing.T) {
	s := specimens(t, 1, 1, 1)[0]
	stop := errors.New("stop")
	_, err := journal.Read(t.Context(), journal.ReadOptions{Dir: s.dir, Each: func(*journal.Batch) error {
		if _, err := journal.Open(t.Context(), journal.Options{Dir: s.dir}); !errors.Is(err, journal.ErrLocked) {
			t.Errorf("opened while it is read: %v", err)
		}
		if _, _, err := read(t, s.dir); err != nil {
			t.Errorf("two readers: %v", err)
		}
		return stop
	}})
	if !errors.Is(err, stop) {
		t.Error(err)
	}
}

// TestForeignFolder opens folders with the files of other programs, which must
// stay as they are.
func TestForeignFolder(t *testing.T) {
	for _, name := range []string{"letter.txt", "jetstream/$G/streams/ORDERS/meta.inf", "msgs/1.blk"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte("theirs"), 0o600)); err != nil {
			t.Fatal(err)
		}
		before := files(t, dir)
		j, err := journal.Open(t.Context(), journal.Options{Dir: dir})
		if !errors.Is(err, journal.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
		if j != nil {
			closeJournal(t, j)
		}
		if after := files(t, dir); !slices.Equal(after, append(before, "lock")) && !slices.Equal(after, slices.Concat(before[:0:0], []string{"lock"}, before)) {
			slices.Sort(after)
			t.Errorf("%s: %q became %q", name, before, after)
		}
	}
}
