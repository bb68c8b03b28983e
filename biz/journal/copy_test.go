package journal_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/biz/journal"
)

func copyJournal(t *testing.T, from, to string) journal.Copied {
	t.Helper()
	c, err := journal.Copy(t.Context(), journal.CopyOptions{From: from, To: to})
	must(t, err)
	for _, f := range c.Files {
		content, err := os.ReadFile(filepath.Join(to, f.Name))
		must(t, err)
		if int64(len(content)) != f.Bytes || sha256.Sum256(content) != f.SHA256 {
			t.Errorf("%s is not what Copy says", f.Name)
		}
	}
	return c
}

// TestCopyWhileWriting copies a journal again and again while it grows. Each copy must have
// everything that was acknowledged before, and nothing after its last batch.
func TestCopyWhileWriting(t *testing.T) {
	dir := t.TempDir()
	c := newCommitter(open(t, dir), journal.CommitterOptions{})
	var acked, next atomic.Int64
	for range 60 {
		mustWrite(t, c, numbered(int(next.Add(1)), 200_000))
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	for range 4 {
		writing.Go(func() {
			for ctx.Err() == nil {
				done := make(chan bool, 1)
				g := c.Begin()
				n := next.Add(1)
				g.Record([]byte(numbered(int(n), 3_000)))
				g.Held().add(func() { acked.Store(n); done <- true }, func() { done <- false })
				c.End()
				if !<-done {
					t.Error("abandoned")
					return
				}
			}
		})
	}
	for range 8 {
		before, to := int(acked.Load()), filepath.Join(t.TempDir(), "copy")
		made := copyJournal(t, dir, to)
		recs, report, err := read(t, to)
		must(t, err)
		if report != made.Report || report.Acknowledged != report.Batches || report.Torn != 0 {
			t.Errorf("%+v in the copy, Copy says %+v", report, made.Report)
		}
		if len(recs) < before {
			t.Errorf("%d records, %d were acknowledged before", len(recs), before)
		}
		for i, rec := range recs {
			if !strings.HasPrefix(rec, numbered(i+1, 0)) {
				t.Fatalf("record %d is %.20q", i+1, rec)
			}
		}
		if again, _, err := replay(t.Context(), open(t, to), 1); err != nil || !slices.Equal(again, recs) {
			t.Errorf("the copy opens with %d records, %v", len(again), err)
		}
	}
	stop()
	writing.Wait()
}

// TestCopyOfAStoppedJournal has the batches after an old mark too, as a start has, and keeps
// out a process that wants to write.
func TestCopyOfAStoppedJournal(t *testing.T) {
	w := newWatched(t)
	stopped := copyTree(t, w.dir)
	oldMark := journal.AppendMark(nil, 0, 0)
	must(t, os.WriteFile(filepath.Join(stopped, "mark"), oldMark, 0o600))
	edit(t, filepath.Join(stopped, blocks(t, stopped)[2]), func(b []byte) []byte { return append(b, "torn"...) })
	to := filepath.Join(t.TempDir(), "copy")
	made, err := journal.Copy(t.Context(), journal.CopyOptions{From: stopped, To: to, Each: func(*journal.Batch) error {
		if _, err := journal.Open(t.Context(), journal.Options{Dir: stopped}); !errors.Is(err, journal.ErrLocked) {
			t.Errorf("Open during the copy: %v", err)
		}
		return nil
	}})
	must(t, err)
	recs, report, err := read(t, to)
	must(t, err)
	if !slices.Equal(recs, w.acked) || made.Batches != report.Acknowledged || report.Torn != 0 {
		t.Errorf("%d of %d records, %+v", len(recs), len(w.acked), report)
	}
}

func TestCopyRefuses(t *testing.T) {
	w := newWatched(t)
	damaged := copyTree(t, w.dir)
	second := blocks(t, damaged)[1]
	edit(t, filepath.Join(damaged, second), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	_, err := journal.Copy(t.Context(), journal.CopyOptions{From: damaged, To: t.TempDir()})
	var damage *journal.DamageError
	if !errors.As(err, &damage) || damage.File != second {
		t.Errorf("a damaged journal: %v", err)
	}
	if _, err := journal.Copy(t.Context(), journal.CopyOptions{From: t.TempDir(), To: t.TempDir()}); !errors.Is(err, journal.ErrNoJournal) {
		t.Errorf("no journal: %v", err)
	}
	to := t.TempDir()
	copyJournal(t, w.dir, to)
	if _, err := journal.Copy(t.Context(), journal.CopyOptions{From: w.dir, To: to}); !errors.Is(err, os.ErrExist) {
		t.Errorf("over another copy: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := journal.Copy(ended, journal.CopyOptions{From: w.dir, To: t.TempDir()}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}
