package seed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// scanner reads a JSON text token by token and knows the line it is on. A wrong
// token is a FileError.
type scanner struct {
	name    string
	content []byte
	tokens  *json.Decoder
	line    int // of the last token
	counted int // how much of content has been counted in line
}

func newScanner(name string, content []byte) scanner {
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	return scanner{name: name, content: content, tokens: d, line: 1}
}

// errorf makes a FileError on the line of the last token.
func (s *scanner) errorf(format string, args ...any) error {
	return s.errorAt(s.line, format, args...)
}

func (s *scanner) errorAt(line int, format string, args ...any) error {
	return &FileError{File: s.name, Line: line, Problem: fmt.Sprintf(format, args...)}
}

// next returns the next token. A token never spans lines.
func (s *scanner) next() (json.Token, error) {
	t, err := s.tokens.Token()
	if err != nil {
		return nil, s.syntax(err)
	}
	s.countTo(int(s.tokens.InputOffset()))
	return t, nil
}

func (s *scanner) countTo(offset int) {
	offset = min(max(offset, s.counted), len(s.content))
	s.line += bytes.Count(s.content[s.counted:offset], []byte{'\n'})
	s.counted = offset
}

// syntax makes a FileError of what the decoder says, on the line of the token that
// it could not read.
func (s *scanner) syntax(err error) error {
	rest := s.content[min(int(s.tokens.InputOffset()), len(s.content)):]
	if behind := bytes.TrimLeft(rest, " \t\r\n"); len(behind) > 0 {
		s.countTo(len(s.content) - len(behind))
	} else {
		s.countTo(len(bytes.TrimRight(s.content, " \t\r\n")))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s.errorf("not JSON: the file ends too early")
	}
	return s.errorf("not JSON: %v", err)
}

// delim takes one of { } [ ].
func (s *scanner) delim(want json.Delim, what string) error {
	t, err := s.next()
	if err != nil {
		return err
	}
	if t != want {
		return s.errorf("%s: want %q, have %s", what, want.String(), show(t))
	}
	return nil
}

// object calls field for each key of an object, which must take the value. A key
// that comes twice is an error.
func (s *scanner) object(what string, field func(key string) error) error {
	if err := s.delim('{', what); err != nil {
		return err
	}
	var keys []string
	for s.tokens.More() {
		t, err := s.next()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		for _, before := range keys {
			if before == key {
				return s.errorf("%s: key %q comes twice", what, key)
			}
		}
		keys = append(keys, key)
		if err := field(key); err != nil {
			return err
		}
	}
	return s.delim('}', what)
}

// array calls element for each element of an array, which must take it.
func (s *scanner) array(what string, element func() error) error {
	if err := s.delim('[', what); err != nil {
		return err
	}
	for s.tokens.More() {
		if err := element(); err != nil {
			return err
		}
	}
	return s.delim(']', what)
}

// text takes a string.
func (s *scanner) text(key string) (string, error) {
	t, err := s.next()
	if err != nil {
		return "", err
	}
	v, ok := t.(string)
	if !ok {
		return "", s.errorf("%s: want a string, have %s", key, show(t))
	}
	return v, nil
}

// number takes a whole number within low and high.
func (s *scanner) number(key string, low, high int64) (int64, error) {
	t, err := s.next()
	if err != nil {
		return 0, err
	}
	n, ok := t.(json.Number)
	if !ok {
		return 0, s.errorf("%s: want a whole number, have %s", key, show(t))
	}
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || v < low || v > high {
		return 0, s.errorf("%s %s: want a whole number from %d to %d", key, clip(n.String()), low, high)
	}
	return v, nil
}

// end takes the end of the file.
func (s *scanner) end() error {
	t, err := s.tokens.Token()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return s.syntax(err)
	}
	s.countTo(int(s.tokens.InputOffset()))
	return s.errorf("%s after the end of the seed", show(t))
}

func show(t json.Token) string {
	switch v := t.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(clip(v))
	case json.Delim:
		return strconv.Quote(v.String())
	case json.Number:
		return clip(v.String())
	}
	return fmt.Sprint(t)
}

// clip shortens a value that an error shows.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
