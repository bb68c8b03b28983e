package trading

import (
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// maxPasswords is how many passwords are verified at once: each takes 19 MiB and
// some 20 ms of one core.
const maxPasswords = 2

// maxVerifications is how many passwords wait or are verified; a login beyond
// that is answered OVERLOADED.
const maxVerifications = 32

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
	switch credential := request.Credential.(type) {
	case *pb.LoginRequest_Token:
		a := s.accounts[ledger.Customer(request.Customer)]
		s.admit(c, a, a != nil && a.owner.VerifyToken(credential.Token))
	case *pb.LoginRequest_Password:
		s.verify(c, request.Customer, credential.Password)
	default:
		fail(c, codec.ResultUnauthenticated, "give a password or a token")
	}
}

// verify has a password verified off the lane, one of each session at a time and
// a bounded number of all, so that guessing leaves room for others.
func (s *Service) verify(c *engine.Context, customer uint32, password string) {
	state := s.state.Get(c.Session)
	if !state.verifying.CompareAndSwap(false, true) {
		s.overloaded(c)
		return
	}
	if s.verifications.Add(1) > maxVerifications {
		s.verified(state)
		s.overloaded(c)
		return
	}
	started := c.Go(func(c *engine.Context) {
		defer s.verified(state)
		a := s.accounts[ledger.Customer(customer)]
		s.admit(c, a, s.passwordFits(state, a, password))
	})
	if !started {
		s.verified(state)
	}
}

// verified makes room for another verification.
func (s *Service) verified(state *sessionState) {
	s.verifications.Add(-1)
	state.verifying.Store(false)
}

func (s *Service) passwordFits(state *sessionState, a *account, password string) bool {
	s.passwords <- struct{}{}
	defer func() { <-s.passwords }()
	if a == nil || state.gone() {
		return false
	}
	good, err := a.owner.VerifyPassword(password)
	if err != nil {
		s.log.Error("password hash in the seed file can't be used", "customer", a.customer(), "error", err)
	}
	return good
}

// admit logs the session in to a, and replies with the account as it is.
func (s *Service) admit(c *engine.Context, a *account, good bool) {
	if !good {
		fail(c, codec.ResultUnauthenticated, "customer number and credential do not match")
		return
	}
	state := s.state.Get(c.Session)
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.closed {
		return
	}
	if already := state.account.Load(); already != nil && already != a {
		fail(c, codec.ResultForbidden, "this session is logged in as another customer; log out first")
		return
	}
	state.account.Store(a)
	s.welcome(c, a)
	s.presence.add(a)
}

// welcome adds the session to those that get the account's pushes, and replies
// with the account as it is: the pushes that follow begin where the reply ends.
func (s *Service) welcome(c *engine.Context, a *account) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attach(c.Session)
	w := c.Local.(*workspace)
	s.describe(w, a)
	s.reply(c, codec.AppendReply(nil, c.Message, codec.ResultOK, &pb.LoginReply{
		Account: w.list.Account, Positions: w.list.Positions, PushSequence: w.list.PushSequence,
	}))
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
	w.account.Customer = uint32(a.customer())
	w.account.Name = a.owner.Name
	w.account.Cash = int64(a.ledger.Cash())
	w.account.MarketValue = int64(a.ledger.MarketValue(s.market))
	w.account.RealisedProfit = int64(a.ledger.Realised())
	w.account.Operator = a.operator
	w.list.Positions = w.positions[:len(w.rows)]
	w.list.MarketValue, w.list.PushSequence = w.account.MarketValue, a.pushSequence()
}
