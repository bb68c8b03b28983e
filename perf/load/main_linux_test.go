package load_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"holdfast/perf/load"
	"holdfast/perf/load/rawgnet"
)

// serveAt makes the test program a server, for tests that need another process.
const serveAt = "HOLDFAST_LOAD_TEST_SERVE"

// compareAt makes it compare such a server, for the test that kills it.
const compareAt = "HOLDFAST_LOAD_TEST_COMPARE"

func TestMain(m *testing.M) {
	if addr := os.Getenv(serveAt); addr != "" {
		os.Exit(serveRawGnet(addr))
	}
	if addr := os.Getenv(compareAt); addr != "" {
		p := smallPlan(rawServerAt("one", addr))
		p.Cells[0].Options.Duration = time.Minute
		_, _ = load.Compare(context.Background(), p)
		os.Exit(1) // the test should have killed it
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
