package seed

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"holdfast/biz/ledger"
	"holdfast/biz/textfile"
)

// File is the text of a seed file, to change customers in it. What is not changed stays as it is,
// byte by byte.
//
// Goroutine: one at a time.
type File struct {
	name string
	text []byte
}

// Edit returns the file with this text. Errors are those of Parse.
func Edit(name string, text []byte) (*File, *Seed, error) {
	s, err := Parse(name, text)
	if err != nil {
		return nil, nil, err
	}
	return &File{name: name, text: bytes.Clone(text)}, s, nil
}

// Text returns the text, which Parse accepts. Errors are those of Parse: what was set or added is
// wrong.
func (f *File) Text() ([]byte, error) {
	if _, err := Parse(f.name, f.text); err != nil {
		return nil, err
	}
	return f.text, nil
}

// SetPassword sets the hash of a customer's password; "" removes it. The error is ErrUnknownCustomer.
func (f *File) SetPassword(c ledger.Customer, hash string) error { return f.set(c, "password", hash) }

// SetToken sets the SHA-256 of a customer's token; nil removes it. The error is ErrUnknownCustomer.
func (f *File) SetToken(c ledger.Customer, sha256 []byte) error {
	return f.set(c, "token_sha256", hex.EncodeToString(sha256))
}

// Add adds a customer without positions at the end. The error is ErrDoubleCustomer.
func (f *File) Add(c *Customer) error {
	e := newCustomer{Customer: c.Number, Name: c.Name, Cash: c.Cash.String(), Password: c.Password, Directives: c.Directives}
	if c.Role != RoleCustomer {
		e.Role = c.Role.String()
	}
	if c.TokenSHA256 != [len(c.TokenSHA256)]byte{} {
		e.TokenSHA256 = hex.EncodeToString(c.TokenSHA256[:])
	}
	entries := f.entries()
	if slices.ContainsFunc(entries, func(e span) bool { return f.customerIn(e) == c.Number }) {
		return fmt.Errorf("%w: %d", ErrDoubleCustomer, c.Number)
	}
	last := entries[len(entries)-1] // a seed has a customer
	between := append([]byte(",\n"), f.indent(last.start)...)
	if n := len(entries); n > 1 {
		between = f.text[entries[n-2].end:last.start]
	}
	f.replace(span{last.end, last.end}, slices.Concat(between, inJSON(e)))
	return nil
}

type newCustomer struct {
	Customer    ledger.Customer `json:"customer"`
	Name        string          `json:"name"`
	Role        string          `json:"role,omitempty"`
	Cash        string          `json:"cash"`
	Password    string          `json:"password,omitempty"`
	TokenSHA256 string          `json:"token_sha256,omitempty"`
	Directives  bool            `json:"directives,omitempty"`
}

// span is a part of the text.
type span struct{ start, end int }

// member is a member of an object: where its key, and where its value is.
type member struct {
	name       string
	key, value span
}

// set sets a member of a customer to a text, or removes it.
func (f *File) set(c ledger.Customer, name, text string) error {
	entries := f.entries()
	at := slices.IndexFunc(entries, func(e span) bool { return f.customerIn(e) == c })
	if at < 0 {
		return fmt.Errorf("%w: %d", ErrUnknownCustomer, c)
	}
	all := f.members(entries[at])
	n := slices.IndexFunc(all, func(m member) bool { return m.name == name })
	last := all[len(all)-1] // "customer" is one of them
	switch {
	case n >= 0 && text != "":
		f.replace(all[n].value, inJSON(text))
	case n > 0:
		f.replace(span{all[n-1].value.end, all[n].value.end}, nil)
	case n == 0:
		f.replace(span{all[0].key.start, all[1].key.start}, nil)
	case text != "":
		comma, colon := []byte(", "), f.text[last.key.end:last.value.start]
		if len(all) > 1 {
			comma = f.text[all[len(all)-2].value.end:last.key.start]
		}
		f.replace(span{last.value.end, last.value.end}, slices.Concat(comma, inJSON(name), colon, inJSON(text)))
	}
	return nil
}

func (f *File) replace(at span, by []byte) {
	f.text = slices.Concat(f.text[:at.start], by, f.text[at.end:])
}

// indent returns the blanks before the first thing in the line of at.
func (f *File) indent(at int) []byte {
	line := f.text[bytes.LastIndexByte(f.text[:at], '\n')+1 : at]
	return line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
}

// entries returns where the customers are.
func (f *File) entries() (all []span) {
	trimmed, _ := textfile.Trim(f.text) // Parse has accepted it
	whole := span{len(f.text) - len(trimmed), len(f.text)}
	for _, m := range f.members(whole) {
		if m.name != "customers" {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(f.text[m.value.start:m.value.end]))
		_, _ = d.Token() // as all errors here: it is valid JSON
		for d.More() {
			var entry json.RawMessage
			_ = d.Decode(&entry)
			end := m.value.start + int(d.InputOffset())
			all = append(all, span{end - len(entry), end})
		}
	}
	return all
}

// members returns the members of an object.
func (f *File) members(of span) (all []member) {
	d := json.NewDecoder(bytes.NewReader(f.text[of.start:of.end]))
	_, _ = d.Token() // as all errors here: it is valid JSON
	for d.More() {
		m := member{key: span{start: of.start + int(d.InputOffset())}}
		m.key.start += bytes.IndexByte(f.text[m.key.start:], '"')
		name, _ := d.Token()
		m.name, _ = name.(string)
		m.key.end = of.start + int(d.InputOffset())
		var value json.RawMessage
		_ = d.Decode(&value)
		m.value.end = of.start + int(d.InputOffset())
		m.value.start = m.value.end - len(value)
		all = append(all, m)
	}
	return all
}

// customerIn returns the number of the customer whose entry is there.
func (f *File) customerIn(entry span) (c ledger.Customer) {
	for _, m := range f.members(entry) {
		if m.name == "customer" {
			_ = json.Unmarshal(f.text[m.value.start:m.value.end], &c)
		}
	}
	return c
}

// inJSON returns a value as JSON, with its characters as they are.
func inJSON(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // texts and numbers
	return bytes.TrimRight(b.Bytes(), "\n")
}
