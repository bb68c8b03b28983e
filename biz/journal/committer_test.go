package journal_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/biz/journal"
)

// A witness is a Held whose Release first asks the store whether it has the records.
type witness struct {
	t       *testing.T
	j       *journal.Journal
	numbers []int  // records that wait
	left    *[]int // records that left, in order
	wake    []chan struct{}
}

func (w *witness) Release() {
	last, err := w.j.StoreLast(context.Background())
	if err != nil {
		w.t.Error(err)
	}
	end := 0
	if last > 0 {
		msg, err := w.j.Fetch(last)
		if err != nil {
			w.t.Error(err)
		}
		recs, err := journal.ParseMessage(msg)
		if err != nil {
			w.t.Error(err)
		}
		end = number(string(recs[len(recs)-1]))
	}
	for _, n := range w.numbers {
		if n > end {
			w.t.Errorf("record %d leaves, the store ends with %d", n, end)
		}
	}
	*w.left = append(*w.left, w.numbers...)
	w.empty()
}

func (w *witness) SizeBytes() int { return 0 }

func (w *witness) Abandon() {
	w.t.Error("abandoned")
	w.empty()
}

func (w *witness) empty() {
	for _, ch := range w.wake {
		close(ch)
	}
	w.numbers, w.wake = w.numbers[:0], w.wake[:0]
}

// TestGroupCommit writes from many goroutines at once: everything is released once, in the
// order of the records, and not before the store has it.
func TestGroupCommit(t *testing.T) {
	j := open(t, t.TempDir())
	var left []int // Owner: the committer's goroutine, then the test
	c := journal.NewCommitter(j, func() *witness { return &witness{t: t, j: j, left: &left} }, journal.CommitterOptions{})
	const writers, each = 32, 25
	next := 0 // guarded by Begin and End
	together(writers, func(int) {
		for range each {
			done := make(chan struct{})
			g := c.Begin()
			next++
			g.Record([]byte(numbered(next, 50)))
			r := g.Held()
			r.numbers = append(r.numbers, next)
			r.wake = append(r.wake, done)
			c.End()
			<-done
		}
	})
	recs, _, err := replay(t.Context(), j, 1)
	if err != nil {
		t.Fatal(err)
	}
	stats := c.Stats()
	closeJournal(t, j)
	if len(recs) != writers*each || len(left) != writers*each {
		t.Fatalf("%d records, %d left, want %d", len(recs), len(left), writers*each)
	}
	for i := range recs {
		if number(recs[i]) != i+1 || left[i] != i+1 {
			t.Fatalf("place %d: record %q, left %d", i+1, recs[i], left[i])
		}
	}
	if stats.Records != writers*each || stats.Commits >= stats.Records || stats.Commits > j.LastBatch() {
		t.Fatalf("nothing was grouped: %+v", stats)
	}
}

func number(rec string) int {
	n := 0
	digits, _, _ := strings.Cut(rec, ":")
	for _, r := range digits {
		n = 10*n + int(r-'0')
	}
	return n
}

// A gate delays commits: each waits for a result from the channel.
func gate(j *journal.Journal) (arrived chan struct{}, answer chan error) {
	arrived, answer = make(chan struct{}), make(chan error)
	j.SetPublisher(func(msg []byte, last uint64, real func([]byte, uint64) error) error {
		arrived <- struct{}{}
		if err := <-answer; err != nil {
			return err
		}
		return real(msg, last)
	})
	return arrived, answer
}

// send records without waiting; the channel delivers the outcome.
func send(c *committer, recs ...string) chan string {
	fate := make(chan string, 2)
	g := c.Begin()
	for _, r := range recs {
		g.Record([]byte(r))
	}
	g.Held().add(func() { fate <- "released" }, func() { fate <- "abandoned" })
	c.End()
	return fate
}

func TestReleaseWithoutRecords(t *testing.T) {
	j := open(t, t.TempDir())
	arrived, answer := gate(j)
	c := newCommitter(j, journal.CommitterOptions{})

	if got := <-send(c); got != "released" || c.Stats().Commits != 0 {
		t.Fatalf("%s after %d commits", got, c.Stats().Commits)
	}
	first := send(c, "a")
	<-arrived
	behind := send(c)
	select {
	case got := <-behind:
		t.Fatalf("%s before the record in front of it", got)
	default:
	}
	answer <- nil
	if a, b := <-first, <-behind; a != "released" || b != "released" || c.Stats().Commits != 1 {
		t.Fatalf("%s, %s after %d commits", a, b, c.Stats().Commits)
	}
}

