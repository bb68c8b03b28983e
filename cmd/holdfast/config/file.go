package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"holdfast/biz/jsonfile"
	"holdfast/biz/textfile"
)

// The objects inside the file's object.
const (
	clusterKey = "cluster"
	limitsKey  = "limits"
)

// objects returns their keys.
func objects() []string { return []string{clusterKey, limitsKey} }

// fileReader applies a configuration file.
type fileReader struct {
	*jsonfile.Reader
	config *Config
	table  []setting
	path   string
	seen   map[string]bool // keys of settings, which may also be flat: "limits.idle_time"
}

// applyFile applies the JSON object in text; path names it in errors.
func (c *Config) applyFile(path string, text []byte) error {
	r := &fileReader{Reader: jsonfile.New(path, text), config: c, table: c.settings(), path: path, seen: make(map[string]bool)}
	err := r.Object("the file", r.member)
	if err == nil {
		err = r.End()
	}
	var wrong *jsonfile.Error
	if errors.As(err, &wrong) {
		return mistake(fmt.Sprintf("%s:%d", wrong.File, wrong.Line), "%s", wrong.Problem)
	}
	return err
}

// member reads the value of a key.
func (r *fileReader) member(key string) error {
	if slices.Contains(objects(), key) {
		return r.Object(key, func(name string) error { return r.setting(key + "." + name) })
	}
	return r.setting(key)
}

func (r *fileReader) setting(key string) error {
	s, found := find(r.table, key)
	switch {
	case !found:
		return r.unknown(key)
	case r.seen[key]:
		return r.Errorf("key %q appears twice", key)
	}
	r.seen[key] = true
	if s.form == formList {
		return r.list(s)
	}
	token, err := r.Next()
	if err != nil {
		return err
	}
	text, got := valueOf(token)
	if !s.form.accepts(got) {
		return r.Errorf("%s wants %s, got %s", key, s.form, jsonfile.Describe(token))
	}
	return r.config.apply(s, r.place(), text)
}

// list reads the entries of the list s.
func (r *fileReader) list(s setting) error {
	r.config.clearList(s, r.place())
	entries := 0
	return r.Array(s.key, func() error {
		text, err := r.Text(entryKey(s.key, entries))
		if err == nil {
			err = r.config.addEntry(s, entries, r.place(), text)
		}
		entries++
		return err
	})
}

// unknown returns the error for a key that does not exist and suggests the nearest one.
func (r *fileReader) unknown(key string) error {
	keys := objects()
	for _, s := range r.table {
		keys = append(keys, s.key)
	}
	if near, ok := textfile.Nearest(key, keys, 2); ok {
		return r.Errorf("unknown key %q (did you mean %q?)", key, near)
	}
	for _, object := range objects() {
		if _, inside := find(r.table, object+"."+key); inside {
			return r.Errorf("unknown key %q (it belongs in the object %q)", key, object)
		}
	}
	return r.Errorf("unknown key %q", key)
}

// place returns file and line of the last token.
func (r *fileReader) place() string { return fmt.Sprintf("%s:%d", r.path, r.Line) }

// valueOf returns the text and the form of a token. A token that no setting accepts has
// formNone.
func valueOf(token json.Token) (text string, got form) {
	switch v := token.(type) {
	case string:
		return v, formString
	case json.Number:
		return v.String(), formNumber
	case bool:
		return strconv.FormatBool(v), formBool
	}
	return "", formNone
}
