package peers

import (
	"fmt"
	"net"
	"net/http"
	"runtime"
	"time"
)

// serveMallocs answers every HTTP request on addr with the number of heap allocations
// since the start, in the format of Prometheus, until the process ends.
func serveMallocs(addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("peers: --stats: %w", err)
	}
	server := http.Server{Handler: http.HandlerFunc(writeMallocs), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }() // never closed
	return nil
}

func writeMallocs(w http.ResponseWriter, _ *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "go_memstats_mallocs_total %d\n", m.Mallocs)
}
