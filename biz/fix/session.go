package fix

import (
	"math"

	codecfix "holdfast/codec/fix"
)

// Defaults and limits.
const (
	second = 1_000_000_000

	// DefaultClockWindow is how far a SendingTime may be off.
	DefaultClockWindow = 120 * second
	// DefaultMaxAhead is how many messages wait for a gap to close.
	DefaultMaxAhead = 1000
	// DefaultMaxAheadBytes is how much memory they may take.
	DefaultMaxAheadBytes = 1 << 20
	// DefaultResendPiece is how many messages Receive resends at once.
	DefaultResendPiece = 100

	logoutWait  = 10 * second // for the answer to a Logout that the host wanted
	logonWait   = 10 * second // for the answer to a Logon
	faultWait   = 2 * second  // for the answer to a Logout after a fault of the peer
	askWait     = 10 * second // for progress after a ResendRequest
	maxAsks     = 5           // ResendRequests without progress
	maxRepeats  = 10          // equal ResendRequests of the peer on one connection
	maxInterval = 1_000_000   // HeartBtInt, seconds
	spareNums   = 1_000_000_000
)

// Config is the identity and the settings of a Session.
type Config struct {
	// Ours and Theirs are the CompIDs: SenderCompID and TargetCompID of what leaves.
	Ours, Theirs string
	// ResetOnLogon starts both numbers at 1 at each Logon. The reply has ResetSeqNumFlag (141) only
	// if the Logon had it.
	ResetOnLogon bool
	// Chunk is how many messages a ResendRequest asks for; 0: all that are missing (16=0).
	Chunk uint64
	// LastProcessed adds LastMsgSeqNumProcessed (369) to each message.
	LastProcessed bool
	// ClockWindow is how far a SendingTime may be off, in nanoseconds; 0: DefaultClockWindow.
	ClockWindow int64
	// MaxAhead and MaxAheadBytes limit the messages that wait for a gap to close; 0: the defaults.
	// What is beyond is dropped, and asked for when the gap is closed.
	MaxAhead, MaxAheadBytes int
	// ResendPiece is how many messages Receive resends before it leaves the rest to Resume; 0:
	// DefaultResendPiece.
	ResendPiece int
	// Check checks a message against the dictionary; nil: not at all.
	Check func(m *codecfix.Message) *codecfix.Reject
}

// Host is what a Session needs from the outside. Its methods may call Start and Send, the Reject
// methods and Logout of the same Session, nothing else.
type Host interface {
	// Write writes one complete message after all earlier ones. A delayed one may be held back, and
	// the ones after it with it (Faults.Delay). The message is valid during the call.
	Write(message []byte, delayed bool)
	// Execute executes an application message whose number has come, of any type that is not the
	// session's. The message is valid during the call.
	Execute(m *codecfix.Message)
	// Resend calls each for the stored application messages numbered from to to, in order, until it
	// returns false. sent is the SendingTime of the first transmission; body appends the message
	// after its header.
	Resend(from, to uint64, each func(seq uint64, sent int64, msgType string, body func(*codecfix.Writer)) bool)
	// Logon accepts or refuses the Logon at the start of a connection, of which only the identity and
	// SendingTime are checked yet. A Logon that resets the numbers later does not come here. The text of a refusal goes to the peer in a Logout; without
	// a text the connection is closed in silence.
	Logon(m *codecfix.Message) (text string, ok bool)
	// Reset means that both numbers start at 1 again: what was stored for Resend is void.
	Reset()
	// Disconnect closes the connection after all that was written. The Session is offline already.
	// A second call for the same connection has no effect.
	Disconnect(why string)
}

type state uint8

const (
	offline state = iota
	online
	leaving  // Logout is sent, the answer is awaited
	greeting // Logon is sent, the answer is awaited
)

// Session is one identity. NextOut and NextIn are its memory: store them, and set them before the
// first Logon. New makes a Session.
type Session struct {
	// NextOut is the number of the next message that leaves.
	NextOut uint64
	// NextIn is the number that the next message of the peer should have.
	NextIn uint64
	// Faults is misbehaviour on demand; nil: there is no fault.
	Faults *Faults

	config *Config
	state  state
	tested bool // a TestRequest is out

	interval int64 // HeartBtInt, nanoseconds; 0: no heartbeats
	sent     int64 // when something last left
	heard    int64 // when something last came
	leaveBy  int64 // end of the wait for the answer to Logout, or to a Logon of this side

	ahead   []waiting // messages after the gap, by number
	bytes   int       // of ahead
	highest uint64    // of all numbers that came
	asked   uint64    // the last ResendRequest reaches to this number; 0: there was no request
	askedAt int64     // when it left, or when NextIn last moved
	asks    uint8     // since NextIn last moved

	resend resend
}

