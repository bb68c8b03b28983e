package trading

import (
	"context"
	"sync"
	"sync/atomic"

	"holdfast/biz/ledger"
	"holdfast/engine"
)

// directRelease stands in for the commits where an order is a transaction: what
// is put into it leaves at once, in the order in which it came.
type directRelease struct {
	failed atomic.Pointer[error] // why nothing is made durable any more

	mu  sync.Mutex     // held from begin to end
	out *engine.Outbox // holding: it queues with the carriers, and later replies behind it
}

func (d *directRelease) begin() *engine.Outbox {
	d.mu.Lock()
	return d.out
}

func (d *directRelease) end() {
	d.out.Post()
	d.mu.Unlock()
}

// beginWritten is begin after e was written to the history, or nil when that
// failed. The caller holds the account's lock for as long as the disk takes.
func (s *Service) beginWritten(e *ledger.Event, bustReason string) *engine.Outbox {
	err := s.Ready() // the account of a failed order is ahead of the disk
	if err == nil {
		err = s.write(e, bustReason)
	}
	if err == nil {
		return s.direct.begin()
	}
	if s.direct.failed.CompareAndSwap(nil, &err) {
		s.failed(err)
	}
	return nil
}

func (s *Service) write(e *ledger.Event, bustReason string) error {
	if e.Kind == ledger.KindBust {
		return s.history.BustNow(context.Background(), uint64(e.Execution.ID), bustReason, e.Time)
	}
	row := rowOf(e)
	return s.history.InsertNow(context.Background(), &row)
}
