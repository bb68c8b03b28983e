package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"

	"holdfast/codec"
	"holdfast/codec/websocket"
)

// WebSocket makes a listener speak WebSocket (RFC 6455).
type WebSocket struct {
	// Binary and Text are the dialects of the two kinds of messages. What they decode is a
	// message with its length before it, as codec/websocket describes; what they append are
	// complete WebSocket frames. A session has one of the two: that of its subprotocol, or
	// of its first message. Text may be nil.
	Binary, Text codec.Dialect
	// Origins are the origins of web pages that may connect, such as
	// "https://app.example.com", beside the server's own; "*" means all.
	Origins []string
	// Page allows the pages of a web server on the same host: it is their scheme and port, such as
	// "http://:8880". "": none.
	Page string
	// Echo serves the path /echo, which returns each message as it came, for conformance
	// tests. Messages there may have 16 MiB.
	Echo bool

	options websocket.HandshakeOptions // of a bound listener
}

// The paths of a WebSocket listener.
const (
	webSocketPath = "/ws"
	echoPath      = "/echo"
)

const (
	// maxEchoBytes is the largest message of the path /echo.
	maxEchoBytes = 16 << 20
	// maxScratchBytes bounds the memory that a loop keeps to open frames and records.
	maxScratchBytes = 256 << 10
)

// webInput is the inbound stage of a session of a WebSocket listener: it answers the
// opening handshake and the control frames, and turns the client's frames into messages for
// the dialect. It holds memory only for an incomplete header or message.
//
// Goroutine: event loop.
type webInput struct {
	reader websocket.Reader
	kept   []byte // the header so far; once open, messages that wait

	open   bool // the handshake is done
	echo   bool
	chosen bool      // the session's dialect
	end    Reason    // why nothing more is read
	pinged ticks     // when the ping was sent that waits for its pong; 0: none does
	last   *webClose // what to say at the end, if the reason does not

	// bad says why something is not a message. Goroutine: any.
	bad atomic.Pointer[webClose]
}

// webClose is the end of a WebSocket session.
type webClose struct {
	code   websocket.CloseCode
	status int // of the HTTP answer instead, before the handshake is done
	text   string
}

// received opens the frames in raw and returns the complete messages, each with its length
// before it. most is the largest of these. They are valid until the event loop goes on; call
// keep with what is not taken of them.
func (w *webInput) received(s *Session, raw []byte, most int) []byte {
	l := s.group.carrier.(*loop)
	l.messages, l.answers = l.messages[:0], l.answers[:0]
	if w.open {
		l.messages = append(l.messages, w.kept...)
	} else {
		raw = w.handshake(s, l, raw)
	}
	if w.echo {
		most = maxEchoBytes + messageHeader
	}
	for len(raw) > 0 && w.end == ReasonNone {
		used, op, payload, err := w.reader.Next(raw, most-messageHeader)
		raw = raw[used:]
		if err != nil {
			w.fail(err)
			break
		}
		if !w.reader.Pending() {
			s.frameStart = 0 // what comes next has its own deadline
		}
		w.take(s, l, op, payload)
	}
	if len(l.answers) > 0 {
		s.send(l.answers, w.echo)
	}
	return l.messages
}

// messageHeader is the length of the total before each message for the dialect.
const messageHeader = 4

// keep stores the messages that are not taken.
func (w *webInput) keep(s *Session, messages []byte) {
	if w.open {
		w.kept = nil
		if len(messages) > 0 {
			w.kept = append(w.kept, messages...)
		}
	}
	s.group.carrier.(*loop).shrinkScratch()
}

// drop drops everything that was received and is not taken.
func (w *webInput) drop(s *Session) {
	w.kept, w.reader = nil, websocket.Reader{}
	s.group.carrier.(*loop).shrinkScratch()
}

// shrinkScratch bounds the memory that a loop keeps for the next session.
func (l *loop) shrinkScratch() {
	if cap(l.messages) > maxScratchBytes {
		l.messages = nil
	}
	if cap(l.answers) > maxScratchBytes {
		l.answers = nil
	}
	if cap(l.opened) > maxScratchBytes {
		l.opened = nil
	}
	if cap(l.sealed) > maxScratchBytes {
		l.sealed = nil
	}
	if cap(l.records) > maxScratchBytes {
		l.records = nil
	}
}

