package bench_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/codec"
	"holdfast/engine"
	"holdfast/engine/carriertest"
	"holdfast/perf/goconn"
	"holdfast/perf/load"
	"holdfast/perf/process"
)

// tlsServer makes the test program a server with this design.
const tlsServer = "HOLDFAST_BENCH_TEST_TLS"

// tlsDesigns are the servers that BenchmarkTLS compares: engine, lanes and handlers are the same.
func tlsDesigns() []string {
	return []string{"reactor", "reactor-tls", "pooled-tls", "coalescing-tls"}
}

// serveTLS is a server with a design, until standard input ends. It prints its address.
func serveTLS(design string) error {
	router := engine.NewRouter(nil)
	router.Handle(codec.CommandSubmit, engine.OnLane, func(c *engine.Context) { c.Reply(codec.ResultOK, nil) })
	log := slog.New(slog.DiscardHandler)
	core, err := engine.NewCore(engine.Config{Router: router, Log: log})
	if err != nil {
		return err
	}
	name, encrypted := strings.CutSuffix(design, "-tls")
	var config *tls.Config
	if encrypted {
		config = carriertest.ServerTLS()
	}
	var server carriertest.Carrier
	if name == "reactor" {
		server, err = core.NewReactor(engine.ReactorConfig{Loops: 1, Listeners: []engine.Listener{{Address: "127.0.0.1:0", TLS: config}}})
	} else {
		server, err = goconn.New(core, goconn.Config{Style: goconn.Style(name), Listen: "127.0.0.1:0", TLS: config, Log: log})
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-server.Booted()
		fmt.Println(server.Addrs()[0])
		_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark ends it
		cancel()
	}()
	return server.Run(ctx)
}

// pin moves servers to one core, and the test to another.
func pin(b testing.TB) process.Pins {
	b.Helper()
	pins, err := process.FindPins()
	if err != nil {
		b.Log(err)
	}
	b.Cleanup(pins.PinSelf())
	return pins
}

// startTLS starts a server with a design in another process, until the end of the test.
func startTLS(b testing.TB, pins process.Pins, design string) (addr string, pid int) {
	b.Helper()
	words := append(pins.Prefix(), os.Args[0])
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), tlsServer+"="+design, "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line), cmd.Process.Pid
}

// tlsOptions are those of a load of 1,000 connections to a design.
func tlsOptions(addr, design string, depth int) load.Options {
	o := load.Options{Addr: addr, Connections: 1000, Depth: depth, Warmup: time.Second, Duration: 4 * time.Second}
	if strings.HasSuffix(design, "-tls") {
		o.TLS = &tls.Config{InsecureSkipVerify: true} // the client's work is not measured
	}
	return o
}

func runTLS(b testing.TB, o load.Options) *load.Report {
	b.Helper()
	r, err := load.Run(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	if r.ErrorCount() > 0 {
		b.Fatal(r)
	}
	return r
}

// BenchmarkTLS measures what TLS costs on the reactor, and with a goroutine per connection: the
// memory of the server per idle session, and its CPU time per connection with a handshake and one
// request. Run it with -benchtime 1x.
func BenchmarkTLS(b *testing.B) {
	for _, design := range tlsDesigns() {
		b.Run("idle/"+design, func(b *testing.B) {
			addr, pid := startTLS(b, pin(b), design)
			for b.Loop() {
				o := tlsOptions(addr, design, 1)
				o.Connections, o.Warmup, o.Duration, o.ServerPID, o.Rate, o.MemoryWait = 10_000, 0, time.Millisecond, pid, 1, 10*time.Second
				b.ReportMetric(runTLS(b, o).Server.IdleBytesPerConnection, "bytes/session")
			}
		})
		for _, kind := range []string{"full", "resumed"} {
			b.Run("connection/"+design+"/"+kind, func(b *testing.B) { benchmarkHandshakes(b, design, kind == "resumed") })
		}
	}
}

// BenchmarkTLSRequests measures the CPU time of the server per request. A machine may be twice as fast
// a few seconds later, so the designs have their turns of a second each, and ratios are those
// of one round. Medians of all rounds, and the lowest and the highest ratio. Run it with -benchtime 1x.
func BenchmarkTLSRequests(b *testing.B) {
	const rounds = 15
	for _, depth := range []int{16, 1} {
		b.Run(fmt.Sprintf("1000x%d", depth), func(b *testing.B) {
			pins := pin(b)
			loads := make(map[string]load.Options)
			for _, design := range tlsDesigns() {
				addr, pid := startTLS(b, pins, design)
				o := tlsOptions(addr, design, depth)
				o.Warmup, o.Duration, o.ServerPID = 300*time.Millisecond, time.Second, pid
				loads[design] = o
			}
			for b.Loop() {
				cost, rate, ratio := make(map[string][]float64), make(map[string][]float64), make(map[string][]float64)
				for range rounds {
					for _, design := range tlsDesigns() {
						r := runTLS(b, loads[design])
						cost[design], rate[design] = append(cost[design], r.Server.CPUPerRequest), append(rate[design], r.PerSecond)
						ratio[design] = append(ratio[design], r.Server.CPUPerRequest/cost[tlsDesigns()[0]][len(cost[design])-1])
					}
				}
				for _, design := range tlsDesigns() {
					b.Logf("%-16s %6.3f us/request, %7.0f requests/s, %.2f of plain (%.2f to %.2f)", design, median(cost[design]), median(rate[design]),
						median(ratio[design]), slices.Min(ratio[design]), slices.Max(ratio[design]))
				}
			}
		})
	}
}

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// benchmarkHandshakes measures 3,000 connections that send one request.
func benchmarkHandshakes(b *testing.B, design string, resumed bool) {
	addr, pid := startTLS(b, pin(b), design)
	o := tlsOptions(addr, design, 1)
	o.Connections, o.Warmup, o.Duration, o.Rate = 3000, 0, time.Millisecond, 1
	if resumed {
		if o.TLS == nil {
			b.Skip("no TLS")
		}
		cache := &countingCache{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		o.TLS.ClientSessionCache, o.TLS.ServerName = cache, "127.0.0.1"
		runTLS(b, o) // fills the cache
		defer func() {
			if cache.hits < o.Connections {
				b.Errorf("%d sessions were found in the cache", cache.hits)
			}
		}()
	} else {
		runTLS(b, o) // warm
	}
	for b.Loop() {
		before, err := process.ReadUsage(pid)
		if err != nil {
			b.Fatal(err)
		}
		r := runTLS(b, o)
		after, err := process.ReadUsage(pid)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64((after.CPU-before.CPU).Microseconds())/float64(o.Connections), "server-us/connection")
		b.ReportMetric(float64(o.Connections)/r.ConnectSeconds, "connections/s")
	}
}

// countingCache counts the sessions that were found. Owner: the event loop.
type countingCache struct {
	tls.ClientSessionCache
	hits int
}

// Get implements tls.ClientSessionCache.
func (c *countingCache) Get(key string) (*tls.ClientSessionState, bool) {
	s, ok := c.ClientSessionCache.Get(key)
	if ok {
		c.hits++
	}
	return s, ok
}

// TestTLSDesigns: each server of the benchmark answers.
func TestTLSDesigns(t *testing.T) {
	for _, design := range tlsDesigns() {
		t.Run(design, func(t *testing.T) {
			addr, _ := startTLS(t, pin(t), design)
			o := tlsOptions(addr, design, 2)
			o.Connections, o.Warmup, o.Duration = 10, 0, 20*time.Millisecond
			if r := runTLS(t, o); r.Requests == 0 {
				t.Error("no request was answered")
			}
		})
	}
}
