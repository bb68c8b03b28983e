package load

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"holdfast/codec"
	"holdfast/codec/fix"
	"holdfast/codec/pb"
)

// fixWire is FIX 4.4. A connection is a session of its account: SenderCompID is the number of the
// customer, Password is the token, and further sessions of an account have a SenderSubID. Logon resets
// the sequence numbers. The reply to an order is the first ExecutionReport that names it by its
// ClOrdID, which is the mark; other reports count as pushes. A heartbeat that is a request of the
// load is a TestRequest, and its reply is the Heartbeat that names it.
type fixWire struct {
	sessions []fixSession
	nonce    uint32 // of the marks
	verified fix.Message
}

// fixSession is what a connection remembers of its session.
type fixSession struct {
	comps   []byte // SenderCompID and SenderSubID, as complete fields
	out, in uint64 // the next numbers
}

const (
	// fixTarget is the CompID of the server.
	fixTarget = "HOLDFAST"
	// fixHeartBtInt is the time after which the server asks whether a silent client is there.
	fixHeartBtInt = 30 * time.Second
	// fixSample: one message of a session in fixSample is parsed completely, with its CheckSum.
	fixSample = 64
	// sessionFields begin the body of every request.
	sessionFields = "56=" + fixTarget + "\x01"
)

// Types of message (35) that are only handled here, and their fields.
const (
	fixHeartbeat   = "0"
	fixTestRequest = "1"
	fixTestReqID   = 112
)

func newFIXWire(o Options) *fixWire {
	w := &fixWire{sessions: make([]fixSession, o.Connections)}
	for i := range w.sessions {
		customer, sub := uint32(i+1), 0
		if n := len(o.Accounts); n > 0 {
			group := i / o.groupSize()
			customer, sub = o.Accounts[group%n].Customer, group/n*o.groupSize()+i%o.groupSize()
		}
		comps := fmt.Appendf(nil, "49=%d\x01", customer)
		if sub > 0 {
			comps = fmt.Appendf(comps, "50=%d\x01", sub)
		}
		w.sessions[i].comps = comps
	}
	return w
}

func (*fixWire) handshake(int) []byte { return nil }

// decode implements wire: a message has the text that explains a refusal, or nothing.
func (*fixWire) decode(body []byte, into protobuf) error {
	if e, ok := into.(*pb.Error); ok {
		e.Message = string(body)
	}
	return nil
}

func (*fixWire) chatText([]byte) []byte { return nil }

func (*fixWire) prepare(c codec.Command, body codec.Body) *prepared {
	switch b := body.(type) {
	case *pb.LoginRequest:
		p := newPrepared(fmt.Appendf(nil, sessionFields+"98=0\x01108=%d\x01141=Y\x01554=%s\x01", int(fixHeartBtInt.Seconds()), hex.EncodeToString(b.GetToken())))
		p.msgType = fix.Logon
		return p
	case *pb.PlaceOrderRequest:
		p := newPrepared(fmt.Appendf(nil, sessionFields+"11=%s\x0138=%d\x0140=1\x0154=%d\x0155=%s\x01207=%s\x01", emptyMark(), b.Quantity, b.Side, b.Code, b.Market))
		p.msgType, p.timed = fix.NewOrderSingle, true
		return p
	}
	if c != codec.CommandHeartbeat {
		panic("load: FIX has no " + c.String()) // validateDialect refuses such a workload
	}
	p := newPrepared([]byte(sessionFields + "112=" + emptyMark() + "\x01"))
	p.msgType = fixTestRequest
	return p
}

func (w *fixWire) append(dst []byte, p *prepared, id uint64) []byte {
	s := &w.sessions[connectionOf(id)]
	if p.msgType == fix.Logon {
		s.in, s.out = 1, 1
	}
	if p.markAt > 0 {
		w.nonce = p.nonce
	}
	now := time.Now().UnixNano()
	m := s.start(dst, p.msgType, now)
	at := m.Len()
	m.Raw(p.text)
	p.mark(m.Since(at), 0, id)
	if p.timed {
		m.Time(fix.TransactTime, now)
	}
	return m.End()
}

// start starts the next message of a session at the end of dst.
func (s *fixSession) start(dst []byte, msgType string, now int64) fix.Writer {
	m := fix.Begin(dst, msgType)
	m.Int(fix.MsgSeqNum, int64(s.out))
	s.out++
	m.Raw(s.comps)
	m.Time(fix.SendingTime, now)
	return m
}

