package websocket

import "encoding/binary"

// utf8State checks text that arrives in pieces. The zero value is at the start of a rune.
type utf8State struct {
	missing   uint8 // bytes of the current rune that have not arrived
	low, high uint8 // the range of the next of them
}

// highBits are those that no ASCII byte has.
const highBits = 0x8080808080808080

// add checks the next piece. It is false as soon as a byte can't continue the text; the state
// is of no use then.
func (s *utf8State) add(b []byte) bool {
	for len(b) > 0 {
		c := b[0]
		switch {
		case s.missing > 0:
			if c < s.low || c > s.high {
				return false
			}
			s.missing--
			s.low, s.high = 0x80, 0xBF
		case c < 0x80:
			for len(b) > 8 && binary.LittleEndian.Uint64(b)&highBits == 0 {
				b = b[8:]
			}
			if b[0] >= 0x80 {
				continue
			}
		case !s.start(c):
			return false
		}
		b = b[1:]
	}
	return true
}

// start takes the first byte of a rune above U+007F. The ranges of the second byte keep out
// longer encodings than needed, surrogates and what is above U+10FFFF (RFC 3629 section 4).
func (s *utf8State) start(c byte) bool {
	s.low, s.high = 0x80, 0xBF
	switch {
	case c < 0xC2, c > 0xF4:
		return false
	case c < 0xE0:
		s.missing = 1
	case c < 0xF0:
		s.missing = 2
	default:
		s.missing = 3
	}
	switch c {
	case 0xE0:
		s.low = 0xA0
	case 0xED:
		s.high = 0x9F
	case 0xF0:
		s.low = 0x90
	case 0xF4:
		s.high = 0x8F
	}
	return true
}

// complete reports whether the text may end here.
func (s *utf8State) complete() bool { return s.missing == 0 }
