package history_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"holdfast/biz/history"
	"holdfast/biz/history/postgrestest"
)

func openURL(t testing.TB, url string) *history.Store {
	t.Helper()
	s, err := history.Open(context.Background(), history.Options{URL: url})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func TestPostgresRestart(t *testing.T) {
	url := postgrestest.New(t).URL()
	var log bytes.Buffer
	for i := range uint32(3) {
		s, err := history.Open(t.Context(), history.Options{URL: url, Log: slog.New(slog.NewTextHandler(&log, nil))})
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
	if strings.Contains(log.String(), "word") {
		t.Fatalf("the password is in the log:\n%s", &log)
	}
}

// After random operations the store returns the same rows as a plain map: see TestAgainstTwin.
func TestPostgresAgainstTwin(t *testing.T) {
	url := postgrestest.New(t).URL()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		if n++; n > 15 { // each takes a while, most of it to connect
			return
		}
		w := twinWork{r: r, url: fmt.Sprintf("%s&search_path=twin%d", url, n), next: map[uint32]uint32{}, orders: map[uint64]history.Order{}}
		w.reopen()
		defer func() { w.store.Close() }()
		r.Repeat(map[string]func(*rapid.T){
			"batch":   func(*rapid.T) { w.batch() },
			"reopen":  func(*rapid.T) { w.sometimesReopen() },
			"page":    func(*rapid.T) { w.page() },
			"between": func(*rapid.T) { w.between() },
			"orders":  func(*rapid.T) { w.checkOrders() },
		})
	})
}

