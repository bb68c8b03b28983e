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
	"testing"

	"holdfast/biz/journal"
)

const (
	childJob = "HOLDFAST_JOURNAL_CHILD"
	childDir = "HOLDFAST_JOURNAL_DIR"
)

// runChild does one job in a separate process.
func runChild(job, dir string) int {
	j, err := journal.Open(context.Background(), journal.Options{Dir: dir, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	switch {
	case errors.Is(err, journal.ErrLocked):
		fmt.Println("locked:", err)
		return 0
	case err != nil:
		fmt.Println("error:", err)
		return 1
	case job == "write":
		writeForEver(j)
	}
	return 2
}

// writeForEver prints the number of each record once it is acknowledged.
func writeForEver(j *journal.Journal) {
	last := 0
	err := j.Replay(context.Background(), 1, func(at journal.Position, _ []byte) error {
		last = int(at.Record)
		return nil
	})
	if err != nil {
		fmt.Println("error:", err)
		return
	}
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
				g.Record([]byte(numbered(int(number), 100)))
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