// incomplete reports whether there is the start of a message; a nil w has none.
func (w *webInput) incomplete() bool { return w != nil && w.reader.Pending() }

// take takes a message or control frame of the client.
func (w *webInput) take(s *Session, l *loop, op websocket.Opcode, payload []byte) {
	switch op {
	case websocket.OpText, websocket.OpBinary:
		s.heard, w.pinged = s.group.now, 0
		switch {
		case w.echo:
			l.answers = websocket.AppendFrame(l.answers, op, payload)
		case w.choose(s, op):
			l.messages = binary.BigEndian.AppendUint32(l.messages, uint32(messageHeader+len(payload)))
			l.messages = append(l.messages, payload...)
		}
	case websocket.OpPing:
		s.heard, w.pinged = s.group.now, 0
		l.answers = websocket.AppendFrame(l.answers, websocket.OpPong, payload)
	case websocket.OpPong:
		s.heard, w.pinged = s.group.now, 0
	case websocket.OpClose:
		w.end, w.last = ReasonPeerClosed, new(webClose)
		w.last.code, w.last.text = websocket.ParseClose(payload)
	}
}

// choose makes the session have the dialect of messages with that opcode. If it has the
// other one already, choose ends it and returns false.
func (w *webInput) choose(s *Session, op websocket.Opcode) bool {
	d := s.listener.WebSocket.Binary
	if op == websocket.OpText {
		d = s.listener.WebSocket.Text
	}
	switch {
	case d == nil || w.chosen && d != s.dialect:
		w.fail(&websocket.CloseError{Code: websocket.CloseUnsupportedData, Text: "this connection takes only messages of the other kind: text or binary"})
		return false
	case !w.chosen:
		w.chosen = true
		s.dialect, s.ordered, s.laneOnly = d, d.Ordered(), op == websocket.OpText
	}
	return true
}

// fail ends the session after the replies to what it sent before.
func (w *webInput) fail(err error) {
	w.end, w.last = ReasonMalformed, &webClose{code: websocket.CloseProtocolError, text: err.Error()}
	if e := (*websocket.CloseError)(nil); errors.As(err, &e) {
		w.last.code, w.last.text = e.Code, e.Text
	}
	if w.last.code == websocket.CloseMessageTooBig {
		w.end = ReasonTooLarge
	}
}

// explain stores why a message of the session can't be decoded; a nil w does not.
func (w *webInput) explain(err error) {
	if w == nil {
		return
	}
	text := strings.TrimPrefix(err.Error(), codec.ErrMessage.Error()+": ")
	if errors.Is(err, codec.ErrTooShort) {
		text = "it is too short for a command and an id"
	}
	w.bad.Store(&webClose{code: websocket.CloseInvalidData, text: "not a message: " + text})
}

// handshake gathers the header of the opening handshake, answers it, and returns what
// follows it in raw.
func (w *webInput) handshake(s *Session, l *loop, raw []byte) (rest []byte) {
	if len(raw) == 0 {
		return nil
	}
	header, from := raw, len(w.kept)
	if from > 0 {
		w.kept = append(w.kept, raw...)
		header = w.kept
	}
	n := websocket.HeaderLen(header, from)
	if isHTTP := header[0] >= 'A' && header[0] <= 'Z'; isHTTP && n == 0 && len(header) <= websocket.MaxHandshake {
		if from == 0 {
			w.kept = bytes.Clone(raw)
		}
		return nil
	}
	w.kept = nil
	if n == 0 {
		n = len(header) // Accept refuses it: it is too long, or another protocol
	}
	upgrade, err := websocket.Accept(header[:n], s.listener.WebSocket.options)
	if err != nil {
		w.refuse(err)
		return nil
	}
	w.open, w.echo = true, upgrade.Path == echoPath
	switch upgrade.Subprotocol {
	case websocket.SubprotocolPacket:
		w.choose(s, websocket.OpBinary)
	case websocket.SubprotocolJSON:
		w.choose(s, websocket.OpText)
	}
	s.heard = s.group.now
	l.answers = append(l.answers, upgrade.Response...)
	return header[n:]
}

