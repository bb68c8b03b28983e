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

// defaultHeldBytes bounds the replies and pushes that wait for one commit.
const defaultHeldBytes = 256 << 20

// full tells whether no more replies may wait for a commit.
func (s *Service) full(out *engine.Outbox) bool { return out.Size() >= s.config.MaxHeldBytes }

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
	out := s.begin()
	defer s.end()
	out.Append(session, frames, answered)
}

// HoldClose implements engine.Sink.
func (s *Service) HoldClose(session *engine.Session, reason engine.Reason) {
	out := s.begin()
	defer s.end()
	out.Close(session, reason)
}

// reply lets frames go as the reply to c's message with the next commit, behind
// everything that the account has done so far. The caller holds the account's
// lock, so that later pushes come later.
//
// Where too much waits already the reply is OVERLOADED.
func (s *Service) reply(c *engine.Context, frames []byte) {
	c.Defer()
	s.answer(c.Session, c.Message, frames)
}

// answer is reply for a message whose context has deferred it.
func (s *Service) answer(session *engine.Session, m codec.Message, frames []byte) {
	out := s.begin()
	defer s.end()
	if s.full(out) {
		frames = codec.AppendReply(nil, m, codec.ResultOverloaded, &pb.Error{Message: busy})
	}
	out.Append(session, frames, 1)
}

// begin returns the outbox of what leaves next, behind all that shows an older
// state, for use until end: that of the open commit. end must follow soon.
func (s *Service) begin() *engine.Outbox {
	if s.direct != nil {
		return s.direct.begin()
	}
	return s.committer.Begin().Release().out
}

// end lets what was added since begin go its way.
func (s *Service) end() {
	if s.direct != nil {
		s.direct.end()
		return
	}
	s.committer.End()
}

// durable returns when everything recorded before is durable and released. The
// error says why that will never be, or that ctx ended first.
func (s *Service) durable(ctx context.Context) error {
	done := make(chan struct{})
	if s.direct != nil {
		return s.Ready()
	}
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
