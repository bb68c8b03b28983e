package fix

import (
	"strconv"

	"holdfast/codec"
)

// Writer appends one message to a buffer. Begin starts it, the methods append its fields in the
// order of their calls, and End completes it.
type Writer struct {
	b     []byte
	start int // of the message
	body  int // of MsgType
}

// Begin starts a message of a type at the end of dst.
func Begin(dst []byte, msgType string) Writer {
	w := Writer{b: dst, start: len(dst)}
	w.b = append(w.b, header+"nnn\x01"...)
	w.body = len(w.b)
	w.Text(MsgType, msgType)
	return w
}

// Text appends a field with a text, in which no SOH may be.
func (w *Writer) Text(tag int, s string) {
	w.b = append(append(appendTag(w.b, tag), s...), SOH)
}

// Bytes is Text for bytes.
func (w *Writer) Bytes(tag int, s []byte) {
	w.b = append(append(appendTag(w.b, tag), s...), SOH)
}

// Char appends a field with one character.
func (w *Writer) Char(tag int, c byte) {
	w.b = append(appendTag(w.b, tag), c, SOH)
}

// Int appends a field with a whole number.
func (w *Writer) Int(tag int, n int64) {
	w.b = append(strconv.AppendInt(appendTag(w.b, tag), n, 10), SOH)
}

// Decimal appends a field with n / 10^places, without zeros at the end.
func (w *Writer) Decimal(tag int, n int64, places int) {
	b := appendTag(w.b, tag)
	if n < 0 {
		b = append(b, '-')
	}
	u := magnitude(n)
	var digits [24]byte
	at := len(digits)
	for i := range places {
		if d := byte(u % 10); d != 0 || at < len(digits) {
			at--
			digits[at] = '0' + d
		}
		u /= 10
		if i == places-1 && at < len(digits) {
			at--
			digits[at] = '.'
		}
	}
	w.b = append(append(strconv.AppendUint(b, u, 10), digits[at:]...), SOH)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Time appends a field with a UTC time in milliseconds; nanos counts from 1970.
func (w *Writer) Time(tag int, nanos int64) {
	w.b = append(AppendTime(appendTag(w.b, tag), nanos), SOH)
}

// appendTag appends a tag and the equals sign.
func appendTag(dst []byte, tag int) []byte {
	switch {
	case tag < 10 || tag >= 1000:
		return append(strconv.AppendInt(dst, int64(tag), 10), '=')
	case tag < 100:
		return append(dst, digit(tag/10), digit(tag%10), '=')
	default:
		return append(dst, digit(tag/100), digit(tag/10%10), digit(tag%10), '=')
	}
}

// ID appends a field with a prefix and two numbers, such as e100001-7.
func (w *Writer) ID(tag int, first, second uint32, prefix string) {
	w.b = appendTag(w.b, tag)
	w.b = append(strconv.AppendUint(append(w.b, prefix...), uint64(first), 10), '-')
	w.b = append(strconv.AppendUint(w.b, uint64(second), 10), SOH)
}

// Raw appends complete fields.
func (w *Writer) Raw(fields []byte) { w.b = append(w.b, fields...) }

// Len returns the length of the buffer, and Since the bytes from there on.
func (w *Writer) Len() int { return len(w.b) }

// Since returns what was appended since the buffer had that length. It is valid until the next call.
func (w *Writer) Since(length int) []byte { return w.b[length:] }

// End appends CheckSum, sets BodyLength, and returns the buffer.
func (w *Writer) End() []byte {
	length := len(w.b) - w.body
	var digits [20]byte
	n := strconv.AppendUint(digits[:0], uint64(length), 10)
	if len(n) != 3 {
		w.move(len(n) - 3)
	}
	copy(w.b[w.start+len(header):], n)
	w.b[w.body-1] = SOH
	sum := sum256(w.b[w.start:])
	w.b = append(w.b, '1', '0', '=', '0'+sum/100, '0'+sum/10%10, '0'+sum%10, SOH)
	return w.b
}

// move moves the body by some bytes, for a BodyLength that does not have three digits.
func (w *Writer) move(by int) {
	if by > 0 {
		w.b = append(w.b, make([]byte, by)...)
		copy(w.b[w.body+by:], w.b[w.body:len(w.b)-by])
	} else {
		copy(w.b[w.body+by:], w.b[w.body:])
		w.b = w.b[:len(w.b)+by]
	}
	w.body += by
}

// Raw returns a complete message as a body for Dialect.
func Raw(message []byte) codec.Body { return codec.Raw(message) }