// refuse ends the session with an HTTP answer.
func (w *webInput) refuse(err error) {
	w.end, w.last = ReasonBadHandshake, &webClose{status: http.StatusBadRequest, text: err.Error()}
	if e := (*websocket.HandshakeError)(nil); errors.As(err, &e) {
		w.last.status, w.last.text = e.Status, e.Text
	}
}

// withOptions returns a copy of o with what a client can ask for.
func (o WebSocket) withOptions() *WebSocket {
	h := &o.options
	h.Paths, h.Origins, h.Page = []string{webSocketPath}, o.Origins, o.Page
	h.Subprotocols = []string{websocket.SubprotocolPacket}
	if o.Text != nil {
		h.Subprotocols = append(h.Subprotocols, websocket.SubprotocolJSON)
	}
	if o.Echo {
		h.Paths = append(h.Paths, echoPath)
	}
	return &o
}

// farewell returns the last output of a session that ends for a reason: a Notice and a
// Close frame, or an HTTP answer.
func (w *webInput) farewell(s *Session, r Reason) []byte {
	notice := s.core.limits.notice(r)
	last := w.last
	if bad := w.bad.Load(); bad != nil && r == ReasonMalformed {
		last = bad
	} else if last == nil || w.end != r {
		if notice == nil {
			return nil
		}
		last = &webClose{closeCode(r), httpStatus(r), notice.Text}
	}
	if !w.open {
		return websocket.AppendHTTPError(nil, last.status, last.text)
	}
	var b []byte
	if notice != nil && w.chosen && !w.echo {
		notice.Text = last.text
		b = s.dialect.AppendPush(b, codec.PushNotice, 0, notice)
	}
	return websocket.AppendClose(b, last.code, last.text)
}

// detail returns why a handshake was refused, or what was wrong with a frame; a nil w has
// none.
func (w *webInput) detail() string {
	switch {
	case w == nil:
		return ""
	case w.bad.Load() != nil:
		return w.bad.Load().text
	case w.last != nil && w.end != ReasonPeerClosed:
		return w.last.text
	default:
		return ""
	}
}

// closeCode returns the code of the Close frame for a reason.
func closeCode(r Reason) websocket.CloseCode {
	switch r {
	case ReasonMalformed:
		return websocket.CloseInvalidData
	case ReasonTooLarge:
		return websocket.CloseMessageTooBig
	case ReasonPanic:
		return websocket.CloseInternalError
	case ReasonShuttingDown:
		return websocket.CloseGoingAway
	case ReasonUnavailable:
		return websocket.CloseServiceRestart
	case ReasonOverloaded:
		return websocket.CloseTryAgainLater
	default:
		return websocket.ClosePolicyViolation
	}
}

// httpStatus returns the status of the HTTP answer to a connection that ends for a reason
// before its handshake is done.
func httpStatus(r Reason) int {
	switch r {
	case ReasonHandshakeTimeout:
		return http.StatusRequestTimeout
	case ReasonTooManyFromAddress:
		return http.StatusTooManyRequests
	default:
		return http.StatusServiceUnavailable
	}
}

// ping sends a ping if the client has been silent for the heartbeat interval, and returns
// when to look again.
func (w *webInput) ping(s *Session, now ticks, d *deadlines) ticks {
	switch {
	case !w.open || w.pinged != 0 || w.end != ReasonNone:
	case s.frameStart != 0: // a pong could not come before the end of the frame
	case now-s.heard < d.heartbeat:
		return s.heard + d.heartbeat
	case s.link.Buffered() == 0:
		w.pinged = now
		s.core.Stats.Heartbeats.Add(1)
		s.write(websocket.AppendFrame(nil, websocket.OpPing, nil))
		return now + d.pong
	}
	return now + d.heartbeat
}
