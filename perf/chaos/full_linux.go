package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/perf/process"
)

func fullFault() Fault {
	return Fault{
		Name: "full", ID: "D4", Short: "the disk fills under load, then has space again",
		How: "the disk fills under load, with and without a watermark, then has space again",
		Promise: "below the watermark orders are refused as UNAVAILABLE, reads continue, and orders resume when there is space again; " +
			"on a full disk the process ends with a reason, and a restart has all acknowledged orders",
		Root: true,
		Long: Size{Rounds: 5, Size: 64}, Gate: Size{Rounds: 1, Size: 64},
		RoundsHelp: "rounds",
		SizeHelp:   "size of the disk in MiB",
		Run:        runFull,
	}
}

// Sizes of the disk, in MiB.
const (
	fullWatermark = 16
	fullStart     = 32 // free when the server starts
	fullLow       = 12 // free, to get below the watermark
	fullNearly    = 6  // free, before the disk fills up
)

// Durations.
const (
	fullTrading = time.Second      // time to trade before and between
	fullSoon    = 5 * time.Second  // until the server notices the free space
	fullEnd     = 60 * time.Second // until the disk is full and the process ends
)

// fullRun is a small disk with the data folder of a server.
type fullRun struct {
	*Run
	disk    string
	traders []*trader
	server  *Server
}

// runFull makes r.Rounds rounds on a disk of r.Size MiB.
func runFull(ctx context.Context, r *Run) error {
	if r.Size < 2*fullStart {
		return fmt.Errorf("chaos: a disk of %d MiB is too small: use a larger --size", r.Size)
	}
	var sum traderCounts
	r.rounds(ctx, func(int) {
		for _, half := range []func(*fullRun, context.Context){(*fullRun).watermark, (*fullRun).toTheEnd} {
			f := &fullRun{Run: r, traders: r.newTraders(4)}
			f.onDisk(ctx, half)
			sum.add(countAll(f.traders))
		}
	})
	r.Figure("orders acknowledged", sum.acked, "")
	r.Figure("orders refused", sum.unavailable, "")
	return nil
}

// onDisk mounts a disk, runs half of a round on it and unmounts it.
func (f *fullRun) onDisk(ctx context.Context, half func(*fullRun, context.Context)) {
	f.disk = must(os.MkdirTemp(f.Scratch, "disk-"))
	if err := unix.Mount("tmpfs", f.disk, "tmpfs", 0, "size="+strconv.Itoa(f.Size)+"m"); err != nil {
		check(fmt.Errorf("%w the right to mount: %w", ErrNeeds, err))
	}
	unmount := sync.OnceValue(func() error { return unix.Unmount(f.disk, unix.MNT_DETACH) })
	f.Cleanup(unmount)
	check(os.Mkdir(f.data(), 0o755))
	half(f, ctx)
	if f.server != nil {
		f.server.Kill()
	}
	check(unmount())
}

func (f *fullRun) data() string { return filepath.Join(f.disk, "data") }

// leave resizes the ballast file so that free MiB are left.
func (f *fullRun) leave(free int) {
	var s unix.Statfs_t
	check(unix.Statfs(f.disk, &s))
	ballast := must(os.OpenFile(filepath.Join(f.disk, "ballast"), os.O_CREATE|os.O_WRONLY, 0o600))
	defer ballast.Close()
	size := must(ballast.Stat()).Size()
	more := int64(s.Bavail)*s.Bsize - int64(free)<<20
	if more < 0 {
		check(ballast.Truncate(max(0, size+more)))
	} else {
		check(unix.Fallocate(int(ballast.Fd()), 0, size, max(1, more)))
	}
}

func (f *fullRun) options(watermark int) ServerOptions {
	return ServerOptions{Data: f.data(), Args: []string{"--disk-watermark", strconv.Itoa(watermark)}}
}

// serve starts the first server and reads the traders' accounts.
func (f *fullRun) serve(ctx context.Context, watermark int) {
	f.leave(fullStart)
	f.server = must(f.Start(ctx, f.options(watermark)))
	rememberAll(ctx, f.server.Addr, f.traders)
}

