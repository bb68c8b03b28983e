package desk

import (
	"context"
	"errors"
	"time"

	"holdfast/biz/history"
)

// presenceInterval is the time between two checks that the history's files are there.
const presenceInterval = 500 * time.Millisecond

// watchHistory cancels ctx with history.ErrGone if the history's files are removed, moved or
// replaced.
func (d *Desk) watchHistory(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(presenceInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := d.history.Present(); errors.Is(err, history.ErrGone) {
			cancel(err)
			return
		}
	}
}

// remakeHistory starts an empty history after why. The projection then fills it from the first
// batch on; until then, queries answer that the history is catching up. The next snapshot has
// all accounts.
func (d *Desk) remakeHistory(ctx context.Context, why error) error {
	d.log.Error("the history is made again from the journal; trading goes on, and queries answer that the history is catching up", "error", why)
	d.historyUse.Lock() // no query reads from both, no snapshot is partly in one
	defer d.historyUse.Unlock()
	d.projectedBatch.Store(0)
	for _, a := range d.Accounts() {
		a.mu.Lock()
		a.saved = 0
		a.mu.Unlock()
	}
	return d.history.Recreate(ctx)
}
