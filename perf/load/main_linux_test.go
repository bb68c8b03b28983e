package load_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"holdfast/perf/load/rawgnet"
)

// serveAt makes the test program itself a server, for tests that need another
// process.
const serveAt = "HOLDFAST_LOAD_TEST_SERVE"

func TestMain(m *testing.M) {
	if addr := os.Getenv(serveAt); addr != "" {
		os.Exit(serveRawGnet(addr))
	}
	// gnet starts a pool when it is imported.
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

func serveRawGnet(addr string) int {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if err := rawgnet.Run(ctx, addr, 1); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
