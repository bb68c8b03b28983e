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
)

func fullFault() Fault {
	return Fault{
		Name: "full", ID: "D4", Short: "the disk fills under load and has space again",
		How: "the disk fills under load, with and without a watermark, and has space again",
		Promise: "below the watermark orders are refused UNAVAILABLE, reads go on, and orders are taken again when space returns; " +
			"on a disk that is full the process ends with a reason, and all that was acknowledged is there afterwards",
		Root: true,
		Long: Size{Rounds: 5, Size: 64}, Gate: Size{Rounds: 1, Size: 64},
		Run: runFull,
	}
}

// Of the disk of full, in MiB.
const (
	fullWatermark = 16
	fullStart     = 32 // free when the server starts
	fullLow       = 12 // free when the watermark is to be reached
	fullNearly    = 6  // free when the disk is to fill up
)

// Times that full waits.
const (
	fullTrading = time.Second      // before and between
	fullSoon    = 5 * time.Second  // until the server sees what the disk has
	fullEnd     = 60 * time.Second // until the disk is full and the process ends
)

// fullRun is a small disk with a server's folder on it.
type fullRun struct {
	*Run
	disk    string
	traders []*trader
	server  *Server
}

// runFull makes r.Rounds rounds on a disk of r.Size MiB.
func runFull(ctx context.Context, r *Run) error {
	if r.Size < 2*fullStart {
		return fmt.Errorf("chaos: a disk of %d MiB is too small for this", r.Size)
	}
	var sum traderCounts
	for round := range r.Rounds {
		for _, half := range []func(*fullRun, context.Context) error{(*fullRun).watermark, (*fullRun).toTheEnd} {
			f := &fullRun{Run: r, traders: r.newTraders(4)}
			if err := f.onDisk(ctx, half); err != nil {
				return err
			}
			sum.add(countAll(f.traders))
		}
		r.Progress(round+1, r.Rounds, "rounds")
	}
	r.Figure("orders acknowledged", sum.acked, "")
	r.Figure("orders refused", sum.unavailable, "")
	return nil
}

// onDisk mounts a disk, runs half of a round on it and takes it away.
func (f *fullRun) onDisk(ctx context.Context, half func(*fullRun, context.Context) error) error {
	disk, err := os.MkdirTemp(f.Scratch, "disk-")
	if err != nil {
		return err
	}
	f.disk = disk
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size="+strconv.Itoa(f.Size)+"m"); err != nil {
		return fmt.Errorf("%w the right to mount: %w", ErrNeeds, err)
	}
	mounted := true
	unmount := func() error {
		if !mounted {
			return nil
		}
		mounted = false
		return unix.Unmount(disk, unix.MNT_DETACH)
	}
	f.Cleanup(unmount)
	if err := os.Mkdir(f.data(), 0o755); err != nil {
		return err
	}
	err = half(f, ctx)
	if f.server != nil {
		f.server.Kill()
	}
	return errors.Join(err, unmount())
}

func (f *fullRun) data() string { return filepath.Join(f.disk, "data") }

