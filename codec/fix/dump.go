package fix

import (
	"bytes"
	"iter"
	"math"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// AppendDump appends a frame as one line of text without its end, for people:
//
//	NewOrderSingle  8 BeginString=FIX.4.4  9 BodyLength=112  35 MsgType=D  …  54 Side=1 BUY  …
//
// It takes any bytes. What is not a message is called garbled, and what is not a field is quoted.
func (d *Dictionary) AppendDump(dst, frame []byte) []byte {
	var m Message
	rest := frame[m.split(frame):]
	switch {
	case len(rest) > 0 || m.check(frame) != nil:
		dst = append(dst, "garbled"...)
	case d.layout(m.Type) == nil:
		dst = append(dst, "unknown"...)
	default:
		dst = append(dst, d.MessageName(m.Type)...)
	}
	for _, f := range m.Fields {
		dst = d.appendField(append(dst, "  "...), f)
	}
	if len(rest) > 0 {
		dst = strconv.AppendQuote(append(dst, "  "...), string(rest))
	}
	return dst
}

func (d *Dictionary) appendField(dst []byte, f Field) []byte {
	dst = strconv.AppendInt(dst, int64(f.Tag), 10)
	if name := d.Name(f.Tag); name != "" {
		dst = append(append(dst, ' '), name...)
	}
	dst = append(dst, '=')
	if bytes.IndexFunc(f.Value, unprintable) >= 0 {
		dst = strconv.AppendQuote(dst, string(f.Value))
	} else {
		dst = append(dst, f.Value...)
	}
	if meaning := d.Meaning(f.Tag, f.Value); meaning != "" {
		dst = append(append(dst, ' '), meaning...)
	}
	return dst
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// Frames returns the frames of a stream that is there as a whole, such as a file: messages, and the
// bytes between them. The last may be incomplete.
func Frames(stream []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(stream) > 0 {
			n, err := frameLen(stream, math.MaxInt32)
			if err != nil || n == 0 || n > len(stream) {
				n = len(stream)
			}
			if !yield(stream[:n]) {
				return
			}
			stream = stream[n:]
		}
	}
}
