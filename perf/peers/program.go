package peers

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Main is the main function of a program: it parses the flags and calls serve with the
// address of --listen and a context that ends with SIGTERM or an interrupt. If serve
// returns an error, Main prints it and exits with 1.
func Main(serve func(ctx context.Context, addr string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, serve)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, serve func(ctx context.Context, addr string) error) error {
	// Not flag.CommandLine: libraries may define flags there.
	flags := flag.NewFlagSet(os.Args[0], flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:8888", "serve on this `host:port`")
	stats := flags.String("stats", "", "serve the number of heap allocations over HTTP on this `host:port`")
	_ = flags.Parse(os.Args[1:]) // exits on an error
	if *stats != "" {
		if err := serveMallocs(*stats); err != nil {
			return err
		}
	}
	return serve(ctx, *listen)
}
