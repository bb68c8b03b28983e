package gateway

import (
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// router registers the handler of each command. Those without loggedIn are open
// to everybody.
func (g *Gateway) router() *engine.Router {
	r := engine.NewRouter(unknownCommand)
	submit := engine.OnLane
	if g.config.SubmitOnLoop {
		submit = engine.OnLoop
	}
	handle := func(cmd codec.Command, class engine.Class, h engine.Handler) {
		if err := r.Handle(cmd, class, h); err != nil {
			panic(err) // two handlers for one command in this list
		}
	}
	handle(codec.CommandConn, engine.OnLane, g.conn)
	handle(codec.CommandSubmit, submit, ok)
	handle(codec.CommandHeartbeat, engine.OnLoop, ok)
	handle(codec.CommandLogin, engine.OnLane, g.login)
	handle(codec.CommandLogout, engine.OnLane, g.loggedIn(g.logout))
	handle(codec.CommandPositions, engine.OnLane, g.loggedIn(g.positions))
	handle(codec.CommandPlaceOrder, engine.OnLane, g.loggedIn(g.placeOrder))
	handle(codec.CommandHistory, engine.OnLane, g.loggedIn(offLane(g.executions)))
	handle(codec.CommandQuotes, engine.OnLane, g.loggedIn(g.quote))
	handle(codec.CommandBust, engine.OnLane, g.loggedIn(offLane(g.bust)))
	return r
}

// ok answers Submit and Heartbeat.
func ok(c *engine.Context) { c.Reply(codec.ResultOK, nil) }

// conn tells the client its session id.
func (g *Gateway) conn(c *engine.Context) {
	c.Reply(codec.ResultOK, g.hello(c.Session))
}

// hello is what a client is told when it introduces itself.
func (g *Gateway) hello(s *engine.Session) *pb.ConnReply {
	return &pb.ConnReply{
		Uid:               uint64(s.ID()),
		HeartbeatInterval: g.config.Heartbeat.Nanoseconds(),
		ServerVersion:     g.config.Version,
	}
}

// loggedIn lets only sessions with an account through. The handler gets the
// account, because the session may lose it at any time: its connection may end.
func (g *Gateway) loggedIn(next func(*engine.Context, *account)) engine.Handler {
	return func(c *engine.Context) {
		a := g.state.Get(c.Session).account.Load()
		if a == nil {
			fail(c, codec.ResultUnauthenticated, "log in first")
			return
		}
		next(c, a)
	}
}

// offLane runs h off the lane, for the account that was logged in when the
// request's turn came.
func offLane(h func(*engine.Context, *account)) func(*engine.Context, *account) {
	return func(c *engine.Context, a *account) {
		c.Go(func(c *engine.Context) { h(c, a) })
	}
}

func unknownCommand(c *engine.Context) {
	fail(c, codec.ResultUnknownCommand, "this server has no command "+c.Message.Command.String())
}
