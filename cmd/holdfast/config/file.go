package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// limitsKey is the one object inside the file's object.
const limitsKey = "limits"

// fileReader walks the tokens of a configuration file, which gives the line of
// whatever is wrong.
type fileReader struct {
	config *Config
	table  []setting
	path   string
	text   []byte
	tokens *json.Decoder
	seen   map[string]bool // keys met so far
}

// applyFile applies the JSON object in text; path names it in errors.
func (c *Config) applyFile(path string, text []byte) error {
	r := &fileReader{config: c, table: c.settings(), path: path, text: text, seen: make(map[string]bool)}
	if err := r.valid(); err != nil {
		return err
	}
	r.tokens = json.NewDecoder(bytes.NewReader(text))
	r.tokens.UseNumber()
	first, err := r.tokens.Token()
	if err != nil {
		return err
	}
	if first != json.Delim('{') {
		return r.mistake("wants a JSON object, got %s", describeToken(first))
	}
	return r.object("")
}

// valid checks that the text is one JSON value. It comes first because only a
// look at the whole text gives the right offset of a mistake: a decoder does not
// count the blanks between tokens. Afterwards no token can fail.
func (r *fileReader) valid() error {
	var value json.RawMessage
	err := json.Unmarshal(r.text, &value)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return mistake(r.at(syntax.Offset-1), "not valid JSON: %s", syntax)
	}
	return err
}

// object reads keys and values up to the closing brace; prefix is "" or
// "limits.".
func (r *fileReader) object(prefix string) error {
	for {
		token, err := r.tokens.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok { // only the closing brace can stand in a key's place
			return nil
		}
		if err := r.member(prefix + name); err != nil {
			return err
		}
	}
}

// member reads the value of key, which has just been read.
func (r *fileReader) member(key string) error {
	if r.seen[key] {
		return r.mistake("key %q stands twice", key)
	}
	r.seen[key] = true
	s, known := find(r.table, key)
	if !known && key != limitsKey {
		return r.unknown(key)
	}
	token, err := r.tokens.Token()
	if err != nil {
		return err
	}
	if key == limitsKey {
		return r.limits(token)
	}
	if s.form == formList && token == json.Delim('[') {
		return r.list(s)
	}
	text, got, ok := scalar(token)
	if !ok || !s.form.accepts(got) {
		return r.mistake("%s wants %s, got %s", key, s.form, describeToken(token))
	}
	return r.config.apply(s, r.place(), text)
}

func (r *fileReader) limits(token json.Token) error {
	if token != json.Delim('{') {
		return r.mistake("%s wants an object, got %s", limitsKey, describeToken(token))
	}
	return r.object(limitsKey + ".")
}

// list reads the entries of the list s up to the closing bracket.
func (r *fileReader) list(s setting) error {
	r.config.clearList(s, r.place())
	for i := 0; ; i++ {
		token, err := r.tokens.Token()
		if err != nil {
			return err
		}
		if token == json.Delim(']') {
			return nil
		}
		text, ok := token.(string)
		if !ok {
			return r.mistake("%s wants a string, got %s", entryKey(s.key, i), describeToken(token))
		}
		if err := r.config.addEntry(s, i, r.place(), text); err != nil {
			return err
		}
	}
}

// unknown names the key that is none, and the nearest that is one.
func (r *fileReader) unknown(key string) error {
	known := []string{limitsKey}
	for _, s := range r.table {
		known = append(known, s.key)
	}
	if near, ok := nearest(key, known, 2); ok {
		return r.mistake("unknown key %q (did you mean %q?)", key, near)
	}
	if _, inside := find(r.table, limitsKey+"."+key); inside {
		return r.mistake("unknown key %q (it belongs in the object %q)", key, limitsKey)
	}
	return r.mistake("unknown key %q", key)
}

// mistake is an error at the token read last.
func (r *fileReader) mistake(format string, args ...any) error {
	return mistake(r.place(), format, args...)
}

// place is file and line of the token read last; no token spans lines.
func (r *fileReader) place() string { return r.at(r.tokens.InputOffset()) }

// at is file and line of a byte offset.
func (r *fileReader) at(offset int64) string {
	before := r.text[:max(0, offset)]
	return fmt.Sprintf("%s:%d", r.path, 1+bytes.Count(before, []byte{'\n'}))
}

// scalar gives the text and the form of a string, a number or a truth value.
func scalar(token json.Token) (text string, got form, ok bool) {
	switch v := token.(type) {
	case string:
		return v, formString, true
	case json.Number:
		return v.String(), formNumber, true
	case bool:
		return strconv.FormatBool(v), formBool, true
	}
	return "", 0, false
}

// describeToken says what stands in the file, for an error.
func describeToken(token json.Token) string {
	switch v := token.(type) {
	case json.Delim:
		if v == '[' {
			return "a list"
		}
		return "an object"
	case string:
		return "the string " + quoted(v, formString)
	case json.Number:
		return "the number " + v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	return "null"
}