// SQLite and PostgreSQL answer every query alike.
func TestPostgresLikeSQLite(t *testing.T) {
	stores := []*history.Store{open(t, newPath(t)), openURL(t, postgrestest.New(t).URL())}
	random := rand.New(rand.NewPCG(1, 2))
	customers := []uint32{1, 7, 1 << 31, math.MaxUint32}
	numbers := map[uint32]uint32{}
	for batch := range uint64(20) {
		writeRandom(t, stores, batch+1, customers, numbers, rand.New(rand.NewPCG(3, batch)))
	}
	for _, scan := range []int{0, 300, 10} {
		if scan > 0 {
			for _, s := range stores {
				history.LimitScan(s, scan)
			}
		}
		for range 120 {
			name, ask := randomQuestion(random, customers)
			want, err := ask(stores[0])
			if err != nil {
				t.Fatalf("SQLite: %s: %v", name, err)
			}
			got, err := ask(stores[1])
			if err != nil {
				t.Fatalf("PostgreSQL: %s: %v", name, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("scan %d: %s\nPostgreSQL %+v\nSQLite     %+v", scan, name, got, want)
			}
		}
	}
}

// writeRandom writes the same batch to each store: simple orders, others, busts and corrections.
func writeRandom(t *testing.T, stores []*history.Store, batch uint64, customers []uint32, numbers map[uint32]uint32, random *rand.Rand) {
	t.Helper()
	for _, s := range stores {
		must(t, s.Begin(t.Context()))
	}
	each := func(fn func(s *history.Store) error) {
		for _, s := range stores {
			must(t, fn(s))
		}
	}
	for range random.IntN(200) {
		c := customers[random.IntN(len(customers))]
		numbers[c]++
		n := numbers[c]
		e := made(c, n)
		e.Simple, e.OrderID = random.IntN(2) == 0, e.ID
		if random.IntN(4) == 0 {
			e = madeTrade(c, n)
		}
		each(func(s *history.Store) error { return s.Insert(&e.Fill) })
		if !e.Simple {
			o := madeOrder(c, n)
			o.Status, o.Event, o.FirstEvent = uint8(1+random.IntN(5)), uint64(n), uint64(n)
			each(func(s *history.Store) error { return s.PutOrder(&o) })
		}
		switch older := 1 + uint32(random.IntN(int(n))); random.IntN(10) {
		case 0:
			each(func(s *history.Store) error { return s.Bust(id(c, older), "価格の誤り", int64(n)) })
		case 1:
			each(func(s *history.Store) error { return s.Correct(id(c, older), e.ID, "price", int64(n)) })
		}
	}
	for n := range batch % 4 {
		a := history.Audit{
			Number: 100*batch + n, Time: made(1, uint32(batch)).Time, Customer: customers[n], Name: "価格", Session: 1<<63 | n, Address: "192.0.2.7:1",
			Command: []string{"deposit", "halt"}[n%2], Text: "a\"b'", Result: "OK", Message: "count=1", Unlisted: uint32(n),
		}
		each(func(s *history.Store) error { return s.InsertAudit(&a) })
	}
	each(func(s *history.Store) error { return s.Commit(batch, uint32(batch)) })
}

// randomQuestion returns a query of the public methods.
func randomQuestion(random *rand.Rand, customers []uint32) (name string, ask func(*history.Store) (any, error)) {
	c := customers[random.IntN(len(customers))]
	number := func() uint64 { return uint64(random.IntN(1200)) }
	base := made(1, 0).Time
	q := history.Query{Customer: c, Limit: 1 + random.IntN(50)}
	if random.IntN(2) == 0 {
		q.Before = uint64(c)<<32 | number()
	}
	q.ByInstrument, q.Instrument = random.IntN(2) == 0, uint32(random.IntN(3))
	q.Side, q.Busted, q.Statuses = uint8(max(0, random.IntN(5)-2)), uint8(random.IntN(3)), uint32(max(0, random.IntN(80)-40))
	if random.IntN(2) == 0 {
		q.From, q.To = base+int64(number()), base+int64(number())
	}
	first, last := number(), number()
	span := history.RangeQuery{Instrument: q.Instrument, From: base + int64(first), To: base + int64(last), Limit: q.Limit, After: q.Before}
	if random.IntN(2) == 0 {
		span.Customer = c
	}
	walk := q // of all pages
	walk.Limit *= 5
	ctx := context.Background()
	one := uint64(c)<<32 | first
	audits := history.AuditQuery{Limit: 1 + random.IntN(8), Before: first * 2}
	if random.IntN(2) == 0 {
		audits.Customer, audits.Command, audits.From, audits.To = c, "halt", base+2, base+18
	}
	switch random.IntN(10) {
	case 9:
		return fmt.Sprintf("audits %+v", audits), func(s *history.Store) (any, error) {
			page, more, err := s.Audits(ctx, audits)
			return []any{page, more}, err
		}
	case 0:
		return fmt.Sprintf("all executions %+v", walk), func(s *history.Store) (any, error) { return pages(walk, s.Executions) }
	case 1:
		return fmt.Sprintf("all orders %+v", walk), func(s *history.Store) (any, error) { return pages(walk, s.Orders) }
	case 2:
		return fmt.Sprintf("range %+v", span), func(s *history.Store) (any, error) {
			page, more, err := s.RangeExecutions(ctx, span)
			return []any{page, more}, err
		}
	case 3:
		return fmt.Sprintf("between %d and %d", first, last), func(s *history.Store) (any, error) {
			page, more, err := s.ExecutionsBetween(ctx, c, first, last)
			return []any{page, more}, err
		}
	case 4:
		return "named", func(s *history.Store) (any, error) {
			e, found, err := s.ExecutionNamed(ctx, c, 1, 900, made(c, uint32(first)).ClientOrderID)
			return []any{e, found}, err
		}
	case 5:
		return "order named", func(s *history.Store) (any, error) {
			o, found, err := s.OrderNamed(ctx, c, 1, math.MaxUint64, made(c, uint32(first)).ClientOrderID)
			return []any{o, found}, err
		}
	case 6:
		return fmt.Sprintf("execution of order %d", one), func(s *history.Store) (any, error) {
			e, found, err := s.ExecutionOfOrder(ctx, one)
			return []any{e, found}, err
		}
	case 7:
		return "with ids", func(s *history.Store) (any, error) {
			executions, err := s.ExecutionsWith(ctx, []uint64{one, 5, uint64(c)<<32 | last})
			orders, bad := s.OrdersWith(ctx, []uint64{one, 5, uint64(c)<<32 | last})
			return []any{executions, orders}, errors.Join(err, bad)
		}
	default:
		return fmt.Sprintf("of an instrument %+v", q), func(s *history.Store) (any, error) {
			page, more, err := s.InstrumentExecutions(ctx, c, q.Instrument, q.Before, q.Limit)
			return []any{page, more}, err
		}
	}
}

// pages returns the rows of all pages.
func pages[T any](q history.Query, ask func(context.Context, history.Query) ([]T, uint64, error)) (rows []T, err error) {
	for {
		page, next, err := ask(context.Background(), q)
		rows = append(rows, page...)
		if err != nil || next == 0 {
			return rows, err
		}
		if q.Before != 0 && next >= q.Before {
			return rows, fmt.Errorf("next is %d after %d", next, q.Before)
		}
		q.Before = next
	}
}

// Pages that are read while batches are written have no execution twice and none missing, and a
// reader sees only complete batches.
func TestPostgresPagesWhileWriting(t *testing.T) {
	const batches, rows = 60, 20
	s := openURL(t, postgrestest.New(t).URL())
	project(t, s, 1, 7, 1, rows)
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				list, err := pages(history.Query{Customer: 7, Limit: 13}, s.Executions)
				if err != nil {
					t.Error(err)
					return
				}
				for i, e := range list {
					if e.ID != id(7, uint32(len(list)-i)) {
						t.Errorf("%d rows: %d at %d", len(list), e.ID, i)
						return
					}
				}
				if len(list)%rows != 0 {
					t.Errorf("%d rows: a part of a batch", len(list))
				}
			}
		})
	}
	for b := range uint32(batches) {
		project(t, s, uint64(b)+2, 7, (b+1)*rows+1, (b+2)*rows)
	}
	close(done)
	readers.Wait()
}

