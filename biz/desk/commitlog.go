package desk

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"holdfast/biz/journal"
	"holdfast/biz/ledger"
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
	fills     []ledger.Price // price of the last fill of each instrument, under the committer's lock
	script    ScriptPosition // the newest one, under the committer's lock
	sequences sequences      // the newest state, under the committer's lock
	defined   atomic.Uint64  // records that are no events
	durable   atomic.Int64   // when the newest commit became durable, in Unix nanoseconds
}

func newGroupCommit(j *journal.Journal, o CommitLogOptions, maxOpenBytes, maxHeldBytes int) *groupCommit {
	g := new(groupCommit)
	g.committer = journal.NewCommitter(j, func() *release { return &release{out: o.NewOutbound(), durable: &g.durable} },
		journal.CommitterOptions{OnFailure: o.OnFailure, MaxOpenBytes: maxOpenBytes, MaxHeldBytes: maxHeldBytes})
	return g
}

// Append implements CommitLog. It holds the committer's lock only to copy the turn's bytes.
func (g *groupCommit) Append(t *Turn) {
	g.appendTo(g.committer.Begin(), t)
	g.committer.End()
}

// appendTo adds a turn to the open commit.
func (g *groupCommit) appendTo(commit *journal.Commit[*release], t *Turn) {
	if t.script != nil || t.priced != nil || t.audit != nil || len(t.marks) > 0 {
		commit.Together(len(t.ends)+3, len(t.records)+maxMarkSize+maxAuditSize)
	}
	start := 0
	for _, end := range t.ends {
		commit.Record(t.records[start:end])
		start = end
	}
	for n := range t.marks {
		g.sequences.apply(&t.marks[n])
	}
	g.defined.Add(uint64(len(t.marks)))
	for n := range t.events {
		if e := &t.events[n]; e.Kind == ledger.KindFill {
			g.fills[e.Execution.Instrument] = e.Execution.Price
		}
	}
	if t.priced != nil {
		for n := range t.priced.Prices { // now, in the order of the journal
			p := &t.priced.Prices[n]
			p.Price = t.desk.market.Last(p.Instrument)
			g.fills[p.Instrument] = p.Price
		}
		commit.Record((&Entry{Market: t.priced}).record())
		g.defined.Add(1)
	}
	if t.script != nil {
		commit.Record((&Entry{Script: t.script}).record())
		g.defined.Add(1)
		g.script = *t.script
	}
	if t.audit != nil {
		commit.Record((&Entry{Audit: t.audit}).record())
		g.defined.Add(1)
	}
	t.Out.MoveTo(commit.Held().out)
}

// Accepts implements CommitLog.
func (g *groupCommit) Accepts() bool { return g.committer.Accepts() }

// Failed implements CommitLog.
func (g *groupCommit) Failed() error { return g.committer.Failed() }

// Stats implements CommitLog.
func (g *groupCommit) Stats() journal.Stats {
	defined := g.defined.Load() // first: it counts records before they are written
	s := g.committer.Stats()
	s.Records -= min(s.Records, defined)
	return s
}

// Close implements CommitLog.
func (g *groupCommit) Close(ctx context.Context) error { return g.committer.Close(ctx) }

// Durable implements CommitLog.
func (g *groupCommit) Durable(ctx context.Context) error { return g.define(ctx, nil) }

// newest sets the prices of the last fills, the position of the script, and the sequences, as the
// journal has them. They may not be durable yet.
func (g *groupCommit) newest(c *course) {
	g.committer.Begin()
	defer g.committer.End()
	c.fills, c.script, c.sequences = slices.Clone(g.fills), g.script, g.sequences.clone()
}

// setInstruments makes place for the fills of n instruments. It must be called before the
// market has them.
func (g *groupCommit) setInstruments(n int) {
	g.committer.Begin()
	defer g.committer.End()
	if more := n - len(g.fills); more > 0 {
		g.fills = append(g.fills, make([]ledger.Price, more)...)
	}
}

// define appends records that are no events, and then waits as Durable does.
func (g *groupCommit) define(ctx context.Context, entries []Entry) error {
	return g.add(entries)(ctx)
}

// add appends records that are no events. durable waits as Durable does.
func (g *groupCommit) add(entries []Entry) (durable func(context.Context) error) {
	done := make(chan struct{})
	commit := g.committer.Begin()
	defer g.committer.End()
	if err := g.committer.Failed(); err != nil { // done would never be closed
		return func(context.Context) error { return err }
	}
	records := make([][]byte, len(entries))
	bytes := 0
	for n := range entries {
		records[n] = entries[n].record()
		bytes += len(records[n])
	}
	if len(records) > 0 {
		commit.Together(len(records), bytes)
	}
	for n := range entries {
		commit.Record(records[n])
		if m := entries[n].Market; m != nil && m.Kind == MarketPriced {
			for _, p := range m.Prices {
				g.fills[p.Instrument] = p.Price
			}
		}
		if p := entries[n].Script; p != nil {
			g.script = *p
		}
	}
	g.defined.Add(uint64(len(entries)))
	r := commit.Held()
	r.waiters = append(r.waiters, done)
	return func(ctx context.Context) error {
		select {
		case <-done:
			return g.committer.Failed()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// release is what a commit releases when it is durable: output, and the waiting calls of
// Durable. It implements journal.Held.
type release struct {
	out     Outbound
	waiters []chan struct{}
	durable *atomic.Int64 // of the groupCommit
}

// Release implements journal.Held.
func (r *release) Release() {
	r.durable.Store(time.Now().UnixNano())
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
