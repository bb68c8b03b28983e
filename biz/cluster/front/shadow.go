package front

import (
	"bytes"
	"encoding/binary"
	"time"

	"holdfast/biz/cluster/link"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// shadow is a client's session at a venue. client.mu guards it.
type shadow struct {
	client   *client
	venue    *venue
	admitted bool // it was opened after the login, not for it

	lane   *lane  // nil: none yet
	number uint32 // in the lane
	ready  bool   // requests can be sent
	closed bool

	last      uint64 // number of the last request
	requests  queue  // that are not answered, or wait for an earlier one
	large     int    // of them, those that were sent and have large replies
	partial   []byte // of a frame of which the rest has not come
	notice    pb.NoticeCode
	push      uint64 // number of the last push; of the home shadow
	subscribe []byte // body of the last request to push quotes; nil: none
	chats     bool   // it is in chat rooms
	backlog   int    // unsent bytes of the client that the venue knows of
}

// maxLarge is how many requests with large replies are at the venue at once: the others wait, so that a
// client that reads gets all its replies, however large they are.
const maxLarge = 2

// connect opens the shadow at the owner of the stream, or has reconnect called later. The caller
// holds client.mu.
func (s *shadow) connect() {
	s.ready, s.partial, s.notice, s.large, s.backlog = false, nil, 0, 0, 0
	c := s.client
	if s.lane, s.number = s.venue.add(s); s.lane == nil {
		c.front.setWaiting(s, true)
		return
	}
	open := link.Open{FIX: c.fix, Remote: link.RemoteText(c.session.RemoteAddr()), Encrypted: c.session.Encrypted()}
	if certificate := c.session.Certificate(); certificate != nil {
		open.Certificate = certificate.Subject.CommonName
	}
	if c.customer != 0 {
		open.Admission = &link.Admission{Customer: c.customer, Credential: c.credential}
		if s == c.home {
			open.Admission.ResumeFrom, open.Admission.History = s.push, c.history
		}
	}
	s.lane.Add(link.Entry{Kind: link.KindOpen, Session: s.number, Body: open.Body()}, nil)
	if open.Admission == nil {
		s.start()
		return
	}
	c.front.setWaiting(s, true)
	s.lane.Flush()
}

// start sends what waits for a shadow that is open and, if the client is, logged in.
func (s *shadow) start() {
	s.ready = true
	s.client.front.setWaiting(s, false)
	if s.subscribe != nil {
		frame := append(codec.AppendHeader(nil, codec.CommandQuotes, resubscribeID, len(s.subscribe)), s.subscribe...)
		s.lane.Add(link.Entry{Kind: link.KindData, Session: s.number, Body: frame}, nil)
	}
	s.requests.again()
	s.sendWaiting()
}

// reconnect is connect for a shadow that waits. Goroutine: any that holds no lock.
func (s *shadow) reconnect() {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	if !s.closed && s.lane == nil {
		s.connect()
	}
}

// lost opens the shadow again after its lane has ended. Goroutine: as reconnect.
func (s *shadow) lost(l *lane) {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	if s.lane == l && !s.closed {
		s.move()
	}
}

// move opens the shadow again at the owner, and sends the unanswered requests again once it has
// resumed. A client with a request that must not be executed twice is closed.
func (s *shadow) move() {
	s.lane = nil
	if s.client.fix || s.chats || s.requests.unsafe() {
		s.ready = false
		s.client.end(engine.ReasonUnavailable)
		return
	}
	s.connect()
}

// close ends the shadow and drops its requests.
func (s *shadow) close() {
	if s.closed {
		return
	}
	s.closed, s.ready = true, false
	c := s.client
	delete(c.shadows, s.venue.stream)
	c.front.setWaiting(s, false)
	s.venue.remove(s, s.lane, s.number)
	s.requests.drop(c.front)
}

// expire closes the client if requests wait for a shadow that is not ready.
func (s *shadow) expire() {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	if !s.closed && !s.ready && s.requests.len() > 0 {
		s.client.end(engine.ReasonUnavailable)
	}
}

// ask forwards a request, whose body is body and then more. The caller holds client.mu.
func (s *shadow) ask(r *request, body, more []byte) {
	if s.closed { // the client is being closed
		return
	}
	s.last++
	r.frame = codec.AppendHeader(r.frame[:0], r.reply.Command, s.last, len(body)+len(more))
	r.frame = append(append(r.frame, body...), more...)
	s.requests.add(r)
	s.client.front.unanswered.Add(1)
	s.sendWaiting()
}

// sendWaiting sends the requests that may be sent.
func (s *shadow) sendWaiting() {
	if !s.ready {
		return
	}
	front, session := s.client.front, s.client.session
	for r := s.requests.next(); r != nil; r = s.requests.next() {
		if r.large {
			if s.large >= maxLarge {
				break // goes on with the next reply
			}
			if session.Due() > int64(front.core.Limits().OutboundHardBytes/4) {
				front.hold(s)
				break
			}
			s.large++
		}
		if !r.resent && s.lane.Full() {
			s.client.end(engine.ReasonOverloaded)
			break
		}
		s.requests.sent()
		s.lane.Add(link.Entry{Kind: link.KindData, Session: s.number, Body: r.frame}, nil)
	}
	s.lane.Flush()
}

// goOn does what has waited for the client to read. Goroutine: as reconnect.
func (s *shadow) goOn() {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	s.sendWaiting()
	s.reportBacklog()
}

// reportBacklog tells the venue how much output of the client is unsent, if that has changed much: above the
// soft limit the venue leaves out prices until the client has caught up.
func (s *shadow) reportBacklog() {
	unsent, step := int(s.client.session.Unsent()), s.client.front.core.Limits().OutboundSoftBytes/4
	if !s.ready || s.backlog == 0 && unsent < step {
		return
	}
	s.client.front.hold(s) // to look again
	if unsent == 0 || unsent >= s.backlog+step || unsent <= s.backlog-step {
		s.backlog = unsent
		s.lane.Add(link.Entry{Kind: link.KindBacklog, Session: s.number, Body: link.Backlog(unsent)}, nil)
		s.lane.Flush()
	}
}

// take takes an entry of the venue. It returns false if the lane must end. Goroutine: Front.receive.
func (s *shadow) take(l *lane, e link.Entry) bool {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.closed || s.lane != l || s.number != e.Session { // it has moved
		return true
	}
	switch e.Kind {
	case link.KindData:
		if c.fix {
			c.passFIX(e.Body)
			return true
		}
		return s.data(e.Body)
	case link.KindCredential:
		c.credential = bytes.Clone(e.Body)
	case link.KindRefused:
		c.front.out.Close(c.session, engine.ReasonRevoked)
	case link.KindClosed:
		return s.ended()
	default:
	}
	return true
}

// ended ends the client as the venue has ended the shadow. A venue that can't make orders durable is
// about to end itself: then only the lane ends.
func (s *shadow) ended() bool {
	reason := engine.ReasonOnDemand // it was cut
	switch {
	case s.client.fix:
		reason = engine.ReasonLoggedOut
	case s.notice == pb.NoticeCode_NOTICE_CODE_UNAVAILABLE || s.notice == pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN:
		return false
	case s.notice != 0:
		reason = reasonOf(s.notice)
	}
	s.client.front.out.Close(s.client.session, reason)
	s.close()
	return true
}

// reasonOf returns the reason for a session that the venue has closed with a Notice.
func reasonOf(n pb.NoticeCode) engine.Reason {
	for _, r := range engine.Reasons() {
		if r.NoticeCode() == n {
			return r
		}
	}
	return engine.ReasonUnavailable
}

// data takes bytes of the venue. It returns false if they are malformed.
func (s *shadow) data(b []byte) bool {
	if len(s.partial) > 0 {
		s.partial = append(s.partial, b...)
		b = s.partial
	}
	number := s.number
	for len(b) >= codec.PacketHeaderLen {
		n := binary.BigEndian.Uint32(b)
		if n < codec.PacketHeaderLen {
			return false
		}
		if uint64(n) > uint64(len(b)) {
			break
		}
		var m codec.Message
		used, _ := codec.Packet{}.Next(b, &m) // the frame is complete
		if m.Command.IsReply() {
			s.answered(&m)
		} else {
			s.pushed(&m)
		}
		if s.closed || s.number != number || s.lane == nil { // it has moved
			return true
		}
		b = b[used:]
	}
	s.partial = append(s.partial[:0], b...)
	return true
}

// pushed passes a push on. A gap in the numbers makes the shadow resume after the last good one.
func (s *shadow) pushed(m *codec.Message) {
	c := s.client
	switch {
	case m.Command == codec.PushHeartbeat: // the front has its own
		return
	case m.Command == codec.PushNotice:
		var notice pb.Notice
		_ = notice.UnmarshalVT(m.Body) // then it is the code 0
		s.notice = notice.Code
		return
	case s != c.home && m.Command != codec.PushChatMessage:
		return
	case m.ID != 0 && m.ID <= s.push: // the client has it
		return
	case m.ID > s.push+1:
		c.front.log.Warn("a push was lost; the session resumes", "customer", c.customer, "stream", s.venue.stream, "push", s.push+1)
		s.venue.remove(s, s.lane, s.number)
		s.move()
		return
	case m.ID != 0:
		s.push = m.ID
	}
	c.front.out.Push(c.session, m.Command, m.ID, c.front.bodies.of(c.session, m.Command, codec.ResultOK, m.Body))
	s.reportBacklog()
}

// resubscribeID is the request number of a subscription to quotes that the front makes again.
const resubscribeID = 1 << 63

// answered passes a reply on.
func (s *shadow) answered(m *codec.Message) {
	if len(m.Body) == 0 {
		return
	}
	front, result, body := s.client.front, codec.Result(m.Body[0]), m.Body[1:]
	switch m.ID {
	case 0:
		s.admission(result, body)
		return
	case resubscribeID:
		s.resubscribed(result, body)
		return
	}
	r := s.requests.answer(m.ID, s.last)
	if r == nil {
		return
	}
	if r.large && s.large > 0 {
		s.large--
	}
	if r.resent {
		result, body = s.again(r, result, body)
	}
	s.learn(r, result, body)
	if r.merge != nil {
		r.merge.add(front, s.venue.stream, result, body)
	} else {
		front.out.Reply(r.reply, result, front.bodies.of(r.reply.Session, r.reply.Command, result, body))
	}
	front.free(r)
	s.sendWaiting()
}

// admission takes the reply to an admission. The shadow of the client's customer must go on where the last
// one ended.
func (s *shadow) admission(result codec.Result, body []byte) {
	c, reply := s.client, new(pb.LoginReply)
	switch {
	case result == codec.ResultUnauthenticated:
		c.front.out.Close(c.session, engine.ReasonRevoked)
	case result != codec.ResultOK || reply.UnmarshalVT(body) != nil,
		s == c.home && !reply.Resumed && reply.PushSequence != s.push:
		c.front.log.Info("a session could not be moved and is closed; its client can resume", "customer", c.customer,
			"stream", s.venue.stream, "result", result, "snapshot_reason", reply.SnapshotReason)
		c.front.out.Close(c.session, engine.ReasonUnavailable)
	default:
		s.start()
	}
}

// learn notes what a reply changes for the front.
func (s *shadow) learn(r *request, result codec.Result, body []byte) {
	c := s.client
	switch r.reply.Command {
	case codec.CommandLogin:
		var reply pb.LoginReply
		if result == codec.ResultOK && reply.UnmarshalVT(body) == nil {
			s.push = reply.PushSequence
			c.loggedIn(r.customer, reply.HistoryId)
		}
		c.session.SetLoggingIn(false)
	case codec.CommandLogout:
		if result == codec.ResultOK {
			s.subscribe, s.push = nil, 0
			c.loggedOut()
		}
	case codec.CommandQuotes:
		if result == codec.ResultOK {
			s.subscribe = nil
			if body := r.frame[codec.PacketHeaderLen:]; number(body, 2) != 0 { // QuotesRequest.subscribe
				s.subscribe = bytes.Clone(body)
			}
		}
	default:
	}
}

// again returns what the reply to a request would have been that was sent once, and not again.
func (s *shadow) again(r *request, result codec.Result, body []byte) (codec.Result, []byte) {
	var refusal pb.Error
	switch {
	case result == codec.ResultDuplicate:
		return codec.ResultOK, body
	case r.reply.Command == codec.CommandCancelOrder && result == codec.ResultRejected && refusal.UnmarshalVT(body) == nil &&
		refusal.Reason == pb.Reason_REASON_TOO_LATE && refusal.Order.GetStatus() == pb.OrderStatus_ORDER_STATUS_CANCELLED &&
		refusal.Order.GetCause() == s.causeOf(r):
		done, _ := (&pb.CancelOrderReply{Order: refusal.Order, Count: 1}).MarshalVT() // it can't fail
		return codec.ResultOK, done
	}
	return result, body
}

// causeOf returns the cause of the orders that a cancel cancels.
func (s *shadow) causeOf(cancel *request) pb.OrderCause {
	customer := number(cancel.frame[codec.PacketHeaderLen:], 6) // CancelOrderRequest.customer
	if customer != 0 && customer != uint64(s.client.customer) {
		return pb.OrderCause_ORDER_CAUSE_OPERATOR
	}
	return pb.OrderCause_ORDER_CAUSE_CLIENT
}

// resubscribed pushes the prices that may have changed while nobody pushed them.
func (s *shadow) resubscribed(result codec.Result, body []byte) {
	var reply pb.QuotesReply
	if result != codec.ResultOK || reply.UnmarshalVT(body) != nil {
		s.client.front.out.Close(s.client.session, engine.ReasonUnavailable)
		return
	}
	for _, i := range reply.Instruments {
		s.client.front.out.Push(s.client.session, codec.PushQuote, 0,
			&pb.Quote{Market: i.Market, Code: i.Code, LastPrice: i.LastPrice, Time: time.Now().UnixNano()})
	}
}
