package desk

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"holdfast/biz/journal"
)

// older is the state of the check of what a start did not read of the journal.
type older struct {
	done, total atomic.Int64 // bytes
	damage      atomic.Pointer[error]
}

// verifyOlder reads and checks the part of the journal that the start did not read. Damage there
// does not stop trading: no state depends on it any more.
func (d *Desk) verifyOlder(ctx context.Context) {
	start := time.Now()
	err := d.journal.VerifyOlder(ctx, func(done, total int64) {
		d.older.total.Store(total)
		d.older.done.Store(done)
	})
	var damage *journal.DamageError
	switch {
	case ctx.Err() != nil, errors.Is(err, journal.ErrClosed):
	case errors.As(err, &damage):
		d.olderDamaged(err)
	case err != nil:
		d.log.Warn("the older part of the journal can't be checked", "error", err)
	case d.older.total.Load() > 0:
		d.log.Info("the older part of the journal was checked", "bytes", d.older.total.Load(), "took", time.Since(start).Round(time.Millisecond))
	}
}

// olderDamaged records that a part of the journal is damaged that the start did not read. From
// then on nothing is trimmed.
func (d *Desk) olderDamaged(err error) {
	if d.older.damage.CompareAndSwap(nil, &err) {
		d.log.Error("an older part of the journal is damaged; trading goes on without it: stop the server and restore the file from a backup", "error", err)
	}
}

// OlderJournal returns how many bytes of the journal that the start did not read were checked
// since, and how many there are. damage says what was found, if they are damaged.
func (d *Desk) OlderJournal() (checked, total int64, damage error) {
	if err := d.older.damage.Load(); err != nil {
		damage = *err
	}
	return d.older.done.Load(), d.older.total.Load(), damage
}
