package jsonfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"holdfast/biz/textfile"
)

// anything reads any JSON value.
func (r *Reader) anything() (any, error) {
	at := r.at
	c := r.skipBlanks()
	if r.colon && c == ':' {
		r.at++
		c = r.skipBlanks()
	}
	r.at = at
	switch c {
	case '{':
		object := map[string]any{}
		return object, r.Object("it", func(key string) (err error) {
			object[key], err = r.anything()
			return err
		})
	case '[':
		list := []any{}
		err := r.Array("it", func() error {
			v, err := r.anything()
			list = append(list, v)
			return err
		})
		return list, err
	}
	return r.Next()
}

var values = []string{
	`{}`, `[]`, ` [ 1 , -2.50e+3, 0, -0, 1E9, "a", "", true, false, null ] `, `{"a": {"b": [[], {}]}, "c": "\u00e9\n\"\\é\ud800"}`, `7`, `"x"`,
	``, `-`, `01`, `1.`, `.5`, `1e`, `1e+`, `+1`, `0x1`, `tru`, `truex`, `nul`, `"a`, `"\x"`, `"\`, "\"\x01\"", "\"\xff\"", `"\u12"`, `'a'`,
	`[1,]`, `[,1]`, `[1 2]`, `[1}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{"a":1,}`, `{,}`, `{1:2}`, `{"a":1 "b":2}`, `{"a":1]`, `[`, `{`, `{"a"`, `{"a":`, `{"a":1`, `[1`, `[1,`,
	`{} {}`, `1 2`, `]`, `:`, `,`, "\x00", "[1,\x00]", "{\"a\"\n:\n1\n}",
}

// FuzzValues: the reader accepts what encoding/json accepts, and reads the same.
func FuzzValues(f *testing.F) {
	for _, v := range values {
		f.Add([]byte(v))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		r := New("f.json", content)
		got, err := r.anything()
		if err == nil {
			err = r.End()
		}
		var want any
		text, marked := textfile.Trim(content)
		tokens := json.NewDecoder(bytes.NewReader(text))
		tokens.UseNumber()
		valid := marked == nil && json.Valid(text) && tokens.Decode(&want) == nil
		var bad *Error
		switch {
		case err == nil && !valid:
			t.Fatalf("%q was accepted", content)
		case err == nil && !reflect.DeepEqual(got, want):
			t.Fatalf("%q: read %#v, want %#v", content, got, want)
		case err != nil && !errors.As(err, &bad):
			t.Fatalf("%v", err)
		case err != nil && valid && !strings.Contains(err.Error(), "appears twice"):
			t.Fatalf("%q: %v", content, err)
		}
	})
}
