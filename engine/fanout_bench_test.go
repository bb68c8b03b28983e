package engine_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/engine"
)

// silent is a carrier and its links at once. It discards all output.
type silent struct{}

func (silent) Post(b *engine.Batch) { b.Flush() }
func (silent) Write([]byte) error   { return nil }
func (silent) Buffered() int        { return 0 }
func (silent) CloseWrite() error    { return nil }
func (silent) Close() error         { return nil }

// BenchmarkFanOut sends the pushes of an order to all sessions of an account, as a turn does:
// they are encoded ("gather"), moved to the output of the open commit under the lock of all
// commits ("lock"), and written ("write").
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			core := newCore(b, engine.Config{})
			carrier := core.AddCarrier(silent{})
			listener := &engine.Listener{Dialect: codec.Packet{}}
			var all engine.Audience
			for range n {
				s, reason := core.Open(carrier, silent{}, &net.UnixAddr{}, listener)
				if s == nil {
					b.Fatal(reason)
				}
				all.Add(s, n)
			}
			defer func() {
				for _, s := range all.Append(nil) {
					core.Closed(s, engine.ReasonPeerClosed)
				}
			}()
			execution, update := codec.Raw(make([]byte, 60)), codec.Raw(make([]byte, 50))
			first, second := core.NewOutbox(), core.NewOutbox()
			var gather, lock, write stopwatch
			bytes := 0
			for b.Loop() {
				gather.time(func() {
					first.PushTo(&all, codec.PushExecution, 1, execution)
					first.PushTo(&all, codec.PushPositionUpdate, 2, update)
				})
				lock.time(func() { first.MoveTo(second) })
				bytes = second.Size()
				write.time(second.Post)
			}
			b.ReportMetric(gather.per(b.N), "ns-gather/op")
			b.ReportMetric(lock.per(b.N), "ns-lock/op")
			b.ReportMetric(write.per(b.N)/float64(n), "ns-write/session")
			b.ReportMetric(float64(bytes), "bytes-held/op")
		})
	}
}

// stopwatch adds up times.
type stopwatch time.Duration

func (s *stopwatch) time(f func()) {
	start := time.Now()
	f()
	*s += stopwatch(time.Since(start))
}

func (s stopwatch) per(n int) float64 { return float64(s) / float64(n) }
