package load

import (
	"encoding/binary"
	"fmt"
	"math"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// readBufferSize is the size of the read buffer that all connections share, and so of the
// largest frame.
const readBufferSize = 256 << 10

// state of a connection.
type state uint8

const (
	unborn     state = iota // no socket: not started, or waiting to retry
	connecting              // the socket is connecting
	opening                 // its first request, probe or login, is open
	ready                   // carries load
	dead                    // lost; stays so
)

// conn is one connection. Owner: the event loop.
type conn struct {
	number   uint32
	fd       int
	state    state
	attempts int
	// want is the command of the expected replies.
	want codec.Command
	// nextID is the id of the next request, nextReply that of the next reply.
	nextID, nextReply uint64
	seenID            uint64 // nextID at the last check of beat
	lastPush          uint64
	sequenced         bool // logged in: pushes carry a sequence
	rows              int  // number of positions at login
	silent            bool // never sends: receives pushes from another connection's orders
	answered          uint64
	owed              int  // requests that may be sent but were not yet
	indebted          bool // is in the loop's list indebted
	flights           flights
	// partial is the first bytes of a frame, pending is unsent output.
	partial, pending []byte
	// notice is the last Notice, sent before the server closes.
	notice     string
	noticeCode pb.NoticeCode
}

// open returns the number of requests without a reply.
func (c *conn) open() int { return int(c.nextID - c.nextReply) }

// arrival is the result of one read.
type arrival struct {
	used    int // bytes of complete frames
	replies int
}

// consume checks the complete frames in b. It stops at the first wrong one.
func (l *protocol) consume(c *conn, b []byte) (a arrival, err error) {
	for len(b)-a.used >= 4 {
		total := int(binary.BigEndian.Uint32(b[a.used:]))
		if total < codec.PacketHeaderLen || total > readBufferSize {
			return a, fmt.Errorf("%w: a frame of %d bytes is declared", ErrWrongLength, total)
		}
		if len(b)-a.used < total {
			return a, nil
		}
		frame := b[a.used : a.used+total]
		a.used += total
		command := codec.Command(frame[4])
		switch {
		case command == codec.CommandHeartbeat.Reply() && binary.BigEndian.Uint64(frame[idOffset:]) == beatID:
			continue
		case command == c.want:
			err = l.reply(c, frame)
		case command.IsPush():
			err = l.push(c, frame)
		default:
			err = fmt.Errorf("%w: %s instead of %s", ErrWrongCommand, command, c.want)
		}
		if err != nil {
			return a, err
		}
		if command == c.want {
			a.replies++
		}
	}
	return a, nil
}

// protocol checks what the server sends. Owner: the event loop.
type protocol struct {
	tally    *tally
	accounts []Account
	group    int // number of neighbouring connections that share an account
}

// beatID is the id of a heartbeat that is not a request of the load. No connection number
// reaches it.
const beatID = math.MaxUint64

// resultLen is the length of a reply without a body.
const resultLen = codec.PacketHeaderLen + 1

// reply checks one reply frame against the oldest open request.
func (l *protocol) reply(c *conn, frame []byte) error {
	id := binary.BigEndian.Uint64(frame[idOffset:])
	if c.nextReply == c.nextID {
		return fmt.Errorf("%w: %s with id %#x", ErrUnexpected, c.want, id)
	}
	if id != c.nextReply {
		return fmt.Errorf("%w: %s has id %#x instead of %#x", ErrWrongID, c.want, id, c.nextReply)
	}
	c.nextReply++
	if len(frame) < resultLen {
		return fmt.Errorf("%w: %s without a result", ErrWrongLength, c.want)
	}
	result, body := codec.Result(frame[codec.PacketHeaderLen]), frame[resultLen:]
	if len(body) > 0 && (c.want == codec.CommandSubmit.Reply() || result == codec.ResultOK && c.want == codec.CommandHeartbeat.Reply()) {
		return fmt.Errorf("%w: %s has %d bytes instead of %d", ErrWrongLength, c.want, len(frame), resultLen)
	}
	switch {
	case result != codec.ResultOK:
		return l.refused(c, result, body)
	case c.want == codec.CommandLogin.Reply():
		return l.login(c, body)
	case c.want == codec.CommandPositions.Reply():
		return l.positions(c, id, body)
	}
	return nil
}

// refused counts an answer that is not OK; a refused login is an error.
func (l *protocol) refused(c *conn, result codec.Result, body []byte) error {
	if c.want == codec.CommandLogin.Reply() {
		err := fmt.Errorf("%w: customer %d: %s %s", ErrLogin, l.accountOf(c).Customer, result, errorText(body))
		if result == codec.ResultOverloaded {
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
		return err
	}
	text := ""
	if l.tally.results[result] == 0 {
		text = errorText(body)
	}
	l.tally.refusal(result, text)
	return nil
}

func errorText(body []byte) string {
	var e pb.Error
	if len(body) == 0 || e.UnmarshalVT(body) != nil {
		return "no explanation"
	}
	return fmt.Sprintf("%s %s", e.Reason, e.Message)
}

// login stores the account's push sequence.
func (l *protocol) login(c *conn, body []byte) error {
	var reply pb.LoginReply
	if err := reply.UnmarshalVT(body); err != nil {
		return fmt.Errorf("%w: customer %d: the reply can't be read: %w", ErrLogin, l.accountOf(c).Customer, err)
	}
	c.sequenced, c.lastPush, c.rows = true, reply.PushSequence, len(reply.Positions)
	return nil
}

func (l *protocol) accountOf(c *conn) Account { return l.accounts[l.accountIndex(c)] }

func (l *protocol) accountIndex(c *conn) int { return int(c.number) / l.group % len(l.accounts) }

// push counts a push and checks its number in the account's sequence. Id 0 is outside the
// sequence.
func (l *protocol) push(c *conn, frame []byte) error {
	command := codec.Command(frame[4])
	if command == codec.PushHeartbeat {
		return nil
	}
	l.tally.push(command)
	if command == codec.PushNotice {
		c.notice, c.noticeCode = noticeText(frame[codec.PacketHeaderLen:])
	}
	sequence := binary.BigEndian.Uint64(frame[idOffset:])
	if sequence == 0 || !c.sequenced {
		return nil
	}
	if sequence != c.lastPush+1 {
		return fmt.Errorf("%w: customer %d: %s has number %d after %d",
			ErrPushGap, l.accountOf(c).Customer, command, sequence, c.lastPush)
	}
	c.lastPush = sequence
	return nil
}

// noticeText returns the text and the code of a Notice.
func noticeText(body []byte) (text string, code pb.NoticeCode) {
	var n pb.Notice
	if n.UnmarshalVT(body) != nil {
		return "unreadable notice", 0
	}
	return fmt.Sprintf("%s %s", n.Code, n.Text), n.Code
}

// refusal adds what the last Notice says about an error that ended the connection.
func (c *conn) refusal(err error) error {
	if c.notice != "" {
		err = fmt.Errorf("%w (notice: %s)", err, c.notice)
	}
	switch c.noticeCode {
	case pb.NoticeCode_NOTICE_CODE_TOO_MANY_FROM_ADDRESS:
		return fmt.Errorf("%w: %w", ErrCrowded, err)
	case pb.NoticeCode_NOTICE_CODE_OVERLOADED, pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// appendOpening appends a connection's first request: the login, or a Submit that proves
// that the server serves the connection.
func (l *protocol) appendOpening(dst []byte, c *conn, logsIn bool) []byte {
	id := c.nextID
	c.nextID++
	if !logsIn {
		c.want = codec.CommandSubmit.Reply()
		return codec.AppendMessage(dst, codec.Message{Command: codec.CommandSubmit, ID: id, Body: appendText(nil, 16)})
	}
	c.want = codec.CommandLogin.Reply()
	account := l.accountOf(c)
	return codec.AppendRequest(dst, codec.CommandLogin, id, &pb.LoginRequest{
		Customer: account.Customer, Credential: &pb.LoginRequest_Token{Token: account.Token},
	})
}
