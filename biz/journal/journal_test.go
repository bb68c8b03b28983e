package journal_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"holdfast/biz/journal"
)

func TestRoundTrip(t *testing.T) {
	cases := []struct {
		name    string
		commits [][]string
		batches uint64
	}{
		{"nothing", nil, 0},
		{"one record", [][]string{{"a"}}, 1},
		{"an empty record", [][]string{{""}, {"", "b", ""}}, 2},
		{"several commits", [][]string{{"a", "b"}, {"c"}, {"d", "e", "f"}}, 3},
		{"the longest record", [][]string{{"a", strings.Repeat("z", journal.MaxRecord), "b"}}, 3},
		{"more records than a batch takes", [][]string{slices.Repeat([]string{"r"}, journal.MaxBatchRecords+1)}, 2},
		{"more bytes than a batch takes", [][]string{slices.Repeat([]string{strings.Repeat("y", 100_000)}, 25)}, 3},
		{"more segments than are kept", [][]string{slices.Repeat([]string{strings.Repeat("y", 900_000)}, 9), {"a"}, {"b"}}, 11},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, dir)
			c := newCommitter(j, journal.CommitterOptions{})
			var want []string
			for _, recs := range tc.commits {
				mustWrite(t, c, recs...)
				want = append(want, recs...)
			}
			check := func(j *journal.Journal) {
				t.Helper()
				got, at, err := replay(t.Context(), j, 0)
				if err != nil || !slices.Equal(got, want) {
					t.Fatalf("%d records (%v), want %d", len(got), err, len(want))
				}
				for i, p := range at {
					if p.Record != uint64(i+1) || p.Batch == 0 || i > 0 && p.Batch < at[i-1].Batch {
						t.Fatalf("record %d is at %+v", i+1, p)
					}
				}
				if j.LastBatch() != tc.batches {
					t.Fatalf("last batch %d, want %d", j.LastBatch(), tc.batches)
				}
			}
			check(j)
			closeJournal(t, j)
			check(open(t, dir))
		})
	}
}

func TestWriteAfterRestart(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for round := range 4 {
		j := open(t, dir)
		c := newCommitter(j, journal.CommitterOptions{})
		for i := range 3 {
			rec := numbered(round*3+i, 10)
			mustWrite(t, c, rec)
			want = append(want, rec)
		}
		closeJournal(t, j)
	}
	got, _, err := replay(t.Context(), open(t, dir), 1)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%q (%v), want %q", got, err, want)
	}
}

func TestReplayFrom(t *testing.T) {
	j := open(t, t.TempDir())
	all := writeBatches(t, newCommitter(j, journal.CommitterOptions{}), 300, 2, 10)
	cases := []struct {
		name string
		from uint64
		want []string
		err  error
	}{
		{"zero", 0, all, nil},
		{"the first", 1, all, nil},
		{"the middle", 150, all[298:], nil},
		{"the last", 300, all[598:], nil},
		{"the next", 301, nil, nil},
		{"beyond", 302, nil, journal.ErrAhead},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, at, err := replay(t.Context(), j, tc.from)
			if !errors.Is(err, tc.err) || !slices.Equal(got, tc.want) {
				t.Fatalf("%d records (%v), want %d (%v)", len(got), err, len(tc.want), tc.err)
			}
			if len(at) > 0 && at[0].Batch != max(tc.from, 1) {
				t.Fatalf("starts at %+v", at[0])
			}
		})
	}
}

func TestReplayStopsWithTheCallersError(t *testing.T) {
	j := open(t, t.TempDir())
	writeBatches(t, newCommitter(j, journal.CommitterOptions{}), 3, 2, 10)
	enough := errors.New("enough")
	calls := 0
	err := j.Replay(t.Context(), 1, func(at journal.Position, _ []byte) error {
		if calls++; at.Record == 3 {
			return enough
		}
		return nil
	})
	if err != enough || calls != 3 {
		t.Fatalf("%v after %d calls", err, calls)
	}
}

