package chaos

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"holdfast/codec/fix"
)

// fixSession is a FIX initiator that outlives its connections. It keeps what it has sent, to send it
// again when the server asks, and checks the numbers of all that arrives: each is used once, and what
// is missing is asked for. Owner: one goroutine.
type fixSession struct {
	compID string
	token  []byte
	// broken is called for a broken promise, and take for each message of the application, in the
	// order of their numbers, once.
	broken func(format string, args ...any)
	take   func(m *fix.Message)

	conn    net.Conn
	out, in uint64            // the next numbers
	sent    map[uint64][]byte // requests: type and body, by number
	times   map[uint64]int64  // when they were sent first
	taken   map[uint64][]byte // body of each message of the application
	highest uint64            // what was asked for ends here
	heard   string            // the last TestReqID that came back
	resent  int               // messages that came by a resend
	asked   int               // requests that the server has asked for again
	gaps    int               // times that this side has asked

	buffer []byte
	parsed fix.Message
}

func newFIXSession(compID string, token []byte) *fixSession {
	return &fixSession{
		compID: compID, token: token, out: 1, in: 1,
		sent: make(map[uint64][]byte), times: make(map[uint64]int64), taken: make(map[uint64][]byte),
	}
}

// Tags and types that only sessions use.
const (
	fixFirstSeqNo, fixLastSeqNo, fixNewSeqNo  = 7, 16, 36
	fixTestReqID, fixGapOnly, fixExecRefID    = 112, 123, 19
	fixHeartbeat, fixTest, fixResend, fixGaps = "0", "1", "2", "4"
	fixReject, fixLogout, fixBusiness         = "3", "5", "j"
)

// errLoggedOut means that the server has ended the session with a Logout.
var errLoggedOut = errors.New("the server has logged the client out")

// logon connects and logs on. The numbers go on where they were.
func (s *fixSession) logon(ctx context.Context, addr string) (err error) {
	s.buffer, s.highest = s.buffer[:0], 0
	if s.conn, err = new(net.Dialer).DialContext(ctx, "tcp", addr); err != nil {
		return err
	}
	w := s.message(fix.Logon, s.number(), 0)
	w.Int(98, 0)
	w.Int(108, 30)
	w.Text(fix.Password, hex.EncodeToString(s.token))
	return s.write(w.End())
}

// number takes the next number.
func (s *fixSession) number() uint64 {
	s.out++
	return s.out - 1
}

// message starts a message. first is when it was sent first; 0: now.
func (s *fixSession) message(msgType string, number uint64, first int64) fix.Writer {
	w := fix.Begin(nil, msgType)
	w.Int(fix.MsgSeqNum, int64(number))
	if first > 0 {
		w.Char(fix.PossDupFlag, 'Y')
	}
	w.Text(fix.SenderCompID, s.compID)
	w.Time(fix.SendingTime, time.Now().UnixNano())
	w.Text(fix.TargetCompID, "HOLDFAST")
	if first > 0 {
		w.Time(fix.OrigSendingTime, first)
	}
	return w
}

func (s *fixSession) write(message []byte) error {
	_, err := s.conn.Write(message)
	return err
}

// send sends a request. It counts as sent also if the connection has ended.
func (s *fixSession) send(msgType string, body func(*fix.Writer)) error {
	number, now := s.number(), time.Now().UnixNano()
	w := s.message(msgType, number, 0)
	at := w.Len()
	body(&w)
	s.sent[number], s.times[number] = append([]byte(msgType), w.Since(at)...), now
	return s.write(w.End())
}

// test asks for a Heartbeat with an id: heard is the id when all in front of it has come.
func (s *fixSession) test(id string) error {
	w := s.message(fixTest, s.number(), 0)
	w.Text(fixTestReqID, id)
	return s.write(w.End())
}

// receive waits for bytes and handles the messages in them.
func (s *fixSession) receive() error {
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	chunk := make([]byte, 16<<10)
	n, err := s.conn.Read(chunk)
	s.buffer = append(s.buffer, chunk[:n]...)
	for {
		size, frameErr := fix.Dialect{}.FrameLen(s.buffer, 1<<20)
		if frameErr != nil {
			return frameErr
		}
		if size == 0 || size > len(s.buffer) {
			return err
		}
		frame := s.buffer[:size]
		if parseErr := s.parsed.Parse(frame); parseErr != nil {
			s.broken("%s received a garbled message: %q", s.compID, frame)
			return parseErr
		}
		if handleErr := s.handle(&s.parsed); handleErr != nil {
			return handleErr
		}
		s.buffer = s.buffer[size:]
	}
}

