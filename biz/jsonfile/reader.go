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
	at      int  // offset of the next token, or of blanks before it
	colon   bool // the next token is a colon
	counted int  // bytes of content whose line breaks are in Line
	keys    map[string]string
	unread  error // the content is not UTF-8
}

// New returns a reader of content, which may start with a byte order mark; file is its
// name in errors.
func New(file string, content []byte) *Reader {
	content, err := textfile.Trim(content)
	return &Reader{file: file, content: content, keys: make(map[string]string), Line: 1, unread: err}
}

// Errorf returns an Error on the line of the last token.
func (r *Reader) Errorf(format string, args ...any) error { return r.ErrorAt(r.Line, format, args...) }

// ErrorAt returns an Error on a line.
func (r *Reader) ErrorAt(line int, format string, args ...any) error {
	return &Error{File: r.file, Line: line, Problem: fmt.Sprintf(format, args...)}
}

// Next reads a value, or the start of an object or list. A token never spans lines.
func (r *Reader) Next() (json.Token, error) {
	v, err := r.nextValue()
	if err != nil {
		return nil, err
	}
	return v.token(), nil
}

func (r *Reader) countTo(offset int) {
	offset = min(max(offset, r.counted), len(r.content))
	r.Line += bytes.Count(r.content[r.counted:offset], []byte{'\n'})
	r.counted = offset
}

// syntax returns an Error that says why the content is not JSON, on the line of the first
// token that is wrong. The reader has found that out; encoding/json explains it.
func (r *Reader) syntax() error {
	tokens := json.NewDecoder(bytes.NewReader(r.content))
	tokens.UseNumber()
	var err error
	for err == nil {
		_, err = tokens.Token()
	}
	const blanks = " \t\r\n"
	rest := r.content[min(int(tokens.InputOffset()), len(r.content)):]
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
	if err := r.start('{', what); err != nil {
		return err
	}
	var some [16]string // on the stack
	keys := some[:0]
	for {
		more, err := r.more('}', len(keys) > 0)
		if err != nil || !more {
			return err
		}
		key, err := r.key()
		if err != nil {
			return err
		}
		if slices.Contains(keys, key) {
			return r.Errorf("key %q appears twice", Clip(key))
		}
		keys = append(keys, key)
		if err := field(key); err != nil {
			return err
		}
	}
}

// Array reads an array. It calls element for each element, which element must read. what
// names the array in errors.
func (r *Reader) Array(what string, element func() error) error {
	if err := r.start('[', what); err != nil {
		return err
	}
	for n := 0; ; n++ {
		more, err := r.more(']', n > 0)
		if err != nil || !more {
			return err
		}
		if err := element(); err != nil {
			return err
		}
	}
}

// start reads the start of an object or list.
func (r *Reader) start(want json.Delim, what string) error {
	v, err := r.nextValue()
	if err != nil {
		return err
	}
	if v.kind != byte(want) {
		return r.wrong(what, kinds[want], v)
	}
	return nil
}

// more reads what comes before another entry, a comma unless it is the first, or the end of
// the object or list.
func (r *Reader) more(end byte, comma bool) (bool, error) {
	switch c := r.skipBlanks(); {
	case c == end:
		r.at++
		r.countTo(r.at)
		return false, nil
	case !comma:
		return true, nil
	case c == ',':
		r.at++
		return true, nil
	}
	return false, r.syntax()
}

// key reads the key of an entry.
func (r *Reader) key() (string, error) {
	if r.skipBlanks() != '"' {
		return "", r.syntax()
	}
	v, err := r.nextValue()
	if err != nil {
		return "", err
	}
	r.colon = true
	if key, ok := r.keys[string(v.text)]; ok {
		return key, nil
	}
	key := string(v.text)
	if len(r.keys) < maxKeys {
		r.keys[key] = key
	}
	return key, nil
}

// maxKeys is how many different keys a reader stores, so that their texts are shared.
const maxKeys = 100

// kinds are the names of what a delimiter starts or ends.
var kinds = map[json.Delim]string{'{': "an object", '}': "the end of the object", '[': "a list", ']': "the end of the list"}

func (r *Reader) wrong(what, want string, got value) error {
	return r.Errorf("%s wants %s, got %s", what, want, Describe(got.token()))
}

// Text reads a string.
func (r *Reader) Text(key string) (string, error) {
	b, err := r.Bytes(key)
	return string(b), err
}

// Bytes reads a string as Text does, without a copy. The caller must not change the bytes,
// which may be a part of the content.
func (r *Reader) Bytes(key string) ([]byte, error) {
	v, err := r.nextValue()
	if err != nil {
		return nil, err
	}
	if v.kind != '"' {
		return nil, r.wrong(key, "a string", v)
	}
	return v.text, nil
}

// Number reads a whole number from low to high.
func (r *Reader) Number(key string, low, high int64) (int64, error) {
	v, err := r.nextValue()
	if err != nil {
		return 0, err
	}
	n, err := int64(0), error(nil)
	if v.kind == '0' {
		n, err = strconv.ParseInt(string(v.text), 10, 64)
	}
	if v.kind != '0' || err != nil || n < low || n > high {
		return 0, r.wrong(key, fmt.Sprintf("a whole number from %d to %d", low, high), v)
	}
	return n, nil
}

// Bool reads true or false.
func (r *Reader) Bool(key string) (bool, error) {
	v, err := r.nextValue()
	if err != nil {
		return false, err
	}
	if v.kind != 't' && v.kind != 'f' {
		return false, r.wrong(key, "true or false", v)
	}
	return v.kind == 't', nil
}

// End checks that nothing follows.
func (r *Reader) End() error {
	if r.skipBlanks(); r.at == len(r.content) {
		return nil
	}
	v, err := r.nextValue()
	if err != nil {
		return err
	}
	return r.Errorf("%s after the end of the JSON value", Describe(v.token()))
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
