package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Part is something that a server needs to serve: an event loop, for example.
type Part struct {
	// Name is for people: "event loop 1".
	Name string
	// Ask returns nil once the part has answered, or why it never will. It returns when ctx
	// ends. Goroutine: any.
	Ask func(ctx context.Context) error
}

// answerTime is how long a part may take to answer.
const answerTime = time.Second

// Health asks the parts of a server whether they work. A part that does not answer is not
// asked again: all callers of Check wait for its one answer.
//
// Goroutine: any.
type Health struct {
	parts []Part
	ctx   context.Context
	end   context.CancelFunc
	asked sync.WaitGroup

	mu   sync.Mutex
	open []*answer // by part: the question without an answer; nil: none
}

// answer is the answer of a part to one question.
type answer struct {
	given chan struct{} // closed when err is set
	err   error
}

// NewHealth returns the health of these parts; Close ends it.
func NewHealth(parts ...Part) *Health {
	h := &Health{parts: parts, open: make([]*answer, len(parts))}
	h.ctx, h.end = context.WithCancel(context.Background())
	return h
}

// Close ends the questions that are still open, and waits until they have ended.
func (h *Health) Close() {
	h.end()
	h.asked.Wait()
}

// Check asks all parts. The error names each part that failed, or did not answer within
// 1 s.
func (h *Health) Check(ctx context.Context) error {
	answers := make([]*answer, len(h.parts))
	for i := range h.parts {
		answers[i] = h.ask(i)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for _, a := range answers {
		_ = waitFor(ctx, a.given)
	}
	var problems []string
	for i, a := range answers {
		if problem := a.problem(); problem != "" {
			problems = append(problems, h.parts[i].Name+" "+problem)
		}
	}
	if problems == nil {
		return nil
	}
	return errors.New(strings.Join(problems, "; "))
}

// problem returns what is wrong with an answer, "" if nothing is.
func (a *answer) problem() string {
	select {
	case <-a.given:
		if a.err != nil {
			return "failed: " + a.err.Error()
		}
		return ""
	default:
		return fmt.Sprintf("did not answer within %v", answerTime)
	}
}

// ask returns the open question to part i, or asks a new one.
func (h *Health) ask(i int) *answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.open[i]; a != nil {
		return a
	}
	a := &answer{given: make(chan struct{})}
	h.open[i] = a
	h.asked.Go(func() {
		a.err = h.parts[i].Ask(h.ctx)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.open[i] = nil
		close(a.given)
	})
	return a
}

// The phases of a core's carrier.
const (
	starting = iota
	serving
	draining
)

// StartServing and StartDrain tell the core that its carrier accepts connections, and that
// it begins to stop. For carriers.
func (c *Core) StartServing() { c.phase.CompareAndSwap(starting, serving) }

// StartDrain is explained at StartServing.
func (c *Core) StartDrain() { c.phase.Store(draining) }

// Serving returns nil while clients can connect, else ErrStarting or ErrStopping. A carrier
// that stops is no longer serving before it refuses the first client. Goroutine: any.
func (c *Core) Serving() error {
	switch c.phase.Load() {
	case starting:
		return ErrStarting
	case serving:
		return nil
	default:
		return ErrStopping
	}
}

// Parts returns the event loops and their lanes, for Health. Call it when the reactor has
// been created.
func (c *Core) Parts() []Part {
	var parts []Part
	for _, g := range c.groups {
		l, ok := g.carrier.(*loop)
		if !ok {
			continue
		}
		parts = append(parts,
			Part{fmt.Sprintf("event loop %d", l.index), l.ask},
			Part{fmt.Sprintf("lane %d", l.index), l.askLane})
	}
	return parts
}

// ask returns when the event loop has run a task. Goroutine: any.
func (l *loop) ask(ctx context.Context) error {
	if !l.isBound() { // it has had no connection that could block it
		return nil
	}
	ran := make(chan struct{})
	if err := l.events.Execute(ctx, runnable(func() { close(ran) })); err != nil {
		return err
	}
	return waitFor(ctx, ran)
}

// askLane returns when the lane has executed what it holds now. Goroutine: any.
func (l *loop) askLane(ctx context.Context) error {
	reached := l.asked.add()
	l.lane.Put(nil, nil, 0) // a piece without a session is a question; no bytes always fit
	return waitFor(ctx, reached)
}

// laneQuestions are the calls that wait until a lane has reached their piece. A piece
// answers all of them, as all show that the lane works.
type laneQuestions struct {
	mu   sync.Mutex
	open []chan struct{}
}

func (q *laneQuestions) add() <-chan struct{} {
	reached := make(chan struct{})
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = append(q.open, reached)
	return reached
}

func (q *laneQuestions) answer() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, reached := range q.open {
		close(reached)
	}
	q.open = nil
}

func waitFor(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
