package gateway

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"holdfast/biz/desk"
	"holdfast/engine"
)

// delays holds the requests that are executed later, and the workspace of what is done
// outside of requests. Goroutine: any.
//
// Limit: maxWaiting for each account.
type delays struct {
	use sync.Mutex // held while the workspace is in use
	w   *workspace // set by Gateway.Start

	mu       sync.Mutex
	waiting  map[*delayedRequest]struct{}
	stopping bool // no more are taken
}

// maxWaiting is how many requests and other demanded things of an account wait at a time.
const maxWaiting = 4096

// delayedRequest is a request that waits for its time. Both functions are called with the workspace
// for what is done outside of requests, one at a time.
type delayedRequest struct {
	account *account
	session *engine.Session
	do      func(*workspace) // executes it
	refuse  func(*workspace) // the server stops: it has no effect
}

// errStopping refuses a request because the server stops.
var errStopping = errors.New("gateway: " + stoppingEarly)

// delay calls do at once, or later: after the latency of the preset and d. Latencies keep the
// order of an account's requests; d is only that of this one. It returns false, and refuses the
// request, if it can't wait.
func (g *Gateway) delay(q asked, w *workspace, a *account, d time.Duration, do func(asked, *workspace)) bool {
	due, now := a.dueAfter(d)
	if due <= now {
		do(q, w)
		return true
	}
	err := g.wait(a, due, func() *delayedRequest {
		request := q.c.Detach() // later requests of the session need not wait for it
		return &delayedRequest{
			account: a, session: request.Session,
			do:     func(w *workspace) { do(asked{audit: q.audit, request: request, out: w.out}, w) },
			refuse: func(w *workspace) { asked{request: request, out: w.out}.refuse(errStopping) },
		}
	})
	if err != nil {
		q.refuse(err)
	}
	return err == nil
}

// wait makes a request wait until it is due; prepare is called before it can be executed. Errors,
// instead of a call, are desk.ErrOverloaded and errStopping.
func (g *Gateway) wait(a *account, due int64, prepare func() *delayedRequest) error {
	if !a.addWaiting() {
		return desk.ErrOverloaded
	}
	g.delays.mu.Lock()
	if g.delays.stopping {
		g.delays.mu.Unlock()
		a.removeWaiting()
		return errStopping
	}
	r := prepare()
	g.delays.waiting[r] = struct{}{}
	g.delays.mu.Unlock()
	g.config.Clock.At(due, func() {
		if g.delays.remove(r) {
			a.removeWaiting()
			g.executeDelayed(r)
		}
	})
	return nil
}

// dueAfter returns when a request that comes now is due, and the time now.
func (a *account) dueAfter(d time.Duration) (due, now int64) {
	g := a.gateway
	now = g.now()
	if !g.demanding {
		return now + d.Nanoseconds(), now
	}
	latency := g.config.Preset.Latency(g.draw())
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lastDue = max(now+latency, a.lastDue)
	return a.lastDue + d.Nanoseconds(), now
}

// executeDelayed executes a request whose time has come. A panic costs the session, as in a
// handler.
func (g *Gateway) executeDelayed(r *delayedRequest) {
	g.delays.use.Lock()
	defer g.delays.use.Unlock()
	defer func() {
		if v := recover(); v != nil {
			g.core.Stats.Panics.Add(1)
			g.log.Error("a delayed request panicked; its session is closed",
				"session", uint64(r.session.ID()), "panic", v, "stack", string(debug.Stack()))
			g.delays.w.out.Discard()
			r.session.Close(engine.ReasonPanic)
		}
	}()
	r.do(g.delays.w)
}

// remove takes a request out. It returns false if it was answered meanwhile.
func (d *delays) remove(r *delayedRequest) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, waits := d.waiting[r]
	delete(d.waiting, r)
	return waits
}

// stop refuses the requests that wait, and returns when none is being executed. No more
// are taken afterwards.
func (d *delays) stop() {
	d.mu.Lock()
	d.stopping = true
	waiting := d.waiting
	d.waiting = make(map[*delayedRequest]struct{})
	d.mu.Unlock()
	d.use.Lock()
	defer d.use.Unlock()
	for r := range waiting {
		r.account.removeWaiting()
		r.refuse(d.w)
	}
}

// inTurnLater calls do in a turn of the account, outside of a request. While too much waits for
// the disk, it waits. It drops the command, with a line in the log, only if nothing can be made
// durable any more.
//
// Goroutine: any, in no turn.
func (g *Gateway) inTurnLater(a *account, do func(*desk.Turn)) {
	g.delays.use.Lock()
	defer g.delays.use.Unlock()
	if err := g.desk.InTurn(context.Background(), a.Account, g.delays.w.turn, do); err != nil {
		g.log.Warn("a demanded command is dropped", "customer", a.Customer(), "error", err)
	}
}

// mayBlock calls h in a goroutine that may block: off the lane, or, for a delayed request, at
// once.
func (g *Gateway) mayBlock(q asked, w *workspace, h func(asked, *workspace)) {
	if q.c == nil {
		h(q, w)
		return
	}
	q.c.Go(func(c *engine.Context) { h(asked{audit: q.audit, c: c}, c.Local.(*workspace)) })
}
