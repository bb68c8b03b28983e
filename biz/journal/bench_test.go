package journal_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"holdfast/biz/journal"
)

// A tally is a Held that counts.
type tally struct {
	waiting int
	left    chan int
}

func (r *tally) Release() { r.left <- r.waiting; r.waiting = 0 }
func (r *tally) Abandon() { r.Release() }

func (r *tally) SizeBytes() int { return 0 }

// BenchmarkCommit keeps a number of 120-byte records waiting. One operation is
// one record.
func BenchmarkCommit(b *testing.B) {
	for _, waiting := range []int{1, 64, 1000, 8000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			benchmarkCommit(b, open(b, b.TempDir()), waiting)
		})
	}
}

// BenchmarkCommitFollowed is BenchmarkCommit while a reader follows.
func BenchmarkCommitFollowed(b *testing.B) {
	j := open(b, b.TempDir())
	ended := make(chan error)
	go func() {
		ended <- j.Follow(b.Context(), 1, func(*journal.Batch) error { return nil })
	}()
	benchmarkCommit(b, j, 1000)
	closeJournal(b, j)
	<-ended
}

func benchmarkCommit(b *testing.B, j *journal.Journal, waiting int) {
	left := make(chan int, 2)
	c := journal.NewCommitter(j, func() *tally { return &tally{left: left} }, journal.CommitterOptions{})
	rec := make([]byte, 120)
	b.ReportAllocs()
	b.ResetTimer()
	cpu, free := cpuTime(), waiting
	for range b.N {
		for free == 0 {
			free += <-left
		}
		free--
		g := c.Begin()
		g.Record(rec)
		g.Held().waiting++
		c.End()
	}
	for free < waiting {
		free += <-left
	}
	used := cpuTime() - cpu
	b.StopTimer()
	stats := c.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/record")
	b.ReportMetric(float64(used.Microseconds())/float64(stats.Commits), "cpu-us/commit")
	b.ReportMetric(float64(stats.Records)/float64(stats.Commits), "records/commit")
}

// BenchmarkReplay reads a million 120-byte records in batches of 1,000. One
// operation is one record.
func BenchmarkReplay(b *testing.B) {
	const batches, size = 1000, 1000
	dir := b.TempDir()
	j := open(b, dir)
	c := newCommitter(j, journal.CommitterOptions{})
	recs := make([]string, size)
	for i := range recs {
		recs[i] = string(make([]byte, 120))
	}
	for range batches {
		mustWrite(b, c, recs...)
	}
	b.ReportAllocs()
	b.ResetTimer()
	cpu := cpuTime()
	for n := 0; n < b.N; n += batches * size {
		err := j.Replay(context.Background(), 1, func(journal.Position, []byte) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	rounds := (b.N + batches*size - 1) / (batches * size)
	used := cpuTime() - cpu
	b.ReportMetric(float64(used.Nanoseconds())/float64(rounds*batches*size), "cpu-ns/record")
	b.ReportMetric(b.Elapsed().Seconds()/float64(rounds), "s/million")
}

// cpuTime is what the process has used so far, kernel included.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkWatch measures what the check of the files adds to a commit.
func BenchmarkWatch(b *testing.B) {
	j := open(b, b.TempDir())
	c := newCommitter(j, journal.CommitterOptions{})
	mustWrite(b, c, "record")
	if err := c.Close(b.Context()); err != nil { // its goroutine owns the watch
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := j.WatchOnce(); err != nil {
			b.Fatal(err)
		}
	}
}
