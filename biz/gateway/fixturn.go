package gateway

import (
	"math"
	"slices"
	"strconv"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/codec"
	codecfix "holdfast/codec/fix"
	"holdfast/engine"
)

// fixTurn is a turn of an account for one of its FIX sessions. It implements fix.Host.
type fixTurn struct {
	g    *Gateway
	out  *outbound
	turn *desk.Turn
	id   *fixIdentity
	times

	mark  desk.SequenceMark // what changes besides the numbers
	marks bool              // it changes something

	counted bool // the output counts as due: see engine.Outbox.PushDue
}

// times are the times of a turn, in Unix nanoseconds.
type times struct {
	now  int64 // of the trading clock
	wall int64 // of the computer's clock, for the session
}

func (g *Gateway) times() times { return times{g.now(), g.wall()} }

// inFIX calls do in a turn of the identity's account, if conn is its connection; nil: whichever is.
// The error is that the account has too much to do.
func (g *Gateway) inFIX(w *workspace, id *fixIdentity, conn *engine.Session, do func(*fixTurn)) error {
	return g.inFIXAt(g.times(), w, id, conn, do)
}

func (g *Gateway) inFIXAt(at times, w *workspace, id *fixIdentity, conn *engine.Session, do func(*fixTurn)) error {
	return id.account.Do(w.turn, func(turn *desk.Turn) {
		if id.conn == nil || conn != nil && conn != id.conn {
			return
		}
		t := id.turn.start(g, w.out, turn, id, at)
		do(t)
		t.finish()
	})
}

// start starts a turn.
func (t *fixTurn) start(g *Gateway, out *outbound, turn *desk.Turn, id *fixIdentity, at times) *fixTurn {
	*t = fixTurn{g: g, out: out, turn: turn, id: id, times: at}
	return t
}

// tick does what the time demands, and goes on with what a ResendRequest has asked for.
func (t *fixTurn) tick() {
	s := t.id.session
	s.Tick(t.wall, t)
	if s.Resending() {
		s.Resume(resendPiece, t.wall, t)
	}
	t.misbehave()
}

// finish marks what the turn has changed without an event.
func (t *fixTurn) finish() {
	id, s := t.id, t.id.session
	at := s.Deadline()
	if s.Resending() {
		at = 0
	} else if !id.past.reading {
		id.past = fixEvents{}
	}
	id.next.Store(min(at, id.misbehaviour.due()))
	if safe := max(id.state.Out, id.numberOf(t.turn.Ledger().LastNumber()+1)); s.NextOut > safe {
		margin := uint64(numberMargin)
		if id.conn == nil { // a message of a request that has waited: the client asks for it
			margin = 0
		}
		t.reserve(s.NextOut + margin)
	}
	if t.marks {
		t.addMark(desk.Offset{})
	}
}

// reserve makes the mark say that numbers below out may be used.
func (t *fixTurn) reserve(out uint64) { t.mark.Out, t.marks = out, true }

// addMark adds the mark to the turn.
func (t *fixTurn) addMark(o desk.Offset) {
	t.mark.SequenceKey, t.mark.In, t.mark.Offset = t.id.key, t.id.decided(), o
	t.mark.Out = max(t.mark.Out, t.id.state.Out)
	t.turn.Mark(&t.mark)
	t.id.state.Apply(&t.mark)
	t.mark, t.marks = desk.SequenceMark{}, false
}

// undecided says that a message waits for its time, or for a look into the past. Until its turn calls end,
// marks do not reach its number, so that after a kill the client is asked for it.
func (t *fixTurn) undecided(m *codecfix.Message) (end func()) {
	id, number := t.id, new(uint64)
	v, _ := m.Get(codecfix.MsgSeqNum)
	*number, _ = strconv.ParseUint(string(v), 10, 64)
	id.waiting = append(id.waiting, number)
	return func() { id.waiting = slices.DeleteFunc(id.waiting, func(n *uint64) bool { return n == number }) }
}

// decided returns the number that all decided messages are below.
func (id *fixIdentity) decided() uint64 {
	in := id.session.NextIn
	for _, number := range id.waiting {
		in = min(in, *number)
	}
	return in
}

// keep stores the body of the message that was sent last, so that it can be sent again. One that is too
// long, since it copies fields of the client, is not kept.
func (t *fixTurn) keep(number uint64, body []byte) {
	if len(body) > desk.MaxSequenceBytes {
		return
	}
	t.mark.Message = desk.NumberedMessage{Number: number, Time: t.wall, Bytes: body}
	t.addMark(desk.Offset{})
}

// hangUp ends the connection. The numbers used so far are exact from now on.
func (t *fixTurn) hangUp() {
	t.id.session.Disconnected()
	t.leave()
}

// end logs the client out and closes the connection.
func (t *fixTurn) end(text string, why engine.Reason) {
	conn := t.id.conn
	t.id.session.Logout(text, t.wall, t)
	t.out.Close(conn, why)
	t.hangUp()
}

