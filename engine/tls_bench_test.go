package engine_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/engine"
	"holdfast/engine/carriertest"
)

// BenchmarkTLSRequests sends requests over 8 connections for each processor, each with that many
// before it reads their replies. Client and server are one process: a request costs both.
func BenchmarkTLSRequests(b *testing.B) {
	for _, encrypted := range []bool{false, true} {
		for _, depth := range []int{1, 16} {
			b.Run(fmt.Sprintf("TLS=%v/depth=%d", encrypted, depth), func(b *testing.B) {
				listeners := at("127.0.0.1:0")
				if encrypted {
					listeners[0] = withTLS(listeners[0])
				}
				r := serve(b, newCore(b, engine.Config{Limits: patient()}), engine.ReactorConfig{Listeners: listeners, Loops: 1})
				bodies := make([]string, depth)
				for i := range bodies {
					bodies[i] = "a body of thirty-two characters!"
				}
				sent := frames(onLoop, bodies...)
				b.SetParallelism(8)
				b.ReportAllocs()
				defer reportCPU(b)()
				b.RunParallel(func(pb *testing.PB) {
					conn, err := net.Dial("tcp", r.Addr)
					if err != nil {
						b.Error(err)
						return
					}
					defer conn.Close()
					if encrypted {
						conn = tls.Client(conn, carriertest.ClientTLS())
					}
					replies := make([]byte, len(sent)+depth)
					for more := pb.Next(); more; {
						if _, err := conn.Write(sent); err != nil {
							b.Error(err)
							return
						}
						if _, err := io.ReadFull(conn, replies); err != nil {
							b.Error(err)
							return
						}
						for range depth {
							more = pb.Next()
						}
					}
				})
			})
		}
	}
}

// reportCPU reports the processor time of the process from now until its result is called: on a
// busy machine it says more than the time.
func reportCPU(b *testing.B) (end func()) {
	b.Helper()
	used := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op") }
}

// BenchmarkTLSHandshakes connects, sends a request, reads the reply and closes.
func BenchmarkTLSHandshakes(b *testing.B) {
	for _, resumed := range []bool{false, true} {
		b.Run(fmt.Sprintf("resumed=%v", resumed), func(b *testing.B) {
			r := serveTLS(b, engine.Config{}, engine.Listener{})
			c := carriertest.ClientTLS()
			if resumed {
				c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			}
			sent := frames(onLoop, "")
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				conn, err := tls.Dial("tcp", r.Addr, c)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := conn.Write(sent); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(conn, make([]byte, len(sent)+1)); err != nil {
					b.Fatal(err)
				}
				conn.Close()
			}
		})
	}
}
