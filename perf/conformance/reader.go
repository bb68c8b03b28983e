package conformance

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"unicode/utf8"
)

// event is what the client sees of the server: a message, a control frame, the end of the
// connection, or something that the client measured.
type event struct {
	op      opcode
	payload payload
	err     error // of opEnd
}

// equal reports whether two events that are not opEnd are the same.
func (e event) equal(other event) bool { return e.op == other.op && e.payload.equal(other.payload) }

// noCode is the code of a close frame without one.
const noCode = -1

// closeCode returns the code of a close frame.
func (e event) closeCode() int {
	if e.payload.size < 2 {
		return noCode
	}
	return int(binary.BigEndian.Uint16(e.payload.pattern))
}

// String describes the event.
func (e event) String() string {
	switch e.op {
	case opSilence:
		return "nothing during a pause"
	case opRoundTrips:
		return fmt.Sprintf("%d echoes in turn", e.payload.size)
	case opEnd:
		return "end of the connection"
	case opClose:
		if e.closeCode() == noCode {
			return "close without a code"
		}
		return "close " + describeClose(e.closeCode(), e.payload.pattern[2:])
	}
	return e.op.String() + " " + e.payload.String()
}

// violation is an error of the server against RFC 6455.
type violation string

// Error implements error.
func (v violation) Error() string { return "wrong frame of the server: " + string(v) }

// maxControl is the largest payload of a control frame, RFC 6455 section 5.5.
const maxControl = 125

// reader reads what the server sends, and checks it.
type reader struct {
	r       *bufio.Reader
	limit   int    // longest message, in bytes
	message []byte // start of an unfinished message
	op      opcode // its opcode; opContinuation: there is no unfinished message
	closed  bool   // a close frame came
}

// next returns the next message or control frame.
func (r *reader) next() (event, error) {
	for {
		fin, op, body, err := r.readFrame()
		switch {
		case err != nil:
			return event{}, err
		case op == opClose:
			r.closed = true
			if len(body) > 2 && !utf8.Valid(body[2:]) {
				return event{}, violation("a close reason that is not UTF-8")
			}
			return event{op: op, payload: payload{body, len(body)}}, nil
		case op.isControl():
			return event{op: op, payload: payload{body, len(body)}}, nil
		}
		if op != opContinuation {
			r.op = op
		}
		r.message = append(r.message, body...)
		if !fin {
			continue
		}
		e := event{op: r.op, payload: payload{r.message, len(r.message)}}
		r.message, r.op = nil, opContinuation
		if e.op == opText && !utf8.Valid(e.payload.pattern) {
			return event{}, violation("a text message that is not UTF-8")
		}
		return e, nil
	}
}

// readFrame reads one frame that may come here.
func (r *reader) readFrame() (fin bool, op opcode, body []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return false, 0, nil, err
	}
	fin, op = head[0]&0x80 != 0, opcode(head[0]&0x0f)
	size, err := r.readSize(int(head[1] & 0x7f))
	if err != nil {
		return false, 0, nil, err
	}
	if v := r.check(head, fin, op, size); v != "" {
		return false, 0, nil, v
	}
	body = make([]byte, size)
	if _, err := io.ReadFull(r.r, body); err != nil {
		return false, 0, nil, err
	}
	return fin, op, body, nil
}

// readSize returns the size of a payload, whose first seven bits are short.
func (r *reader) readSize(short int) (int, error) {
	var size uint64
	var least uint64
	switch short {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(r.r, b[:]); err != nil {
			return 0, err
		}
		size, least = uint64(binary.BigEndian.Uint16(b[:])), 126
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(r.r, b[:]); err != nil {
			return 0, err
		}
		size, least = binary.BigEndian.Uint64(b[:]), 1<<16
	default:
		return short, nil
	}
	if size < least {
		return 0, violation("a length in more bytes than it needs")
	}
	return int(min(size, 1<<62)), nil
}

// check returns what is wrong with the header of a frame, or "".
func (r *reader) check(head [2]byte, fin bool, op opcode, size int) violation {
	switch {
	case r.closed:
		return "a frame after the close frame"
	case head[1]&0x80 != 0:
		return "a mask"
	case head[0]&0x70 != 0:
		return "a reserved bit"
	case op > opBinary && op < opClose || op > opPong:
		return violation(fmt.Sprintf("the reserved opcode %d", op))
	case op.isControl() && !fin:
		return "a fragmented control frame"
	case op.isControl() && size > maxControl:
		return "a control frame with more than 125 bytes"
	case op == opClose && size == 1:
		return "a close frame with half a code"
	case op.isControl():
		return ""
	case op == opContinuation && r.op == opContinuation:
		return "a continuation of no message"
	case op != opContinuation && r.op != opContinuation:
		return "a new message inside an unfinished one"
	case size > r.limit-len(r.message):
		return "a message that is longer than what it should echo"
	}
	return ""
}
