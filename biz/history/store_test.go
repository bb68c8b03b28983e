package history_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"holdfast/biz/history"
)

func TestRestart(t *testing.T) {
	path := newPath(t)
	var log bytes.Buffer
	for i := range uint32(3) {
		s, err := history.Open(t.Context(), history.Options{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
		must(t, err)
		project(t, s, uint64(i)+1, 7, i*10+1, i*10+10)
		if n := len(all(t, s, history.Query{Customer: 7})); n != int(i+1)*10 {
			t.Fatalf("%d rows after %d starts", n, i+1)
		}
		must(t, s.Close())
		must(t, s.Close())
	}
	if n := strings.Count(log.String(), "new history"); n != 1 {
		t.Fatalf("%d new histories in 3 starts:\n%s", n, &log)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a clean stop leaves a WAL: %v", err)
	}
}

// An empty file is a new history: without progress nothing can be wrong.
func TestOpenEmptyFile(t *testing.T) {
	for _, size := range []int{0, 1} {
		path := newPath(t)
		must(t, os.WriteFile(path, make([]byte, size), 0o600))
		s := open(t, path)
		if n, err := s.Progress(t.Context()); err != nil || n != 0 {
			t.Fatalf("progress %d, %v", n, err)
		}
		project(t, s, 1, 7, 1, 3)
	}
}

func TestOpenWithoutFolder(t *testing.T) {
	_, err := history.Open(t.Context(), history.Options{Path: newPath(t) + "/none/history.db"})
	if err == nil || errors.Is(err, history.ErrDamaged) || !strings.Contains(err.Error(), "none/history.db") {
		t.Fatalf("%v, want an error with the path that is not ErrDamaged", err)
	}
}

func TestOpenStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := history.Open(ctx, history.Options{Path: newPath(t)}); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want context.Canceled", err)
	}
}

func TestRemove(t *testing.T) {
	path := newPath(t)
	must(t, history.Remove(path))
	s := open(t, path)
	project(t, s, 1, 7, 1, 3)
	must(t, s.Close())
	must(t, os.WriteFile(path+"-wal", []byte("left"), 0o600))
	must(t, history.Remove(path))
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 0 {
		t.Fatalf("%v, %v left by Remove", left, err)
	}
	s = open(t, path)
	if n, err := s.Progress(t.Context()); err != nil || n != 0 {
		t.Fatalf("progress %d, %v after Remove", n, err)
	}
}

