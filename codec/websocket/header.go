package websocket

import "encoding/binary"

// header is a frame header.
type header struct {
	op     Opcode
	final  bool
	key    uint32 // of unmask, 0 for a server's frame
	length int    // of the payload
}

// limits are what a header is checked against.
type limits struct {
	client    bool // read what a server sends
	continues bool // a fragmented message is open
	space     int  // the longest payload that a data frame may have
}

// parseHeader reads the header at the start of b and returns its length, 0 while it is
// incomplete. Each byte is checked as soon as it is there.
func parseHeader(b []byte, l limits) (h header, n int, err error) {
	if len(b) == 0 {
		return h, 0, nil
	}
	h.op, h.final = Opcode(b[0]&0x0F), b[0]&finalBit != 0
	if err := h.checkFirst(b[0], l); err != nil || len(b) == 1 {
		return h, 0, err
	}
	if masked := b[1]&maskBit != 0; masked == l.client {
		if l.client {
			return h, 0, protocolError("a frame of the server is masked")
		}
		return h, 0, protocolError("a frame of the client is not masked")
	}
	n, err = h.parseLength(b)
	if n == 0 || err != nil {
		return h, 0, err
	}
	if !h.op.isControl() && h.length > l.space {
		return h, 0, &CloseError{CloseMessageTooBig, "the message is too large"}
	}
	if l.client {
		return h, n, nil
	}
	if len(b) < n+4 {
		return h, 0, nil
	}
	h.key = binary.LittleEndian.Uint32(b[n:])
	return h, n + 4, nil
}

// checkFirst checks the first byte of a header.
func (h *header) checkFirst(first byte, l limits) error {
	switch {
	case first&0x70 != 0:
		return protocolError("a reserved bit is set")
	case h.op.isControl():
		if h.op > OpPong {
			return protocolError("unknown opcode")
		}
		if !h.final {
			return protocolError("a control frame is fragmented")
		}
	case h.op > OpBinary:
		return protocolError("unknown opcode")
	case h.op == OpContinuation && !l.continues:
		return protocolError("there is no message to continue")
	case h.op != OpContinuation && l.continues:
		return protocolError("a new message before the end of the last one")
	}
	return nil
}

// parseLength reads the length of the payload and returns where it ends in b, 0 while it is
// incomplete.
func (h *header) parseLength(b []byte) (n int, err error) {
	short := b[1] &^ maskBit
	if h.op.isControl() && short > maxControl {
		return 0, protocolError("a control frame is longer than 125 bytes")
	}
	var length, least uint64
	switch {
	case short < length16:
		n, length = 2, uint64(short)
	case short == length16 && len(b) >= 4:
		n, length, least = 4, uint64(binary.BigEndian.Uint16(b[2:])), length16
	case short == length64 && len(b) >= 10:
		n, length, least = 10, binary.BigEndian.Uint64(b[2:]), 1<<16
	default:
		return 0, nil
	}
	if length < least {
		return 0, protocolError("the length is not in its shortest form")
	}
	if length > 1<<63-1 {
		return 0, protocolError("the length has more than 63 bits")
	}
	h.length = int(min(length, maxInt))
	return n, nil
}

// maxInt is the largest int. Where int has 32 bits, a longer length is above any limit.
const maxInt = uint64(^uint(0) >> 1)