// appendBeat appends a Heartbeat, which answers a TestRequest if asked is its TestReqID.
func (w *fixWire) appendBeat(dst []byte, c *conn, asked []byte) []byte {
	m := w.sessions[c.number].start(dst, fixHeartbeat, time.Now().UnixNano())
	m.Text(fix.TargetCompID, fixTarget)
	if len(asked) > 0 {
		m.Bytes(fixTestReqID, asked)
	}
	return m.End()
}

// next implements wire. It skips what is neither a reply nor a report.
func (w *fixWire) next(c *conn, b []byte, m *message) (used int, ok bool, err error) {
	for used < len(b) && !ok {
		n, err := fix.Dialect{}.FrameLen(b[used:], readBufferSize)
		if err != nil {
			return used, false, fmt.Errorf("%w: %w", ErrWrongLength, err)
		}
		if n == 0 || n > len(b)-used {
			return used, false, nil
		}
		frame := b[used : used+n]
		used += n
		if ok, err = w.read(c, frame, m); err != nil {
			return used, false, err
		}
	}
	return used, ok, nil
}

// read reads a message, and reports whether it is a reply or a push.
func (w *fixWire) read(c *conn, frame []byte, m *message) (ok bool, err error) {
	s := &w.sessions[c.number]
	var f fixFields
	f.scan(frame)
	if s.in%fixSample == 0 {
		if err := w.verified.Parse(frame); err != nil {
			return false, fmt.Errorf("%w: %w: %.300q", ErrWrongBody, err, frame)
		}
	}
	if seq, err := strconv.ParseUint(string(f.seq), 10, 64); err != nil || seq != s.in {
		return false, fmt.Errorf("%w: MsgSeqNum %q instead of %d", ErrPushGap, f.seq, s.in)
	}
	s.in++
	m.id, m.result, m.body = 0, codec.ResultOK, nil
	switch string(f.msgType) {
	case fix.Logon:
		m.command, m.id = codec.CommandLogin.Reply(), c.nextReply
	case fix.ExecutionReport:
		m.command, m.id = w.commandOf(c, f.clOrdID, codec.CommandPlaceOrder)
		if string(f.execType) == "8" {
			m.result, m.body = codec.ResultRejected, f.text
		}
	case fixHeartbeat:
		m.command, m.id = w.commandOf(c, f.testReqID, codec.CommandHeartbeat)
		return m.id != 0, nil
	case fixTestRequest:
		c.control = w.appendBeat(c.control, c, f.testReqID)
		return false, nil
	default:
		return false, f.end(c)
	}
	return true, nil
}

// commandOf returns the reply that a mark belongs to, or that it is a push with the id 0.
func (w *fixWire) commandOf(c *conn, mark []byte, request codec.Command) (reply codec.Command, id uint64) {
	if len(mark) == markLen {
		nonce, ok := parseHex(mark[:8])
		connection, ok2 := parseHex(mark[9:15])
		number, ok3 := parseHex(mark[16:])
		id = firstID(connection) | uint64(number)
		if ok && ok2 && ok3 && nonce == w.nonce && connection == c.number && id >= c.nextReply {
			return request.Reply(), id
		}
	}
	return codec.PushExecution, 0
}

// end returns the error of a message that ends the use of a session.
func (f *fixFields) end(c *conn) error {
	err := fmt.Errorf("%w: MsgType %s", ErrWrongCommand, f.msgType)
	if c.state == opening {
		err = fmt.Errorf("%w: MsgType %s", ErrLogin, f.msgType)
	}
	if len(f.text) == 0 {
		return err
	}
	return &answerError{fmt.Errorf("%w: %s", err, f.text), string(f.text)}
}

// fixFields are the values of a message that read looks at.
type fixFields struct {
	msgType, seq, clOrdID, execType, testReqID, text []byte
}

// scan finds the fields of a message.
func (f *fixFields) scan(frame []byte) {
	for len(frame) > 0 {
		end := bytes.IndexByte(frame, fix.SOH)
		if end < 0 {
			return
		}
		field := frame[:end]
		frame = frame[end+1:]
		tag, n := 0, 0
		for n < len(field) && field[n] != '=' {
			tag = 10*tag + int(field[n]-'0')
			n++
		}
		value := field[min(n+1, len(field)):]
		switch tag {
		case fix.MsgType:
			f.msgType = value
		case fix.MsgSeqNum:
			f.seq = value
		case fix.ClOrdID:
			f.clOrdID = value
		case fix.Text:
			f.text = value
		case fixTestReqID:
			f.testReqID = value
		case fix.ExecType:
			f.execType = value
			return // read needs no later field of an ExecutionReport
		}
	}
}
