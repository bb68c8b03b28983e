package gateway

import (
	"container/list"
	"crypto/x509"
	"fmt"
	"net/netip"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// login is a request to log in that is answered later.
type login struct {
	request    engine.Request
	state      *sessionState
	customer   ledger.Customer
	password   string
	credential credential // verified
	resumeFrom uint64
	history    []byte      // that resumeFrom belongs to
	logon      []byte      // the Logon of a FIX client; nil: another one
	passed     chan passed // gets the answer to a OpenPass, which has no session; nil: another one

	// While the password waits; guarded by guesses.mu.
	address netip.Addr    // the client's engine.CountedAddress
	place   *list.Element // in the loginQueue; nil: it is not there
	stop    func() bool   // the timer that ends the wait or the delay
	counted bool          // as a guess
}

func (l *login) session() *engine.Session { return l.request.Session }

// login handles Login. It verifies a token or a certificate at once, a password off the lane.
func (g *Gateway) login(c *engine.Context) {
	var request pb.LoginRequest
	if err := request.UnmarshalVT(c.Message.Body); err != nil {
		malformed(c)
		return
	}
	if request.Uid != 0 && request.Uid != uint64(c.Session.ID()) {
		fail(c, codec.ResultForbidden, "the uid is not this session's; use the one that Conn returned")
		return
	}
	l := &login{
		state: g.state.Get(c.Session), customer: ledger.Customer(request.Customer),
		resumeFrom: request.ResumeFrom, history: g.cutID(request.HistoryId),
	}
	switch credential := request.Credential.(type) {
	case *pb.LoginRequest_Token:
		g.admitIf(c, l, noMatch, func(owner *seed.Customer) bool {
			return l.verifyToken(owner, credential.Token) || g.redeem(l, credential.Token)
		})
	case *pb.LoginRequest_Password:
		l.password = credential.Password
		g.guess(c, l)
	default:
		g.admitIf(c, l, "give a password or a token, or connect with a certificate of the customer",
			func(owner *seed.Customer) bool { return l.verifyCertificate(owner, c.Session.Certificate()) })
	}
}

// admitIf logs the session in at once if the credential is that of the customer.
func (g *Gateway) admitIf(c *engine.Context, l *login, otherwise string, verify func(*seed.Customer) bool) {
	a := g.account(l.customer)
	if a == nil || !verify(a.Owner()) {
		fail(c, codec.ResultUnauthenticated, otherwise)
		return
	}
	l.request = c.Defer()
	g.admit(l, c.Local.(*workspace), a)
}

// verifyCertificate reports whether a client's certificate, which may be nil, is that of the
// customer.
func (l *login) verifyCertificate(owner *seed.Customer, certificate *x509.Certificate) bool {
	if certificate == nil || certificate.Subject.CommonName == "" {
		return false
	}
	l.credential.certificate = certificate.Subject.CommonName
	return l.credential.of(owner)
}

const noMatch = "customer number and credential do not match"

func (l *login) verifyToken(owner *seed.Customer, token []byte) bool {
	l.credential.token = owner.TokenSHA256
	return owner.VerifyToken(token)
}

// admit logs the session in to a after its credential was verified. Goroutine: any.
func (g *Gateway) admit(l *login, w *workspace, a *account) {
	if l.passed != nil {
		g.admitPass(l, a)
		return
	}
	l.state.mu.Lock()
	defer l.state.mu.Unlock()
	if l.state.closed || l.state.revoked.Load() {
		g.refuseLogin(l, codec.ResultFailed, "the session has ended")
		return
	}
	if already := l.state.account.Load(); already != nil && already != a {
		g.refuseLogin(l, codec.ResultForbidden, "this session is logged in as another customer; log out first")
		return
	}
	for held := true; held; {
		err := a.Do(w.turn, func(t *desk.Turn) {
			switch held = false; {
			case !l.credential.of(a.Owner()): // it was replaced since the verification
				g.refuseLogin(l, codec.ResultUnauthenticated, noMatch)
			case a.held.Load(): // the session gets that by the reply, in the next turn
				held = true
				g.release(a, t)
			case l.logon != nil:
				g.admitFIX(l, w, a, t)
			default:
				g.admitIn(l, w, a, t)
			}
		})
		if err != nil {
			g.refuseLogin(l, codec.ResultOverloaded, busy)
			return
		}
	}
}

// admitIn is admit in a turn of the account that has added nothing yet.
func (g *Gateway) admitIn(l *login, w *workspace, a *account, t *desk.Turn) {
	if !a.sessions.Add(l.session(), g.config.SessionsPerAccount) {
		g.refusedSessions.Add(1)
		w.out.Reply(l.request, codec.ResultOverloaded, &pb.Error{Message: fmt.Sprintf(
			"too many sessions of this customer (limit %d: setting limits.sessions_per_account, flag --sessions-per-account); log out elsewhere", g.config.SessionsPerAccount)})
		return
	}
	l.state.account.Store(a)
	used := l.credential // l has the password, too
	l.state.credential = &used
	l.session().SetLoggedIn(true)
	g.presence.add(a) // before the reply reads prices: each change is in it or pushed
	g.welcome(l, w, a, t.Ledger())
}

// welcome replies with the missed pushes or with a snapshot of the account. Later pushes
// follow on from that. It must be called in a turn of the account.
func (g *Gateway) welcome(l *login, w *workspace, a *account, of *ledger.Account) {
	why := g.resume(l, w, a, of)
	if why == resumed {
		return
	}
	g.describePositions(w, a, of, 0, maxPageRows)
	w.out.Reply(l.request, codec.ResultOK, &pb.LoginReply{
		Account: w.list.Account, Positions: w.list.Positions, PushSequence: w.list.PushSequence,
		MorePositions: w.list.More, HistoryId: g.historyID, SnapshotReason: why,
	})
}

// refuseLogin replies to a login whose handler has returned.
func (g *Gateway) refuseLogin(l *login, r codec.Result, message string) {
	switch {
	case l.logon != nil:
		g.refuseLogon(l, message)
		return
	case l.passed != nil:
		l.refusePass(r, message)
		return
	}
	out := g.core.NewOutbox()
	out.Reply(l.request, r, &pb.Error{Message: message})
	out.Post()
	out.Free()
}

// logout handles Logout. Pushes that wait for a commit leave before the reply.
func (g *Gateway) logout(c *engine.Context, a *account) {
	state := g.state.Get(c.Session)
	state.mu.Lock()
	defer state.mu.Unlock()
	w := c.Local.(*workspace)
	g.inTurn(asked{c: c}, w, a, func(*desk.Turn) {
		g.endLogin(c.Session, state)
		w.out.Reply(c.Defer(), codec.ResultOK, nil)
	})
}
