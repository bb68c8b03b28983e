package desk

import (
	"context"

	"holdfast/biz/journal"
)

// CommitLog makes the events of turns durable and then lets go what leaves with them.
// Goroutine: any.
type CommitLog interface {
	// Append takes what a turn has gathered, and empties its Out. It is called under the
	// account's lock, so that an account's turns come in their order; what they send must
	// leave in that order, and not before their events and all earlier ones are durable.
	// Where that fails, nothing leaves.
	Append(t *Turn)
	// Accepts reports whether more may be appended now.
	Accepts() bool
	// Failed returns nil, or why nothing is made durable any more.
	Failed() error
	// Durable returns when everything that was appended before is durable and has left.
	// The error says why that will never be, or that ctx ended first.
	Durable(ctx context.Context) error
	// Stats counts what was made durable.
	Stats() journal.Stats
	// Close ends the log when what was appended is durable, or when ctx ends.
	Close(ctx context.Context) error
}

// CommitLogOptions are for a CommitLog.
type CommitLogOptions struct {
	// NewOutbound makes an empty Outbound.
	NewOutbound func() Outbound
	// OnFailure is to be called once when nothing can be made durable any more.
	OnFailure func(error)
}

// groupCommit is the CommitLog on the journal: whatever is appended while the disk is
// busy is written together.
type groupCommit struct {
	committer *journal.Committer[*release]
}

func newGroupCommit(j *journal.Journal, o CommitLogOptions, maxOpenBytes, maxHeldBytes int) *groupCommit {
	return &groupCommit{journal.NewCommitter(j, func() *release { return &release{out: o.NewOutbound()} },
		journal.CommitterOptions{OnFailure: o.OnFailure, MaxOpenBytes: maxOpenBytes, MaxHeldBytes: maxHeldBytes})}
}

// Append implements CommitLog. The lock of the committer is held to copy the turn's
// bytes, and no longer.
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

// recorded is Durable after a record of no turn, if there is one.
func (g *groupCommit) recorded(ctx context.Context, record []byte) error {
	done := make(chan struct{})
	commit := g.committer.Begin()
	if err := g.committer.Failed(); err != nil { // nobody would wake us
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

// release is what leaves when a commit is durable: replies and pushes, and word to
// those who wait for the commit itself. It implements journal.Held.
type release struct {
	out     Outbound
	waiters []chan struct{}
}

// Release implements journal.Held.
func (r *release) Release() {
	r.out.Post()
	r.wake()
}

// Abandon implements journal.Held. Those who wait ask the committer why.
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