func TestReplayStopsWithTheContext(t *testing.T) {
	j := open(t, t.TempDir())
	writeBatches(t, newCommitter(j, journal.CommitterOptions{}), 3, 2, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := replay(ctx, j, 1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// TestReplayInWindows reads more batches than the store returns at once.
func TestReplayInWindows(t *testing.T) {
	j := open(t, t.TempDir())
	want := writeBatches(t, newCommitter(j, journal.CommitterOptions{}), 300, 3, 50)
	got, at, err := replay(t.Context(), j, 1)
	if err != nil || !slices.Equal(got, want) || at[len(at)-1] != (journal.Position{Batch: 300, Record: 900}) {
		t.Fatalf("%d records, %v", len(got), err)
	}
}

func TestSecondOpenIsLockedOut(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	if _, err := journal.Open(t.Context(), journal.Options{Dir: dir}); !errors.Is(err, journal.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatal(err)
	}
	closeJournal(t, j)
	open(t, dir)
}

func TestCloseTwice(t *testing.T) {
	j := open(t, t.TempDir())
	closeJournal(t, j)
	closeJournal(t, j)
	if _, _, err := replay(t.Context(), j, 1); !errors.Is(err, journal.ErrClosed) {
		t.Fatal(err)
	}
}

func TestFollow(t *testing.T) {
	j := open(t, t.TempDir())
	c := newCommitter(j, journal.CommitterOptions{})
	want := writeBatches(t, c, 5, 3, 10)
	ctx, cancel := context.WithCancel(t.Context())
	var got []string
	caughtUp := make(chan uint64, 100)
	ended := make(chan error)
	go func() {
		ended <- j.Follow(ctx, 1, func(b *journal.Batch) error {
			if b.First != uint64(len(got)+1) {
				t.Errorf("batch %d starts with %d", b.Number, b.First)
			}
			for _, rec := range b.Records() {
				got = append(got, string(rec))
			}
			if len(got) != int(b.First)+b.Count-1 {
				t.Errorf("batch %d has not %d records", b.Number, b.Count)
			}
			if b.CaughtUp {
				caughtUp <- b.Number
			}
			return nil
		})
	}()
	if n := <-caughtUp; n != 5 {
		t.Fatalf("caught up at %d", n)
	}
	for i := range 20 {
		rec := numbered(i, 20)
		mustWrite(t, c, rec)
		want = append(want, rec)
		if n := <-caughtUp; n != uint64(6+i) {
			t.Fatalf("caught up at %d", n)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || !slices.Equal(got, want) {
		t.Fatalf("%d records (%v), want %d", len(got), err, len(want))
	}
}

func TestFollowEndsWithTheJournal(t *testing.T) {
	j := open(t, t.TempDir())
	mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "a")
	seen, ended := make(chan struct{}), make(chan error)
	go func() {
		ended <- j.Follow(context.Background(), 1, func(*journal.Batch) error { close(seen); return nil })
	}()
	<-seen
	closeJournal(t, j)
	if err := <-ended; !errors.Is(err, journal.ErrClosed) {
		t.Fatal(err)
	}
}

// TestCloseEndsAReadThatWaits: Close ends a read that the store does not answer.
func TestCloseEndsAReadThatWaits(t *testing.T) {
	j := open(t, t.TempDir())
	mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "a")
	asked, ended := make(chan struct{}, 1), make(chan error)
	if err := j.ImpersonateReads(func() { asked <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := j.Fetch(1)
		ended <- err
	}()
	<-asked
	closeJournal(t, j)
	if err := <-ended; !errors.Is(err, journal.ErrClosed) {
		t.Fatal(err)
	}
}

// TestFollowBesideWriters: a reader follows while many goroutines write.
func TestFollowBesideWriters(t *testing.T) {
	j := open(t, t.TempDir())
	c := newCommitter(j, journal.CommitterOptions{})
	const writers, each = 8, 60
	ctx, cancel := context.WithCancel(t.Context())
	seen, ended := 0, make(chan error)
	go func() {
		ended <- j.Follow(ctx, 1, func(b *journal.Batch) error {
			if b.Number > j.LastBatch() {
				t.Errorf("batch %d of %d", b.Number, j.LastBatch())
			}
			for n, rec := range b.Records() {
				if seen++; int(n) != seen || number(string(rec)) != seen {
					t.Errorf("record %d is %.10q, want %d", n, rec, seen)
				}
			}
			if seen == writers*each {
				cancel()
			}
			return nil
		})
	}()
	next := 0 // guarded by Begin and End
	together(writers, func(int) {
		for range each {
			done := make(chan struct{})
			g := c.Begin()
			next++
			g.Record([]byte(numbered(next, 30)))
			g.Held().add(func() { close(done) }, func() {})
			c.End()
			<-done
		}
	})
	if err := <-ended; !errors.Is(err, context.Canceled) || seen != writers*each {
		t.Fatalf("%d records, %v", seen, err)
	}
}

func TestStoreSyncsAlways(t *testing.T) {
	if !open(t, t.TempDir()).SyncsAlways() {
		t.Fatal("acknowledged before the fsync")
	}
}

// TestRelativeFolder opens a journal by a relative path: its files are the same ones for the store, the
// scan and the watch.
func TestRelativeFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	for round := range 3 {
		j, err := journal.Open(t.Context(), journal.Options{Dir: "journal"})
		must(t, err)
		mustWrite(t, newCommitter(j, journal.CommitterOptions{}), "record")
		found := 0
		must(t, j.Replay(t.Context(), 1, func(journal.Position, []byte) error {
			found++
			return nil
		}))
		if found != round+1 {
			t.Errorf("%d records, want %d", found, round+1)
		}
		must(t, j.Close(t.Context()))
	}
}
