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
		{100, 1024}, {100, 65536}, {10_000, 65536}, {10_000, 262144},
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

// BenchmarkSnapshot saves 1,000 accounts of 8 KiB.
func BenchmarkSnapshot(b *testing.B) {
	s, state := open(b, newPath(b)), make([]byte, 8<<10)
	for b.Loop() {
		must(b, s.SaveSnapshot(context.Background(), 1, func(yield yield) error {
			for c := range uint32(1000) {
				if err := yield(c, state); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}
