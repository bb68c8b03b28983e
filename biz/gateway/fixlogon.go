package gateway

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"

	"holdfast/biz/desk"
	"holdfast/biz/fix"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// fixMessage handles a message of a FIX listener.
func (g *Gateway) fixMessage(c *engine.Context) {
	if _, is := c.Session.Dialect().(codecfix.Dialect); !is {
		unknownCommand(c)
		return
	}
	if g.config.FIXEcho != nil && g.config.FIXEcho.Handle(c) {
		return
	}
	w := c.Local.(*workspace)
	state := g.state.Get(c.Session)
	err := w.fix.Parse(c.Message.Body)
	g.fix.counts.received(&w.fix, err)
	id := state.identity.Load()
	switch {
	case id != nil:
	case state.guess.Load() != nil: // it did not wait for the answer, and has to send this again
		return
	default:
		if why := g.fixLogon(c, w, err); why != "" {
			g.refuseInSilence(c, w, why)
		}
		return
	}
	overload := g.inFIXAt(g.timesOf(c, w), w, id, c.Session, func(t *fixTurn) {
		if state.revoked.Load() { // the turn that ends its session was refused, since too much waits for the disk
			return
		}
		if err != nil {
			id.session.Garbled(t.wall, t)
			return
		}
		id.session.Receive(&w.fix, t.wall, t)
	})
	if overload != nil && err == nil {
		g.fix.miss(c.Session, missedOf(id, &w.fix, c.Message.Body))
	}
}

// refuseInSilence closes a connection whose Logon names no session: its peer learns nothing.
func (g *Gateway) refuseInSilence(c *engine.Context, w *workspace, why string) {
	g.fix.refused.Add(1)
	if more, ok := g.fix.warnedOfLogons.Allow(g.config.Now(), warnPause); ok {
		g.log.Warn("FIX connections were closed before a Logon was accepted", "address", c.Session.RemoteAddr(), "why", why, "more", more)
	}
	w.out.Close(c.Session, engine.ReasonMalformed)
	w.out.Post()
}

// fixLogon handles the first message of a connection, which is no message if garbled is not nil. It
// returns why there can be no answer.
func (g *Gateway) fixLogon(c *engine.Context, w *workspace, garbled error) (why string) {
	if garbled != nil {
		return "the first message is garbled"
	}
	m := &w.fix
	if string(m.Type) != codecfix.Logon {
		return "the first message is no Logon"
	}
	theirs, _ := m.Get(codecfix.SenderCompID)
	ours, _ := m.Get(codecfix.TargetCompID)
	if string(ours) != g.config.FIXCompID {
		return "TargetCompID " + strconv.Quote(string(ours)) + " is not that of this server (fix_comp_id)"
	}
	name := string(theirs)
	customer, ok := g.fixCustomer(name)
	if !ok {
		return "SenderCompID " + strconv.Quote(name) + " is no customer, and not in the seed file"
	}
	l := &login{state: g.state.Get(c.Session), customer: customer, logon: bytes.Clone(c.Message.Body)}
	l.credential.compID = name
	password, given := m.Get(codecfix.Password)
	token, err := hex.DecodeString(string(password))
	address := engine.PeerAddress(c.Session.RemoteAddr())
	a := g.account(customer)
	switch {
	case given && err == nil && len(token) == tokenSize && a != nil && l.verifyToken(a.Owner(), token):
	case given && len(password) <= seed.MaxPasswordSize:
		l.password = string(password)
		g.guess(c, l)
		return ""
	case !given && a != nil && (l.verifyAddress(a.Owner(), address) || l.verifyCertificate(a.Owner(), c.Session.Certificate())):
	default:
		l.request = c.Defer()
		g.refuseLogin(l, 0, noMatch)
		return ""
	}
	l.request = c.Defer()
	g.admit(l, w, a)
	return ""
}

// tokenSize is how many bytes a token has in a Logon, in hexadecimal.
const tokenSize = 32

// fixCustomer returns the customer of a CompID, who may not exist.
func (g *Gateway) fixCustomer(compID string) (c ledger.Customer, ok bool) {
	if c, ok = (*g.fix.customers.Load())[compID]; ok {
		return c, true
	}
	n, err := strconv.ParseUint(compID, 10, 32)
	return ledger.Customer(n), err == nil && compID == strconv.FormatUint(n, 10)
}

// verifyAddress reports whether a client with this address needs no password.
func (l *login) verifyAddress(owner *seed.Customer, address netip.Addr) bool {
	l.credential.address = address
	if l.credential.of(owner) {
		return true
	}
	l.credential.address = netip.Addr{}
	return false
}

// refuseLogon answers a Logon whose sender is not known to be who it says. The Logout is outside of any
// session: it has the number 1, and changes no numbers.
func (g *Gateway) refuseLogon(l *login, text string) {
	g.fix.refused.Add(1)
	out := g.core.NewOutbox()
	defer out.Free()
	w := codecfix.Begin(nil, "5")
	w.Int(codecfix.MsgSeqNum, 1)
	w.Text(codecfix.SenderCompID, g.config.FIXCompID)
	w.Time(codecfix.SendingTime, g.wall())
	w.Text(codecfix.TargetCompID, l.credential.compID)
	w.Text(codecfix.Text, text)
	message := w.End()
	g.fix.counts.sent(message)
	out.Reply(l.request, 0, codec.Raw(message))
	out.Close(l.session(), engine.ReasonLoggedOut)
	out.Post()
}

// admitFIX is admit in a turn of the account: the client is logged on to its identity, unless another
// connection is.
func (g *Gateway) admitFIX(l *login, w *workspace, a *account, turn *desk.Turn) {
	name := l.credential.compID
	settings := a.Owner().FIXSession(name)
	n := slices.IndexFunc(a.identities, func(id *fixIdentity) bool { return id.key.Name == name })
	var id *fixIdentity
	if n < 0 {
		id = g.newIdentity(a, name)
	} else if id = a.identities[n]; id.conn != nil { // 1b: the second one learns nothing
		w.out.Reply(l.request, 0, nil)
		w.out.Close(l.session(), engine.ReasonLoggedOut)
		g.fix.refused.Add(1)
		return
	}
	g.configure(id, settings)
	was := id.session
	id.session = fix.New(&id.config)
	id.session.NextIn, id.session.NextOut, id.session.Faults = was.NextIn, was.NextOut, was.Faults
	id.conn = l.session()
	g.fix.setOnline(id, true)
	l.state.identity.Store(id)
	l.state.guess.Store(nil) // it has the password
	l.session().SetLoggingIn(false)
	l.state.account.Store(a)
	used := l.credential
	l.state.credential = &used
	l.session().SetLoggedIn(true)
	l.session().SetPatient()
	w.out.Reply(l.request, 0, nil) // the reply of the handler, which is empty
	t := id.turn.start(g, w.out, turn, id, g.times())
	var m codecfix.Message
	if m.Parse(l.logon) == nil { // as it was before
		id.session.Receive(&m, t.wall, t)
	}
	t.finish()
}
