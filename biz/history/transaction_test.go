package history_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"holdfast/biz/history"
)

func TestProgress(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	check := func(want uint64, rows int) {
		t.Helper()
		got, err := s.Progress(t.Context())
		if n := len(all(t, s, history.Query{Customer: 7})); err != nil || got != want || n != rows {
			t.Fatalf("progress %d with %d rows (%v), want %d with %d", got, n, err, want, rows)
		}
	}
	check(0, 0)
	project(t, s, 3, 7, 1, 10)
	check(3, 10)

	must(t, s.Begin(t.Context()))
	e := made(7, 11)
	must(t, s.Insert(&e.Fill))
	check(3, 10) // what is not committed is not seen
	must(t, s.Rollback())
	check(3, 10)

	must(t, s.Begin(t.Context()))
	must(t, s.Commit(9, 0)) // batches without an execution
	check(9, 10)
}

// TestChecksum: the checksum is that of the last batch, also after a restart.
func TestChecksum(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	check := func(want uint32, stored bool) {
		t.Helper()
		if got, ok, err := s.Checksum(t.Context()); got != want || ok != stored || err != nil {
			t.Fatalf("checksum %08x, %v, %v; want %08x, %v", got, ok, err, want, stored)
		}
	}
	check(0, false)
	for batch, checksum := range []uint32{0, 0xffffffff, 7} {
		must(t, s.Begin(t.Context()))
		must(t, s.Commit(uint64(batch)+1, checksum))
		check(checksum, true)
	}
	must(t, s.Begin(t.Context()))
	if err := s.Commit(3, 8); !errors.Is(err, history.ErrOrder) {
		t.Fatal(err)
	}
	check(7, true)
	must(t, s.Close())
	s = open(t, path)
	check(7, true)
}

func TestBatchOrder(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	project(t, s, 5, 7, 1, 1)
	for _, batch := range []uint64{0, 4, 5} {
		must(t, s.Begin(t.Context()))
		e := made(7, 2)
		must(t, s.Insert(&e.Fill))
		if err := s.Commit(batch, 0); !errors.Is(err, history.ErrOrder) {
			t.Fatalf("batch %d after 5: %v, want ErrOrder", batch, err)
		}
	}
	must(t, s.Close())
	s = open(t, path)
	must(t, s.Begin(t.Context()))
	if err := s.Commit(5, 0); !errors.Is(err, history.ErrOrder) {
		t.Fatalf("batch 5 after a restart: %v, want ErrOrder", err)
	}
	project(t, s, 6, 7, 2, 2)
}

func TestDuplicate(t *testing.T) {
	cases := map[string]struct {
		committed bool // the first of the two was committed before
	}{
		"in one transaction": {false},
		"in two":             {true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := open(t, newPath(t))
			e := made(7, 1)
			must(t, s.Begin(t.Context()))
			must(t, s.Insert(&e.Fill))
			if c.committed {
				must(t, s.Commit(1, 0))
				must(t, s.Begin(t.Context()))
			}
			other, first := made(7, 2), uint32(1)
			if c.committed {
				first = 2
			}
			must(t, s.Insert(&other.Fill))
			must(t, s.Insert(&e.Fill))
			if err := s.Commit(2, 0); !errors.Is(err, history.ErrDuplicate) || !strings.Contains(err.Error(), "30064771073") {
				t.Fatalf("%v, want ErrDuplicate with the id", err)
			}
			if _, ok, _ := s.Execution(t.Context(), other.ID); ok {
				t.Fatal("the transaction was not undone")
			}
			project(t, s, 2, 7, first, 4)
		})
	}
}

