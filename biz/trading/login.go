package trading

import (
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// login is a request to log in, beyond the life of its message.
type login struct {
	session    *engine.Session
	message    codec.Message // without its body
	state      *sessionState
	customer   ledger.Customer
	password   string
	resumeFrom uint64
}

// login checks the credential: a token at once, a password off the lane.
func (s *Service) login(c *engine.Context) {
	var request pb.LoginRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c, err)
		return
	}
	if request.Uid != 0 && request.Uid != uint64(c.Session.ID()) {
		fail(c, codec.ResultForbidden, "the uid is not this session's; use the one that Conn returned")
		return
	}
	l := &login{
		session: c.Session, message: codec.Message{Command: c.Message.Command, ID: c.Message.ID},
		state: s.state.Get(c.Session), customer: ledger.Customer(request.Customer), resumeFrom: request.ResumeFrom,
	}
	switch credential := request.Credential.(type) {
	case *pb.LoginRequest_Token:
		a := s.accounts[l.customer]
		if a == nil || !a.owner.VerifyToken(credential.Token) {
			fail(c, codec.ResultUnauthenticated, noMatch)
			return
		}
		c.Defer()
		s.admit(l, c.Local.(*workspace), a)
	case *pb.LoginRequest_Password:
		l.password = credential.Password
		s.guess(c, l)
	default:
		fail(c, codec.ResultUnauthenticated, "give a password or a token")
	}
}

const noMatch = "customer number and credential do not match"

// admit logs the session in to a, whose credential was good. Goroutine: any.
func (s *Service) admit(l *login, w *workspace, a *account) {
	l.state.mu.Lock()
	defer l.state.mu.Unlock()
	if l.state.closed {
		s.refuseLogin(l, codec.ResultFailed, "the session has ended")
		return
	}
	if already := l.state.account.Load(); already != nil && already != a {
		s.refuseLogin(l, codec.ResultForbidden, "this session is logged in as another customer; log out first")
		return
	}
	l.state.account.Store(a)
	l.session.SetLoggedIn(true)
	s.welcome(l, w, a)
	s.presence.add(a)
}

// welcome adds the session to those that get the account's pushes, and replies
// with the pushes that the client missed or the account as it is: the pushes that
// follow begin where the reply ends.
func (s *Service) welcome(l *login, w *workspace, a *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attach(l.session)
	frames, resumed := s.missed(l, w, a)
	if !resumed {
		s.describe(w, a)
		frames = codec.AppendReply(nil, l.message, codec.ResultOK, &pb.LoginReply{
			Account: w.list.Account, Positions: w.list.Positions, PushSequence: w.list.PushSequence,
		})
	}
	s.answer(l.session, l.message, frames)
}

// refuseLogin replies to a login off the lane.
func (s *Service) refuseLogin(l *login, r codec.Result, message string) {
	s.answer(l.session, l.message, codec.AppendReply(nil, l.message, r, &pb.Error{Message: message}))
}

// logout ends the pushes: those that wait for a commit leave before the reply.
func (s *Service) logout(c *engine.Context, _ *account) {
	state := s.state.Get(c.Session)
	state.mu.Lock()
	defer state.mu.Unlock()
	s.leave(c.Session, state)
	s.reply(c, codec.AppendResult(nil, c.Message, codec.ResultOK))
}

// positions replies with the account and all its rows.
func (s *Service) positions(c *engine.Context, a *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := c.Local.(*workspace)
	s.describe(w, a)
	w.reply = codec.AppendReply(w.reply[:0], c.Message, codec.ResultOK, &w.list)
	s.reply(c, w.reply)
}

// describe makes w.list tell the account and its rows. The caller holds its lock.
func (s *Service) describe(w *workspace, a *account) {
	w.rows = a.ledger.Positions(w.rows[:0])
	for len(w.positions) < len(w.rows) {
		w.positions = append(w.positions, new(pb.Position))
	}
	for i := range w.rows {
		s.fillPosition(w.positions[i], &w.rows[i], s.market.Last(w.rows[i].Instrument))
	}
	s.describeAccount(w, a)
	w.list.Positions = w.positions[:len(w.rows)]
	w.list.MarketValue, w.list.PushSequence = w.account.MarketValue, a.pushSequence()
}

// describeAccount makes w.account tell the account without its rows.
func (s *Service) describeAccount(w *workspace, a *account) {
	w.account.Customer = uint32(a.customer())
	w.account.Name = a.owner.Name
	w.account.Cash = int64(a.ledger.Cash())
	w.account.MarketValue = int64(a.ledger.MarketValue(s.market))
	w.account.RealisedProfit = int64(a.ledger.Realised())
	w.account.Operator = a.operator
}