// leave makes the ballast so large that so many MiB are free.
func (f *fullRun) leave(free int) error {
	var s unix.Statfs_t
	if err := unix.Statfs(f.disk, &s); err != nil {
		return err
	}
	ballast, err := os.OpenFile(filepath.Join(f.disk, "ballast"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer ballast.Close()
	info, err := ballast.Stat()
	if err != nil {
		return err
	}
	more := int64(s.Bavail)*s.Bsize - int64(free)<<20
	if more < 0 {
		return ballast.Truncate(max(0, info.Size()+more))
	}
	return unix.Fallocate(int(ballast.Fd()), 0, info.Size(), max(1, more))
}

// serve starts the server and has the traders look at their accounts.
func (f *fullRun) serve(ctx context.Context, watermark int) (err error) {
	if f.server, err = f.Start(ctx, ServerOptions{Data: f.data(), Args: []string{"--disk-watermark", strconv.Itoa(watermark)}}); err != nil {
		return err
	}
	if len(f.traders[0].ledger.keys) > 0 {
		return nil
	}
	return rememberAll(ctx, f.server.Addr, f.traders)
}

// watermark goes below the watermark and above it again, under load.
func (f *fullRun) watermark(ctx context.Context) error {
	if err := f.leave(fullStart); err != nil {
		return err
	}
	if err := f.serve(ctx, fullWatermark<<20); err != nil {
		return err
	}
	trading, cancel := context.WithCancel(ctx)
	defer cancel()
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { tradeAll(trading, f.server.Addr, f.traders) })
	if err := f.belowAndAbove(ctx); err != nil {
		return err
	}
	cancel()
	work.Wait()
	f.server.Kill()
	return f.restart(ctx, fullWatermark<<20)
}

func (f *fullRun) belowAndAbove(ctx context.Context) error {
	if !f.acceptsWithin(ctx, fullSoon) {
		f.Broken("no orders are taken with %d MiB free: %s", fullStart, f.server.LastWords())
		return nil
	}
	sleep(ctx, fullTrading)
	if err := f.leave(fullLow); err != nil {
		return err
	}
	begin := time.Now()
	if !f.waitUntil(ctx, fullSoon, func(c traderCounts) bool { return c.unavailable > 0 }) {
		f.Broken("no order is refused although only %d MiB are free", fullLow)
		return nil
	}
	f.Figure("until orders are refused", time.Since(begin), "")
	sleep(ctx, fullTrading/4) // those that were under way
	before := countAll(f.traders).acked
	if err := f.readsGoOn(ctx); err != nil {
		f.Broken("below the watermark: %v", err)
	}
	if after := countAll(f.traders).acked; after > before {
		f.Broken("%d orders were taken below the watermark", after-before)
	}
	if err := f.leave(fullStart); err != nil {
		return err
	}
	begin = time.Now()
	if !f.acceptsWithin(ctx, fullSoon) {
		f.Broken("no orders are taken although there is space again: %s", f.server.LastWords())
	}
	f.Figure("until orders are taken again", time.Since(begin), "")
	return ctx.Err()
}

// readsGoOn logs in and reads while orders are refused.
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
func (f *fullRun) toTheEnd(ctx context.Context) error {
	if err := f.leave(fullStart); err != nil {
		return err
	}
	if err := f.serve(ctx, 0); err != nil {
		return err
	}
	if err := f.leave(fullNearly); err != nil {
		return err
	}
	trading, cancel := context.WithTimeout(ctx, fullEnd)
	defer cancel()
	tradeAll(trading, f.server.Addr, f.traders)
	begin := time.Now()
	code, err := f.server.WaitFor(ctx, fullSoon)
	switch {
	case errors.Is(err, ErrStillRunning):
		f.Broken("the disk is full and the process goes on: %s", f.server.LastWords())
		f.server.Kill()
	case err != nil:
		return err
	case code <= 0 || !strings.HasPrefix(f.server.Reason(), notDurable):
		f.Broken("the disk is full: exit code %d, %s", code, f.server.LastWords())
	}
	f.Figure("from the last answer to the end", time.Since(begin), "")
	return f.restart(ctx, 0)
}

// restart gives space, starts again and compares.
func (f *fullRun) restart(ctx context.Context, watermark int) error {
	if err := f.leave(fullStart); err != nil {
		return err
	}
	if err := f.serve(ctx, watermark); err != nil {
		if errors.Is(err, ErrNotStarted) && ctx.Err() == nil {
			f.Broken("no start with space again: %v", err)
			return nil
		}
		return err
	}
	if err := settleAll(ctx, f.server.Addr, f.traders); err != nil {
		return err
	}
	return verifyAll(ctx, f.server.Addr, f.traders, true)
}

// acceptsWithin waits until more orders are taken than before.
func (f *fullRun) acceptsWithin(ctx context.Context, d time.Duration) bool {
	before := countAll(f.traders).acked
	return f.waitUntil(ctx, d, func(c traderCounts) bool { return c.acked > before })
}

// waitUntil waits until ok says so of what traders have done; false: it never did.
func (f *fullRun) waitUntil(ctx context.Context, d time.Duration, ok func(traderCounts) bool) bool {
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, 10*time.Millisecond) {
		if ok(countAll(f.traders)) {
			return true
		}
	}
	return false
}
