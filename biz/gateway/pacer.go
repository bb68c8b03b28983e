package gateway

import (
	"context"
	"time"

	"holdfast/engine"
)

const (
	// pushChunk is how many sessions get pushes while an account is locked: some 50
	// microseconds, for which orders wait.
	pushChunk = 16
	// pushWindow is how many sessions may have unwritten pushes. An event loop writes
	// them before it reads from its sockets again: at some 15 microseconds each, a
	// request waits little more than a millisecond.
	pushWindow = 64
)

// pushRows is how many quotes and how many positions are pushed while an account is locked.
const pushRows = 64

const (
	// minRest is the shortest rest; shorter ones add up.
	minRest = time.Millisecond
	// maxRest is the longest rest after one window. A window that took longer waited
	// for the disk or another process, not for the event loops.
	maxRest = 10 * time.Millisecond
)

// pacer stops the publisher from adding pushes faster than they are written, and makes it
// rest as long as the writing took. Goroutine: the publisher's.
type pacer struct {
	core *engine.Core

	sessions int           // sessions with pushes in this window
	started  time.Time     // the window
	owed     time.Duration // rest still to take
}

// startWindow must be called before pushes are added.
func (p *pacer) startWindow() {
	if p.sessions == 0 {
		p.started = time.Now()
	}
}

// added must be called after pushes were added for that many sessions. It returns when
// more may be added, or when ctx ends.
func (p *pacer) added(ctx context.Context, sessions int) {
	p.sessions += sessions
	if p.sessions >= pushWindow {
		p.finishWindow(ctx)
	}
}

// finishWindow returns when all added pushes are written and the rest is over, or when
// ctx ends.
func (p *pacer) finishWindow(ctx context.Context) {
	if p.sessions == 0 {
		return
	}
	p.sessions = 0
	for p.core.PushesWaiting() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-p.core.PushesDone():
		}
	}
	written := time.Now()
	if p.owed += min(written.Sub(p.started), maxRest); p.owed < minRest {
		return
	}
	rest := time.NewTimer(p.owed)
	defer rest.Stop()
	select {
	case <-ctx.Done():
	case <-rest.C:
		p.owed = max(0, p.owed-time.Since(written))
	}
}
