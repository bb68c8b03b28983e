package journal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/biz/journal"
)

// TestReadOfChangedFiles: what happens to the newest file of an open journal is noticed by the next read,
// which gets everything before it. Bytes after the last durable batch don't matter: they may be a write
// that has just started.
func TestReadOfChangedFiles(t *testing.T) {
	const batches, records = 3, 2
	for name, tc := range map[string]struct {
		change func(block []byte) []byte // nil: remove the file
		left   int                       // batches that can be read
		text   string
	}{
		"longer":  {func(b []byte) []byte { return append(b, b[:100]...) }, batches, ""},
		"cut":     {func(b []byte) []byte { return b[:len(b)-1] }, batches - 1, "the file ends within an entry"},
		"shorter": {func(b []byte) []byte { return b[:len(b)/batches] }, 1, "missing"},
		"altered": {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, 1, "from byte"},
		"removed": {nil, 0, "its file is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, dir)
			c := newCommitter(j, journal.CommitterOptions{})
			want := writeBatches(t, c, batches, records, 50)
			if err := c.Close(context.Background()); err != nil { // it would notice, too
				t.Fatal(err)
			}
			path := filepath.Join(dir, blocks(t, dir)[0])
			if tc.change == nil {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else {
				edit(t, path, tc.change)
			}
			got, _, err := replay(t.Context(), j, 1)
			if !slices.Equal(got, want[:tc.left*records]) {
				t.Errorf("%d records of %d", len(got), len(want))
			}
			var damage *journal.DamageError
			switch {
			case tc.text == "" && err == nil:
			case !errors.As(err, &damage) || !strings.Contains(err.Error(), tc.text) || damage.Batch != uint64(tc.left+1):
				t.Errorf("%v, want %q", err, tc.text)
			}
		})
	}
}

// TestFollowOverAnIncompleteWrite: a reader that has read the start of the next batch while it was being
// written reads it again when it is durable.
func TestFollowOverAnIncompleteWrite(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	j.SetPublisher(func(msg []byte, last uint64, real func([]byte, uint64) error) error { return real(msg, last) }) // so that the files are not watched
	c := newCommitter(j, journal.CommitterOptions{})
	mustWrite(t, c, "a")
	path := filepath.Join(dir, blocks(t, dir)[0])
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(b []byte) []byte { return append(b, b[:100]...) }) // what is written there now is not right yet
	seen, ended, done := make(chan struct{}), make(chan error, 1), errors.New("done")
	go func() {
		ended <- j.Follow(context.Background(), 1, func(b *journal.Batch) error {
			if b.Number == 2 {
				return done
			}
			err := os.Truncate(path, before.Size())
			close(seen)
			return err
		})
	}()
	<-seen
	mustWrite(t, c, "b")
	if err := <-ended; !errors.Is(err, done) {
		t.Error(err)
	}
}