func TestInvalid(t *testing.T) {
	cases := map[string]func(e *history.Execution){
		"no side":           func(e *history.Execution) { e.Side = 0 },
		"unknown side":      func(e *history.Execution) { e.Side = 3 },
		"no quantity":       func(e *history.Execution) { e.Quantity = 0 },
		"negative quantity": func(e *history.Execution) { e.Quantity = -1 },
	}
	s := open(t, newPath(t))
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			must(t, s.Begin(t.Context()))
			e := made(7, 1)
			change(&e)
			if err := s.Insert(&e.Fill); !errors.Is(err, history.ErrInvalid) {
				t.Fatalf("%v, want ErrInvalid", err)
			}
			must(t, s.Rollback())
		})
	}
}

func TestBust(t *testing.T) {
	busted := func(n uint32) history.Execution {
		e := made(7, n)
		e.Busted, e.BustReason, e.BustTime = true, "mistaken price", 42
		return e
	}
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 3)

	must(t, s.Begin(t.Context()))
	e := made(7, 4)
	must(t, s.Insert(&e.Fill))
	must(t, s.Bust(id(7, 4), "mistaken price", 42)) // of the same transaction
	must(t, s.Bust(id(7, 2), "mistaken price", 42))
	must(t, s.Bust(id(7, 2), "again", 43)) // twice in one transaction
	must(t, s.Commit(2, 0))
	must(t, s.Begin(t.Context()))
	must(t, s.Bust(id(7, 4), "again", 44)) // twice in two
	must(t, s.Commit(3, 0))

	want := []history.Execution{busted(4), made(7, 3), busted(2), made(7, 1)}
	for i, got := range all(t, s, history.Query{Customer: 7}) {
		if got != want[i] {
			t.Errorf("%+v\nwant %+v", got, want[i])
		}
	}
	must(t, s.Verify(t.Context()))
}

func TestBustRefused(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 3)
	must(t, s.Begin(t.Context()))
	if err := s.Bust(id(7, 4), "r", 1); !errors.Is(err, history.ErrUnknown) {
		t.Fatalf("%v, want ErrUnknown", err)
	}
	if err := s.Bust(id(7, 3), strings.Repeat("r", history.MaxReason+1), 1); !errors.Is(err, history.ErrTooLarge) {
		t.Fatalf("%v, want ErrTooLarge", err)
	}
	must(t, s.Bust(id(7, 3), strings.Repeat("r", history.MaxReason), 1)) // the transaction goes on
	must(t, s.Commit(2, 0))
	if e, _, err := s.Execution(t.Context(), id(7, 3)); err != nil || len(e.BustReason) != history.MaxReason {
		t.Fatalf("%+v, %v", e, err)
	}
	must(t, s.Verify(t.Context()))
}

func TestCorrect(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 3)
	must(t, s.Begin(t.Context()))
	next, last := made(7, 4), made(7, 5)
	next.Corrects, next.Place = 2, 2
	last.Corrects, last.Place = 4, 2
	must(t, s.Insert(&next.Fill))
	must(t, s.Correct(id(7, 2), next.ID, "mistaken price", 42))
	must(t, s.Insert(&last.Fill))
	must(t, s.Correct(next.ID, last.ID, "mistaken again", 43))
	must(t, s.Bust(id(7, 2), "again", 44)) // changes nothing
	must(t, s.Bust(last.ID, "mistaken at all", 45))
	must(t, s.Correct(last.ID, id(7, 1), "again", 46)) // changes nothing
	must(t, s.Commit(2, 0))

	first := made(7, 2)
	first.Busted, first.BustReason, first.BustTime, first.CorrectedBy = true, "mistaken price", 42, next.ID
	next.Busted, next.BustReason, next.BustTime, next.CorrectedBy = true, "mistaken again", 43, last.ID
	last.Busted, last.BustReason, last.BustTime = true, "mistaken at all", 45
	want := []history.Execution{last, next, made(7, 3), first, made(7, 1)}
	if got := all(t, s, history.Query{Customer: 7}); !slices.Equal(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	must(t, s.Verify(t.Context()))
}