func TestPostgresRefuses(t *testing.T) {
	s := openURL(t, postgrestest.New(t).URL())
	project(t, s, 3, 7, 1, 5)
	e := made(7, 6)

	must(t, s.Begin(t.Context()))
	must(t, s.Insert(&e.Fill))
	if err := s.Commit(3, 1); !errors.Is(err, history.ErrOrder) {
		t.Errorf("%v for the same batch, want ErrOrder", err)
	}
	must(t, s.Begin(t.Context()))
	must(t, s.Insert(&e.Fill))
	older := made(7, 5)
	must(t, s.Insert(&older.Fill))
	if err := s.Commit(4, 1); !errors.Is(err, history.ErrDuplicate) {
		t.Errorf("%v for an execution that exists, want ErrDuplicate", err)
	}
	must(t, s.Begin(t.Context()))
	if err := s.Bust(id(7, 6), "r", 1); !errors.Is(err, history.ErrUnknown) {
		t.Errorf("%v for an unknown execution, want ErrUnknown", err)
	}
	must(t, s.Rollback())
	must(t, s.Begin(t.Context()))
	copy(e.ClientOrderID[:], "\xFF")
	must(t, s.Insert(&e.Fill))
	if err := s.Commit(4, 1); !errors.Is(err, history.ErrInvalid) {
		t.Errorf("%v for a client order id that is not UTF-8, want ErrInvalid", err)
	}
	if n, err := s.Progress(t.Context()); n != 3 || err != nil {
		t.Fatalf("progress %d, %v", n, err)
	}
	project(t, s, 4, 7, 6, 7)
	must(t, s.InsertNow(t.Context(), &history.Fill{ID: id(7, 8), OrderID: id(7, 8), Side: history.Buy, Quantity: 1}))
	must(t, s.BustNow(t.Context(), id(7, 8), "zero \x00 byte \xFF", 5))
	if n := len(all(t, s, history.Query{Customer: 7})); n != 8 {
		t.Fatalf("%d rows, want 8", n)
	}
	got, _, err := s.Execution(t.Context(), id(7, 8))
	if err != nil || got.BustReason != "zero \uFFFD byte \uFFFD" {
		t.Fatalf("%q, %v", got.BustReason, err)
	}
}

// A query that runs during Close ends with its result or ErrClosed.
func TestPostgresCloseBesideReaders(t *testing.T) {
	url := postgrestest.New(t).URL()
	for range 5 {
		s := openURL(t, url)
		if n, _ := s.Progress(t.Context()); n == 0 {
			project(t, s, 1, 7, 1, 50)
		}
		var readers sync.WaitGroup
		for range 6 {
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
		if err := s.Begin(t.Context()); !errors.Is(err, history.ErrClosed) {
			t.Fatalf("%v, want ErrClosed", err)
		}
	}
}

// What a person sees in the views.
func TestPostgresViews(t *testing.T) {
	database := postgrestest.New(t)
	s := openURL(t, database.URL())
	must(t, s.Begin(t.Context()))
	e := madeTrade(7, 1)
	e.Time, e.Price, e.Corrects = 1_764_000_000_123_456_789, 12_3456, 0
	must(t, s.Insert(&e.Fill))
	must(t, s.Bust(e.ID, "price", 5))
	o := madeOrder(7, 2)
	must(t, s.PutOrder(&o))
	must(t, s.Commit(1, 1))
	must(t, s.NameInstruments(t.Context(), 0, func() []string { return []string{"ALFA/0", "ALFA/one"} }))
	must(t, s.NameInstruments(t.Context(), 1, func() []string { return []string{"ALFA/600100"} }))

	for query, want := range map[string]string{
		`SELECT concat_ws(' ', customer, number, client_order_id, side, instrument, quantity, price, fee, time AT TIME ZONE 'UTC', busted, order_number)
			FROM holdfast.executions WHERE customer = 7`: "7 1 order-1 buy ALFA/600100 100 12.3456 0.0002 2025-11-24 16:00:00.123457 price 1",
		`SELECT concat_ws(' ', customer, number, side, instrument, type, time_in_force, status, cause, filled, average_price, price, stop, expires AT TIME ZONE 'UTC')
			FROM holdfast.order_list`: "7 2 buy 2 stop limit good till date partially filled stop price 50 10.000100 10.0001 9.9000 2025-12-06 05:46:40",
		`SELECT count(*)::text FROM holdfast.executions WHERE time > '2025-11-24' AND instrument = 'ALFA/600100' AND busted IS NULL`: "0",
	} {
		got, err := database.Query(t.Context(), query)
		must(t, err)
		if got != want {
			t.Errorf("%s\nis   %s\nwant %s", query, got, want)
		}
	}
}

// BenchmarkPostgresWrite writes rows of 10,000 customers in transactions of the largest size.
func BenchmarkPostgresWrite(b *testing.B) {
	const rows, customers = 262_144, 10_000
	s := openURL(b, postgrestest.Run(b, "fsync = on").URL("postgres"))
	batch := uint64(0)
	for b.Loop() {
		b.StopTimer()
		must(b, s.Begin(context.Background()))
		for i := range uint64(rows) {
			n := batch*rows + i
			e := made(uint32(n%customers), uint32(n/customers)+1)
			e.Simple = true
			must(b, s.Insert(&e.Fill))
		}
		batch++
		b.StartTimer()
		must(b, s.Commit(batch, 0))
	}
	b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
}
