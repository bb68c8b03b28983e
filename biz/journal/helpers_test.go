package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"holdfast/biz/journal"
)

// open opens a journal that the test closes at its end.
func open(t testing.TB, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), journal.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeJournal(t, j) })
	return j
}

func closeJournal(t testing.TB, j *journal.Journal) {
	t.Helper()
	if err := j.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// calls is a Held that collects functions.
type calls struct {
	release []func()
	abandon []func()
}

func newCalls() *calls { return &calls{} }

func (c *calls) add(release, abandon func()) {
	c.release = append(c.release, release)
	c.abandon = append(c.abandon, abandon)
}

func (c *calls) Release()       { c.run(c.release) }
func (c *calls) Abandon()       { c.run(c.abandon) }
func (c *calls) SizeBytes() int { return 0 }

func (c *calls) run(what []func()) {
	for _, f := range what {
		f()
	}
	c.release, c.abandon = c.release[:0], c.abandon[:0]
}

type committer = journal.Committer[*calls]

func newCommitter(j *journal.Journal, o journal.CommitterOptions) *committer {
	return journal.NewCommitter(j, newCalls, o)
}

var errAbandoned = errors.New("abandoned")

// write commits recs as one group and waits for the release.
func write(c *committer, recs ...string) error {
	done := make(chan error, 1)
	g := c.Begin()
	for _, r := range recs {
		g.Record([]byte(r))
	}
	g.Held().add(func() { done <- nil }, func() { done <- errAbandoned })
	c.End()
	return <-done
}

func mustWrite(t testing.TB, c *committer, recs ...string) {
	t.Helper()
	if err := write(c, recs...); err != nil {
		t.Fatal(err)
	}
}

// replay reads everything from a batch on.
func replay(ctx context.Context, j *journal.Journal, from uint64) (recs []string, at []journal.Position, err error) {
	err = j.Replay(ctx, from, func(p journal.Position, rec []byte) error {
		recs = append(recs, string(rec))
		at = append(at, p)
		return nil
	})
	return recs, at, err
}

// numbered returns a record of about n bytes that starts with its number.
func numbered(i, n int) string {
	return fmt.Sprintf("%d:", i) + strings.Repeat("x", n)
}

// writeBatches writes batches of records and returns them all.
func writeBatches(t testing.TB, c *committer, batches, records, size int) []string {
	t.Helper()
	var all []string
	for range batches {
		from := len(all)
		for range records {
			all = append(all, numbered(len(all)+1, size))
		}
		mustWrite(t, c, all[from:]...)
	}
	return all
}

// copyTree copies a folder while it is in use: the state after a kill -9.
func copyTree(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// files lists all files below dir by their relative names.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// blocks are the store's block files, oldest first (below ten of them).
func blocks(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	for _, name := range files(t, dir) {
		if strings.HasSuffix(name, ".blk") {
			names = append(names, name)
		}
	}
	return names
}

func edit(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(src), 0o600); err != nil {
		t.Fatal(err)
	}
}

// together runs n copies of f and waits for them.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