func TestAccepts(t *testing.T) {
	cases := []struct {
		name string
		o    journal.CommitterOptions
		fits []string
	}{
		{"records", journal.CommitterOptions{MaxOpenRecords: 3}, []string{"a", "b", "c"}},
		{"bytes", journal.CommitterOptions{MaxOpenBytes: 10}, []string{"aaaa", "bbbb", "cc"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			j := open(t, t.TempDir())
			arrived, answer := gate(j)
			c := newCommitter(j, tc.o)
			first := send(c, "in front")
			<-arrived
			var last chan string
			for _, rec := range tc.fits {
				if !accepted(c) {
					t.Fatalf("%q is refused below the limits", rec)
				}
				last = send(c, rec)
			}
			if accepted(c) {
				t.Fatal("accepted at the limit")
			}
			answer <- nil
			<-first
			<-arrived
			if !accepted(c) {
				t.Fatal("refused though the other commit is empty")
			}
			answer <- nil
			<-last
		})
	}
}

func accepted(c *committer) bool {
	c.Begin()
	c.End()
	return c.Accepts()
}

// TestFailure makes the third commit fail: this one and all later ones are abandoned, and
// the reason is reported once.
func TestFailure(t *testing.T) {
	j := open(t, t.TempDir())
	arrived, answer := gate(j)
	reported := make(chan error, 9)
	c := newCommitter(j, journal.CommitterOptions{OnFailure: func(err error) { reported <- err }})
	for _, rec := range []string{"a", "b"} {
		fate := send(c, rec)
		<-arrived
		answer <- nil
		if got := <-fate; got != "released" {
			t.Fatal(got)
		}
	}
	disk := errors.New("the disk is gone")
	third := send(c, "c")
	<-arrived
	waiting := send(c, "d")
	if err := c.Failed(); err != nil {
		t.Fatal(err)
	}
	answer <- disk
	if a, b := <-third, <-waiting; a != "abandoned" || b != "abandoned" {
		t.Fatal(a, b)
	}
	if err := <-reported; !errors.Is(err, disk) || !errors.Is(c.Failed(), disk) {
		t.Fatal(err, c.Failed())
	}
	for range 3 {
		if got := <-send(c, "e"); got != "abandoned" {
			t.Fatal(got)
		}
		if got := <-send(c); got != "abandoned" {
			t.Fatal(got)
		}
	}
	if err := j.Close(t.Context()); !errors.Is(err, disk) {
		t.Fatal(err)
	}
	if len(reported) != 0 || c.Stats().Commits != 2 || j.LastBatch() != 2 {
		t.Fatalf("reported %d times more, %d commits, last batch %d", len(reported), c.Stats().Commits, j.LastBatch())
	}
}

func TestServerGone(t *testing.T) {
	j, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), AckTimeout: 200 * time.Millisecond, AckAttempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	reported := make(chan error, 9)
	c := newCommitter(j, journal.CommitterOptions{OnFailure: func(err error) { reported <- err }})
	mustWrite(t, c, "a")
	j.StopServer()
	if err := write(c, "b"); err != errAbandoned {
		t.Fatal(err)
	}
	if err := <-reported; !errors.Is(err, journal.ErrUnacknowledged) {
		t.Fatal(err)
	}
	if err := j.Close(t.Context()); !errors.Is(err, journal.ErrUnacknowledged) {
		t.Fatal(err)
	}
}

func TestCloseCommitsWhatWaits(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir)
	c := newCommitter(j, journal.CommitterOptions{})
	var fates []chan string
	var want []string
	for i := range 50 {
		want = append(want, numbered(i, 5))
		fates = append(fates, send(c, want[i]))
	}
	closeJournal(t, j)
	for i, fate := range fates {
		if got := <-fate; got != "released" {
			t.Fatalf("%d: %s", i, got)
		}
	}
	if err := c.Failed(); !errors.Is(err, journal.ErrClosed) {
		t.Fatal(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _, err := replay(t.Context(), open(t, dir), 1)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%d records (%v), want %d", len(got), err, len(want))
	}
}

