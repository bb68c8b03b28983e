package engine

import (
	"fmt"

	"holdfast/codec"
)

// Class says where a handler runs.
type Class uint8

const (
	// OnLane is the default: on the lane's worker, in the order of arrival. It
	// must not block.
	OnLane Class = iota
	// OnLoop is for handlers that are proven cheap: they run on the event loop itself
	// while no request of the session is in flight, else on the lane.
	OnLoop
	// OffLane is for handlers that may block: each runs in a task on a copy of the
	// message. Later replies may overtake its reply if clients of the dialect match
	// replies by id; else they wait for it.
	OffLane
)

// Handler executes one message. It replies once through c (Context.Reply), or arranges a
// later reply (Context.Defer, Context.Detach, Context.Go), or does not reply at all. It
// must not retain c or c.Message.
type Handler func(c *Context)

// Middleware wraps a handler.
type Middleware func(Handler) Handler

// Hooks run around one handler. Before may end the request: it replies and returns
// false. After runs when the handler has returned.
type Hooks struct {
	Before func(c *Context) bool
	After  func(c *Context)
}

// Router maps commands to handlers. Register all handlers before serving.
type Router struct {
	routes     [256]route
	middleware []Middleware
	unknown    Handler
}

type route struct {
	handler Handler
	class   Class
}

// NewRouter returns a router without handlers. unknown handles all other commands; nil
// replies UNKNOWN_COMMAND to them.
func NewRouter(unknown Handler) *Router {
	if unknown == nil {
		unknown = func(c *Context) { c.Reply(codec.ResultUnknownCommand, nil) }
	}
	return &Router{unknown: unknown}
}

// Use wraps all handlers that are registered afterwards. The first Middleware is the
// outermost.
func (r *Router) Use(m ...Middleware) { r.middleware = append(r.middleware, m...) }

// Handle registers the handler of a command. It panics if the command already has one.
func (r *Router) Handle(cmd codec.Command, class Class, h Handler, hooks ...Hooks) {
	if r.routes[cmd].handler != nil {
		panic(fmt.Sprintf("engine: command %v already has a handler", cmd))
	}
	for _, k := range hooks {
		h = k.wrap(h)
	}
	for i := len(r.middleware) - 1; i >= 0; i-- {
		h = r.middleware[i](h)
	}
	if class == OffLane {
		inner := h
		h = func(c *Context) { c.Go(inner) }
	}
	r.routes[cmd] = route{handler: h, class: class}
}

func (k Hooks) wrap(h Handler) Handler {
	return func(c *Context) {
		if k.Before != nil && !k.Before(c) {
			return
		}
		h(c)
		if k.After != nil {
			k.After(c)
		}
	}
}

func (r *Router) find(cmd codec.Command) Handler {
	if h := r.routes[cmd].handler; h != nil {
		return h
	}
	return r.unknown
}
