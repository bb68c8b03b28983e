package jsonfile_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"holdfast/biz/jsonfile"
	"holdfast/biz/textfile"
)

// read reads {"text": ..., "number": 0 to 9, "list": [texts]}.
func read(content string) (got string, err error) {
	r := jsonfile.New("f.json", []byte(content))
	err = r.Object("the file", func(key string) error {
		var err error
		switch key {
		case "text":
			var s string
			s, err = r.Text(key)
			got += s + " "
		case "number":
			var n int64
			n, err = r.Number(key, 0, 9)
			got += fmt.Sprint(n, " ")
		case "list":
			return r.Array(key, func() error {
				s, err := r.Text("entry of list")
				got += s + " "
				return err
			})
		default:
			return r.ErrorAt(1, "unknown key %q", key)
		}
		return err
	})
	if err == nil {
		err = r.End()
	}
	return strings.TrimSpace(got), err
}

func TestReader(t *testing.T) {
	for _, tt := range []struct{ name, content, want, problem string }{
		{"empty object", "{}", "", ""},
		{"all", "{\"text\": \"a\",\n\"number\": 9,\n\"list\": [\"b\",\n\"c\"]}\n", "a 9 b c", ""},
		{"empty file", "", "", "f.json:1: not valid JSON: the file ends too early"},
		{"ends early", "{\n\"text\":\n\n", "", "f.json:2: not valid JSON: the file ends too early"},
		{"bad token", "{\n\n\"text\": x}", "", "f.json:3: not valid JSON: invalid character 'x' looking for beginning of value"},
		{"a list", "\n[]", "", "f.json:2: the file wants an object, got a list"},
		{"a number for a text", "{\"text\":\n5}", "", "f.json:2: text wants a string, got the number 5"},
		{"null for a number", `{"number": null}`, "", "f.json:1: number wants a whole number from 0 to 9, got null"},
		{"out of range", `{"number": 10}`, "", "f.json:1: number wants a whole number from 0 to 9, got the number 10"},
		{"fraction", `{"number": 1.5}`, "", "f.json:1: number wants a whole number from 0 to 9, got the number 1.5"},
		{"an object for a list", `{"list": {}}`, "", "f.json:1: list wants a list, got an object"},
		{"true in a list", "{\"list\": [\"a\",\ntrue]}", "", "f.json:2: entry of list wants a string, got true"},
		{"key twice", "{\"text\": \"a\",\n\"text\": \"b\"}", "", `f.json:2: key "text" appears twice`},
		{"unknown key", "{\n\"x\": 1}", "", `f.json:1: unknown key "x"`},
		{"long value", `{"number": "` + strings.Repeat("x", 100) + `"}`, "", `f.json:1: number wants a whole number from 0 to 9, got the string "` + strings.Repeat("x", 60) + `..."`},
		{"more after the end", "{}\n\n{}", "", "f.json:3: an object after the end of the JSON value"},
		{"byte order mark", "\xef\xbb\xbf{\"number\": 3}", "3", ""},
		{"lines after a mark", "\xef\xbb\xbf{\n\"x\": 1}", "", `f.json:1: unknown key "x"`},
		{"a mark in the middle", "{\n\xef\xbb\xbf}", "", "f.json:2: not valid JSON: invalid character 'ï'"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "", "f.json:1: the file is UTF-16; save it as UTF-8"},
		{"UTF-32", "\x00\x00\xfe\xff\x00\x00\x00{", "", "f.json:1: the file is UTF-32; save it as UTF-8"},
		{"no JSON after the end", "{}\nx", "", "f.json:2: not valid JSON: invalid character 'x' looking for beginning of value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(tt.content)
			if tt.problem != "" {
				var bad *jsonfile.Error
				if !errors.As(err, &bad) || err.Error() != tt.problem {
					t.Errorf("error %v, want %s", err, tt.problem)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("read %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// FuzzReader: no content makes the reader panic, invalid JSON is an Error, and the line of
// an error is in the file.
func FuzzReader(f *testing.F) {
	for _, content := range []string{"{}", "{\"text\": \"a\",\n\"number\": 9,\n\"list\": [\"b\"]}", "{\n\"text\":", "[{\"a\": nul}]"} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		_, err := read(content)
		if err == nil {
			if text, err := textfile.Trim([]byte(content)); err != nil || !json.Valid(text) {
				t.Fatalf("%q was accepted", content)
			}
			return
		}
		var bad *jsonfile.Error
		if !errors.As(err, &bad) || bad.Line < 1 || bad.Line > 1+strings.Count(content, "\n") {
			t.Fatalf("%v", err)
		}
	})
}
