package desk_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/journal"
	"holdfast/biz/ledger"
)

// post collects the messages of a test's outboxes.
type post struct {
	mu      sync.Mutex
	said    []string
	onPost  func(messages []string) // before they are said
	dropped int
}

func (p *post) newOutbound() desk.Outbound { return &outbox{post: p} }

func (p *post) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.said)
}

func (p *post) droppedSoFar() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// outbox is a desk.Outbound of words.
type outbox struct {
	post     *post
	messages []string
}

// say adds a message to a turn.
func say(t *desk.Turn, format string, args ...any) {
	o := t.Out.(*outbox)
	o.messages = append(o.messages, fmt.Sprintf(format, args...))
}

func (o *outbox) Len() int { return len(o.messages) }

func (o *outbox) Size() int {
	n := 0
	for _, m := range o.messages {
		n += len(m)
	}
	return n
}

func (o *outbox) MoveTo(to desk.Outbound) {
	other := to.(*outbox)
	other.messages = append(other.messages, o.messages...)
	o.messages = nil
}

func (o *outbox) Post() {
	messages := o.messages
	o.messages = nil
	if o.post.onPost != nil && len(messages) > 0 {
		o.post.onPost(messages)
	}
	o.post.mu.Lock()
	defer o.post.mu.Unlock()
	o.post.said = append(o.post.said, messages...)
}

func (o *outbox) Discard() {
	o.post.mu.Lock()
	defer o.post.mu.Unlock()
	o.post.dropped += len(o.messages)
	o.messages = nil
}

// teller is a Watcher that says "push customer-number" for each event, and complains
// without one.
type teller struct{}

func (teller) Changed(t *desk.Turn) {
	if len(t.Events()) == 0 {
		say(t, "called for nothing")
	}
	for _, e := range t.Events() {
		say(t, "push %d-%d", t.Account().Customer(), e.Number)
	}
}

func tellers(*desk.Account) desk.Watcher { return teller{} }

// commitLog is a desk.CommitLog without a disk. Turns stay in it until they are released.
type commitLog struct {
	options desk.CommitLogOptions
	full    atomic.Bool
	turns   [][]ledger.Event
	waiting desk.Outbound
}

func newCommitLog(o desk.CommitLogOptions) *commitLog {
	return &commitLog{options: o, waiting: o.NewOutbound()}
}

func (l *commitLog) Append(t *desk.Turn) {
	l.turns = append(l.turns, slices.Clone(t.Events()))
	t.Out.MoveTo(l.waiting)
}

func (l *commitLog) Accepts() bool                 { return !l.full.Load() }
func (l *commitLog) Failed() error                 { return nil }
func (l *commitLog) Durable(context.Context) error { return nil }
func (l *commitLog) Stats() journal.Stats          { return journal.Stats{} }
func (l *commitLog) Close(context.Context) error   { return nil }

// withCommitLog opens a desk whose turns end in a commitLog.
func withCommitLog(t testing.TB, p *post) (*opened, *commitLog) {
	t.Helper()
	var l *commitLog
	d := open(t, setup{newOutbound: p.newOutbound, watcher: tellers, newCommitLog: func(o desk.CommitLogOptions) desk.CommitLog {
		l = newCommitLog(o)
		return l
	}})
	return d, l
}

// void is an Outbound that discards everything.
type void struct{}

func (void) Len() int             { return 0 }
func (void) Size() int            { return 0 }
func (void) MoveTo(desk.Outbound) {}
func (void) Post()                {}
func (void) Discard()             {}

// forgetful is a CommitLog that discards everything, so that only the turn is measured and not
// the journal.
type forgetful struct{ commitLog }

func (*forgetful) Append(t *desk.Turn) { t.Out.Discard() }
