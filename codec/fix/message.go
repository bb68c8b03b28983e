package fix

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
)

// ErrGarbled means that a frame is no message: its first three fields are not BeginString,
// BodyLength and MsgType, a field is not tag=value, or BodyLength or CheckSum is wrong. The rules
// of a session ignore it and do not count it.
var ErrGarbled = errors.New("fix: garbled message")

// Field is one field of a message. Value aliases the frame.
type Field struct {
	Tag   int
	Value []byte
}

// Message is a message as its fields.
type Message struct {
	// Type is the MsgType (35); it aliases the frame.
	Type []byte
	// Fields are all fields from BeginString to CheckSum, in their order.
	Fields []Field
}

// Parse splits a frame into fields. It keeps the memory of Fields for the next call. The error is
// ErrGarbled; Fields are then those in front of the fault. A value may be empty, a tag may be below 1
// or not defined: Dictionary.Check looks at them.
func (m *Message) Parse(frame []byte) error {
	if m.split(frame) < len(frame) {
		return ErrGarbled
	}
	return m.check(frame)
}

// split sets Fields, and returns where it found no field.
func (m *Message) split(frame []byte) int {
	fields := m.Fields[:0]
	dataTag, length := 0, 0 // of the next field, if it is one of data
	at := 0
	for at < len(frame) {
		tag, n := tagOf(frame[at:])
		if n == 0 {
			break
		}
		rest := frame[at+n:]
		end := length
		if tag != dataTag || end >= len(rest) || rest[end] != SOH {
			if end = indexSOH(rest); end < 0 {
				break
			}
		}
		v := rest[:end:end]
		fields = append(fields, Field{tag, v})
		at += n + end + 1
		dataTag = 0
		if uint(tag) < maxTags && dataTags[tag] != 0 {
			var ok bool
			if length, ok = number(v); ok {
				dataTag = int(dataTags[tag])
			}
		}
	}
	m.Type, m.Fields = nil, fields
	return at
}

// indexSOH is bytes.IndexByte for SOH, which is near in most fields.
func indexSOH(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	if len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b) ^ SOH*ones // 0 where SOH is
		if zeros := (x - ones) &^ x & highs; zeros != 0 {
			return bits.TrailingZeros64(zeros) / 8
		}
	}
	return bytes.IndexByte(b, SOH)
}

// trailerLen is the length of CheckSum, "10=nnn" and its SOH.
const trailerLen = 7

// check checks what makes a frame, all of which is split, a message.
func (m *Message) check(frame []byte) error {
	f := m.Fields
	last := len(f) - 1
	if last < 3 || f[0].Tag != BeginStringTag || f[1].Tag != BodyLength || f[2].Tag != MsgType || f[last].Tag != CheckSum {
		return ErrGarbled
	}
	body := len("8=") + len(f[0].Value) + len("\x019=") + len(f[1].Value) + 1
	if string(frame[:2]) != "8=" || len(f[last].Value) != 3 {
		return ErrGarbled
	}
	trailer := len(frame) - trailerLen
	if n, ok := number(f[1].Value); !ok || n != trailer-body {
		return ErrGarbled
	}
	if sum, ok := number(f[last].Value); !ok || sum != int(sum256(frame[:trailer])) {
		return ErrGarbled
	}
	m.Type = f[2].Value
	return nil
}

// Clone returns a copy of the message in separate memory.
func (m *Message) Clone() *Message {
	size := 0
	for i := range m.Fields {
		size += len(m.Fields[i].Value)
	}
	c, values := &Message{Fields: make([]Field, len(m.Fields))}, make([]byte, 0, size)
	for i, f := range m.Fields {
		from := len(values)
		values = append(values, f.Value...)
		c.Fields[i] = Field{f.Tag, values[from:len(values):len(values)]}
		if f.Tag == MsgType && c.Type == nil {
			c.Type = c.Fields[i].Value
		}
	}
	return c
}

// Get returns the value of the first field with a tag; ok is false without one.
func (m *Message) Get(tag int) (value []byte, ok bool) {
	for i := range m.Fields {
		if m.Fields[i].Tag == tag {
			return m.Fields[i].Value, true
		}
	}
	return nil, false
}

// maxTagDigits limits a tag.
const maxTagDigits = 9

// tagOf returns the tag at the start of b, which has no leading zeros, and where its value starts; that
// is 0 if there is no tag.
func tagOf(b []byte) (tag, n int) {
	sign, first := 1, 0
	if len(b) > 0 && b[0] == '-' {
		sign, first = -1, 1
	}
	for n := first; n < len(b); n++ {
		c := b[n]
		switch {
		case c == '=' && n > first:
			return sign * tag, n + 1
		case c < '0' || c > '9' || n == first+maxTagDigits || n > first && tag == 0:
			return 0, 0
		}
		tag = 10*tag + int(c-'0')
	}
	return 0, 0
}

// number returns a value of digits, of which leading ones may be zeros.
func number(b []byte) (n int, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// sum256 returns the sum of b modulo 256.
func sum256(b []byte) uint8 {
	var low, high uint64 // each the sums of four places, 16 bits wide
	var sum uint8
	for len(b) >= 8 {
		n := min(len(b)/8, 256)
		low, high = 0, 0
		for i := range n {
			x := binary.LittleEndian.Uint64(b[8*i:])
			low += x & 0x00FF00FF00FF00FF
			high += x >> 8 & 0x00FF00FF00FF00FF
		}
		for s := 0; s < 64; s += 16 {
			sum += uint8(low>>s) + uint8(high>>s)
		}
		b = b[8*n:]
	}
	for _, c := range b {
		sum += c
	}
	return sum
}