func TestClosed(t *testing.T) {
	s := open(t, newPath(t))
	project(t, s, 1, 7, 1, 3)
	must(t, s.Begin(t.Context()))
	e := made(7, 4)
	must(t, s.Insert(&e.Fill))
	must(t, s.Close()) // within a transaction

	ctx := t.Context()
	calls := map[string]func() error{
		"Begin":                func() error { return s.Begin(ctx) },
		"Progress":             func() error { _, err := s.Progress(ctx); return err },
		"Executions":           func() error { _, _, err := s.Executions(ctx, history.Query{Customer: 7}); return err },
		"Execution":            func() error { _, _, err := s.Execution(ctx, id(7, 1)); return err },
		"InstrumentExecutions": func() error { _, _, err := s.InstrumentExecutions(ctx, 7, 0, 0, 1); return err },
		"RangeExecutions":      func() error { _, _, err := s.RangeExecutions(ctx, history.RangeQuery{}); return err },
		"ExecutionsBetween":    func() error { _, _, err := s.ExecutionsBetween(ctx, 7, 1, 2); return err },
		"ExecutionNamed":       func() error { _, _, err := s.ExecutionNamed(ctx, 7, 1, 2, [36]byte{}); return err },
		"Order":                func() error { _, _, err := s.Order(ctx, id(7, 1)); return err },
		"OrderNamed":           func() error { _, _, err := s.OrderNamed(ctx, 7, id(7, 1), id(7, 2), [36]byte{}); return err },
		"Orders":               func() error { _, _, err := s.Orders(ctx, history.Query{Customer: 7}); return err },
		"ExecutionOfOrder":     func() error { _, _, err := s.ExecutionOfOrder(ctx, id(7, 1)); return err },
		"Sync":                 func() error { _, err := s.Sync(ctx); return err },
		"Verify":               func() error { return s.Verify(ctx) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, history.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
}

func TestCloseUndoes(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	project(t, s, 1, 7, 1, 3)
	must(t, s.Begin(t.Context()))
	e := made(7, 4)
	must(t, s.Insert(&e.Fill))
	must(t, s.Bust(e.ID, "r", 1))
	must(t, s.Close())
	s = open(t, path)
	if n := len(all(t, s, history.Query{Customer: 7})); n != 3 {
		t.Fatalf("%d rows, want 3", n)
	}
}

// Concurrent readers see only complete batches.
func TestReadersBesideWriter(t *testing.T) {
	const batches, rows = 60, 20
	s := open(t, newPath(t))
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					readBatches(t, s, rows)
				}
			}
		})
	}
	readers.Go(func() {
		for range batches {
			if _, err := s.Sync(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for b := range uint32(batches) {
		project(t, s, uint64(b)+1, 7, b*rows+1, (b+1)*rows)
	}
	close(done)
	readers.Wait()
	must(t, s.Verify(t.Context()))
}

func readBatches(t *testing.T, s *history.Store, rows int) {
	before, err := s.Progress(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	page, _, err := s.Executions(t.Context(), history.Query{Customer: 7, Limit: 5})
	if err != nil {
		t.Error(err)
		return
	}
	if len(page) == 0 {
		if before != 0 {
			t.Errorf("no row at progress %d", before)
		}
		return
	}
	newest := page[0].Event
	if newest%uint64(rows) != 0 || newest < before*uint64(rows) {
		t.Errorf("newest row %d after progress %d", newest, before)
	}
}

// A query that runs during Close ends with its result or ErrClosed.
func TestCloseBesideReaders(t *testing.T) {
	for range 20 {
		s := open(t, newPath(t))
		project(t, s, 1, 7, 1, 50)
		var readers sync.WaitGroup
		for range 4 {
			readers.Go(func() {
				for {
					page, _, err := s.Executions(t.Context(), history.Query{Customer: 7})
					if errors.Is(err, history.ErrClosed) {
						return
					}
					if err != nil || len(page) != 50 {
						t.Errorf("%d rows, %v", len(page), err)
						return
					}
				}
			})
		}
		must(t, s.Close())
		readers.Wait()
	}
}

// After random operations the store returns the same rows as a plain map.
func TestAgainstTwin(t *testing.T) {
	path := newPath(t)
	rapid.Check(t, func(r *rapid.T) {
		if err := history.Remove(path); err != nil {
			r.Fatal(err)
		}
		w := twinWork{r: r, path: path, next: map[uint32]uint32{}, orders: map[uint64]history.Order{}}
		w.reopen()
		defer func() { w.store.Close() }()
		r.Repeat(map[string]func(*rapid.T){
			"batch":   func(*rapid.T) { w.batch() },
			"reopen":  func(*rapid.T) { w.sometimesReopen() },
			"page":    func(*rapid.T) { w.page() },
			"pages":   func(*rapid.T) { w.pages() },
			"between": func(*rapid.T) { w.between() },
			"orders":  func(*rapid.T) { w.checkOrders() },
		})
	})
}

// twinWork applies the same operations to a store and to rows and orders. The rows of a
// customer are in the order of their ids.
type twinWork struct {
	r      *rapid.T
	path   string
	url    string // of a PostgreSQL database instead
	store  *history.Store
	rows   []history.Execution
	orders map[uint64]history.Order
	next   map[uint32]uint32
	event  uint64
	done   uint64
}

func (w *twinWork) check(err error) {
	if err != nil {
		w.r.Fatal(err)
	}
}

func (w *twinWork) reopen() {
	var err error
	w.store, err = history.Open(context.Background(), history.Options{Path: w.path, URL: w.url})
	w.check(err)
	got, err := w.store.Progress(context.Background())
	w.check(err)
	if got != w.done {
		w.r.Fatalf("progress %d, want %d", got, w.done)
	}
}

// sometimesReopen reopens every fourth time: that takes longer than anything else.
func (w *twinWork) sometimesReopen() {
	if rapid.IntRange(0, 3).Draw(w.r, "reopen") == 0 {
		w.check(w.store.Close())
		w.reopen()
	}
}

func (w *twinWork) customer() uint32 { return rapid.Uint32Range(1, 3).Draw(w.r, "customer") }

func (w *twinWork) batch() {
	rows, next, orders := slices.Clone(w.rows), map[uint32]uint32{}, maps.Clone(w.orders)
	w.check(w.store.Begin(context.Background()))
	for range rapid.IntRange(0, 20).Draw(w.r, "events") {
		w.event++
		kind := rapid.IntRange(0, 5).Draw(w.r, "kind")
		switch {
		case kind == 0 && len(rows) > 0:
			w.bust(rows)
			continue
		case kind == 1:
			w.putOrder(orders)
			continue
		}
		c := w.customer()
		next[c]++
		e := made(c, w.next[c]+next[c])
		if rapid.Bool().Draw(w.r, "fields of version 2") {
			e = madeTrade(c, w.next[c]+next[c])
		}
		e.Event = w.event
		w.check(w.store.Insert(&e.Fill))
		rows = append(rows, e)
	}
	if rapid.Bool().Draw(w.r, "undo") {
		w.check(w.store.Rollback())
		return
	}
	w.done++
	w.check(w.store.Commit(w.done, 0))
	w.rows, w.orders = rows, orders
	for c, n := range next {
		w.next[c] += n
	}
}

// bust busts or corrects one of the rows.
func (w *twinWork) bust(rows []history.Execution) {
	e := &rows[rapid.IntRange(0, len(rows)-1).Draw(w.r, "busted")]
	by := rows[len(rows)-1].ID
	if rapid.Bool().Draw(w.r, "corrected") {
		w.check(w.store.Correct(e.ID, by, "r", int64(w.event)))
	} else {
		by = 0
		w.check(w.store.Bust(e.ID, "r", int64(w.event)))
	}
	if !e.Busted {
		e.Busted, e.BustReason, e.BustTime, e.CorrectedBy = true, "r", int64(w.event), by
	}
}

func (w *twinWork) putOrder(orders map[uint64]history.Order) {
	o := madeOrder(w.customer(), rapid.Uint32Range(1, 9).Draw(w.r, "order"))
	o.Quantity += rapid.Int64Range(0, 9).Draw(w.r, "more")
	o.Event, o.FirstEvent, o.LastPlacingEvent = w.event, w.event, w.event+1
	o.PlacedAs, o.PlacedQuantity = o.ClientOrderID, o.Quantity
	w.check(w.store.PutOrder(&o))
	if before, found := orders[o.ID]; found {
		o.FirstEvent, o.LastPlacingEvent = before.FirstEvent, before.LastPlacingEvent
		o.PlacedAs, o.PlacedQuantity = before.PlacedAs, before.PlacedQuantity
	}
	orders[o.ID] = o
}

func (w *twinWork) between() {
	c := w.customer()
	first := rapid.Uint64Range(0, w.event+1).Draw(w.r, "first")
	last := rapid.Uint64Range(0, w.event+1).Draw(w.r, "last")
	var want []history.Execution
	for _, e := range w.rows {
		if customerOf(e) == c && e.Event >= first && e.Event <= last {
			want = append(want, e)
		}
	}
	got, more, err := w.store.ExecutionsBetween(context.Background(), c, first, last)
	w.check(err)
	if more {
		w.r.Fatal("more")
	}
	w.same(got, want)
}

func (w *twinWork) checkOrders() {
	c := w.customer()
	var want []history.Order
	for n := uint32(9); n > 0; n-- {
		if o, found := w.orders[id(c, n)]; found {
			want = append(want, o)
		}
	}
	got, err := w.store.OrderRows(context.Background(), c)
	w.check(err)
	if !slices.Equal(got, want) {
		w.r.Fatalf("%+v\nwant %+v", got, want)
	}
}

func (w *twinWork) page() {
	q := history.Query{
		Customer: w.customer(),
		Limit:    rapid.IntRange(1, 12).Draw(w.r, "limit"),
		Filter:   w.filter(),
	}
	if n := rapid.Uint32Range(0, 60).Draw(w.r, "before"); n > 0 {
		q.Before = id(q.Customer, n)
	}
	want := w.matching(&q)
	more := uint64(0)
	if len(want) > q.Limit {
		want = want[:q.Limit]
		more = want[q.Limit-1].ID
	}
	got, next, err := w.store.Executions(context.Background(), q)
	w.check(err)
	w.same(got, want)
	if next != more {
		w.r.Fatalf("next %d, want %d", next, more)
	}
}

// matching returns the rows that a query selects, newest first.
func (w *twinWork) matching(q *history.Query) (list []history.Execution) {
	for _, e := range slices.Backward(w.rows) {
		if customerOf(e) == q.Customer && (q.Before == 0 || e.ID < q.Before) && plainMatch(&q.Filter, &e) {
			list = append(list, e)
		}
	}
	return list
}

// pages reads all pages with calls that read only a few rows each.
func (w *twinWork) pages() {
	q := history.Query{Customer: w.customer(), Limit: rapid.IntRange(1, 12).Draw(w.r, "limit"), Filter: w.filter()}
	want := w.matching(&q)
	history.LimitScan(w.store, rapid.IntRange(1, 40).Draw(w.r, "scan"))
	defer history.LimitScan(w.store, 100_000)
	got, err := readAll(w.store, q)
	w.check(err)
	w.same(got, want)
}

// filter draws one with each part half the time.
func (w *twinWork) filter() history.Filter {
	f := history.Filter{
		ByInstrument: rapid.Bool().Draw(w.r, "by instrument"), Instrument: rapid.Uint32Range(0, 3).Draw(w.r, "instrument"),
		Side: uint8(max(0, rapid.IntRange(-2, 2).Draw(w.r, "side"))), Busted: uint8(max(0, rapid.IntRange(-2, 2).Draw(w.r, "state"))),
		Statuses: uint32(max(0, rapid.IntRange(-6, 6).Draw(w.r, "statuses"))),
	}
	base := made(1, 0).Time
	if rapid.Bool().Draw(w.r, "from") {
		f.From = base + int64(rapid.IntRange(0, 60).Draw(w.r, "from"))
	}
	if rapid.Bool().Draw(w.r, "to") {
		f.To = base + int64(rapid.IntRange(0, 60).Draw(w.r, "to"))
	}
	return f
}

func plainMatch(f *history.Filter, e *history.Execution) bool {
	switch {
	case f.ByInstrument && e.Instrument != f.Instrument:
	case f.Side != 0 && e.Side != f.Side:
	case f.From != 0 && e.Time < f.From, f.To != 0 && e.Time >= f.To:
	case f.Busted == history.StateStanding && e.Busted, f.Busted == history.StateBusted && !e.Busted:
	default:
		return true
	}
	return false
}

func (w *twinWork) same(got, want []history.Execution) {
	if len(got) != len(want) {
		w.r.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			w.r.Fatalf("%+v\nwant %+v", got[i], want[i])
		}
	}
}
