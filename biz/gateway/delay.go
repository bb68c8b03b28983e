package gateway

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"holdfast/biz/desk"
	"holdfast/codec"
	"holdfast/codec/pb"
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

// delayedRequest is a request that waits for its time.
type delayedRequest struct {
	request engine.Request
	account *account
	audit   *audit
}

// delay calls do at once, or later: after the latency of the preset and d. Latencies keep the
// order of an account's requests; d is only that of this one. It returns false, and refuses the
// request, if it can't wait.
func (g *Gateway) delay(q asked, w *workspace, a *account, d time.Duration, do func(asked, *workspace)) bool {
	due, now := a.dueAfter(d)
	if due <= now {
		do(q, w)
		return true
	}
	if !a.addWaiting() {
		q.refuse(desk.ErrOverloaded)
		return false
	}
	r := &delayedRequest{account: a, audit: q.audit}
	g.delays.mu.Lock()
	stopping := g.delays.stopping
	if !stopping {
		r.request = q.c.Detach() // later requests of the session need not wait for it
		g.delays.waiting[r] = struct{}{}
	}
	g.delays.mu.Unlock()
	if stopping {
		a.removeWaiting()
		q.c.Reply(codec.ResultUnavailable, &pb.Error{Message: stoppingEarly})
		return false
	}
	g.config.Clock.At(due, func() {
		if g.delays.remove(r) {
			a.removeWaiting()
			g.executeDelayed(r, do)
		}
	})
	return true
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
func (g *Gateway) executeDelayed(r *delayedRequest, do func(asked, *workspace)) {
	g.delays.use.Lock()
	defer g.delays.use.Unlock()
	defer func() {
		if v := recover(); v != nil {
			g.core.Stats.Panics.Add(1)
			g.log.Error("a delayed request panicked; its session is closed",
				"command", r.request.Command, "session", uint64(r.request.Session.ID()), "panic", v, "stack", string(debug.Stack()))
			g.delays.w.out.Discard()
			r.request.Session.Close(engine.ReasonPanic)
		}
	}()
	w := g.delays.w
	do(asked{audit: r.audit, request: r.request, out: w.out}, w)
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
		d.w.out.Reply(r.request, codec.ResultUnavailable, &pb.Error{Message: stoppingEarly})
	}
	d.w.out.Post()
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
