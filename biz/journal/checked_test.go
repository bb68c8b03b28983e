package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/biz/journal"
)

// openChecked opens a folder of which the batches up to p were checked before.
func openChecked(dir string, p journal.Point) (*journal.Journal, error) {
	return journal.Open(context.Background(), journal.Options{Dir: dir, Checked: p, VerifyRate: 1 << 40})
}

// TestChecked opens a journal from a checked batch on: everything can be read, and goes on.
func TestChecked(t *testing.T) {
	l := newLong(t)
	for _, batch := range []uint64{1, l.first(1) - 1, l.first(1), 40, l.first(4), 70} {
		dir := copyTree(t, l.dir)
		j, err := openChecked(dir, l.point(batch))
		must(t, err)
		mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "after")
		recs, _, err := replay(t.Context(), j, 1)
		if err != nil || !slices.Equal(recs, append(slices.Clone(l.recs), "after")) {
			t.Errorf("checked batch %d: %d records, %v", batch, len(recs), err)
		}
		must(t, j.VerifyOlder(t.Context(), nil))
		closeJournal(t, j)
		must(t, os.RemoveAll(dir))
	}
}

// TestCheckedIsNotThere opens a journal that has another batch under the checked number, or
// does not have it.
func TestCheckedIsNotThere(t *testing.T) {
	l := newLong(t)
	p := l.point(40)
	start := l.point(l.first(3) - 1)
	trimmed := copyTree(t, l.dir)
	j := open(t, trimmed)
	_, err := j.Trim(t.Context(), start.Batch)
	must(t, err)
	closeJournal(t, j)
	for name, tc := range map[string]struct {
		dir   string
		p     journal.Point
		names string
	}{
		"checksum":             {l.dir, journal.Point{Batch: p.Batch, Record: p.Record, Checksum: p.Checksum + 1}, "batch 40: not the batch"},
		"record":               {l.dir, journal.Point{Batch: p.Batch, Record: p.Record + 1, Checksum: p.Checksum}, "batch 40: not the batch"},
		"beyond the end":       {l.dir, journal.Point{Batch: 71, Record: 1, Checksum: 1}, "batch 71: missing, although a checkpoint has batch 71"},
		"of another beginning": {l.dir, journal.Point{Checksum: 1}, "not the batch"},
		"of another trim":      {trimmed, journal.Point{Batch: start.Batch, Record: start.Record, Checksum: 1}, "not the batch"},
	} {
		j, err := openChecked(tc.dir, tc.p)
		var damage *journal.DamageError
		if !errors.As(err, &damage) || !strings.Contains(err.Error(), tc.names) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			closeJournal(t, j)
		}
	}
	if _, err := openChecked(trimmed, l.point(start.Batch-1)); !errors.Is(err, journal.ErrTrimmed) {
		t.Errorf("checked batch is trimmed: %v", err)
	}
	j, err = openChecked(trimmed, start)
	must(t, err)
	closeJournal(t, j)
}

// TestFlipsBeyondTheCheckedBatch flips bits at many places of all block files. Open finds those
// in the files that it reads. VerifyOlder finds the others, names the place, and Replay does not
// serve what is wrong. No file changes.
func TestFlipsBeyondTheCheckedBatch(t *testing.T) {
	l := newLong(t)
	checked := l.point(40)
	read := 0 // index of the first file that Open reads
	for l.starts[read+1]/longBatch < 40 {
		read++
	}
	names := blocks(t, l.dir)
	for i, name := range names {
		if i > 1 && i < read { // like the second
			continue
		}
		path := filepath.Join(l.dir, name)
		fi, err := os.Stat(path)
		must(t, err)
		places := []int{3, 4, 13, 90, 110, int(fi.Size()) - 1}
		for at := 150; at < int(fi.Size()); at += stride(8<<20, 4<<20) {
			places = append(places, at)
		}
		for _, at := range places {
			what := fmt.Sprintf("%s:%d", name, at)
			flip(t, path, at)
			j, err := openChecked(l.dir, checked)
			if err == nil {
				if i >= read {
					t.Errorf("%s: Open found nothing", what)
				}
				recs, _, replayed := replay(t.Context(), j, 1)
				if want := l.recs[:len(recs)]; replayed == nil || !slices.Equal(recs, want) || len(recs) > l.starts[i+1] {
					t.Errorf("%s: Replay returned %d records, %v", what, len(recs), replayed)
				}
				err = j.VerifyOlder(t.Context(), nil)
				closeJournal(t, j)
			}
			var damage *journal.DamageError
			if !errors.As(err, &damage) || damage.File != name || damage.Batch < l.first(i) || i+1 < len(names) && damage.Batch >= l.first(i+1) {
				t.Errorf("%s: %v", what, err)
			}
			content, err := os.ReadFile(path)
			must(t, err)
			if int64(len(content)) != fi.Size() {
				t.Fatalf("%s: %d bytes became %d", what, fi.Size(), len(content))
			}
			flip(t, path, at)
		}
	}
	j, err := openChecked(l.dir, checked)
	must(t, err)
	var done, total int64
	must(t, j.VerifyOlder(t.Context(), func(d, all int64) { done, total = d, all }))
	if done != total || total < int64(l.starts[read])*(200<<10) {
		t.Errorf("%d of %d bytes", done, total)
	}
	closeJournal(t, j)
}

