package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/biz/journal"
)

// watchedJournal is an open journal with several block files.
type watchedJournal struct {
	parent, dir string
	journal     *journal.Journal
	committer   *committer
	failed      chan error
	acked       []string
}

func newWatched(t *testing.T) *watchedJournal {
	t.Helper()
	parent := t.TempDir()
	w := &watchedJournal{parent: parent, dir: filepath.Join(parent, "data", "journal"), failed: make(chan error, 1)}
	j, err := journal.Open(t.Context(), journal.Options{Dir: w.dir})
	if err != nil {
		t.Fatal(err)
	}
	w.journal = j
	t.Cleanup(func() { _ = j.Close(t.Context()) }) // it reports why it failed
	w.committer = newCommitter(j, journal.CommitterOptions{OnFailure: func(err error) { w.failed <- err }})
	w.acked = writeBatches(t, w.committer, 24, 9, 100<<10)
	if n := len(blocks(t, w.dir)); n < 3 {
		t.Fatalf("%d block files", n)
	}
	return w
}

func (w *watchedJournal) path(name string) string { return filepath.Join(w.dir, name) }

func (w *watchedJournal) block(t *testing.T, fromEnd int) string {
	t.Helper()
	all := blocks(t, w.dir)
	return w.path(all[len(all)-1-fromEnd])
}

// replace puts a copy of a file in its place, which another inode then has.
func replace(t *testing.T, path string) {
	t.Helper()
	copied, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path+".new", copied, 0o600))
	must(t, os.Rename(path+".new", path))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// harm is what another program does to the folder of an open journal.
type harm struct {
	do    func(t *testing.T, w *watchedJournal)
	names string // end of the path that the error names
	later bool   // only a check of everything notices it, not the next commit
}

func harms() map[string]harm {
	return map[string]harm{
		"folder removed": {names: "/data was removed or moved", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.RemoveAll(filepath.Join(w.parent, "data")))
		}},
		"folder moved": {names: "/data was removed or moved", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.Rename(filepath.Join(w.parent, "data"), filepath.Join(w.parent, "away")))
		}},
		"empty folder in its place": {names: "/data/journal was removed or moved", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.Rename(filepath.Join(w.parent, "data"), filepath.Join(w.parent, "away")))
			must(t, os.Mkdir(filepath.Join(w.parent, "data"), 0o755))
		}},
		"copy in its place": {names: " was replaced by another file", do: func(t *testing.T, w *watchedJournal) {
			data, copied := filepath.Join(w.parent, "data"), filepath.Join(w.parent, "copy")
			must(t, os.CopyFS(copied, os.DirFS(data)))
			must(t, unix.Renameat2(unix.AT_FDCWD, copied, unix.AT_FDCWD, data, unix.RENAME_EXCHANGE))
		}},
		"store removed": {names: "/journal/jetstream was removed or moved", do: func(t *testing.T, w *watchedJournal) {
			// At once: otherwise the first of its files could be missed before the folder is.
			must(t, os.Rename(w.path("jetstream"), filepath.Join(w.parent, "jetstream")))
		}},
		"mark removed": {names: "/mark was removed or moved", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.Remove(w.path("mark")))
		}},
		"mark replaced": {names: "/mark was replaced by another file", do: func(t *testing.T, w *watchedJournal) {
			replace(t, w.path("mark"))
		}},
		"mark truncated": {names: "/mark has 3 bytes instead of 24", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.Truncate(w.path("mark"), 3))
		}},
		"mark overwritten": {later: true, names: "/mark was overwritten", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.WriteFile(w.path("mark"), make([]byte, 24), 0o600))
		}},
		"lock removed": {names: "/lock was removed or moved", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.Remove(w.path("lock")))
		}},
		"block removed": {names: ".blk was removed or moved", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.Remove(w.block(t, 0)))
		}},
		"block replaced": {names: ".blk was replaced by another file", do: func(t *testing.T, w *watchedJournal) {
			replace(t, w.block(t, 0))
		}},
		"block emptied": {do: func(t *testing.T, w *watchedJournal) {
			must(t, os.Truncate(w.block(t, 0), 0))
		}},
		"block extended": {do: func(t *testing.T, w *watchedJournal) {
			info, err := os.Stat(w.block(t, 0))
			must(t, err)
			must(t, os.Truncate(w.block(t, 0), info.Size()+(8<<10)))
		}},
		"block cut": {do: func(t *testing.T, w *watchedJournal) {
			info, err := os.Stat(w.block(t, 0))
			must(t, err)
			must(t, os.Truncate(w.block(t, 0), info.Size()-8)) // one byte may have been the zero that comes instead
		}},
		"older block removed": {later: true, names: "/1.blk was removed or moved", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.Remove(w.block(t, 2)))
		}},
		"older block replaced": {later: true, names: "/2.blk was replaced by another file", do: func(t *testing.T, w *watchedJournal) {
			replace(t, w.block(t, 1))
		}},
		"older block emptied": {later: true, names: "/1.blk has 0 bytes instead of", do: func(t *testing.T, w *watchedJournal) {
			must(t, os.Truncate(w.block(t, 2), 0))
		}},
	}
}

