package gateway

import (
	"context"
	"time"

	"holdfast/engine"
)

const (
	// pushChunk is how many sessions get pushes while an account and the open commit
	// are held: some 50 microseconds, for which orders wait.
	pushChunk = 16
	// pushWindow is how many sessions may have pushes that are not written yet. An
	// event loop writes them without a look at its sockets: at some 15 microseconds
	// each a request waits little more than a millisecond.
	pushWindow = 64
)

const (
	// minRest is the shortest rest: less is added up.
	minRest = time.Millisecond
	// maxRest is the longest after one window, where it took so long that it was not
	// the event loops that were busy, but the disk, or another process.
	maxRest = 10 * time.Millisecond
)

// pace keeps the publisher from adding pushes faster than they are written, and has
// it rest as long as that took. Goroutine: the publisher's.
type pace struct {
	core *engine.Core

	sessions int           // that got pushes in this window
	began    time.Time     // the window
	owed     time.Duration // of rest
}

// begin is called before pushes are added.
func (p *pace) begin() {
	if p.sessions == 0 {
		p.began = time.Now()
	}
}

// end is called when pushes were added for so many sessions. It returns when there
// may be more, or when ctx ends.
func (p *pace) end(ctx context.Context, sessions int) {
	p.sessions += sessions
	if p.sessions >= pushWindow {
		p.settle(ctx)
	}
}

// settle ends the window: it returns when all that was added is written and the
// rest is over, or when ctx ends.
func (p *pace) settle(ctx context.Context) {
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
	if p.owed += min(written.Sub(p.began), maxRest); p.owed < minRest {
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