func (t *fixTurn) leave() {
	t.id.conn, t.id.held = nil, nil
	t.id.misbehaviour.gone()
	t.g.fix.setOnline(t.id, false)
	t.id.state.Out = 0 // the mark may be lower than what was reserved
	t.reserve(t.id.session.NextOut)
}

// Write implements fix.Host.
func (t *fixTurn) Write(message []byte, delayed bool) {
	switch {
	case t.id.conn == nil:
	case t.id.misbehaviour.holds(delayed):
		t.postpone(message, delayed)
	default:
		t.push(message)
	}
}

func (t *fixTurn) push(message []byte) {
	t.g.fix.counts.sent(message)
	if t.id.account.held.Load() {
		t.hold(message)
		return
	}
	t.out.raw = message
	if t.counted {
		t.out.PushDue(t.id.conn, codec.CommandFIX, 0, &t.out.raw)
	} else {
		t.out.Push(t.id.conn, codec.CommandFIX, 0, &t.out.raw)
	}
}

// Logon implements fix.Host. The credential was verified before the turn.
func (t *fixTurn) Logon(*codecfix.Message) (text string, ok bool) { return "", true }

// Reset implements fix.Host.
func (t *fixTurn) Reset() {
	t.id.state, t.id.waiting = desk.Sequence{}, nil
	t.mark, t.marks = desk.SequenceMark{Reset: true}, true
}

// Disconnect implements fix.Host.
func (t *fixTurn) Disconnect(string) {
	if t.id.conn != nil {
		t.release(math.MaxInt64)
		t.out.Close(t.id.conn, engine.ReasonLoggedOut)
		t.leave()
	}
}

// Resend implements fix.Host. Reports are made again from the events; other messages were kept. It goes on
// when the client has taken the earlier ones.
func (t *fixTurn) Resend(from, to uint64, each func(seq uint64, sent int64, msgType string, body func(*codecfix.Writer)) bool) {
	if t.id.conn.Due() > fixDue || t.id.account.held.Load() {
		t.id.session.ResendLater()
		return
	}
	defer func(was bool) { t.counted = was }(t.counted)
	t.counted = true
	all := each
	each = func(seq uint64, sent int64, msgType string, body func(*codecfix.Writer)) bool {
		t.g.fix.counts.resent.Add(1)
		return all(seq, sent, msgType, body)
	}
	kept := t.id.state.Messages
	send := func(before uint64) bool { // what was kept below a number
		for len(kept) > 0 && kept[0].Number < before {
			m := kept[0]
			kept = kept[1:]
			if m.Number >= from && !each(m.Number, m.Time, string(m.Bytes[:1]), func(w *codecfix.Writer) { w.Raw(m.Bytes[1:]) }) {
				return false
			}
		}
		return true
	}
	complete := t.resendEvents(from, to, func(e *ledger.Event, number uint64) bool {
		if !send(number) {
			return false
		}
		if len(kept) > 0 && kept[0].Number == number { // it names the request
			return true
		}
		return each(number, min(e.Time, t.wall), codecfix.ExecutionReport, func(w *codecfix.Writer) { t.g.appendReport(w, e, nil, nil) })
	})
	if complete {
		send(to + 1)
	}
}

// report sends the reports of the turn's events to the FIX sessions of the account.
func (a *account) report(turn *desk.Turn) {
	if len(a.identities) > 0 && len(turn.Events()) > a.reported {
		a.reportNew(turn, a.gateway.times(), nil, nil, nil)
	}
	a.reported = 0
}

// reportNew is report for the events that have no report yet. Those that a request of by has caused name
// its ClOrdID, and that of its order before it.
func (a *account) reportNew(turn *desk.Turn, at times, by *fixIdentity, asked, order []byte) {
	events := turn.Events()[a.reported:]
	a.reported += len(events)
	for _, id := range a.identities {
		t := id.reports.start(a.gateway, turn.Out.(*outbound), turn, id, at)
		for n := range events {
			switch e := &events[n]; {
			case !e.Kind.HasOrder():
			case id == by && (e.Kind == ledger.KindCancel || e.Kind == ledger.KindReplace):
				t.report(e, asked, order)
			default:
				t.report(e, nil, nil)
			}
		}
		t.pushPositions(events)
	}
}

// report sends the report of an event. With the names of a request it is kept.
func (t *fixTurn) report(e *ledger.Event, asked, order []byte) {
	s := t.id.session
	var o desk.Offset
	if t.id.numberOf(e.Number) != s.NextOut {
		o = desk.Offset{From: e.Number, By: int64(s.NextOut) - int64(e.Number)}
	}
	if o.From > 0 || t.id.decided() != t.id.state.In {
		t.addMark(o)
	}
	switch {
	case asked != nil:
		t.answer(codecfix.ExecutionReport, func(w *codecfix.Writer) { t.g.appendReport(w, e, asked, order) }, true)
	case !s.Online():
		s.NextOut++
	default:
		w := s.Start(t.out.message[:0], codecfix.ExecutionReport, t.wall)
		t.g.appendReport(&w, e, nil, nil)
		t.out.message = w.End()
		s.Send(t.out.message, t.wall, t)
	}
}
