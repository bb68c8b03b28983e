package load

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"

	"holdfast/codec"
	"holdfast/codec/websocket"
)

const (
	subprotocolPacket = websocket.SubprotocolPacket
	subprotocolJSON   = websocket.SubprotocolJSON
)

const (
	// maskKey is the same for all frames: nothing between us and the server can be fooled
	// by bytes that a sender chose.
	maskKey = 0x5bd1e995
	// handshakeKey is the Sec-WebSocket-Key of all connections.
	handshakeKey = "aG9sZGZhc3QgbG9hZCBrZQ=="
)

// webSocket is the part that the WebSocket dialects share.
type webSocket struct {
	requests [][]byte // the handshakes, one for each address of the server
	scratch  []byte   // a message before it is masked
}

func newWebSocket(hosts []string, path, subprotocol string) webSocket {
	var w webSocket
	for _, host := range hosts {
		w.requests = append(w.requests, websocket.AppendClientHandshake(nil, host, path, handshakeKey, subprotocol))
	}
	return w
}

func (w *webSocket) handshake(at int) []byte { return w.requests[at] }

// payload returns the next message of b whose opcode is want. It queues pongs for pings.
func (w *webSocket) payload(c *conn, b []byte, want websocket.Opcode) (used int, payload []byte, ok bool, err error) {
	for used < len(b) {
		n, op, payload, err := c.frames.Next(b[used:], readBufferSize)
		used += n
		switch {
		case err != nil:
			return used, nil, false, fmt.Errorf("%w: %w", ErrWrongFrame, err)
		case op == want:
			return used, payload, true, nil
		case op == websocket.OpPing:
			c.control = websocket.AppendMasked(c.control, websocket.OpPong, maskKey, payload)
		case op == websocket.OpClose:
			code, text := websocket.ParseClose(payload)
			return used, nil, false, closeError(code, text)
		case op != 0 && op != websocket.OpPong:
			return used, nil, false, fmt.Errorf("%w: opcode %d instead of %d", ErrWrongFrame, op, want)
		}
	}
	return used, nil, false, nil
}

// closeError returns the error for a Close frame. One that asks to try again later means
// that the server is busy.
func closeError(code websocket.CloseCode, text string) error {
	answer := fmt.Sprintf("close code %d %s", code, text)
	var err error = &answerError{fmt.Errorf("%w: %s", ErrClosed, answer), answer}
	if code == websocket.CloseTryAgainLater {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}

// checkHandshake checks the answer to the handshake at the start of b. used is 0 while it
// is incomplete.
func checkHandshake(b []byte) (used int, err error) {
	used = websocket.HeaderLen(b, 0)
	switch {
	case used > 0:
	case len(b) >= maxHandshake:
		return 0, fmt.Errorf("%w: the answer has no end after %d bytes", ErrHandshake, len(b))
	default:
		return 0, nil
	}
	lines := strings.Split(string(b[:used]), "\r\n")
	_, status, _ := strings.Cut(lines[0], " ")
	if !strings.HasPrefix(lines[0], "HTTP/1.1 101 ") {
		answer := "HTTP status " + status
		if text, _, _ := strings.Cut(string(b[used:]), "\n"); text != "" {
			answer += ": " + strings.TrimSpace(text)
		}
		err = &answerError{fmt.Errorf("%w: %s", ErrHandshake, answer), answer}
		if strings.HasPrefix(status, "503") || strings.HasPrefix(status, "429") {
			err = fmt.Errorf("%w: %w", ErrBusy, err)
		}
		return 0, err
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "Sec-WebSocket-Accept") && strings.TrimSpace(value) == websocket.AcceptKey(handshakeKey) {
			return used, nil
		}
	}
	return 0, fmt.Errorf("%w: HTTP status %s without the right Sec-WebSocket-Accept", ErrHandshake, status)
}

// maxHandshake bounds the answer to a handshake, in bytes.
const maxHandshake = 8 << 10

// binaryWire sends the packet dialect's messages, without their length, as binary
// messages.
type binaryWire struct {
	webSocket
	binaryBody
	echoes bool // the server sends each message back
}

// binaryHeaderLen is the length of command and id.
const binaryHeaderLen = 9

func (w *binaryWire) next(c *conn, b []byte, m *message) (used int, ok bool, err error) {
	used, payload, ok, err := w.payload(c, b, websocket.OpBinary)
	if !ok {
		return used, false, err
	}
	if len(payload) < binaryHeaderLen {
		return used, false, fmt.Errorf("%w: a message of %d bytes", ErrWrongLength, len(payload))
	}
	m.command, m.id = codec.Command(payload[0]), binary.BigEndian.Uint64(payload[1:])
	if w.echoes {
		return used, true, m.setEcho(payload[binaryHeaderLen:])
	}
	return used, true, m.setContent(payload[binaryHeaderLen:])
}