// handle handles a message.
func (s *fixSession) handle(m *fix.Message) error {
	seq := fixNumber(m, fix.MsgSeqNum)
	again := fixIs(m, fix.PossDupFlag, "Y")
	msgType := string(m.Type)
	if msgType == fixResend { // also beyond a gap: the other side waits
		if err := s.sendAgain(fixNumber(m, fixFirstSeqNo), fixNumber(m, fixLastSeqNo)); err != nil {
			return err
		}
	}
	if msgType == fixLogout {
		text, _ := m.Get(fix.Text)
		return fmt.Errorf("%w: %s", errLoggedOut, text)
	}
	switch {
	case msgType == fixGaps && seq <= s.in:
		s.in = max(s.in, fixNumber(m, fixNewSeqNo))
	case seq > s.in:
		return s.askFor(seq)
	case seq < s.in:
		s.compare(m, seq, again)
	default:
		s.in++
		s.accept(m, seq, again)
		if msgType == fixTest {
			id, _ := m.Get(fixTestReqID)
			w := s.message(fixHeartbeat, s.number(), 0)
			w.Bytes(fixTestReqID, id)
			return s.write(w.End())
		}
	}
	return nil
}

// askFor asks for all from the next number on, once for a gap.
func (s *fixSession) askFor(seq uint64) error {
	if s.in <= s.highest {
		s.highest = max(s.highest, seq)
		return nil
	}
	s.highest = seq
	s.gaps++
	w := s.message(fixResend, s.number(), 0)
	w.Int(fixFirstSeqNo, int64(s.in))
	w.Int(fixLastSeqNo, 0)
	return s.write(w.End())
}

// accept takes the message whose number is the next one.
func (s *fixSession) accept(m *fix.Message, seq uint64, again bool) {
	switch string(m.Type) {
	case fixHeartbeat:
		id, _ := m.Get(fixTestReqID)
		s.heard = string(id)
	case fixReject, fixBusiness:
		text, _ := m.Get(fix.Text)
		s.broken("%s: message %d was rejected: %s", s.compID, fixNumber(m, 45), text)
	case fix.Logon, fixTest, fixResend, fixGaps:
	default:
		if again {
			s.resent++
		}
		s.taken[seq] = fixBody(m)
		s.take(m)
	}
}

// compare checks a message with a number that was used before: it must be the same one again.
func (s *fixSession) compare(m *fix.Message, seq uint64, again bool) {
	first, seen := s.taken[seq]
	switch {
	case !again:
		s.broken("%s: number %d is used again, %d is the next, by a message %s without PossDupFlag", s.compID, seq, s.in, m.Type)
	case seen && !bytes.Equal(first, fixBody(m)):
		s.broken("%s: message %d came with other fields than before: %q, before %q", s.compID, seq, fixBody(m), first)
	}
}

// sendAgain answers a ResendRequest.
func (s *fixSession) sendAgain(from, to uint64) error {
	if to == 0 || to >= s.out {
		to = s.out - 1
	}
	end := s.out
	for n := from; n <= to; n++ {
		body := s.sent[n]
		if body == nil {
			next := n + 1
			for next <= to && s.sent[next] == nil {
				next++
			}
			if next > to {
				next = min(to+1, end)
			}
			w := s.message(fixGaps, n, time.Now().UnixNano())
			w.Int(fixNewSeqNo, int64(next))
			w.Char(fixGapOnly, 'Y')
			if err := s.write(w.End()); err != nil {
				return err
			}
			n = next - 1
			continue
		}
		w := s.message(string(body[:1]), n, s.times[n])
		w.Raw(body[1:])
		s.asked++
		if err := s.write(w.End()); err != nil {
			return err
		}
	}
	return nil
}

func (s *fixSession) close() {
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// fixNumber returns the number in a field, 0 without it.
func fixNumber(m *fix.Message, tag int) uint64 {
	v, _ := m.Get(tag)
	n, _ := strconv.ParseUint(string(v), 10, 64)
	return n
}

func fixIs(m *fix.Message, tag int, value string) bool {
	v, _ := m.Get(tag)
	return string(v) == value
}

// fixBody returns a copy of the fields that are the same when a message is sent again.
func fixBody(m *fix.Message) []byte {
	b := append([]byte(nil), m.Type...)
	for _, f := range m.Fields {
		switch f.Tag {
		case fix.BeginStringTag, fix.BodyLength, fix.CheckSum, fix.MsgType, fix.PossDupFlag, fix.SendingTime, fix.OrigSendingTime:
		default:
			b = strconv.AppendInt(append(b, '|'), int64(f.Tag), 10)
			b = append(append(b, '='), f.Value...)
		}
	}
	return b
}
