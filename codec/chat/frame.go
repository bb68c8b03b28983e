package chat

import (
	"encoding/binary"
	"unicode/utf8"

	"holdfast/codec"
)

// Type is what a frame means. See the package comment.
type Type uint8

// Types of frames.
const (
	TypeMessage Type = 1
	TypeJoined  Type = 2
	TypeLeft    Type = 3
	TypeError   Type = 4
	TypeWho     Type = 5
)

// Limits, in bytes.
const (
	// MaxTextBytes is the longest text of a frame.
	MaxTextBytes = 4096
	// MaxAddressBytes and MaxPortBytes are what a frame may have for FAddr and FPort.
	MaxAddressBytes = 64
	MaxPortBytes    = 16
	// MaxFrame is the longest frame.
	MaxFrame = lengthLen + partsLen + MaxAddressBytes + MaxPortBytes + MaxTextBytes

	lengthLen = 2 // the field length
	partsLen  = 5 // the fields type, n and m
)

// Frame is one frame, as clients see it.
type Frame struct {
	Type    Type
	Address string // FAddr
	Port    string // FPort
	Text    string // Msg
}

// AppendFrame appends f. Parts above their limit are cut.
func AppendFrame(dst []byte, f Frame) []byte {
	return appendParts(dst, f.Type, f.Address, []byte(f.Port), f.Text)
}

// ParseFrame returns the first frame of b and how many bytes it took; used is 0 while it is
// incomplete. Errors are those of Dialect.FrameLen, and ErrParts.
func ParseFrame(b []byte) (f Frame, used int, err error) {
	n, err := Dialect{}.FrameLen(b, MaxFrame)
	if err != nil || n == 0 || n > len(b) {
		return Frame{}, 0, err
	}
	p, err := split(b[:n])
	if err != nil {
		return Frame{}, 0, err
	}
	return Frame{Type: p.kind, Address: string(p.address), Port: string(p.port), Text: string(p.text)}, n, nil
}

// parts are the fields of a frame; they alias it.
type parts struct {
	kind                Type
	address, port, text []byte
}

// split returns the fields of a complete frame.
func split(frame []byte) (p parts, err error) {
	p.kind = Type(frame[lengthLen])
	rest := frame[lengthLen+1:]
	if p.address, rest, err = cutPart(rest); err != nil {
		return parts{}, err
	}
	p.port, p.text, err = cutPart(rest)
	return p, err
}

// cutPart returns the part at the start of b, which starts with its length, and the rest.
func cutPart(b []byte) (part, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, ErrParts
	}
	end := 2 + int(binary.BigEndian.Uint16(b))
	if end > len(b) {
		return nil, nil, ErrParts
	}
	return b[2:end], b[end:], nil
}

func appendParts(dst []byte, t Type, address string, port []byte, text string) []byte {
	text = shorten(text, MaxTextBytes)
	return append(appendHeader(dst, t, address, port, len(text)), text...)
}

// appendHeader appends a frame up to its text of textLen bytes, which the caller appends.
func appendHeader(dst []byte, t Type, address string, port []byte, textLen int) []byte {
	address, port = shorten(address, MaxAddressBytes), port[:min(len(port), MaxPortBytes)]
	dst = binary.BigEndian.AppendUint16(dst, uint16(partsLen+len(address)+len(port)+textLen))
	dst = append(dst, byte(t))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(address)))
	dst = append(dst, address...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(port)))
	return append(dst, port...)
}

// shorten returns at most so much of s, and no part of a character.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

// frameLen returns the length of the frame at the start of b; see codec.Dialect.
func frameLen(b []byte, most int) (int, error) {
	if len(b) < lengthLen {
		return 0, nil
	}
	n := lengthLen + int(binary.BigEndian.Uint16(b))
	switch {
	case n < lengthLen+partsLen:
		return 0, codec.ErrTooShort
	case n > max(min(most, MaxFrame), lengthLen+partsLen):
		return 0, codec.ErrTooLarge
	}
	return n, nil
}
