package fixecho

import (
	"slices"
	"sync"
	"time"

	"holdfast/biz/fix"
	"holdfast/codec"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// CompID is that of the acceptor.
const CompID = "ISLD"

// Acceptor answers the clients TW44 and TW.
type Acceptor struct {
	core *engine.Core
	now  func() int64

	dictionary *codecfix.Dictionary

	mu    sync.Mutex
	peers []*peer
}

// New returns an acceptor. Start it before it is used.
func New() *Acceptor {
	a := &Acceptor{now: func() int64 { return time.Now().UnixNano() }, dictionary: codecfix.NewDictionary()}
	for _, theirs := range []string{"TW44", "TW"} {
		a.peers = append(a.peers, &peer{
			acceptor: a, id: theirs,
			session: fix.New(&fix.Config{Ours: CompID, Theirs: theirs, ResetOnLogon: true, Check: a.dictionary.Check}),
		})
	}
	return a
}

// Start is called once, before the core serves.
func (a *Acceptor) Start(core *engine.Core) { a.core = core }

// Handle handles a message if its connection is one of the acceptor's, or if it is the first of one
// and names the acceptor. It returns false for any other.
func (a *Acceptor) Handle(c *engine.Context) bool {
	var m codecfix.Message
	err := m.Parse(c.Message.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.peerOf(c.Session)
	if p == nil {
		to, _ := m.Get(codecfix.TargetCompID)
		if err != nil || string(to) != CompID {
			return false
		}
		if p = a.named(&m); p == nil || p.conn != nil {
			c.Session.Close(engine.ReasonMalformed)
			return true
		}
		p.conn = c.Session
		c.Session.SetLoggedIn(true)
	}
	a.do(p, func(now int64) {
		if err != nil {
			p.session.Garbled(now, p)
		} else {
			p.session.Receive(&m, now, p)
		}
	})
	return true
}

// peerOf returns the peer of a connection, or nil.
func (a *Acceptor) peerOf(s *engine.Session) *peer {
	for _, p := range a.peers {
		if p.conn == s {
			return p
		}
	}
	return nil
}

// named returns the peer that has sent a message, or nil.
func (a *Acceptor) named(m *codecfix.Message) *peer {
	from, _ := m.Get(codecfix.SenderCompID)
	n := slices.IndexFunc(a.peers, func(p *peer) bool { return p.id == string(from) })
	if n < 0 {
		return nil
	}
	return a.peers[n]
}

// do lets a peer's session do something, and posts what it writes.
func (a *Acceptor) do(p *peer, something func(now int64)) {
	p.out = a.core.NewOutbox()
	something(a.now())
	p.out.Post()
	p.out.Free()
	p.out = nil
}

// Tick sends what is due.
func (a *Acceptor) Tick() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.peers {
		if p.conn == nil {
			continue
		}
		a.do(p, func(now int64) {
			p.session.Tick(now, p)
			p.session.Resume(fix.DefaultResendPiece, now, p)
		})
	}
}

// Closed is called when a connection has ended.
func (a *Acceptor) Closed(s *engine.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.peerOf(s); p != nil {
		p.session.Disconnected()
		p.conn = nil
	}
}

// Write implements fix.Host.
func (p *peer) Write(message []byte, _ bool) {
	if p.conn != nil {
		p.out.Push(p.conn, codec.CommandFIX, 0, codecfix.Raw(message))
	}
}

// Disconnect implements fix.Host.
func (p *peer) Disconnect(string) {
	if p.conn != nil {
		p.out.Close(p.conn, engine.ReasonPeerClosed)
		p.conn = nil
	}
}
