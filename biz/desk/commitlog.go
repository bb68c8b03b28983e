package desk

import (
	"context"

	"holdfast/biz/journal"
)

// CommitLog makes the events of turns durable and then sends the output of the turns.
// Goroutine: any.
type CommitLog interface {
	// Append takes the events and the output of a turn, and empties its Out. It is called
	// under the account's lock, so the turns of an account come in order. Their output must
	// leave in that order, and only after their events and all earlier ones are durable. If
	// they can't be made durable, the output is dropped.
	Append(t *Turn)
	// Accepts reports whether more may be appended now.
	Accepts() bool
	// Failed returns nil while events can be made durable, else the reason why not.
	Failed() error
	// Durable returns when everything appended so far is durable and its output has left.
	// The error says why that will never be, or that ctx ended first.
	Durable(ctx context.Context) error
	// Stats returns what was made durable so far.
	Stats() journal.Stats
	// Close closes the log when everything is durable, or when ctx ends.
	Close(ctx context.Context) error
}

// CommitLogOptions configure a CommitLog.
type CommitLogOptions struct {
	// NewOutbound returns an empty Outbound.
	NewOutbound func() Outbound
	// OnFailure must be called once, when nothing can be made durable any more.
	OnFailure func(error)
}

// groupCommit is the CommitLog on the journal: everything that is appended during a write
// is written together by the next one.
type groupCommit struct {
	committer *journal.Committer[*release]
}

func newGroupCommit(j *journal.Journal, o CommitLogOptions, maxOpenBytes, maxHeldBytes int) *groupCommit {
	return &groupCommit{journal.NewCommitter(j, func() *release { return &release{out: o.NewOutbound()} },
		journal.CommitterOptions{OnFailure: o.OnFailure, MaxOpenBytes: maxOpenBytes, MaxHeldBytes: maxHeldBytes})}
}

// Append implements CommitLog. It holds the committer's lock only to copy the turn's bytes.
func (g *groupCommit) Append(t *Turn) {
	commit := g.committer.Begin()
	start := 0
	for _, end := range t.ends {
		commit.Record(t.records[start:end])
		start = end
	}
	t.Out.MoveTo(commit.Held().out)
	g.committer.End()
}

// Accepts implements CommitLog.
func (g *groupCommit) Accepts() bool { return g.committer.Accepts() }

// Failed implements CommitLog.
func (g *groupCommit) Failed() error { return g.committer.Failed() }

// Stats implements CommitLog.
func (g *groupCommit) Stats() journal.Stats { return g.committer.Stats() }

// Close implements CommitLog.
func (g *groupCommit) Close(ctx context.Context) error { return g.committer.Close(ctx) }

// Durable implements CommitLog.
func (g *groupCommit) Durable(ctx context.Context) error { return g.recorded(ctx, nil) }

// recorded appends a record, if it is not nil, and then waits as Durable does.
func (g *groupCommit) recorded(ctx context.Context, record []byte) error {
	done := make(chan struct{})
	commit := g.committer.Begin()
	if err := g.committer.Failed(); err != nil { // done would never be closed
		g.committer.End()
		return err
	}
	if record != nil {
		commit.Record(record)
	}
	r := commit.Held()
	r.waiters = append(r.waiters, done)
	g.committer.End()
	select {
	case <-done:
		return g.committer.Failed()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release is what a commit releases when it is durable: output, and the waiting calls of
// Durable. It implements journal.Held.
type release struct {
	out     Outbound
	waiters []chan struct{}
}

// Release implements journal.Held.
func (r *release) Release() {
	r.out.Post()
	r.wake()
}

// Abandon implements journal.Held. The waiting calls read the reason from Failed.
func (r *release) Abandon() {
	r.out.Discard()
	r.wake()
}

// SizeBytes implements journal.Held.
func (r *release) SizeBytes() int { return r.out.Size() }

func (r *release) wake() {
	for i, w := range r.waiters {
		close(w)
		r.waiters[i] = nil
	}
	r.waiters = r.waiters[:0]
}
