package desk

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// diskInterval is the time between two checks of the free space.
const diskInterval = 250 * time.Millisecond

// disk is the free space of the journal's disk. While it is low, commands that add to the
// journal are refused, and history and checkpoints wait.
type disk struct {
	low  atomic.Bool
	free atomic.Uint64 // bytes at the last check

	mu     sync.Mutex // held during a check
	failed bool       // the last check failed
}

// watchDisk checks the free space until ctx ends.
func (d *Desk) watchDisk(ctx context.Context) {
	ticker := time.NewTicker(diskInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			d.CheckDisk()
		}
	}
}

// CheckDisk compares the free space with the watermark. Orders resume at 110 % of the
// watermark, so that the state does not flap.
func (d *Desk) CheckDisk() {
	watermark := d.config.DiskWatermark
	if watermark == 0 {
		return
	}
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	free, err := d.config.FreeSpace()
	if err != nil {
		if !d.disk.failed {
			d.log.Error("can't read the free disk space; orders go on as before", "error", err)
		}
		d.disk.failed = true
		return
	}
	d.disk.failed = false
	d.disk.free.Store(free)
	switch low := d.disk.low.Load(); {
	case !low && free < watermark:
		d.disk.low.Store(true)
		d.log.Error("disk nearly full: orders and busts are refused", "free_bytes", free, "watermark_bytes", watermark)
	case low && free >= resumeBytes(watermark):
		d.disk.low.Store(false)
		d.log.Info("disk has space again: orders and busts are accepted", "free_bytes", free, "watermark_bytes", watermark)
	}
}

// resumeBytes is the free space that ends the state of low.
func resumeBytes(watermark uint64) uint64 {
	if watermark > math.MaxUint64-watermark/10 {
		return math.MaxUint64
	}
	return watermark + watermark/10
}

// DiskFree returns the free bytes at the last check; 0 without a watermark.
func (d *Desk) DiskFree() uint64 { return d.disk.free.Load() }

// waitForSpace returns when the disk is no longer low, or with ctx's error.
func (d *Desk) waitForSpace(ctx context.Context) error {
	for d.disk.low.Load() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(diskInterval):
		}
	}
	return nil
}
