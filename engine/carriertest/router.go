package carriertest

import (
	"sync"

	"holdfast/codec"
	"holdfast/engine"
)

// Commands of Router.
const (
	OnLane  codec.Command = 0x10 // Echo on the lane
	OnLoop  codec.Command = 0x11 // Echo on the event loop
	OffLane codec.Command = 0x12 // Echo off the lane
	Panics  codec.Command = 0x13 // panics on the lane
	Special codec.Command = 0x14 // the test's own handler, on the lane
	Unknown codec.Command = 0x3F // has no handler
)

// Echo replies with the body of the request.
func Echo(c *engine.Context) { c.Reply(codec.ResultOK, codec.Raw(c.Message.Body)) }

// Router has a handler for each of the commands above; special is that of Special.
func Router(special engine.Handler) *engine.Router {
	r := engine.NewRouter(nil)
	r.Handle(OnLane, engine.OnLane, Echo)
	r.Handle(OnLoop, engine.OnLoop, Echo)
	r.Handle(OffLane, engine.OffLane, Echo)
	r.Handle(Panics, engine.OnLane, func(*engine.Context) { panic("boom") })
	r.Handle(Special, engine.OnLane, special)
	return r
}

// Deferred stores deferred requests until the test answers them. Goroutine: any.
type Deferred struct {
	mu       sync.Mutex
	requests []engine.Request
}

// Defer is a handler that defers its reply.
func (d *Deferred) Defer(c *engine.Context) { d.Keep(c.Defer()) }

// Detach is a handler that detaches its reply.
func (d *Deferred) Detach(c *engine.Context) { d.Keep(c.Detach()) }

// Keep stores a request.
func (d *Deferred) Keep(r engine.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = append(d.requests, r)
}

// Len returns how many requests are stored.
func (d *Deferred) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.requests)
}

// Take removes and returns the stored requests, in the order in which they were executed.
func (d *Deferred) Take() []engine.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	requests := d.requests
	d.requests = nil
	return requests
}

// Answer replies ResultOK to all stored requests, in one post.
func (d *Deferred) Answer(core *engine.Core) {
	out := core.NewOutbox()
	defer out.Free()
	for _, r := range d.Take() {
		out.Reply(r, codec.ResultOK, nil)
	}
	out.Post()
}
