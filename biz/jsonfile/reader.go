package jsonfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"holdfast/biz/textfile"
)

// Error says what is wrong with a file, and where.
type Error struct {
	File    string
	Line    int
	Problem string
}

// Error returns one line: file, line, problem.
func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem) }

// Reader reads one JSON text. All errors of its methods are of type *Error, or come from
// the caller's functions.
type Reader struct {
	// Line is the line of the last token, from 1.
	Line int

	file    string
	content []byte
	tokens  *json.Decoder
	counted int   // bytes of content whose line breaks are in Line
	unread  error // the content is not UTF-8
}

// New returns a reader of content, which may start with a byte order mark; file is its
// name in errors.
func New(file string, content []byte) *Reader {
	content, err := textfile.Trim(content)
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	return &Reader{file: file, content: content, tokens: d, Line: 1, unread: err}
}

// Errorf returns an Error on the line of the last token.
func (r *Reader) Errorf(format string, args ...any) error { return r.ErrorAt(r.Line, format, args...) }

// ErrorAt returns an Error on a line.
func (r *Reader) ErrorAt(line int, format string, args ...any) error {
	return &Error{File: r.file, Line: line, Problem: fmt.Sprintf(format, args...)}
}

// Next reads a token. A token never spans lines.
func (r *Reader) Next() (json.Token, error) {
	if r.unread != nil {
		return nil, r.Errorf("the file %v", r.unread)
	}
	t, err := r.tokens.Token()
	if err != nil {
		return nil, r.syntax(err)
	}
	r.countTo(int(r.tokens.InputOffset()))
	return t, nil
}

func (r *Reader) countTo(offset int) {
	offset = min(max(offset, r.counted), len(r.content))
	r.Line += bytes.Count(r.content[r.counted:offset], []byte{'\n'})
	r.counted = offset
}

// syntax returns an Error for an error of the decoder, on the line of the token that it
// could not read.
func (r *Reader) syntax(err error) error {
	const blanks = " \t\r\n"
	rest := r.content[min(int(r.tokens.InputOffset()), len(r.content)):]
	if token := bytes.TrimLeft(rest, blanks); len(token) > 0 {
		r.countTo(len(r.content) - len(token))
	} else {
		r.countTo(len(bytes.TrimRight(r.content, blanks)))
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return r.Errorf("not valid JSON: the file ends too early")
	}
	return r.Errorf("not valid JSON: %v", err)
}

// Object reads an object. It calls field for each key; field must read the value. A key
// that appears twice is an error. what names the object in errors.
func (r *Reader) Object(what string, field func(key string) error) error {
	if err := r.delim('{', what); err != nil {
		return err
	}
	var keys []string
	for r.tokens.More() {
		t, err := r.Next()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if slices.Contains(keys, key) {
			return r.Errorf("key %q appears twice", Clip(key))
		}
		keys = append(keys, key)
		if err := field(key); err != nil {
			return err
		}
	}
	return r.delim('}', what)
}

// Array reads an array. It calls element for each element, which element must read. what
// names the array in errors.
func (r *Reader) Array(what string, element func() error) error {
	if err := r.delim('[', what); err != nil {
		return err
	}
	for r.tokens.More() {
		if err := element(); err != nil {
			return err
		}
	}
	return r.delim(']', what)
}

// delim reads one of { } [ ].
func (r *Reader) delim(want json.Delim, what string) error {
	t, err := r.Next()
	if err != nil {
		return err
	}
	if t != want {
		return r.wrong(what, kinds[want], t)
	}
	return nil
}

// kinds are the names of what a delimiter starts or ends.
var kinds = map[json.Delim]string{'{': "an object", '}': "the end of the object", '[': "a list", ']': "the end of the list"}

func (r *Reader) wrong(what, want string, got json.Token) error {
	return r.Errorf("%s wants %s, got %s", what, want, Describe(got))
}

// Text reads a string.
func (r *Reader) Text(key string) (string, error) {
	t, err := r.Next()
	if err != nil {
		return "", err
	}
	v, ok := t.(string)
	if !ok {
		return "", r.wrong(key, "a string", t)
	}
	return v, nil
}

// Number reads a whole number from low to high.
func (r *Reader) Number(key string, low, high int64) (int64, error) {
	t, err := r.Next()
	if err != nil {
		return 0, err
	}
	n, _ := t.(json.Number)
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || v < low || v > high {
		return 0, r.wrong(key, fmt.Sprintf("a whole number from %d to %d", low, high), t)
	}
	return v, nil
}

// End checks that nothing follows.
func (r *Reader) End() error {
	t, err := r.tokens.Token()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return r.syntax(err)
	}
	r.countTo(int(r.tokens.InputOffset()))
	return r.Errorf("%s after the end of the JSON value", Describe(t))
}

// Describe returns a token as errors show it: "the number 5", "a list".
func Describe(t json.Token) string {
	switch v := t.(type) {
	case nil:
		return "null"
	case string:
		return "the string " + strconv.Quote(Clip(v))
	case json.Number:
		return "the number " + Clip(v.String())
	case json.Delim:
		return kinds[v]
	}
	return fmt.Sprint(t) // true or false
}

// Clip shortens a value for an error text.
func Clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
