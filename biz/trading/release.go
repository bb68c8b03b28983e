package trading

import (
	"context"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// release is what leaves when a commit is durable: replies and pushes, and word
// to those who wait for the commit itself. It implements journal.Release.
type release struct {
	out     *engine.Outbox
	waiters []chan struct{}
}

func (s *Service) newRelease() *release {
	return &release{out: s.core.NewHoldingOutbox()}
}

// maxHeldBytes bounds the replies and pushes that wait for one commit.
const maxHeldBytes = 256 << 20

func (r *release) full() bool { return r.out.Size() >= maxHeldBytes }

// Release implements journal.Release.
func (r *release) Release() {
	r.out.Post()
	r.wake()
}

// Abandon implements journal.Release. Those who wait ask the committer why.
func (r *release) Abandon() {
	r.out.Discard()
	r.wake()
}

func (r *release) wake() {
	for i, w := range r.waiters {
		close(w)
		r.waiters[i] = nil
	}
	r.waiters = r.waiters[:0]
}

// Hold implements engine.Sink: a reply that must not overtake those that wait
// for a commit joins the open one.
func (s *Service) Hold(session *engine.Session, frames []byte, answered int) {
	s.committer.Begin().Release().out.Append(session, frames, answered)
	s.committer.End()
}

// HoldClose implements engine.Sink.
func (s *Service) HoldClose(session *engine.Session, reason engine.Reason) {
	s.committer.Begin().Release().out.Close(session, reason)
	s.committer.End()
}

// reply lets frames go as the reply to c's message with the next commit, behind
// everything that the account has done so far. The caller holds the account's
// lock, so that later pushes come later.
//
// Where too much waits already the reply is OVERLOADED.
func (s *Service) reply(c *engine.Context, frames []byte) {
	c.Defer()
	commit := s.committer.Begin()
	if commit.Held().full() {
		frames = codec.AppendReply(nil, c.Message, codec.ResultOverloaded, &pb.Error{Message: busy})
	}
	commit.Release().out.Append(c.Session, frames, 1)
	s.committer.End()
}

// durable returns when everything recorded before is durable and released. The
// error says why that will never be, or that ctx ended first.
func (s *Service) durable(ctx context.Context) error {
	done := make(chan struct{})
	commit := s.committer.Begin()
	if err := s.committer.Failed(); err != nil { // nobody would wake us
		s.committer.End()
		return err
	}
	r := commit.Release()
	r.waiters = append(r.waiters, done)
	s.committer.End()
	select {
	case <-done:
		return s.committer.Failed()
	case <-ctx.Done():
		return ctx.Err()
	}
}
