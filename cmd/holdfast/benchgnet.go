package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"holdfast/perf/load/rawgnet"
)

// newBenchGnetCommand is one of the libraries' servers; the others are built
// from perf/peers.
func newBenchGnetCommand() *cobra.Command {
	var listen, stats string
	var loops int
	cmd := &cobra.Command{
		Use: "rawgnet", Short: "run a server of gnet and nothing else", Args: noArgs, Hidden: true,
		Example: "  holdfast bench rawgnet --listen 127.0.0.1:8888",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if stats != "" {
				defer serveMallocs(stats)()
			}
			return rawgnet.Run(cmd.Context(), listen, loops)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8888", "`host:port`")
	cmd.Flags().StringVar(&stats, "stats", "", "`host:port` that tells the number of heap allocations")
	cmd.Flags().IntVar(&loops, "event-loops", 1, "event loops")
	return cmd
}

// serveMallocs tells what mallocsAt asks for until stop is called. When it can't
// listen, allocations are not counted, which is no reason not to serve.
func serveMallocs(addr string) (stop func()) {
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
		_ = server.Shutdown(context.Background()) // nothing is asked any more
		<-done
	}
}
