package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"holdfast/perf/process"
)

// mallocsName is a counter of the Prometheus client for Go. Our server has it among its
// metrics; the peers serve only this one.
const mallocsName = "go_memstats_mallocs_total"

var errNoMallocs = errors.New("no metric " + mallocsName)

// mallocsAt returns a function that reads the number of heap allocations since the start
// of the process whose metrics are at addr (host:port).
func mallocsAt(addr string) func(context.Context) (uint64, error) {
	return func(ctx context.Context) (uint64, error) {
		metrics, err := process.ReadMetrics(ctx, addr)
		n, found := metrics[mallocsName]
		if err == nil && !found {
			err = errNoMallocs
		}
		if err != nil {
			return 0, fmt.Errorf("heap allocations at %s: %w", addr, err)
		}
		return uint64(n), nil
	}
}

// ServeMallocs serves the number of heap allocations of this process at addr until stop
// is called. If it can't listen, the allocations are not counted and the program
// continues.
func ServeMallocs(addr string) (stop func()) {
	server := &http.Server{Addr: addr, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Fprintf(w, "%s %d\n", mallocsName, m.Mallocs)
		})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ListenAndServe() // see above
	}()
	return func() {
		_ = server.Shutdown(context.Background()) // no request is open
		<-done
	}
}