func TestCorrectRefused(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 3)
	must(t, s.Begin(t.Context()))
	for name, c := range map[string]struct {
		execution, by uint64
		reason        string
		want          error
	}{
		"unknown":            {id(7, 4), id(7, 3), "r", history.ErrUnknown},
		"by an unknown":      {id(7, 3), id(7, 4), "r", history.ErrUnknown},
		"by 0":               {id(7, 3), 0, "r", history.ErrUnknown},
		"reason is too long": {id(7, 2), id(7, 3), strings.Repeat("r", history.MaxReason+1), history.ErrTooLarge},
	} {
		if err := s.Correct(c.execution, c.by, c.reason, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	must(t, s.Commit(2, 0)) // the transaction goes on
	for _, e := range all(t, s, history.Query{Customer: 7}) {
		if e.Busted {
			t.Errorf("%+v", e)
		}
	}
}

func TestExecutionEvent(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	project(t, s, 1, 7, 1, 3)
	must(t, s.Begin(t.Context()))
	e := made(7, 4)
	e.Event = 99
	must(t, s.Insert(&e.Fill))
	for of, want := range map[uint64]uint64{id(7, 2): 2, e.ID: 99} {
		if got, err := s.ExecutionEvent(of); got != want || err != nil {
			t.Errorf("event %d (%v), want %d", got, err, want)
		}
	}
	if _, err := s.ExecutionEvent(id(7, 5)); !errors.Is(err, history.ErrUnknown) {
		t.Errorf("%v, want ErrUnknown", err)
	}
	must(t, s.Commit(2, 0))
	alter(t, path, "UPDATE executions SET last = last + 1")
	must(t, s.Begin(t.Context()))
	if _, err := s.ExecutionEvent(id(7, 2)); !errors.Is(err, history.ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
	must(t, s.Rollback())
}

func TestBustUndone(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 1)
	must(t, s.Begin(t.Context()))
	must(t, s.Bust(id(7, 1), "r", 1))
	must(t, s.Rollback())
	if e, ok, err := s.Execution(t.Context(), id(7, 1)); err != nil || !ok || e.Busted {
		t.Fatalf("%+v, %v, %v", e, ok, err)
	}
}

func TestNoTransaction(t *testing.T) {
	s := open(t, newPath(t))
	e, o := made(7, 1), madeOrder(7, 1)
	_, eventErr := s.ExecutionEvent(e.ID)
	for name, err := range map[string]error{
		"insert": s.Insert(&e.Fill), "bust": s.Bust(e.ID, "", 0), "commit": s.Commit(1, 0),
		"correct": s.Correct(e.ID, id(7, 2), "", 0), "put order": s.PutOrder(&o), "event of an execution": eventErr,
	} {
		if !errors.Is(err, history.ErrNoTransaction) {
			t.Errorf("%s: %v, want ErrNoTransaction", name, err)
		}
	}
	must(t, s.Rollback())
}

func TestOneWriterAtATime(t *testing.T) {
	s := open(t, newPath(t))
	must(t, s.Begin(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	e := made(7, 1)
	go func() { result <- s.InsertNow(ctx, &e.Fill) }()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Fatalf("another transaction within one: %v, want context.Canceled", err)
	}
	go func() { result <- s.InsertNow(t.Context(), &e.Fill) }()
	must(t, s.Commit(1, 0))
	must(t, <-result)
}

// Rows of several customers in any order are one transaction.
func TestLargeTransaction(t *testing.T) {
	s := open(t, newPath(t))
	must(t, s.Begin(t.Context()))
	const customers, rows = 4, 95
	for i := range rows {
		e := made(uint32(customers-i%customers), uint32(1+i/customers))
		must(t, s.Insert(&e.Fill))
		if i == 50 {
			must(t, s.Bust(e.ID, "r", 1))
		}
	}
	e := made(customers, 1)
	must(t, s.Insert(&e.Fill))
	if err := s.Commit(1, 0); !errors.Is(err, history.ErrDuplicate) {
		t.Fatalf("%v, want ErrDuplicate", err)
	}
	count := func() (n int) {
		for c := range uint32(customers) {
			n += len(all(t, s, history.Query{Customer: c + 1}))
		}
		return n
	}
	if n := count(); n != 0 {
		t.Fatalf("%d rows after the rollback", n)
	}
	must(t, s.Begin(t.Context()))
	for i := range rows {
		e := made(uint32(customers-i%customers), uint32(1+i/customers))
		must(t, s.Insert(&e.Fill))
	}
	if n := count(); n != 0 {
		t.Fatalf("%d rows before the commit", n)
	}
	must(t, s.Commit(1, 0))
	if n := count(); n != rows {
		t.Fatalf("%d rows, want %d", n, rows)
	}
}

// In the steady state a row costs no allocation.
func TestInsertAllocations(t *testing.T) {
	s := open(t, newPath(t))
	const rows = 500
	number := uint32(0)
	batch := func() {
		must(t, s.Begin(context.Background()))
		for range rows {
			number++
			f := history.Fill{ID: id(7, number), OrderID: id(7, number), Event: uint64(number), Side: history.Buy, Quantity: 1}
			must(t, s.Insert(&f))
		}
		must(t, s.Commit(uint64(number), 0))
	}
	batch()
	// The commit of a batch allocates a few times, whatever its size.
	if n := testing.AllocsPerRun(10, batch); n > 10 {
		t.Fatalf("%v allocations in a batch of %d rows", n, rows)
	}
}

func TestInsertNow(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	first, second, bad := made(7, 1), made(7, 2), made(7, 3)
	bad.Quantity = 0
	must(t, s.InsertNow(t.Context(), &first.Fill))
	if err := s.InsertNow(t.Context(), &first.Fill); !errors.Is(err, history.ErrDuplicate) {
		t.Errorf("the same again: %v", err)
	}
	if err := s.InsertNow(t.Context(), &bad.Fill); !errors.Is(err, history.ErrInvalid) {
		t.Errorf("no quantity: %v", err)
	}
	must(t, s.InsertNow(t.Context(), &second.Fill))
	if err := s.BustNow(t.Context(), bad.ID, "none", 1); !errors.Is(err, history.ErrUnknown) {
		t.Errorf("bust of none: %v", err)
	}
	must(t, s.BustNow(t.Context(), second.ID, "typing error", 5))
	second.Busted, second.BustReason, second.BustTime = true, "typing error", 5
	must(t, s.Close())
	got := all(t, open(t, path), history.Query{Customer: 7})
	if len(got) != 2 || got[0] != second || got[1] != first {
		t.Errorf("got %+v", got)
	}
}

func TestDurable(t *testing.T) {
	for durable, want := range map[bool]int64{false: 1, true: 2} {
		path := newPath(t)
		s, err := history.Open(t.Context(), history.Options{Path: path, Durable: durable})
		must(t, err)
		wal, err := os.Stat(path + "-wal")
		must(t, err)
		if grown := wal.Size() >= 16<<20; grown != durable {
			t.Errorf("durable %v: a new WAL of %d bytes", durable, wal.Size())
		}
		if got, err := s.Synchronous(); err != nil || got != want {
			t.Errorf("durable %v: synchronous = %d, %v", durable, got, err)
		}
		must(t, s.Close())
	}
}

// TestCheckpointsAreSmall: a checkpoint syncs only little, however many rows were written
// before it.
func TestCheckpointsAreSmall(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	for batch := range uint64(400) {
		first := uint32(batch)*50 + 1
		project(t, s, batch+1, 1, first, first+49)
	}
	wal, err := os.Stat(path + "-wal")
	must(t, err)
	if wal.Size() > 512<<10 {
		t.Errorf("a WAL of %d KiB", wal.Size()>>10)
	}
}
