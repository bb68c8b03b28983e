package history_test

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"testing"

	"holdfast/biz/history"
)

const crashRows = 10 // a batch

// projectUntilKilled commits batches, each with the bust of its first row and a state of the same
// order, and prints a line for each until the process is killed.
func projectUntilKilled(path string) {
	ctx := context.Background()
	s, err := history.Open(ctx, history.Options{Path: path})
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	check(err)
	progress, err := s.Progress(ctx)
	check(err)
	for batch := progress + 1; ; batch++ {
		check(s.Begin(ctx))
		first := uint32(batch-1)*crashRows + 1
		for n := first; n < first+crashRows; n++ {
			e := made(7, n)
			check(s.Insert(&e.Fill))
			if n == first {
				check(s.Bust(e.ID, "r", int64(batch)))
			}
		}
		o := stateIn(batch)
		check(s.PutOrder(&o))
		check(s.Commit(batch, 0))
		fmt.Println(batch)
	}
}

// stateIn returns the state of the order in a batch.
func stateIn(batch uint64) history.Order {
	o := madeOrder(7, 1)
	o.Event, o.Filled = batch, int64(batch)
	return o
}

func TestKilled(t *testing.T) {
	path := newPath(t)
	for _, batches := range []int{1, 7, 40, 200} {
		killAfter(t, path, batches)
		s := open(t, path)
		progress, err := s.Progress(t.Context())
		must(t, err)
		if progress < uint64(batches) {
			t.Fatalf("progress %d, but at least %d batches were committed", progress, batches)
		}
		list := all(t, s, history.Query{Customer: 7, Limit: history.MaxLimit})
		if len(list) != int(progress)*crashRows {
			t.Fatalf("%d rows at progress %d, want %d", len(list), progress, progress*crashRows)
		}
		for i, e := range list {
			n := uint32(len(list) - i)
			want := made(7, n)
			if n%crashRows == 1 {
				want.Busted, want.BustReason, want.BustTime = true, "r", int64(n/crashRows)+1
			}
			if e != want {
				t.Fatalf("%+v\nwant %+v", e, want)
			}
		}
		if o, ok, err := s.Order(t.Context(), id(7, 1)); !ok || err != nil || o != stateIn(progress) {
			t.Fatalf("%+v, %v, %v at progress %d", o, ok, err, progress)
		}
		must(t, s.Verify(t.Context()))
		must(t, s.Close())
	}
}

// killAfter runs projectUntilKilled and kills it some time after it has committed this many
// batches.
func killAfter(t *testing.T, path string, batches int) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "HISTORY_PROJECT="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	for range batches {
		if !lines.Scan() {
			t.Errorf("the process ended by itself")
			break
		}
	}
	must(t, child.Process.Kill())
	child.Wait()
}
