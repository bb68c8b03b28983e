package history_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"holdfast/biz/history"
)

// cpuTime is what this process has used, in user and system mode.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// orders makes executions of random customers with ids like a client's.
type orders struct {
	random *rand.Rand
	next   []uint32
	batch  uint64
}

func newOrders(customers int) *orders {
	return &orders{random: rand.New(rand.NewPCG(1, 2)), next: make([]uint32, customers)}
}

func (o *orders) make(list []history.Execution) {
	for i := range list {
		c := o.random.IntN(len(o.next))
		o.next[c]++
		e := made(uint32(100001+c), 1+o.random.Uint32N(6))
		e.ID = id(uint32(100001+c), o.next[c])
		e.OrderID, e.Event = e.ID, uint64(o.next[c])
		e.Time += int64(o.random.Uint32())
		copy(e.ClientOrderID[:], fmt.Sprintf("%08x-0000-4000-8000-%012x", o.random.Uint32(), o.random.Uint32()))
		list[i] = e
	}
}

// state returns the order of an execution, in a state of this event.
func state(f *history.Fill, event uint64) history.Order {
	return history.Order{
		ID: f.OrderID, Event: event, FirstEvent: f.Event, LastPlacingEvent: f.Event, Quantity: f.Quantity, Filled: f.Quantity,
		FilledValue: f.Quantity * f.Price, Price: f.Price, Priority: f.Event, Time: f.Time, Updated: f.Time,
		Instrument: f.Instrument, ClientOrderID: f.ClientOrderID, Side: f.Side, Type: 2, TimeInForce: 1, Status: 1,
	}
}

func (o *orders) project(b *testing.B, s *history.Store, list []history.Execution) {
	must(b, s.Begin(context.Background()))
	for i := range list {
		must(b, s.Insert(&list[i].Fill))
	}
	o.batch++
	must(b, s.Commit(o.batch, 0))
}

// BenchmarkProject is one row per operation; the file has half a million rows
// already.
func BenchmarkProject(b *testing.B) {
	for _, c := range []struct{ customers, rows int }{
		{100, 1024}, {10_000, 2000}, {100, 65536}, {10_000, 65536}, {1000, 262144}, {10_000, 262144},
	} {
		b.Run(fmt.Sprintf("customers=%d/rows=%d", c.customers, c.rows), func(b *testing.B) {
			s, o, list := open(b, newPath(b)), newOrders(c.customers), make([]history.Execution, c.rows)
			for range (1 << 19) / c.rows {
				o.make(list)
				o.project(b, s, list)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var used time.Duration
			for left := b.N; left > 0; left -= c.rows {
				b.StopTimer()
				o.make(list)
				b.StartTimer()
				from := cpuTime(b)
				o.project(b, s, list[:min(left, c.rows)])
				used += cpuTime(b) - from
			}
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkProjectDepth is BenchmarkProject with fees and settlements, and with limit orders:
// each has two states in the transaction of its execution.
func BenchmarkProjectDepth(b *testing.B) {
	for _, c := range []struct {
		name         string
		fees, orders bool
	}{{"plain", false, false}, {"fees", true, false}, {"fees-orders", true, true}} {
		b.Run(c.name, func(b *testing.B) {
			const rows = 65536
			s, o, list := open(b, newPath(b)), newOrders(10_000), make([]history.Execution, rows)
			var used time.Duration
			for done := -1 << 19; done < b.N; done += rows { // half a million rows come first
				o.make(list)
				if done == 0 {
					b.ResetTimer()
				}
				from := cpuTime(b)
				must(b, s.Begin(context.Background()))
				for i := range list[:min(rows, max(b.N-done, 0))] {
					f := &list[i].Fill
					if c.fees {
						f.Fee, f.Settlement = f.Quantity*3, f.Time+86_400_000_000_000
					}
					must(b, s.Insert(f))
					for event := f.Event; c.orders && event < f.Event+2; event++ {
						order := state(f, event)
						must(b, s.PutOrder(&order))
					}
				}
				o.batch++
				must(b, s.Commit(o.batch, 0))
				if done >= 0 {
					used += cpuTime(b) - from
				}
			}
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkPutOrderAgain is one further state of a stored order per operation.
func BenchmarkPutOrderAgain(b *testing.B) {
	s, o, list := open(b, newPath(b)), newOrders(10_000), make([]history.Execution, 1<<18)
	o.make(list)
	event := uint64(1)
	project := func(n int) {
		must(b, s.Begin(context.Background()))
		for i := range list[:n] {
			order := state(&list[i].Fill, event)
			must(b, s.PutOrder(&order))
		}
		event++
		must(b, s.Commit(event, 0))
	}
	project(len(list))
	b.ResetTimer()
	for left := b.N; left > 0; left -= len(list) {
		project(min(left, len(list)))
	}
}

// BenchmarkQueries are queries in a history of a million executions of 100 customers.
func BenchmarkQueries(b *testing.B) {
	s, o, list := open(b, newPath(b)), newOrders(100), make([]history.Execution, 1<<18)
	for range 4 {
		o.make(list)
		o.project(b, s, list)
	}
	ctx := context.Background()
	for name, query := range map[string]func() (int, error){
		"between 256 events": func() (int, error) {
			first := 1 + o.random.Uint64N(10_000)
			page, _, err := s.ExecutionsBetween(ctx, uint32(100001+o.random.IntN(100)), first, first+255)
			return len(page), err
		},
		"named in 256 events": func() (int, error) {
			first := 1 + o.random.Uint64N(10_000)
			_, _, err := s.ExecutionNamed(ctx, uint32(100001+o.random.IntN(100)), first, first+255, [36]byte{})
			return 1, err
		},
		"instrument of 10,000 rows": func() (int, error) {
			c := uint32(100001 + o.random.IntN(100))
			_, _, err := s.InstrumentExecutions(ctx, c, 99, id(c, 10_001), 100)
			return 1, err
		},
		"range of a million rows": func() (int, error) {
			_, _, err := s.RangeExecutions(ctx, history.RangeQuery{Instrument: 1, From: 1, To: 2})
			return 1, err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n, err := query(); n == 0 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkPage reads the newest 100 executions of random customers.
func BenchmarkPage(b *testing.B) {
	s, o, list := open(b, newPath(b)), newOrders(1000), make([]history.Execution, 1<<18)
	o.make(list)
	o.project(b, s, list)
	b.ReportAllocs()
	for b.Loop() {
		page, _, err := s.Executions(context.Background(), history.Query{Customer: uint32(100001 + o.random.IntN(1000))})
		if err != nil || len(page) != 100 {
			b.Fatal(len(page), err)
		}
	}
}
