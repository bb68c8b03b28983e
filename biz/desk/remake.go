package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/biz/history"
)

// presenceInterval is the time between two checks that the history's files are there.
const presenceInterval = 500 * time.Millisecond

// errWentBack means that the history lacks transactions that were committed: another database
// server took over, or an older state was restored.
var errWentBack = errors.New("desk: the history went back to an earlier state")

// watchHistory cancels ctx with history.ErrGone if the history's files are removed, moved or
// replaced, and with errWentBack if it went back, which a commit would notice only when there is
// something to write.
func (d *Desk) watchHistory(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(presenceInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := d.historyPresent()
		if err == nil {
			err = d.checkProgress(ctx)
		}
		if errors.Is(err, history.ErrGone) || errors.Is(err, errWentBack) {
			cancel(err)
			return
		}
	}
}

// checkProgress returns errWentBack if the history has less than was committed.
func (d *Desk) checkProgress(ctx context.Context) error {
	committed := d.projectedBatch.Load()
	has, err := d.history.Progress(ctx)
	if err == nil && has < committed {
		err = fmt.Errorf("%w: from batch %d to %d", errWentBack, committed, has)
	}
	return err
}

// historyPresent returns history.ErrGone if the history is no longer where it was opened.
func (d *Desk) historyPresent() error {
	d.presence.Lock()
	defer d.presence.Unlock()
	return d.history.Present()
}

// remakeHistory starts an empty history after why. The projection then writes it from the first
// batch on; until then, queries answer that the history is catching up. If that batch was trimmed,
// the history is damaged.
func (d *Desk) remakeHistory(ctx context.Context, why error) error {
	if d.journal.FirstBatch() > 1 {
		return fmt.Errorf("%w: %w", history.ErrDamaged, why)
	}
	d.historyUse.Lock() // no query reads from both
	defer d.historyUse.Unlock()
	d.log.Error("the history is made again from the journal; trading goes on, and queries answer that the history is catching up", "error", why)
	d.projectedBatch.Store(0)
	return d.history.Recreate(ctx)
}

// historyDamaged records that the history can't be used any more.
func (d *Desk) historyDamaged(err error) {
	if !d.historyDamage.CompareAndSwap(nil, &err) {
		return
	}
	then := "the next start rebuilds it"
	if d.journal.FirstBatch() > 1 {
		then = "it can't be rebuilt, since the start of the journal was trimmed: restore it from a backup"
	}
	d.log.Error("the history is damaged; trading goes on without it, and "+then, "error", err)
}

// HistoryDamage returns why the history can't be used any more, or nil.
func (d *Desk) HistoryDamage() error {
	if damage := d.historyDamage.Load(); damage != nil {
		return *damage
	}
	return nil
}
