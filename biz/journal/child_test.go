package journal_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"holdfast/biz/journal"
)

const (
	childJob = "HOLDFAST_JOURNAL_CHILD"
	childDir = "HOLDFAST_JOURNAL_DIR"
)

// runChild does one job in a separate process.
func runChild(job, dir string) int {
	o := journal.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	if checked, ok := strings.CutPrefix(job, "checked "); ok {
		_, err := fmt.Sscan(checked, &o.Checked.Batch, &o.Checked.Record, &o.Checked.Checksum)
		if err != nil {
			fmt.Println("error:", err)
			return 1
		}
	}
	j, err := journal.Open(context.Background(), o)
	switch {
	case errors.Is(err, journal.ErrLocked):
		fmt.Println("locked:", err)
		return 0
	case err != nil:
		fmt.Println("error:", err)
		return 1
	case job == "write":
		writeForEver(j, 100, func() {})
	case job == "trim":
		writeForEver(j, 50_000, func() { go trimForEver(j) })
	case o.Checked.Batch > 0:
		fmt.Println(bytesRead())
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return 2
}

// bytesRead returns how many bytes this process has read from files.
func bytesRead() (n int) {
	src, err := os.ReadFile("/proc/self/io")
	if err == nil {
		_, err = fmt.Sscanf(string(src), "rchar: %d", &n)
	}
	if err != nil {
		panic(err)
	}
	return n
}

// trimForEver keeps the newest batches only.
func trimForEver(j *journal.Journal) {
	for {
		last := j.LastBatch()
		if _, err := j.Trim(context.Background(), last-min(last, 5)); err != nil {
			fmt.Println("error:", err)
			return
		}
	}
}

// writeForEver calls ready, writes records of a size, and prints the number of each once it is
// acknowledged.
func writeForEver(j *journal.Journal, size int, ready func()) {
	last := 0
	err := j.Replay(context.Background(), j.FirstBatch(), func(at journal.Position, _ []byte) error {
		last = int(at.Record)
		return nil
	})
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	ready()
	c := newCommitter(j, journal.CommitterOptions{OnFailure: func(err error) {
		fmt.Println("failed:", err)
		os.Exit(3)
	}})
	var next atomic.Int64 // changed between Begin and End only
	next.Store(int64(last))
	out := bufio.NewWriter(os.Stdout)
	together(8, func(int) {
		for {
			done := make(chan struct{})
			g := c.Begin()
			var number int64
			for range 5 {
				number = next.Add(1)
				g.Record([]byte(numbered(int(number), size)))
			}
			g.Held().add(func() {
				fmt.Fprintln(out, number)
				out.Flush()
				close(done)
			}, func() {})
			c.End()
			<-done
		}
	})
}

func child(t *testing.T, job, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childJob+"="+job, childDir+"="+dir)
	return cmd
}

func TestOtherProcessIsLockedOut(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	out, err := child(t, "open", dir).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "locked:") || !strings.Contains(string(out), dir) {
		t.Fatalf("second process: %v: %s", err, out)
	}
}

// TestKill kills a writing process again and again; every acknowledged record must be
// there.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		acked := killAfter(t, child(t, "write", dir), 150+370*round)
		j := open(t, dir)
		recs, _, err := replay(t.Context(), j, 1)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if len(recs) < acked {
			t.Fatalf("round %d: %d records acknowledged, %d there", round, acked, len(recs))
		}
		for i, rec := range recs {
			if rec != numbered(i+1, 100) {
				t.Fatalf("round %d: record %d is %.20q", round, i+1, rec)
			}
		}
		closeJournal(t, j)
	}
}

// TestKillWhileTrimming kills a process that writes and trims: all acknowledged records from the
// first batch on must be there.
func TestKillWhileTrimming(t *testing.T) {
	dir := t.TempDir()
	rounds := 4
	if testing.Short() {
		rounds = 2
	}
	first := uint64(1)
	for round := range rounds {
		acked := killAfter(t, child(t, "trim", dir), 200+37*round)
		j := open(t, dir)
		if j.FirstBatch() < first {
			t.Errorf("round %d: starts with batch %d, before with %d", round, j.FirstBatch(), first)
		}
		first = j.FirstBatch()
		recs, at, err := replay(t.Context(), j, first)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if last := at[len(at)-1].Record; last < uint64(acked) {
			t.Fatalf("round %d: record %d acknowledged, the last one is %d", round, acked, last)
		}
		for i, rec := range recs {
			if rec != numbered(int(at[i].Record), 50_000) {
				t.Fatalf("round %d: record %d is %.20q", round, at[i].Record, rec)
			}
		}
		closeJournal(t, j)
	}
	if first == 1 {
		t.Error("nothing was trimmed")
	}
}

// killAfter kills cmd after that many acknowledgements and returns the highest
// number that was acknowledged.
func killAfter(t *testing.T, cmd *exec.Cmd, lines int) (acked int) {
	t.Helper()
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(pipe)
	for seen := 0; ; seen++ {
		if seen == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
		line, err := in.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		n, bad := strconv.Atoi(strings.TrimSpace(line))
		if err != nil || bad != nil {
			t.Fatalf("child said %q (%v)", line, err)
		}
		acked = max(acked, n)
	}
	if err := cmd.Wait(); err == nil || acked == 0 {
		t.Fatalf("child ended by itself (%v), acknowledged %d", err, acked)
	}
	return acked
}
