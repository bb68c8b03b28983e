package gateway

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// Reloaded is what a reload of the seed has changed.
type Reloaded struct {
	desk.Reloaded
	Sessions int // ended
}

// Reload applies a seed to the running server: see desk.Desk.Reload, which also has the
// errors. It ends the sessions whose credential is no longer the customer's: once it
// returns, they place no more orders and execute no more commands of operators. Other sessions
// stay logged in.
//
// Goroutine: any.
func (g *Gateway) Reload(s *seed.Seed) (Reloaded, error) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	added := make(map[ledger.Customer]*account)
	changed, err := g.desk.Reload(s, func(d *desk.Account) { added[d.Customer()] = g.watch(d) })
	if err != nil {
		return Reloaded{}, err
	}
	if len(added) > 0 {
		g.restoreFIX(added) // an earlier seed may have had them
		accounts := maps.Clone(*g.accounts.Load())
		maps.Copy(accounts, added)
		g.accounts.Store(&accounts)
	}
	g.guesses.setDecoy(s)
	g.fix.reload(s)
	r := Reloaded{Reloaded: changed}
	for _, d := range changed.Owners {
		a := g.account(d.Customer())
		g.endPasses(a)
		for _, session := range a.connections() {
			if g.revoke(session, a) {
				r.Sessions++
			}
		}
	}
	return r, nil
}

// connections returns the sessions that are logged in to the account, those of FIX clients among them.
func (a *account) connections() []*engine.Session {
	list := a.sessions.Append(nil)
	a.View(func(*ledger.Account) {
		for _, id := range a.identities {
			if id.conn != nil {
				list = append(list, id.conn)
			}
		}
	})
	return list
}

// revoke ends a session that is logged in to a if its credential is no longer that of a.
func (g *Gateway) revoke(session *engine.Session, a *account) bool {
	state := g.state.Get(session)
	if !g.endRevoked(session, state, a) {
		return false
	}
	// Wait for the operator's command that it is executing. The lock of the state must be free
	// meanwhile: an event loop may need it.
	state.operating.Lock()
	state.operating.Unlock() //nolint:staticcheck,gocritic // the lock only waits
	return true
}

func (g *Gateway) endRevoked(session *engine.Session, state *sessionState, a *account) bool {
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.account.Load() != a || state.credential.of(a.Owner()) {
		return false
	}
	if id := state.identity.Load(); id != nil {
		_ = g.inFIX(g.newWorkspace(), id, session, func(t *fixTurn) { t.end("the login was revoked", engine.ReasonRevoked) }) // overloaded: it is closed without a Logout
	}
	if !state.reloading { // else after the reply
		session.Close(engine.ReasonRevoked)
	}
	a.View(func(*ledger.Account) { // after the turn that is under way
		state.revoked.Store(true)
		g.endLogin(session, state)
	})
	return true
}

// reloadNow executes an operator's command to reload. If that revokes the operator's own login, the
// session ends after the reply. It runs off the lane.
func (g *Gateway) reloadNow(q asked) {
	state := g.state.Get(q.session())
	state.setReloading(true)
	result, body := g.reloadSettings()
	err := g.recorded(&q, result, body)
	revoked := state.setReloading(false)
	if err != nil {
		result, body = refusal(err)
	}
	out := g.core.NewOutbox()
	defer out.Free()
	out.Reply(q.later(), result, body)
	if revoked {
		out.Close(q.session(), engine.ReasonRevoked)
	}
	out.Post()
}

// setReloading says whether the session executes a reload, and reports whether its login was revoked.
func (t *sessionState) setReloading(is bool) (revoked bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reloading = is
	return t.revoked.Load()
}

// reloadSettings reloads and returns the reply.
func (g *Gateway) reloadSettings() (codec.Result, codec.Body) {
	if g.config.ReloadSettings == nil {
		return reloadRefusal(errors.New("this server can't reload"))
	}
	r, err := g.config.ReloadSettings()
	if err != nil {
		return reloadRefusal(err)
	}
	m := &pb.Reloaded{
		NewInstruments: uint32(len(r.Instruments)), NewCustomers: uint32(len(r.Customers)), WithdrawnCustomers: uint32(len(r.Withdrawn)),
		ChangedCredentials: uint32(r.Credentials), ChangedCustomers: uint32(len(r.Owners)), EndedSessions: uint32(r.Sessions),
	}
	for _, key := range r.Later[:min(len(r.Later), maxListed)] {
		m.Later = append(m.Later, &pb.InstrumentKey{Market: key.Market, Code: key.Code})
	}
	return codec.ResultOK, &pb.OperateReply{Time: g.now(), Reloaded: m}
}

func reloadRefusal(err error) (codec.Result, codec.Body) {
	if !errors.Is(err, desk.ErrDiskLow) && !errors.Is(err, desk.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", ledger.ErrBadSeed, err)
	}
	return refusal(err)
}

// revoked reports whether the credential of the session's login was revoked. Requests that
// started before then must not change an account any more. In a turn of the session's own account
// the answer stays right until the end of the turn.
func (g *Gateway) revoked(session *engine.Session) bool { return g.state.Get(session).revoked.Load() }

// credential is what a login was verified with, as the seed has it: a hash of the password or the token,
// or the name in the certificate.
type credential struct {
	password    string // "": it was another
	certificate string // "": it was another
	token       [len(seed.Customer{}.TokenSHA256)]byte
	pass        *Pass // that the login is of; nil: of none
	// On FIX listeners: the CompID, and, if that is enough, the address.
	compID  string
	address netip.Addr
}

// of reports whether it is a credential of the customer.
func (c *credential) of(owner *seed.Customer) bool {
	if c.pass != nil && c.pass.Ended() {
		return false
	}
	if c.compID != "" {
		settings := owner.FIXSession(c.compID)
		if settings == nil || c.address.IsValid() {
			return settings != nil && settings.LogsOn(c.address)
		}
	}
	if c.password != "" {
		return c.password == owner.Password
	}
	if c.certificate != "" {
		return c.certificate == owner.Certificate
	}
	return c.token == owner.TokenSHA256
}
