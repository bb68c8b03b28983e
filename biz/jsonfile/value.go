package jsonfile

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// value is a value, or the start of an object or list.
type value struct {
	// kind is " for a string, 0 for a number, and otherwise the first byte: { [ t f n.
	kind byte
	// text is the string, or the bytes of any other value.
	text []byte
}

// token returns the value as a token of encoding/json.
func (v value) token() json.Token {
	switch v.kind {
	case '"':
		return string(v.text)
	case '0':
		return json.Number(v.text)
	case 't', 'f':
		return v.kind == 't'
	case 'n':
		return nil
	}
	return json.Delim(v.kind)
}

// nextValue reads a value, or the start of an object or list.
func (r *Reader) nextValue() (value, error) {
	if r.unread != nil {
		return value{}, r.Errorf("the file %v", r.unread)
	}
	c := r.skipBlanks()
	if r.colon {
		if c != ':' {
			return value{}, r.syntax()
		}
		r.at++
		r.colon = false
		c = r.skipBlanks()
	}
	v, size := scan(c, r.content[r.at:])
	if size == 0 {
		return value{}, r.syntax()
	}
	r.at += size
	r.countTo(r.at)
	return v, nil
}

// skipBlanks returns the next byte that is no blank, 0 at the end of the content.
func (r *Reader) skipBlanks() byte {
	for ; r.at < len(r.content); r.at++ {
		switch c := r.content[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// scan returns the value at the start of text, whose first byte is c, and its size in bytes. A
// size of 0 means that there is no value.
func scan(c byte, text []byte) (value, int) {
	size := 0
	switch c {
	case '"':
		return scanString(text)
	case '{', '[':
		return value{kind: c}, 1
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		c, size = '0', numberSize(text)
	case 't':
		size = literalSize(text, "true")
	case 'f':
		size = literalSize(text, "false")
	case 'n':
		size = literalSize(text, "null")
	}
	return value{kind: c, text: text[:size]}, size
}

func literalSize(text []byte, literal string) int {
	if bytes.HasPrefix(text, []byte(literal)) {
		return len(literal)
	}
	return 0
}

// scanString scans a string. Only one with an escape or with other than ASCII is copied.
func scanString(text []byte) (value, int) {
	plain := true
	for n := 1; n < len(text); n++ {
		switch c := text[n]; {
		case c == '"' && plain:
			return value{kind: '"', text: text[1:n]}, n + 1
		case c == '"':
			var s string
			if json.Unmarshal(text[:n+1], &s) != nil {
				return value{}, 0
			}
			return value{kind: '"', text: []byte(s)}, n + 1
		case c == '\\':
			plain = false
			n++
		case c < ' ':
			return value{}, 0
		case c >= utf8.RuneSelf:
			plain = false
		}
	}
	return value{}, 0
}

// numberSize returns the size of the number at the start of text, 0 if there is no number.
func numberSize(text []byte) int {
	n := 0
	if text[n] == '-' {
		n++
	}
	whole := digits(text[n:])
	if whole > 1 && text[n] == '0' {
		whole = 1 // what follows is not part of the number
	}
	n += whole
	ok := whole > 0
	if ok && n < len(text) && text[n] == '.' {
		decimals := digits(text[n+1:])
		n += 1 + decimals
		ok = decimals > 0
	}
	if ok && n < len(text) && (text[n] == 'e' || text[n] == 'E') {
		n++
		if n < len(text) && (text[n] == '+' || text[n] == '-') {
			n++
		}
		exponent := digits(text[n:])
		n += exponent
		ok = exponent > 0
	}
	if !ok {
		return 0
	}
	return n
}

// digits returns how many digits text starts with.
func digits(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}
