package fix

import (
	"bytes"
	"math"

	"holdfast/codec"
)

// SOH ends every field.
const SOH = 0x01

// BeginString is the version of the protocol, the value of field 8.
const BeginString = "FIX.4.4"

// header is how almost every message begins; start is how all do, those of other versions, too.
const (
	header = start + ".4.4\x019="
	start  = "8=FIX"
)

// shortest is the length of the shortest field that may end a message, "10=" and its SOH.
const shortest = 4

// maxGarbage limits a frame of bytes in front of a message. The smallest limit of a frame is above it,
// so that the limit does not change where a frame ends.
const maxGarbage = 256

// frameLen returns the length of the frame at the start of b, 0 while b is too short to tell. It may
// be more than len(b), and the frame is then at least that long.
//
// A message ends at the SOH after the first "SOH 10=" at or after the place that BodyLength counts,
// as FIX engines agree: a BodyLength that is too small is no harm to the next message, and one that
// is too large costs the next message, too. Bytes that start no message are frames that Parse
// refuses: those in front of "8=FIX", and from there up to a BodyLength that is not a positive
// number. The frames with messages do not depend on the pieces that the bytes arrive in.
func frameLen(b []byte, most int) (int, error) {
	b = b[:min(len(b), most)]
	if n := garbage(b[:min(len(b), maxGarbage)]); n > 0 {
		return n, nil
	}
	return messageLen(b, most)
}

// completeLen is frameLen for frames that it has found: what comes after b changes nothing. Where
// frameLen would wait for the rest of a message, or of "9=", its frame ended in front of them.
func completeLen(b []byte) (int, error) {
	if len(b) < maxGarbage && !bytes.Contains(b, []byte(start)) {
		return len(b), nil
	}
	n, err := frameLen(b, math.MaxInt32)
	if n > 0 || err != nil {
		return n, err
	}
	if n = bytes.IndexByte(b, SOH) + 1; n+len("9=") <= len(b) {
		n += len("9=")
	}
	return n, nil
}

// messageLen is frameLen for bytes that may start a message.
func messageLen(b []byte, most int) (int, error) {
	at := len(header) // the value of BodyLength
	if len(b) < at || string(b[:at]) != header {
		at = bytes.IndexByte(b, SOH) + 1 + len("9=")
		if at == len("9=") || len(b) < at {
			return waitFor(b, most)
		}
		if b[at-2] != '9' || b[at-1] != '=' {
			return at - len("9="), nil
		}
	}
	length, digits, err := lengthAt(b[at:], most)
	switch {
	case err != nil:
		return 0, err
	case at+digits == len(b):
		return waitFor(b, most)
	case digits == 0:
		return at, nil
	}
	return endOf(b, at+digits+length, most)
}

// lengthAt returns the value at the start of b and its length, which is 0 if the value is not a
// positive number; without its SOH the value may be incomplete.
func lengthAt(b []byte, most int) (length, digits int, err error) {
	for i, c := range b {
		switch {
		case c == SOH && length > 0:
			return length, i, nil
		case c < '0' || c > '9':
			return 0, 0, nil
		}
		if length = 10*length + int(c-'0'); length > most {
			return 0, 0, codec.ErrTooLarge
		}
	}
	return length, len(b), nil
}

// endOf returns the length of the frame whose body should end with the SOH at b[at].
func endOf(b []byte, at, most int) (int, error) {
	if n := at + 1 + shortest; n > most {
		return 0, codec.ErrTooLarge
	} else if n > len(b) {
		return n, nil
	}
	i := bytes.Index(b[at:], []byte("\x0110="))
	if i < 0 {
		return waitFor(b, most)
	}
	at += i + 1
	if i = bytes.IndexByte(b[at:], SOH); i < 0 {
		return waitFor(b, most)
	}
	return at + i + 1, nil
}

// waitFor is the result for a frame whose end is not in b.
func waitFor(b []byte, most int) (int, error) {
	if len(b) >= most {
		return 0, codec.ErrTooLarge
	}
	return 0, nil
}

// garbage returns how many bytes of b are in front of the first that may start a message.
func garbage(b []byte) int {
	if len(b) >= len(start) && string(b[:len(start)]) == start {
		return 0
	}
	if i := bytes.Index(b, []byte(start)); i >= 0 {
		return i
	}
	for n := min(len(b), len(start)-1); n > 0; n-- {
		if string(b[len(b)-n:]) == start[:n] {
			return len(b) - n
		}
	}
	return len(b)
}
