package websocket

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"holdfast/codec"
)

// JSON is the dialect of text messages, one JSON object each:
//
//	{"command":"PlaceOrder","id":7,"body":{...}}                    request
//	{"command":"PlaceOrderReply","id":7,"result":"OK","body":{...}} reply
//	{"command":"Execution","id":12,"body":{...}}                    push
//
// command and result are the names of the protocol. A body is in the canonical JSON mapping
// of Protocol Buffers, a raw one is a base64 string, an empty one is missing. id is a number,
// or a string of decimal digits, as the server writes it above 2^53-1; a request without it
// has 0.
//
// FrameLen and Next read what the engine makes of a message: the text after its total
// (uint32, big-endian, itself included). The others append WebSocket frames of a server.
type JSON struct{}

var _ codec.Dialect = JSON{}

// maxNumber is the largest id that is written as a number: JavaScript has no larger integers.
const maxNumber = 1<<53 - 1

// maxErrorText is the longest text of a decoder's error, in bytes: it may quote the peer.
const maxErrorText = 200

// String implements codec.Dialect.
func (JSON) String() string { return "websocket-json" }

// Shared implements codec.Dialect.
func (JSON) Shared() bool { return true }

// Ordered implements codec.Dialect.
func (JSON) Ordered() bool { return false }

// FrameLen implements codec.Dialect.
func (JSON) FrameLen(b []byte, most int) (int, error) {
	if len(b) < totalLen {
		return 0, nil
	}
	n := binary.BigEndian.Uint32(b)
	switch {
	case n < totalLen:
		return 0, codec.ErrTooShort
	case uint64(n) > uint64(max(most, totalLen)):
		return 0, codec.ErrTooLarge
	}
	return int(n), nil
}

// Next implements codec.Dialect. Body is in m.Scratch, as codec.Packet has it: in the binary
// encoding of Protocol Buffers. A name that is not that of a request or push decodes as
// command 0.
func (JSON) Next(b []byte, m *codec.Message) (used int, err error) {
	used = int(binary.BigEndian.Uint32(b))
	m.Command, m.ID, m.Body = 0, 0, nil
	e, err := parseEnvelope(b[totalLen:used])
	if err != nil {
		return used, err
	}
	m.Command, m.ID = e.command, e.id
	if m.Command == 0 || len(e.body) == 0 || string(e.body) == "null" {
		return used, nil
	}
	body, err := appendBinary(m.Scratch[:0], m.Command, e.body)
	if err != nil {
		return used, fmt.Errorf("%w: %s", codec.ErrBody, errorText(err))
	}
	m.Scratch, m.Body = body, body
	return used, nil
}

// appendBinary appends the binary encoding of a body in JSON.
func appendBinary(dst []byte, c codec.Command, text []byte) ([]byte, error) {
	if body := NewRequest(c); body != nil {
		if err := protojson.Unmarshal(text, body); err != nil {
			return dst, err
		}
		return appendBody(dst, body, body.SizeVT()), nil
	}
	if table[c].raw {
		return appendDecoded(dst, c, text)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil || len(fields) > 0 {
		return dst, fmt.Errorf("%v has no body", c)
	}
	return dst, nil
}

// appendDecoded appends the bytes of a raw body. Like protojson it accepts both alphabets,
// with and without padding.
func appendDecoded(dst []byte, c codec.Command, text []byte) ([]byte, error) {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return dst, fmt.Errorf("the body of %v is a base64 string", c)
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		encoding = base64.RawURLEncoding
	}
	dst, err := encoding.AppendDecode(dst, []byte(strings.TrimRight(s, "=")))
	if err != nil {
		return dst, fmt.Errorf("the body of %v is a base64 string: %w", c, err)
	}
	return dst, nil
}

// errorText returns what a decoder says, without the prefix of protojson, which varies.
func errorText(err error) string {
	text := strings.TrimPrefix(err.Error(), "proto:")
	return cut(strings.TrimLeft(text, " \u00a0"), maxErrorText)
}

