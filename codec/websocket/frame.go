package websocket

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// Opcode is the kind of a frame (RFC 6455 section 5.2).
type Opcode uint8

// Opcodes.
const (
	OpContinuation Opcode = 0
	OpText         Opcode = 1
	OpBinary       Opcode = 2
	OpClose        Opcode = 8
	OpPing         Opcode = 9
	OpPong         Opcode = 10
)

// Bits and lengths of a frame header.
const (
	finalBit   = 0x80 // first byte: the last frame of its message
	maskBit    = 0x80 // second byte: a mask follows the length
	length16   = 126  // second byte: the length is in the next 2 bytes
	length64   = 127  // second byte: the length is in the next 8 bytes
	maxControl = 125  // the longest payload of a control frame
	maxHeader  = 14   // 2 bytes, 8 of length, 4 of mask
)

// isControl reports whether op is that of a control frame.
func (op Opcode) isControl() bool { return op >= OpClose }

// AppendHeader appends the header of a server's final frame whose n payload bytes the caller
// appends next.
func AppendHeader(dst []byte, op Opcode, n int) []byte {
	return appendLength(dst, op, n, 0)
}

// appendLength appends a frame header up to its length; mask is maskBit or 0.
func appendLength(dst []byte, op Opcode, n int, mask byte) []byte {
	dst = append(dst, finalBit|byte(op))
	switch {
	case n < length16:
		return append(dst, mask|byte(n))
	case n <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(dst, mask|length16), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, mask|length64), uint64(n))
	}
}

// AppendFrame appends a server's final frame.
func AppendFrame(dst []byte, op Opcode, payload []byte) []byte {
	return append(AppendHeader(dst, op, len(payload)), payload...)
}

// AppendMasked appends a client's final frame. mask is the masking key, big-endian on the
// wire; a client takes a new random one for each frame.
func AppendMasked(dst []byte, op Opcode, mask uint32, payload []byte) []byte {
	dst = appendLength(dst, op, len(payload), maskBit)
	dst = binary.BigEndian.AppendUint32(dst, mask)
	key := binary.LittleEndian.Uint32(dst[len(dst)-4:])
	start := len(dst)
	dst = append(dst, payload...)
	unmask(dst[start:], key)
	return dst
}

// AppendClose appends a server's Close frame. CloseNoStatus sends no code and no text; other
// codes that are not for the wire are the caller's fault. text is cut to the 123 bytes that
// fit, at a rune; what is not UTF-8 in it becomes U+FFFD.
func AppendClose(dst []byte, code CloseCode, text string) []byte {
	if code == CloseNoStatus {
		return AppendHeader(dst, OpClose, 0)
	}
	text = cut(strings.ToValidUTF8(text, "\uFFFD"), maxControl-2)
	dst = AppendHeader(dst, OpClose, 2+len(text))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, text...)
}

// cut returns the runes of s that fit into n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