// New returns a Session whose numbers start at 1. The config must not change.
func New(config *Config) *Session {
	return &Session{NextOut: 1, NextIn: 1, config: config}
}

// Online reports whether the peer is logged on. Between Logout and its answer it is not.
func (s *Session) Online() bool { return s.state == online }

// Connected reports whether a connection belongs to the Session. A second one must not call Receive.
func (s *Session) Connected() bool { return s.state != offline }

// Disconnected means that the connection is gone.
func (s *Session) Disconnected() {
	s.state, s.tested, s.interval = offline, false, 0
	s.ahead, s.bytes, s.highest, s.asked, s.asks = nil, 0, 0, 0, 0
	s.resend = resend{}
	if s.Faults != nil {
		s.Faults.swapped = nil
	}
}

func (s *Session) disconnect(why string, h Host) {
	s.Disconnected()
	h.Disconnect(why)
}

// Garbled means that a frame was no message: it is ignored, and not counted (2d, 3b).
func (s *Session) Garbled(now int64, h Host) {
	if s.state == offline || s.state == greeting {
		s.disconnect("garbled message before Logon", h)
		return
	}
	s.heard, s.tested = now, false
}

// Receive handles a message of the peer. On a Session that is offline, and after Initiate, it must be a
// Logon.
func (s *Session) Receive(m *codecfix.Message, now int64, h Host) {
	if s.state == offline {
		s.firstLogon(m, now, h)
		return
	}
	s.heard, s.tested = now, false
	switch s.state {
	case leaving:
		s.whileLeaving(m, now, h)
		return
	case greeting:
		s.greeted(m, now, h)
	default:
		s.whileOnline(m, now, h)
	}
	s.advance(now, h)
}

// Logout ends the connection from this side: at the peer's answer, or after 10 s.
func (s *Session) Logout(text string, now int64, h Host) { s.leave(text, logoutWait, now, h) }

// leave sends a Logout and waits for the answer, unless the Session is leaving already.
func (s *Session) leave(text string, wait, now int64, h Host) {
	if s.state != online { // left already, or a fault closed the connection
		return
	}
	s.sendLogout(text, now, h)
	if s.state != offline {
		s.state, s.leaveBy = leaving, now+wait
	}
}

// Deadline is when Tick has something to do, math.MaxInt64 if there is nothing to wait for. It may
// have moved after each call.
func (s *Session) Deadline() int64 {
	if s.state == leaving || s.state == greeting {
		return s.leaveBy
	}
	at := int64(math.MaxInt64)
	if s.state == offline {
		return at
	}
	if s.asked > 0 {
		at = s.askedAt + askWait
	}
	switch {
	case s.interval == 0:
	case s.tested:
		at = min(at, s.heard+s.interval*24/10)
	default:
		at = min(at, s.sent+s.interval, s.heard+s.interval*12/10)
	}
	return at
}

// Tick does what the time demands: Heartbeat, TestRequest (4a, 6), another ResendRequest, and the
// end of a connection whose peer is silent.
func (s *Session) Tick(now int64, h Host) {
	if now < s.Deadline() {
		return
	}
	switch s.state {
	case leaving:
		s.disconnect("no answer to Logout", h)
		return
	case greeting:
		s.disconnect("no answer to Logon", h)
		return
	}
	if s.interval > 0 {
		switch silent := now - s.heard; {
		case silent >= s.interval*24/10:
			s.disconnect("heartbeat timeout", h)
			return
		case silent >= s.interval*12/10 && !s.tested:
			s.tested = true
			w := s.Start(nil, typeTestRequest, now)
			w.Text(tagTestReqID, "TEST")
			s.leaves(w.End(), now, h)
		case now-s.sent >= s.interval && !s.tested:
			w := s.Start(nil, typeHeartbeat, now)
			s.leaves(w.End(), now, h)
		}
	}
	if s.asked > 0 && s.state == online && now-s.askedAt >= askWait {
		if s.asks >= maxAsks {
			s.leave("ResendRequest not answered", faultWait, now, h)
			return
		}
		s.ask(now, h)
	}
}
