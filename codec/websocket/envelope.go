package websocket

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"holdfast/codec"
)

// envelope is a message whose body is not decoded.
type envelope struct {
	command codec.Command // 0 if none has that name
	id      uint64
	body    []byte             // JSON; empty if it is missing
	seen    [len(members)]bool // which of members it has
}

// members are the names that an envelope has. Others are ignored.
var members = [...]string{"command", "id", "body"}

// parseEnvelope reads a JSON object. Its errors wrap codec.ErrMessage.
//
// Decoding with encoding/json would take as long as protojson takes for the body of an order.
// It would also accept names in any case, and a member that is there twice.
func parseEnvelope(text []byte) (envelope, error) {
	var e envelope
	if !json.Valid(text) {
		return e, messageError("it is not JSON")
	}
	s := scanner{text}
	if !s.take('{') {
		return e, messageError("it is not a JSON object")
	}
	for !s.take('}') {
		s.take(',')
		name, _ := unquote(s.value())
		s.take(':')
		if err := e.set(name, s.value()); err != nil {
			return e, err
		}
	}
	if !e.seen[0] {
		return e, messageError("it has no command")
	}
	return e, nil
}

// set stores the member of that name.
func (e *envelope) set(name, value []byte) error {
	i := slices.Index(members[:], string(name))
	switch {
	case i < 0:
		return nil
	case e.seen[i]:
		return messageError(members[i] + " is there twice")
	}
	e.seen[i] = true
	switch members[i] {
	case "command":
		command, ok := unquote(value)
		if !ok {
			return messageError("command must be a string")
		}
		e.command = commands[string(command)]
	case "id":
		id, ok := parseID(value)
		if !ok {
			return messageError("id must be an integer from 0 to 2^64-1")
		}
		e.id = id
	case "body":
		e.body = value
	}
	return nil
}

func messageError(text string) error { return fmt.Errorf("%w: %s", codec.ErrMessage, text) }

// parseID returns the number that an id is.
func parseID(value []byte) (uint64, bool) {
	if string(value) == "null" {
		return 0, true
	}
	digits := value
	if digits[0] == '"' {
		digits = digits[1 : len(digits)-1]
	}
	id, err := strconv.ParseUint(string(digits), 10, 64)
	return id, err == nil
}

// unquote returns the text of a JSON string, and false for a value of another kind.
func unquote(value []byte) ([]byte, bool) {
	if value[0] != '"' {
		return nil, false
	}
	if text := value[1 : len(value)-1]; bytes.IndexByte(text, '\\') < 0 {
		return text, true
	}
	var text string
	err := json.Unmarshal(value, &text)
	return []byte(text), err == nil
}

// scanner finds the ends of values in valid JSON.
type scanner struct{ rest []byte }

// take takes c after space, if it is next.
func (s *scanner) take(c byte) bool {
	s.space()
	if s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) space() { s.rest = bytes.TrimLeft(s.rest, " \t\r\n") }

// value takes the next value after space.
func (s *scanner) value() (value []byte) {
	s.space()
	var n int
	switch s.rest[0] {
	case '"':
		n = stringLen(s.rest)
	case '{', '[':
		n = bracketsLen(s.rest)
	default:
		n = bytes.IndexAny(s.rest, ",} \t\r\n")
	}
	value, s.rest = s.rest[:n], s.rest[n:]
	return value
}

// bracketsLen returns the length of the object or array at the start of b.
func bracketsLen(b []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch b[i] {
		case '"':
			i += stringLen(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// stringLen returns the length of the string at the start of b.
func stringLen(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
}
