package conformance

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// opcode is the opcode of a frame, RFC 6455 section 5.2. Values above 15 are events that
// are no frames.
type opcode byte

const (
	opContinuation opcode = 0
	opText         opcode = 1
	opBinary       opcode = 2
	opClose        opcode = 8
	opPing         opcode = 9
	opPong         opcode = 10

	opSilence    opcode = 16 // the server sent nothing during a hold
	opRoundTrips opcode = 17 // size echoes, one after the other
	opEnd        opcode = 18 // the connection has ended
)

// String returns the name of the opcode.
func (o opcode) String() string {
	switch o {
	case opContinuation:
		return "continuation"
	case opText:
		return "text"
	case opBinary:
		return "binary"
	case opClose:
		return "close"
	case opPing:
		return "ping"
	case opPong:
		return "pong"
	}
	return fmt.Sprintf("opcode %d", byte(o))
}

// isControl reports whether frames with this opcode are control frames.
func (o opcode) isControl() bool { return o&8 != 0 }

// payload is size bytes: pattern, repeated and cut.
type payload struct {
	pattern []byte
	size    int
}

// of returns a payload with the bytes of text.
func of(text string) payload { return repeated(text, len(text)) }

// repeated returns a payload of size bytes.
func repeated(pattern string, size int) payload { return payload{[]byte(pattern), size} }

// appendTo appends the bytes.
func (p payload) appendTo(dst []byte) []byte {
	for left := p.size; left > 0; {
		n := min(left, len(p.pattern))
		dst = append(dst, p.pattern[:n]...)
		left -= n
	}
	return dst
}

// equal reports whether p has the same bytes as q.
func (p payload) equal(q payload) bool { return p.size == q.size && p.difference(q) < 0 }

// difference returns the position of the first byte in which two payloads of the same size
// differ, -1 if they are equal.
func (p payload) difference(q payload) int {
	for at := 0; at < p.size; {
		a, b := p.pattern[at%len(p.pattern):], q.pattern[at%len(q.pattern):]
		n := min(len(a), len(b), p.size-at)
		if !bytes.Equal(a[:n], b[:n]) {
			for i := range n {
				if a[i] != b[i] {
					return at + i
				}
			}
		}
		at += n
	}
	return -1
}

// shown is how many bytes of a payload a description shows.
const shown = 24

// String returns the bytes of a short payload, and otherwise the size and the start.
func (p payload) String() string {
	switch {
	case p.size == 0:
		return "empty"
	case p.size <= shown:
		return quote(p.appendTo(nil))
	case len(p.pattern) < p.size:
		return fmt.Sprintf("%d bytes of %s", p.size, quote(p.pattern))
	}
	return fmt.Sprintf("%d bytes from %s", p.size, quote(p.pattern[:shown]))
}

// quote returns readable bytes in quotes and all others in hexadecimal.
func quote(b []byte) string {
	if !utf8.Valid(b) || bytes.ContainsFunc(b, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("0x%x", b)
	}
	return strconv.Quote(string(b))
}

// frame is a frame that the client sends; it may be wrong.
type frame struct {
	op      opcode
	more    bool // the FIN bit is not set
	rsv     byte // the reserved bits: RSV1 is 4, RSV2 is 2, RSV3 is 1
	payload payload
}

func text(p payload) frame         { return frame{op: opText, payload: p} }
func binaryFrame(p payload) frame  { return frame{op: opBinary, payload: p} }
func continuation(p payload) frame { return frame{op: opContinuation, payload: p} }
func ping(p payload) frame         { return frame{op: opPing, payload: p} }
func pong(p payload) frame         { return frame{op: opPong, payload: p} }

// closeFrame returns a close frame with a code and a reason.
func closeFrame(code int, reason string) frame {
	body := binary.BigEndian.AppendUint16(nil, uint16(code))
	return frame{op: opClose, payload: of(string(body) + reason)}
}

// unfinished returns f without the FIN bit.
func (f frame) unfinished() frame {
	f.more = true
	return f
}

// reserved returns f with these reserved bits.
func (f frame) reserved(bits byte) frame {
	f.rsv = bits
	return f
}

// fragments returns f as a message in frames with at most that many bytes of payload.
func (f frame) fragments(size int) []frame {
	left, op := f.payload.appendTo(nil), f.op
	var frames []frame
	for len(left) > 0 {
		n := min(size, len(left))
		frames = append(frames, frame{op: op, more: n < len(left), payload: payload{left[:n], n}})
		left, op = left[n:], opContinuation
	}
	return frames
}

// headerSize is the size of the frame's header with the masking key, in bytes.
func (f frame) headerSize() int {
	switch {
	case f.payload.size < 126:
		return 2 + 4
	case f.payload.size < 1<<16:
		return 4 + 4
	}
	return 10 + 4
}

// size is the size of the frame in bytes.
func (f frame) size() int { return f.headerSize() + f.payload.size }

// appendTo appends the frame, masked with key.
func (f frame) appendTo(dst []byte, key [4]byte) []byte {
	first := f.rsv<<4 | byte(f.op)
	if !f.more {
		first |= 0x80
	}
	const masked = 0x80
	switch size := f.payload.size; {
	case size < 126:
		dst = append(dst, first, masked|byte(size))
	case size < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, first, masked|126), uint16(size))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, masked|127), uint64(size))
	}
	dst = append(dst, key[:]...)
	from := len(dst)
	dst = f.payload.appendTo(dst)
	mask := bytes.Repeat(key[:], min(f.payload.size/4+1, 1024))
	for rest := dst[from:]; len(rest) > 0; {
		rest = rest[subtle.XORBytes(rest, rest, mask):]
	}
	return dst
}

// String describes the frame.
func (f frame) String() string {
	s := f.op.String() + " " + f.payload.String()
	if f.op == opClose && f.payload.size >= 2 {
		b := f.payload.appendTo(nil)
		s = "close " + describeClose(int(binary.BigEndian.Uint16(b)), b[2:])
	}
	if f.rsv != 0 {
		s += fmt.Sprintf(" rsv=%d", f.rsv)
	}
	if f.more {
		s += " not final"
	}
	return s
}

func describeClose(code int, reason []byte) string {
	const readable = 64
	switch {
	case len(reason) == 0:
		return strconv.Itoa(code)
	case len(reason) <= readable:
		return fmt.Sprintf("%d %s", code, quote(reason))
	}
	return fmt.Sprintf("%d %v", code, payload{reason, len(reason)})
}