// TestLostBeforeTheCheckedBatch takes away, cuts and exchanges files that Open does not read.
func TestLostBeforeTheCheckedBatch(t *testing.T) {
	l := newLong(t)
	checked := l.point(65)
	names := blocks(t, l.dir)
	for name, tc := range map[string]struct {
		change func(dir string)
		open   bool // Open finds it already
	}{
		"first":  {func(dir string) { must(t, os.Remove(filepath.Join(dir, names[0]))) }, true},
		"second": {func(dir string) { must(t, os.Remove(filepath.Join(dir, names[1]))) }, true},
		"third":  {func(dir string) { must(t, os.Remove(filepath.Join(dir, names[2]))) }, true},
		"cut": {func(dir string) {
			edit(t, filepath.Join(dir, names[1]), func(b []byte) []byte { return b[:len(b)-1] })
		}, false},
		"last batch cut off": {func(dir string) {
			edit(t, filepath.Join(dir, names[1]), func(b []byte) []byte { return b[:bytes.LastIndex(b, []byte("journal.batch"))-22] })
		}, false},
		"emptied": {func(dir string) { must(t, os.Truncate(filepath.Join(dir, names[1]), 0)) }, true},
		"exchanged": {func(dir string) {
			a, b := filepath.Join(dir, names[0]), filepath.Join(dir, names[1])
			must(t, errors.Join(os.Rename(a, a+"x"), os.Rename(b, a), os.Rename(a+"x", b)))
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := copyTree(t, l.dir)
			tc.change(dir)
			j, err := openChecked(dir, checked)
			if (err != nil) != tc.open {
				t.Errorf("Open: %v", err)
			}
			if err == nil {
				err = j.VerifyOlder(t.Context(), nil)
				closeJournal(t, j)
			}
			var damage *journal.DamageError
			if !errors.As(err, &damage) {
				t.Error(err)
			}
		})
	}
}

// TestVerifyOlderEnds: VerifyOlder ends with its context and with the journal.
func TestVerifyOlderEnds(t *testing.T) {
	l := newLong(t)
	j, err := openChecked(l.dir, l.point(65))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	err = j.VerifyOlder(ctx, func(done, total int64) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	closeJournal(t, j)
	if err := j.VerifyOlder(t.Context(), nil); !errors.Is(err, journal.ErrClosed) {
		t.Error(err)
	}
}

// TestStartReadsTheTail starts a server on what a kill left, with a checked batch: neither we
// nor the store read the other files. A process counts the bytes that it reads.
func TestStartReadsTheTail(t *testing.T) {
	l := newLong(t)
	p := l.point(65)
	summary := filepath.Join(l.dir, filepath.Dir(blocks(t, l.dir)[0]), "index.db")
	for name, change := range map[string]func() error{
		"no summary":    func() error { return os.RemoveAll(summary) },
		"wrong summary": func() error { return os.WriteFile(summary, bytes.Repeat([]byte("wrong"), 100), 0o600) },
		"old summary":   func() error { return nil }, // the one before, after another kill
	} {
		must(t, change())
		cmd := child(t, fmt.Sprintf("checked %d %d %d", p.Batch, p.Record, p.Checksum), l.dir)
		var log bytes.Buffer
		cmd.Stderr = &log
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != -1 { // it kills itself
			t.Fatalf("%s: %v: %s%s", name, err, out, log.String())
		}
		count, err := strconv.Atoi(strings.TrimSpace(string(out)))
		must(t, err)
		t.Logf("%s: %d bytes read", name, count)
		if count > 20<<20 || log.Len() > 0 {
			t.Errorf("%s: the start read %d bytes; log %q", name, count, log.String())
		}
	}
}

// TestOurSummary: the store takes our summary, and would write the same.
func TestOurSummary(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	writeBatches(t, newCommitter(j, journal.CommitterOptions{}), 5, 3, 50)
	closeJournal(t, j)
	name := filepath.Join(dir, filepath.Dir(blocks(t, dir)[0]), "index.db")
	theirs, err := os.ReadFile(name)
	must(t, err)
	must(t, os.Remove(name))
	var log bytes.Buffer
	j, err = journal.Open(t.Context(), journal.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
	must(t, err)
	defer closeJournal(t, j)
	ours, err := os.ReadFile(name)
	must(t, err)
	if !bytes.Equal(ours, theirs) || log.Len() > 0 {
		t.Errorf("ours\n%x, the store's\n%x; log %q", ours, theirs, log.String())
	}
}

// TestSummaryCannotBeWritten: the store then reads all files, and would cut what is damaged in those
// that the start did not read. So they are checked first.
func TestSummaryCannotBeWritten(t *testing.T) {
	l := newLong(t)
	checked := l.point(65)
	names := blocks(t, l.dir)
	summary := filepath.Join(l.dir, filepath.Dir(names[0]), "index.db")
	must(t, os.RemoveAll(summary))
	must(t, os.Mkdir(summary, 0o700))
	j, err := openChecked(l.dir, checked)
	must(t, err)
	must(t, j.VerifyOlder(t.Context(), nil))
	closeJournal(t, j)
	must(t, os.RemoveAll(summary))
	must(t, os.Mkdir(summary, 0o700))
	flip(t, filepath.Join(l.dir, names[1]), 1<<20)
	before, err := os.ReadFile(filepath.Join(l.dir, names[1]))
	must(t, err)
	var damage *journal.DamageError
	if _, err := openChecked(l.dir, checked); !errors.As(err, &damage) || damage.File != names[1] {
		t.Errorf("damage in an older file: %v", err)
	}
	if now, err := os.ReadFile(filepath.Join(l.dir, names[1])); err != nil || !bytes.Equal(now, before) {
		t.Errorf("the damaged file was changed: %d bytes instead of %d, %v", len(now), len(before), err)
	}
}