// AppendReply implements codec.Dialect.
func (JSON) AppendReply(dst []byte, c codec.Command, id uint64, r codec.Result, body codec.Body) []byte {
	dst, start := openText(dst)
	dst = appendEnvelope(dst, c.Reply(), id)
	dst = append(dst, `,"result":"`...)
	dst = append(dst, r.String()...)
	dst = append(dst, '"')
	return closeText(appendJSON(dst, body), start)
}

// AppendPush implements codec.Dialect.
func (JSON) AppendPush(dst []byte, c codec.Command, id uint64, body codec.Body) []byte {
	dst, start := openText(dst)
	dst = appendEnvelope(dst, c, id)
	return closeText(appendJSON(dst, body), start)
}

// openText appends space for the longest header of a frame, and closeText turns what was
// appended after it into a text frame.
func openText(dst []byte) (_ []byte, start int) {
	var longest [10]byte
	return append(dst, longest[:]...), len(dst)
}

func closeText(dst []byte, start int) []byte {
	dst = append(dst, '}')
	text := dst[start+10:]
	payload := AppendHeader(dst[:start], OpText, len(text))
	return append(payload, text...)
}

func appendEnvelope(dst []byte, c codec.Command, id uint64) []byte {
	dst = append(dst, `{"command":"`...)
	dst = append(dst, c.String()...)
	dst = append(dst, `","id":`...)
	if id > maxNumber {
		dst = append(dst, '"')
		return append(strconv.AppendUint(dst, id, 10), '"')
	}
	return strconv.AppendUint(dst, id, 10)
}

// appendJSON appends the member body, unless it is empty.
func appendJSON(dst []byte, body codec.Body) []byte {
	n := sizeOf(body)
	if n == 0 {
		return dst
	}
	dst = append(dst, `,"body":`...)
	if message, ok := body.(proto.Message); ok {
		return appendProto(dst, message)
	}
	return appendBase64(dst, body, n)
}

// appendBase64 appends a raw body of n bytes as a string. The bytes are encoded from the end
// of dst into where they belong.
func appendBase64(dst []byte, body codec.Body, n int) []byte {
	dst = append(dst, '"')
	start, end := len(dst), len(dst)+base64.StdEncoding.EncodedLen(n)
	dst = append(dst, make([]byte, end-start)...)
	dst = appendBody(dst, body, n)
	base64.StdEncoding.Encode(dst[start:end], dst[end:])
	return append(dst[:end], '"')
}

// appendProto appends a body in the canonical JSON mapping, which has no text but UTF-8: of
// other text, which the packet dialect lets pass, the bad bytes become U+FFFD.
func appendProto(dst []byte, message proto.Message) []byte {
	appended, err := protojson.MarshalOptions{}.MarshalAppend(dst, message)
	if err != nil {
		message = proto.Clone(message)
		replaceInvalid(message.ProtoReflect())
		if appended, err = (protojson.MarshalOptions{}).MarshalAppend(dst, message); err != nil {
			panic("websocket: body has no JSON mapping: " + err.Error()) // the fault of its type, not of its content
		}
	}
	return compact(appended, len(dst))
}

// replaceInvalid replaces what is not UTF-8 in the strings of a message.
func replaceInvalid(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch list := f.IsList(); {
		case list && f.Message() != nil:
			for i := range v.List().Len() {
				replaceInvalid(v.List().Get(i).Message())
			}
		case f.Message() != nil:
			replaceInvalid(v.Message())
		case list && f.Kind() == protoreflect.StringKind:
			for i := range v.List().Len() {
				v.List().Set(i, validText(v.List().Get(i)))
			}
		case f.Kind() == protoreflect.StringKind:
			m.Set(f, validText(v))
		}
		return true
	})
}

func validText(v protoreflect.Value) protoreflect.Value {
	return protoreflect.ValueOfString(strings.ToValidUTF8(v.String(), "\uFFFD"))
}

// compact removes the spaces between tokens from dst[start:]: protojson adds some at random.
func compact(dst []byte, start int) []byte {
	out := dst[:start]
	inString, escaped := false, false
	for _, c := range dst[start:] {
		switch {
		case !inString && c == ' ':
			continue
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		}
		out = append(out, c)
	}
	return out
}