// setEcho makes a message that came back the reply to itself, or to a chat message the
// push of it.
func (m *message) setEcho(content []byte) error {
	m.result, m.body = codec.ResultOK, nil
	switch {
	case m.command == codec.CommandChat:
		m.command, m.id, m.body = codec.PushChatMessage, 0, content
	case m.command == codec.CommandSubmit && !isText(content):
		return fmt.Errorf("%w: the message came back with other bytes", ErrWrongBody)
	default:
		m.command = m.command.Reply()
	}
	return nil
}

func (w *binaryWire) chatText(body []byte) []byte {
	if w.echoes {
		return body
	}
	return w.binaryBody.chatText(body)
}

func (w *binaryWire) prepare(c codec.Command, body codec.Body) *prepared {
	return newPrepared(codec.AppendRequest(nil, c, 0, body)[4:])
}

func (w *binaryWire) append(dst []byte, p *prepared, id uint64) []byte {
	w.scratch = append(w.scratch[:0], p.text...)
	binary.BigEndian.PutUint64(w.scratch[1:], id)
	p.mark(w.scratch, 0, id)
	return websocket.AppendMasked(dst, websocket.OpBinary, maskKey, w.scratch)
}

// jsonWire sends text messages.
type jsonWire struct {
	webSocket
	commands map[string]codec.Command
	results  map[string]codec.Result
}

func newJSONWire(web webSocket) *jsonWire {
	w := &jsonWire{webSocket: web, commands: make(map[string]codec.Command), results: make(map[string]codec.Result)}
	for i := range 256 {
		w.commands[codec.Command(i).String()] = codec.Command(i)
		w.results[codec.Result(i).String()] = codec.Result(i)
	}
	return w
}

func (w *jsonWire) next(c *conn, b []byte, m *message) (used int, ok bool, err error) {
	used, text, ok, err := w.payload(c, b, websocket.OpText)
	if !ok {
		return used, false, err
	}
	if !w.parse(text, m) {
		return used, false, fmt.Errorf("%w: unexpected JSON: %.100q", ErrWrongBody, text)
	}
	return used, true, nil
}

// parse reads a message of our server, which writes its members in a fixed order and
// without spaces: command, id, result of a reply, body if there is one.
func (w *jsonWire) parse(text []byte, m *message) (ok bool) {
	var name, id, result []byte
	if name, text, ok = between(text, `{"command":"`, `","id":`); !ok {
		return false
	}
	if m.command, ok = w.commands[string(name)]; !ok {
		return false
	}
	end := bytes.IndexAny(text, ",}")
	if end < 0 {
		return false
	}
	id, text = bytes.Trim(text[:end], `"`), text[end:]
	if m.id, ok = parseDecimal(id); !ok {
		return false
	}
	m.result, m.body = codec.ResultOK, nil
	if m.command.IsReply() {
		if result, text, ok = between(text, `,"result":"`, `"`); !ok {
			return false
		}
		if m.result, ok = w.results[string(result)]; !ok {
			return false
		}
	}
	if body, ok := bytes.CutPrefix(text, []byte(`,"body":`)); ok && len(body) > 0 {
		m.body, text = body[:len(body)-1], body[len(body)-1:]
	}
	return string(text) == "}"
}

// between returns what is between two strings at the start of text, and what follows.
func between(text []byte, before, after string) (found, rest []byte, ok bool) {
	text, ok = bytes.CutPrefix(text, []byte(before))
	if !ok {
		return nil, nil, false
	}
	return bytes.Cut(text, []byte(after))
}

func parseDecimal(b []byte) (v uint64, ok bool) {
	for _, digit := range b {
		if digit < '0' || digit > '9' || len(b) > 20 {
			return 0, false
		}
		v = 10*v + uint64(digit-'0')
	}
	return v, len(b) > 0
}

func (*jsonWire) decode(body []byte, into protobuf) error {
	if len(body) == 0 {
		return nil
	}
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(body, into)
}

func (*jsonWire) chatText(body []byte) []byte {
	_, text, _ := bytes.Cut(body, []byte(`"text":"`))
	return text
}

// prepare encodes everything but the id.
func (*jsonWire) prepare(c codec.Command, body codec.Body) *prepared {
	head := fmt.Sprintf(`{"command":%q,"id":`, c)
	text := []byte(head)
	switch b := body.(type) {
	case protobuf:
		encoded, err := protojson.Marshal(b)
		if err != nil {
			panic("load: a request is not valid: " + err.Error())
		}
		text = append(append(text, `,"body":`...), encoded...)
	case codec.Raw:
		encoded, _ := json.Marshal([]byte(b)) // bytes can always be encoded
		text = append(append(text, `,"body":`...), encoded...)
	}
	p := newPrepared(append(text, '}'))
	p.idAt = len(head)
	return p
}

func (w *jsonWire) append(dst []byte, p *prepared, id uint64) []byte {
	w.scratch = append(w.scratch[:0], p.text[:p.idAt]...)
	w.scratch = strconv.AppendUint(w.scratch, id, 10)
	digits := len(w.scratch) - p.idAt
	w.scratch = append(w.scratch, p.text[p.idAt:]...)
	p.mark(w.scratch, digits, id)
	return websocket.AppendMasked(dst, websocket.OpText, maskKey, w.scratch)
}
