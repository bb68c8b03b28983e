package gateway

import (
	"math"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// router registers the handler of each command. Those without loggedIn need no login, or
// check it themselves.
func (g *Gateway) router() *engine.Router {
	r := engine.NewRouter(unknownCommand)
	submit := engine.OnLane
	if g.config.SubmitOnLoop {
		submit = engine.OnLoop
	}
	r.Handle(codec.CommandConn, engine.OnLane, g.conn)
	r.Handle(codec.CommandSubmit, submit, ok)
	r.Handle(codec.CommandHeartbeat, engine.OnLoop, ok)
	r.Handle(codec.CommandLogin, engine.OnLane, g.login)
	r.Handle(codec.CommandLogout, engine.OnLane, g.loggedIn(g.logout))
	r.Handle(codec.CommandPositions, engine.OnLane, g.loggedIn(g.positions))
	r.Handle(codec.CommandPlaceOrder, engine.OnLane, g.loggedIn(traded("placing an order needs", g.placeOrder)))
	r.Handle(codec.CommandCancelOrder, engine.OnLane, g.loggedIn(traded("cancelling orders needs", g.cancelOrder)))
	r.Handle(codec.CommandReplaceOrder, engine.OnLane, g.loggedIn(traded("replacing an order needs", g.replaceOrder)))
	r.Handle(codec.CommandOrders, engine.OnLane, g.loggedIn(g.orders))
	r.Handle(codec.CommandHistory, engine.OnLane, g.loggedIn(offLane(g.executions)))
	r.Handle(codec.CommandQuotes, engine.OnLane, g.loggedIn(g.quote))
	r.Handle(codec.CommandBust, engine.OnLane, g.loggedIn(offLane(g.bust)))
	r.Handle(codec.CommandCorrect, engine.OnLane, g.loggedIn(offLane(g.correct)))
	r.Handle(codec.CommandOperate, engine.OnLane, g.loggedIn(offLane(g.operate)))
	r.Handle(codec.CommandFIX, engine.OnLane, g.fixMessage)
	if g.config.Chat != nil {
		r.Handle(codec.CommandChat, engine.OnLane, g.chat)
	}
	return r
}

// ok answers Submit and Heartbeat.
func ok(c *engine.Context) { c.Reply(codec.ResultOK, nil) }

// conn handles Conn.
func (g *Gateway) conn(c *engine.Context) {
	c.Reply(codec.ResultOK, g.hello(c.Session))
}

// hello returns what a client learns about its session and the server.
func (g *Gateway) hello(s *engine.Session) *pb.ConnReply {
	return &pb.ConnReply{
		Uid:               uint64(s.ID()),
		HeartbeatInterval: g.config.Heartbeat.Nanoseconds(),
		ServerVersion:     g.config.Version,
		HistoryId:         g.historyID,
	}
}

// loggedIn makes a handler for sessions that are logged in. next gets the account, because
// the session may lose it at any time.
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

// offLane runs h off the lane, for the account that was logged in when the request was
// executed.
func offLane(h func(*engine.Context, *account)) func(*engine.Context, *account) {
	return func(c *engine.Context, a *account) {
		c.Go(func(c *engine.Context) { h(c, a) })
	}
}

func unknownCommand(c *engine.Context) {
	text := "this server has no command " + c.Message.Command.String()
	if c.Message.Command == 0 {
		text = "unknown command"
	}
	if _, tlv := c.Session.Dialect().(codec.TLV); tlv && c.Message.ID > math.MaxUint8 {
		text = "unknown message id" // the message has command 0: see codec.TLV
	}
	fail(c, codec.ResultUnknownCommand, text)
}