func (h *harm) check(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, journal.ErrChanged) || !strings.Contains(err.Error(), h.names) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v; want ErrChanged and %q in one line", err, h.names)
	}
}

// TestHarmedFilesEndTheCommits harms the files of an open journal: the next commit is not
// released, and the error names the file.
func TestHarmedFilesEndTheCommits(t *testing.T) {
	for name, h := range harms() {
		if h.later {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := newWatched(t)
			h.do(t, w)
			if err := write(w.committer, "after"); !errors.Is(err, errAbandoned) {
				t.Errorf("the batch after it: %v", err)
			}
			h.check(t, <-w.failed)
			h.check(t, w.committer.Failed())
		})
	}
}

// TestHarmedFilesAreFoundWhileIdle is the same without commits.
func TestHarmedFilesAreFoundWhileIdle(t *testing.T) {
	for name, h := range harms() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t)
			h.do(t, w)
			h.check(t, <-w.failed)
			if err := write(w.committer, "after"); !errors.Is(err, errAbandoned) {
				t.Errorf("the batch after it: %v", err)
			}
		})
	}
}

// TestSoundCopiesOpenAgain puts copies in the place of files, to which the store then still
// writes a batch: the next Open finds what was acknowledged, and no damage.
func TestSoundCopiesOpenAgain(t *testing.T) {
	for _, name := range []string{"copy in its place", "block replaced"} {
		t.Run(name, func(t *testing.T) {
			w := newWatched(t)
			h := harms()[name]
			h.do(t, w)
			if err := write(w.committer, "after"); !errors.Is(err, errAbandoned) {
				t.Errorf("the batch after it: %v", err)
			}
			if err := w.journal.Close(t.Context()); !errors.Is(err, journal.ErrChanged) {
				t.Error(err)
			}
			recs, _, err := replay(t.Context(), open(t, w.dir), 1)
			if err != nil || !slices.Equal(recs, w.acked) {
				t.Errorf("%d records, %v; %d were acknowledged", len(recs), err, len(w.acked))
			}
		})
	}
}

// TestMovedFolderHasWhatWasAcknowledged opens the folder where it was moved to.
func TestMovedFolderHasWhatWasAcknowledged(t *testing.T) {
	w := newWatched(t)
	away := filepath.Join(w.parent, "away")
	must(t, os.Rename(w.dir, away))
	<-w.failed
	recs, _, err := replay(t.Context(), open(t, copyTree(t, away)), 1)
	if err != nil || !slices.Equal(recs, w.acked) {
		t.Errorf("%d records, %v; %d were acknowledged", len(recs), err, len(w.acked))
	}
}

// TestRedirectedLinkIsFound makes a link above the folder point to a copy.
func TestRedirectedLinkIsFound(t *testing.T) {
	real, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(real, link))
	j, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(link, "journal")})
	must(t, err)
	c := newCommitter(j, journal.CommitterOptions{})
	mustWrite(t, c, "before")
	must(t, os.Remove(link))
	must(t, os.Symlink(copyTree(t, real), link))
	if err := write(c, "after"); !errors.Is(err, errAbandoned) {
		t.Errorf("the batch after it: %v", err)
	}
	if err := j.Close(t.Context()); !errors.Is(err, journal.ErrChanged) {
		t.Error(err)
	}
}

// TestSoundFilesRaiseNoAlarm writes batches of all sizes into many block files, with
// restarts in between, and checks everything after each commit.
func TestSoundFilesRaiseNoAlarm(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		j, err := journal.Open(t.Context(), journal.Options{Dir: dir})
		must(t, err)
		c := newCommitter(j, journal.CommitterOptions{})
		for i := range 60 {
			journal.Look(c)
			size := 1 << (i % 20)
			mustWrite(t, c, slices.Repeat([]string{strings.Repeat("x", size)}, 1+(1<<19)/size)...)
		}
		must(t, j.Close(t.Context()))
	}
	if n := len(blocks(t, dir)); n < 10 {
		t.Errorf("only %d block files", n)
	}
}

// TestFolderWithoutStreamFiles opens a journal of which only mark and block files are left:
// what a backup holds.
func TestFolderWithoutStreamFiles(t *testing.T) {
	w := newWatched(t)
	dir := t.TempDir()
	for _, name := range append(blocks(t, w.dir), "mark") {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		content, err := os.ReadFile(w.path(name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	j := open(t, dir)
	c := newCommitter(j, journal.CommitterOptions{})
	mustWrite(t, c, "after")
	recs, _, err := replay(t.Context(), j, 1)
	if err != nil || !slices.Equal(recs, append(w.acked, "after")) {
		t.Errorf("%d records, %v; %d were acknowledged", len(recs), err, len(w.acked)+1)
	}
}
