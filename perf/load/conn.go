package load

import (
	"fmt"
	"math"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
)

// readBufferSize is the size of the read buffer that all connections share, and so of the
// largest frame.
const readBufferSize = 256 << 10

// state of a connection.
type state uint8

const (
	unborn     state = iota // no socket: not started, or waiting to retry
	connecting              // the socket is connecting
	encrypting              // its TLS handshake is open
	upgrading               // its WebSocket handshake is open
	opening                 // one of its first requests is open
	ready                   // carries load
	dead                    // lost; stays so
)

// conn is one connection. Owner: the event loop.
type conn struct {
	number uint32
	fd     int
	state  state
	wire   wire
	// encryption is nil without TLS, and before the socket has connected.
	encryption *encryption
	attempts   int
	server     int // number of the address
	step       int // of the opening
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
	frames           websocket.Reader
	control          []byte // WebSocket control frames to send
	// beating, tlv only: a heartbeat is open that was sent when nextID was beatAt.
	beating bool
	beatAt  uint64
	// heard is how many messages of the log a client of the chat is past; missing are
	// those of them that it has not received.
	heard   int
	missing []int
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

// consume checks the complete messages in b. It stops at the first wrong one.
func (l *protocol) consume(c *conn, b []byte) (a arrival, err error) {
	if l.chat == nil {
		return l.consumeAll(c, b)
	}
	l.chat.startRead(c, l.clock())
	if _, ok := c.wire.(chatWire); ok && c.state == ready {
		a, err = l.consumeChat(c, b)
	} else {
		a, err = l.consumeAll(c, b)
	}
	l.chat.endRead(c)
	if l.ownIsReply {
		c.nextReply += uint64(l.chat.own)
		a.replies += l.chat.own
	}
	return a, err
}

func (l *protocol) consumeAll(c *conn, b []byte) (a arrival, err error) {
	m := &l.message
	_, isPacket := c.wire.(packetWire)
	for a.used < len(b) {
		var used int
		var ok bool
		if isPacket { // without the interface, which costs some nanoseconds
			used, ok, err = packetWire{}.next(c, b[a.used:], m)
		} else {
			used, ok, err = c.wire.next(c, b[a.used:], m)
		}
		a.used += used
		if err != nil || !ok {
			return a, err
		}
		if m.command == c.want && m.id != beatID {
			if err := l.reply(c, m); err != nil {
				return a, err
			}
			a.replies++
			if l.workload == Resting && c.state == ready {
				c.want = l.workload.command(c.nextReply).Reply()
			}
		} else if err := l.other(c, m); err != nil {
			return a, err
		}
	}
	return a, nil
}

// other checks a message that is not the expected reply.
func (l *protocol) other(c *conn, m *message) error {
	switch {
	case m.command == codec.CommandHeartbeat.Reply() && m.id == beatID:
		return nil
	case m.command.IsPush():
		return l.push(c, m)
	default:
		return fmt.Errorf("%w: %s instead of %s", ErrWrongCommand, m.command, c.want)
	}
}

// protocol checks what the server sends. Owner: the event loop.
type protocol struct {
	tally    *tally
	workload Workload
	accounts []Account
	group    int // number of neighbouring connections that share an account
	clock    func() int64
	message  message // the present one
	// chat is for the workload Chat, quotes for Broadcast; else nil.
	chat   *deliveries
	quotes *broadcasts
	// ownIsReply: a chat message that comes back to its sender is the reply to it.
	ownIsReply bool
}

// beatID is the id of a heartbeat that is not a request of the load. No connection number
// reaches it.
const beatID = math.MaxUint64

// reply checks one reply against the oldest open request.
func (l *protocol) reply(c *conn, m *message) error {
	if c.nextReply == c.nextID {
		return fmt.Errorf("%w: %s with id %#x", ErrUnexpected, c.want, m.id)
	}
	if m.id != c.nextReply {
		return fmt.Errorf("%w: %s has id %#x instead of %#x", ErrWrongID, c.want, m.id, c.nextReply)
	}
	c.nextReply++
	if n := len(m.body); n > 0 && (c.want == codec.CommandSubmit.Reply() || m.result == codec.ResultOK && c.want == codec.CommandHeartbeat.Reply()) {
		return fmt.Errorf("%w: %s has a body of %d bytes instead of none", ErrWrongLength, c.want, n)
	}
	if l.chat != nil && c.state == ready && m.result == codec.ResultOK {
		l.chat.accept(c)
	}
	switch {
	case m.result != codec.ResultOK:
		return l.refused(c, m.result, m.body)
	case c.want == codec.CommandLogin.Reply():
		return l.login(c, m.body)
	case c.want == codec.CommandPositions.Reply():
		return l.positions(c, m.id, m.body)
	}
	return nil
}

// refused counts an answer that is not OK; a refused login, or another refused request of
// the opening, is an error.
func (l *protocol) refused(c *conn, result codec.Result, body []byte) error {
	if c.want == codec.CommandLogin.Reply() || c.state == opening && c.step > 0 {
		err := fmt.Errorf("%w: customer %d: %s: %s %s", ErrLogin, l.accountOf(c).Customer, c.want, result, c.errorText(body))
		if result == codec.ResultOverloaded {
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
		return err
	}
	text := ""
	if l.tally.results[result] == 0 {
		text = c.errorText(body)
	}
	l.tally.refusal(result, text)
	return nil
}

func (c *conn) errorText(body []byte) string {
	var e pb.Error
	if len(body) == 0 || c.wire.decode(body, &e) != nil {
		return "no explanation"
	}
	return fmt.Sprintf("%s %s", e.Reason, e.Message)
}

// login stores the account's push sequence.
func (l *protocol) login(c *conn, body []byte) error {
	var reply pb.LoginReply
	if err := c.wire.decode(body, &reply); err != nil {
		return fmt.Errorf("%w: customer %d: the reply can't be read: %w", ErrLogin, l.accountOf(c).Customer, err)
	}
	c.sequenced, c.lastPush, c.rows = true, reply.PushSequence, len(reply.Positions)
	return nil
}

func (l *protocol) accountOf(c *conn) Account { return l.accounts[l.accountIndex(c)] }

func (l *protocol) accountIndex(c *conn) int { return int(c.number) / l.group % len(l.accounts) }

// push counts a push and checks its number in the account's sequence. Id 0 is outside the
// sequence.
func (l *protocol) push(c *conn, m *message) error {
	switch {
	case l.chat != nil && m.command == codec.PushChatMessage:
		l.chat.take(c, c.wire.chatText(m.body))
		return nil
	case l.quotes != nil && m.command == codec.PushQuote:
		l.quotes.take(c, m.body, l.clock())
	case m.command == codec.PushNotice:
		c.notice, c.noticeCode = c.noticeText(m.body)
	}
	l.tally.push(m.command)
	if m.id == 0 || !c.sequenced {
		return nil
	}
	if m.id != c.lastPush+1 {
		return fmt.Errorf("%w: customer %d: %s has number %d after %d",
			ErrPushGap, l.accountOf(c).Customer, m.command, m.id, c.lastPush)
	}
	c.lastPush = m.id
	return nil
}

// noticeText returns the text and the code of a Notice.
func (c *conn) noticeText(body []byte) (text string, code pb.NoticeCode) {
	var n pb.Notice
	if c.wire.decode(body, &n) != nil {
		return "unreadable notice", 0
	}
	return fmt.Sprintf("%s %s", n.Code, n.Text), n.Code
}

// refusal adds what the last Notice says about an error that ended the connection.
func (c *conn) refusal(err error) error {
	if c.notice != "" {
		err = &answerError{fmt.Errorf("%w (notice: %s)", err, c.notice), c.notice}
	}
	switch c.noticeCode {
	case pb.NoticeCode_NOTICE_CODE_TOO_MANY_FROM_ADDRESS:
		return fmt.Errorf("%w: %w", ErrCrowded, err)
	case pb.NoticeCode_NOTICE_CODE_OVERLOADED, pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// opening returns the commands that a connection sends before the load. Each waits for the
// reply to the one before. If nothing else, a Submit proves that the server serves the
// connection.
func (o Options) opening() []codec.Command {
	switch {
	case o.Workload == HalfOpen, o.Workload == Chat && o.Dialect == DialectEcho:
		return nil
	case o.Workload == Chat && o.Dialect == DialectChat:
		return []codec.Command{codec.CommandChat}
	case !o.logsIn():
		return []codec.Command{codec.CommandSubmit}
	case o.Workload == Chat:
		return []codec.Command{codec.CommandLogin, codec.CommandChat}
	case o.Workload == Broadcast:
		return []codec.Command{codec.CommandLogin, codec.CommandQuotes}
	default:
		return []codec.Command{codec.CommandLogin}
	}
}

// appendOpening appends a connection's next request of the opening.
func (l *protocol) appendOpening(dst []byte, c *conn, command codec.Command) []byte {
	id := c.nextID
	c.nextID++
	c.want = command.Reply()
	var body codec.Body
	switch command {
	case codec.CommandSubmit:
		body = codec.Raw(appendText(nil, 16))
	case codec.CommandLogin:
		account := l.accountOf(c)
		body = &pb.LoginRequest{Customer: account.Customer, Credential: &pb.LoginRequest_Token{Token: account.Token}}
	case codec.CommandChat:
		join := pb.ChatAction_CHAT_ACTION_JOIN
		if l.ownIsReply {
			join = pb.ChatAction_CHAT_ACTION_WHO // a client of the chat dialect is in the room already
		}
		body = &pb.ChatRequest{Action: join}
	case codec.CommandQuotes:
		body = &pb.QuotesRequest{Subscribe: true, Limit: 1}
	}
	return c.wire.append(dst, c.wire.prepare(command, body), id)
}
