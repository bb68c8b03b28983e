package link

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"sync/atomic"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// session is the connection under a session of the venue: its client is at a front.
//
// Goroutine: the worker of its lane.
type session struct {
	lane    *venueLane
	number  uint32
	open    Open
	session *engine.Session

	partial []byte       // of a frame of which the rest has not come
	waiting atomic.Int64 // bytes that wait in the lane
	backlog int          // bytes that wait at the front
	logins  int          // without a reply
	ended   bool
}

// data executes the requests in b.
func (s *session) data(b []byte) {
	if len(s.partial) > 0 {
		s.partial = append(s.partial, b...)
		b = s.partial
	}
	core, dialect := s.lane.carrier.config.Core, s.session.Dialect()
	end, n, err := codec.Scan(dialect, b, core.Limits().MaxFrameBytes+codec.PacketHeaderLen, len(b))
	if err != nil { // the front has checked it
		s.session.Close(engine.ReasonMalformed)
		return
	}
	if end > 0 {
		if !s.open.FIX {
			s.countLogins(b[:end])
		}
		core.Received(s.session, n, end)
		core.Serve(s.lane.worker.context, s.session, b[:end])
	}
	s.partial = append(s.partial[:0], b[end:]...)
}

// countLogins counts the logins in complete frames.
func (s *session) countLogins(b []byte) {
	for len(b) > 0 {
		if codec.Command(b[4]) == codec.CommandLogin {
			s.logins++
		}
		b = b[binary.BigEndian.Uint32(b):]
	}
}

// admit logs the session in.
func (s *session) admit(a *Admission) {
	ticket := s.lane.carrier.gateway.Ticket(a.Customer, a.Credential)
	if ticket == nil {
		s.lane.add(Entry{Kind: KindRefused, Session: s.number}, nil)
		return
	}
	s.data(codec.AppendRequest(nil, codec.CommandLogin, 0, &pb.LoginRequest{
		Customer: uint32(a.Customer), Credential: &pb.LoginRequest_Token{Token: ticket},
		ResumeFrom: a.ResumeFrom, HistoryId: a.History,
	}))
}

// Write implements engine.Link.
func (s *session) Write(b []byte) error {
	if s.ended {
		return nil
	}
	if s.logins > 0 && s.loggedIn(b) {
		if credential := s.lane.carrier.gateway.Credential(s.session); credential != nil {
			s.lane.add(Entry{KindCredential, s.number, credential}, nil)
		}
	}
	s.lane.add(Entry{KindData, s.number, b}, &s.waiting)
	return nil
}

// loggedIn reports whether there is the reply to a login that succeeded among the frames of b, and
// counts the replies.
func (s *session) loggedIn(b []byte) (yes bool) {
	for len(b) > codec.PacketHeaderLen {
		if codec.Command(b[4]) == codec.CommandLogin.Reply() {
			s.logins--
			yes = yes || codec.Result(b[codec.PacketHeaderLen]) == codec.ResultOK
		}
		b = b[min(len(b), int(binary.BigEndian.Uint32(b))):]
	}
	return yes
}

// Buffered implements engine.Link: what waits at the front. What waits in the lane is not the client's
// fault, and counts only if there is too much for all.
func (s *session) Buffered() int {
	if s.lane.Full() {
		return int(s.waiting.Load()) + s.backlog
	}
	return s.backlog
}

// CloseWrite implements engine.Link.
func (s *session) CloseWrite() error { return s.Close() }

// Close implements engine.Link.
func (s *session) Close() error {
	if s.ended {
		return nil
	}
	s.lane.add(Entry{Kind: KindClosed, Session: s.number}, nil)
	s.lane.worker.add(job{run: func() { s.end(engine.ReasonPeerClosed) }})
	return nil
}

// end tells the core that the session has ended.
func (s *session) end(reason engine.Reason) {
	s.ended = true
	delete(s.lane.sessions, s.number)
	s.lane.carrier.config.Core.Closed(s.session, reason)
}

// Encrypted implements engine.SecureLink.
func (s *session) Encrypted() bool { return s.open.Encrypted }

// Certificate implements engine.SecureLink: the front has verified it.
func (s *session) Certificate() *x509.Certificate {
	if s.open.Certificate == "" {
		return nil
	}
	return &x509.Certificate{Subject: pkix.Name{CommonName: s.open.Certificate}}
}

// setBacklog takes the report of a front.
func (s *session) setBacklog(b []byte) {
	if len(b) == 4 {
		s.backlog = int(binary.BigEndian.Uint32(b))
	}
}
