package trading

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// diskInterval is how often the free space is looked at.
const diskInterval = 250 * time.Millisecond

// diskLow is what clients and operators are told.
const diskLow = "the server's disk is nearly full; nothing was done, try again later"

// disk is what is known of the free space where the journal is. While it is low,
// whatever would add to the journal is refused, and history and snapshots wait.
type disk struct {
	low  atomic.Bool
	free atomic.Uint64 // bytes at the last look

	mu     sync.Mutex // held during a look
	failed bool       // the last one did
}

// watchDisk looks at the free space until ctx ends.
func (s *Service) watchDisk(ctx context.Context) {
	ticker := time.NewTicker(diskInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.lookAtDisk()
		}
	}
}

// lookAtDisk compares the free space with the watermark. Above it orders are only
// taken again with a tenth more, so that they do not come and go.
func (s *Service) lookAtDisk() {
	watermark := s.config.DiskWatermark
	if watermark == 0 {
		return
	}
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	free, err := s.config.FreeSpace()
	if err != nil {
		if !s.disk.failed {
			s.log.Error("free space of the disk is not known; orders go on as before", "error", err)
		}
		s.disk.failed = true
		return
	}
	s.disk.failed = false
	s.disk.free.Store(free)
	switch low := s.disk.low.Load(); {
	case !low && free < watermark:
		s.disk.low.Store(true)
		s.log.Error("disk nearly full: orders and busts are refused", "free_bytes", free, "watermark_bytes", watermark)
	case low && free >= resumeMark(watermark):
		s.disk.low.Store(false)
		s.log.Info("disk has space again: orders are taken", "free_bytes", free, "watermark_bytes", watermark)
	}
}

// resumeMark is the free space that ends the state of low.
func resumeMark(watermark uint64) uint64 {
	if watermark > math.MaxUint64-watermark/10 {
		return math.MaxUint64
	}
	return watermark + watermark/10
}

// DiskFree returns the free bytes at the last look; 0 without a watermark.
func (s *Service) DiskFree() uint64 { return s.disk.free.Load() }

// waitForSpace returns when the disk is not low, or with ctx's error.
func (s *Service) waitForSpace(ctx context.Context) error {
	for s.disk.low.Load() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(diskInterval):
		}
	}
	return nil
}