func TestStats(t *testing.T) {
	j := open(t, t.TempDir())
	c := newCommitter(j, journal.CommitterOptions{})
	mustWrite(t, c, "a", "bb")
	mustWrite(t, c, slices.Repeat([]string{"c"}, journal.MaxBatchRecords+1)...)
	closeJournal(t, j)
	got := c.Stats()
	want := journal.Stats{Commits: 2, Records: journal.MaxBatchRecords + 3, Bytes: journal.MaxBatchRecords + 4, Total: got.Total, ByTime: got.ByTime, Written: journal.MaxBatchRecords + 3}
	want.ByRecords[1], want.ByRecords[len(journal.RecordBounds())-1] = 1, 1
	want.BySize[0], want.BySize[sizeBucket(journal.MaxBatchRecords+1)] = 1, 1
	commits := uint64(0)
	for _, n := range got.ByTime {
		commits += n
	}
	if got != want || commits != 2 || got.Total <= 0 || j.LastBatch() != 3 {
		t.Fatalf("%+v, last batch %d", got, j.LastBatch())
	}
}

// sizeBucket returns which bucket of Stats.BySize has commits of that size.
func sizeBucket(size int) int {
	bounds := journal.SizeBounds()
	for n, bound := range bounds {
		if size <= bound {
			return n
		}
	}
	return len(bounds)
}

func TestMisusePanics(t *testing.T) {
	j := open(t, t.TempDir())
	c := newCommitter(j, journal.CommitterOptions{})
	cases := []struct {
		name string
		do   func()
	}{
		{"second committer", func() { newCommitter(j, journal.CommitterOptions{}) }},
		{"record too long", func() {
			defer c.End()
			c.Begin().Record(make([]byte, journal.MaxRecord+1))
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			tc.do()
		})
	}
}

// TestRecordDoesNotAllocate measures the complete path of a record except the store.
func TestRecordDoesNotAllocate(t *testing.T) {
	j := open(t, t.TempDir())
	j.SetPublisher(func([]byte, uint64, func([]byte, uint64) error) error { return nil })
	c := journal.NewCommitter(j, func() *bell { return &bell{make(chan struct{}, 1)} }, journal.CommitterOptions{})
	rec := make([]byte, 120)
	round := func() {
		var b *bell
		for range 100 {
			g := c.Begin()
			g.Record(rec)
			if b = g.Held(); !c.Accepts() || c.Failed() != nil {
				t.Error("refused")
			}
			c.End()
		}
		<-b.rung
	}
	for range 100 {
		round()
	}
	if n := testing.AllocsPerRun(100, round); n >= 1 {
		t.Fatalf("%v allocations for 100 records", n)
	}
}

// A bell rings when it is released.
type bell struct{ rung chan struct{} }

func (b *bell) Abandon()       {}
func (b *bell) SizeBytes() int { return 0 }
func (b *bell) Release() {
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// TestTogether: records of a commit that is more than a batch are in one batch if that is asked for.
func TestTogether(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, bytes int
	}{
		{"full by number", journal.MaxBatchRecords - 1, 10},
		{"full by size", 95, 10_230},
		{"not full", 3, 10},
	} {
		j := open(t, t.TempDir())
		w := newCommitter(j, journal.CommitterOptions{})
		done := make(chan struct{})
		g := w.Begin()
		for range c.before {
			g.Record(make([]byte, c.bytes))
		}
		g.Together(3, 3*c.bytes)
		for range 3 {
			g.Record([]byte(strings.Repeat("x", c.bytes)))
		}
		g.Held().add(func() { close(done) }, func() { t.Error("abandoned") })
		w.End()
		<-done
		recs, at, err := replay(t.Context(), j, 1)
		if err != nil {
			t.Fatal(err)
		}
		n := len(recs) - 3
		if n != c.before || at[n].Batch != at[n+2].Batch || at[n-1].Batch != 1 || (at[n].Batch == 1) != (c.name == "not full") {
			t.Errorf("%s: %d records before; batches %d, %d and %d", c.name, n, at[n-1].Batch, at[n].Batch, at[n+2].Batch)
		}
		closeJournal(t, j)
	}
}
