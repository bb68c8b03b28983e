package trading

import (
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// router registers the handler of each command. Those without loggedIn are open
// to everybody.
func (s *Service) router() *engine.Router {
	r := engine.NewRouter(unknownCommand)
	submit := engine.OnLane
	if s.config.SubmitOnLoop {
		submit = engine.OnLoop
	}
	handle := func(cmd codec.Command, class engine.Class, h engine.Handler) {
		if err := r.Handle(cmd, class, h); err != nil {
			panic(err) // two handlers for one command in this list
		}
	}
	handle(codec.CommandConn, engine.OnLane, s.conn)
	handle(codec.CommandSubmit, submit, ok)
	handle(codec.CommandHeartbeat, engine.OnLoop, ok)
	handle(codec.CommandLogin, engine.OnLane, s.login)
	handle(codec.CommandLogout, engine.OnLane, s.loggedIn(s.logout))
	handle(codec.CommandPositions, engine.OnLane, s.loggedIn(s.positions))
	handle(codec.CommandPlaceOrder, engine.OnLane, s.loggedIn(s.placeOrder))
	handle(codec.CommandHistory, engine.OnLane, s.loggedIn(offLane(s.executions)))
	handle(codec.CommandQuotes, engine.OnLane, s.loggedIn(s.quote))
	handle(codec.CommandBust, engine.OnLane, s.loggedIn(offLane(s.bust)))
	return r
}

// ok answers Submit and Heartbeat.
func ok(c *engine.Context) { c.Result(codec.ResultOK) }

// conn tells the client its session id.
func (s *Service) conn(c *engine.Context) {
	c.Reply(codec.ResultOK, &pb.ConnReply{
		Uid:               uint64(c.Session.ID()),
		HeartbeatInterval: s.config.Heartbeat.Nanoseconds(),
		ServerVersion:     s.config.Version,
	})
}

// loggedIn lets only sessions with an account through. The handler gets the
// account, because the session may lose it at any time: its connection may end.
func (s *Service) loggedIn(next func(*engine.Context, *account)) engine.Handler {
	return func(c *engine.Context) {
		a := s.state.Get(c.Session).account.Load()
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

func malformed(c *engine.Context, err error) {
	fail(c, codec.ResultMalformed, "the body is not what "+c.Message.Command.String()+" takes: "+err.Error())
}

func (s *Service) overloaded(c *engine.Context) {
	fail(c, codec.ResultOverloaded, busy)
}

const busy = "the server is busy; try again"

// fail replies with a result that is no business rule's.
func fail(c *engine.Context, r codec.Result, message string) {
	c.Reply(r, &pb.Error{Message: message})
}
