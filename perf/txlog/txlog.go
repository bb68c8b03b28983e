// Package txlog is the log that the journal replaces. It exists to measure the
// difference: each order or bust is one SQL transaction, which ends before the account
// takes the next. SQLite runs one transaction at a time, so the orders of all accounts
// queue for the disk.
//
// It writes to the history, which must be durable, and nothing to the journal. So the
// data folder is good for one run only.
//
// Goroutine: any. Append blocks under the account's lock until the disk is done.
package txlog

import (
	"context"
	"sync"
	"sync/atomic"

	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// Log is a desk.CommitLog.
type Log struct {
	history   *history.Store
	onFailure func(error)
	failed    atomic.Pointer[error]
	events    atomic.Uint64

	mu  sync.Mutex // guards out
	out desk.Outbound
}

// New returns a log that writes to a history.
func New(h *history.Store, o desk.CommitLogOptions) desk.CommitLog {
	return &Log{history: h, onFailure: o.OnFailure, out: o.NewOutbound()}
}

// Append implements desk.CommitLog.
func (l *Log) Append(t *desk.Turn) {
	if l.Failed() != nil { // after a failure accounts are ahead of the disk
		t.Out.Discard()
		return
	}
	for i := range t.Events() {
		if err := l.write(&t.Events()[i]); err != nil {
			if l.failed.CompareAndSwap(nil, &err) {
				l.onFailure(err)
			}
			t.Out.Discard() // never durable, so never shown
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Out.MoveTo(l.out)
	l.out.Post()
}

// write makes an event durable in a transaction. It writes executions and busts alone: of
// resting orders and corrections there is no record.
func (l *Log) write(e *ledger.Event) error {
	l.events.Add(1)
	switch e.Kind {
	case ledger.KindBust:
		return l.history.BustNow(context.Background(), uint64(e.Execution.ID), e.Text, e.Time)
	case ledger.KindFill:
		row := desk.Row(e)
		return l.history.InsertNow(context.Background(), &row)
	}
	return nil
}

// Accepts implements desk.CommitLog.
func (*Log) Accepts() bool { return true }

// Failed implements desk.CommitLog.
func (l *Log) Failed() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Durable implements desk.CommitLog. Appended events are already durable.
func (l *Log) Durable(context.Context) error { return l.Failed() }

// Stats implements desk.CommitLog.
func (l *Log) Stats() journal.Stats {
	n := l.events.Load()
	return journal.Stats{Commits: n, Records: n}
}

// Close implements desk.CommitLog.
func (l *Log) Close(context.Context) error { return l.Failed() }