// watermark goes below the watermark and above it again, under load.
func (f *fullRun) watermark(ctx context.Context) {
	f.serve(ctx, fullWatermark<<20)
	trading, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { tradeAll(trading, f.server.Addr, f.traders) })
	err := catch(func() { f.belowAndAbove(ctx) })
	cancel()
	work.Wait()
	check(err)
	f.server.Kill()
	f.restart(ctx, fullWatermark<<20)
}

func (f *fullRun) belowAndAbove(ctx context.Context) {
	if !f.acceptsWithin(ctx, fullSoon) {
		f.Broken("orders are refused although %d MiB are free: %s", fullStart, f.server.LastWords())
		return
	}
	sleep(ctx, fullTrading)
	f.leave(fullLow)
	start := time.Now()
	if !f.traded(ctx, fullSoon, func(c traderCounts) bool { return c.unavailable > 0 }) {
		f.Broken("orders are not refused although only %d MiB are free", fullLow)
		return
	}
	f.Figure("time until orders were refused", time.Since(start), "")
	sleep(ctx, fullTrading/4) // for the orders in flight
	before := countAll(f.traders).acked
	if err := f.readsGoOn(ctx); err != nil {
		check(ctx.Err()) // interrupted
		f.Broken("below the watermark: %v", err)
	}
	if after := countAll(f.traders).acked; after > before {
		f.Broken("%d orders were executed below the watermark", after-before)
	}
	f.leave(fullStart)
	start = time.Now()
	if !f.acceptsWithin(ctx, fullSoon) {
		f.Broken("orders are refused although there is space again: %s", f.server.LastWords())
	}
	f.Figure("time until orders were accepted again", time.Since(start), "")
	check(ctx.Err())
}

// readsGoOn checks that login and reads work while orders are refused.
func (f *fullRun) readsGoOn(ctx context.Context) error {
	for range 20 {
		c, _, err := f.traders[0].dial(ctx, f.server.Addr)
		if err != nil {
			return fmt.Errorf("login: %w", err)
		}
		_, err = c.Positions(ctx)
		c.Close()
		if err != nil {
			return fmt.Errorf("positions: %w", err)
		}
		sleep(ctx, fullTrading/20)
	}
	return nil
}

// toTheEnd fills the disk under load, without a watermark.
func (f *fullRun) toTheEnd(ctx context.Context) {
	f.serve(ctx, 0)
	f.leave(fullNearly)
	tradeFor(ctx, f.server.Addr, f.traders, fullEnd)
	start := time.Now()
	code, err := f.server.WaitFor(ctx, fullSoon)
	switch {
	case errors.Is(err, process.ErrStillRunning):
		f.Broken("the disk is full and the process keeps running: %s", f.server.LastWords())
		f.server.Kill()
	case code <= 0 || !strings.HasPrefix(f.server.Reason(), notDurable):
		f.Broken("the disk is full: exit code %d, %s", code, f.server.LastWords())
	}
	f.Figure("time from the last reply to the end of the server", time.Since(start), "")
	f.restart(ctx, 0)
}

// restart frees space, restarts the server and compares.
func (f *fullRun) restart(ctx context.Context, watermark int) {
	f.leave(fullStart)
	if f.server = f.startAgain(ctx, "no start with space again", f.options(watermark)); f.server != nil {
		resendAndVerify(ctx, f.server.Addr, f.traders)
	}
}

// acceptsWithin waits, at most for d, until more orders are executed.
func (f *fullRun) acceptsWithin(ctx context.Context, d time.Duration) bool {
	before := countAll(f.traders).acked
	return f.traded(ctx, d, func(c traderCounts) bool { return c.acked > before })
}

// traded waits, at most for d, until enough returns true for the counts of the traders.
func (f *fullRun) traded(ctx context.Context, d time.Duration, enough func(traderCounts) bool) bool {
	return waitUntil(ctx, d, 10*time.Millisecond, func() bool { return enough(countAll(f.traders)) })
}
