package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"holdfast/biz/textfile"
)

// The dialects that a listener may have.
const (
	DialectPacket    = "packet"
	DialectTLV       = "tlv"
	DialectChat      = "chat"
	DialectWebSocket = "websocket"
	DialectFIX       = "fix"
)

// The options of listeners, as they are written.
const (
	optionLittle = "byte_order=little"
	optionBig    = "byte_order=big"
	optionGreet  = "greet"
	optionOrigin = "origin="
	optionTLS    = "tls"
)

// dialect is a dialect that a listener may have, with the options that it has there.
type dialect struct {
	name    string
	options []option
}

// option is an option of a listener: its text, and what it sets. One whose text ends with
// "=" has a value and may be repeated.
type option struct {
	text string
	set  func(l *Listener, value string) error
}

// flag returns an option without a value.
func flag(text string, set func(*Listener)) option {
	return option{text, func(l *Listener, _ string) error { set(l); return nil }}
}

// dialects returns the table of all dialects.
func dialects() []dialect {
	encrypted := flag(optionTLS, func(l *Listener) { l.TLS = true })
	return []dialect{
		{DialectPacket, []option{encrypted}},
		{DialectTLV, []option{
			encrypted,
			flag(optionLittle, func(*Listener) {}), // the default
			flag(optionBig, func(l *Listener) { l.BigEndian = true }),
			flag(optionGreet, func(l *Listener) { l.Greet = true }),
		}},
		{DialectChat, []option{encrypted}},
		{DialectWebSocket, []option{encrypted, {optionOrigin, (*Listener).addOrigin}}},
		{DialectFIX, []option{encrypted}},
	}
}

func (d dialect) word() string { return d.name }

func (o option) word() string { return o.text }

// wordsOf returns what the rows of a table are called in a listener's text.
func wordsOf[T interface{ word() string }](rows []T) []string {
	words := make([]string, len(rows))
	for i, row := range rows {
		words[i] = row.word()
	}
	return words
}

// either returns "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// maxListeners is the largest number of Config.Listeners.
const maxListeners = 16

// Listener is one more address for clients, and the dialect there.
type Listener struct {
	Dialect   string // one of the constants
	Address   string // host:port, or unix:PATH; port 0 takes a free one
	TLS       bool   // it speaks TLS
	BigEndian bool   // tlv: byte order of lengths and message ids; default little-endian
	Greet     bool   // tlv: the server pushes the session id as soon as the connection opens
	Origins   string // websocket: origins of web pages that may connect, separated by blanks; "*": all
}

// String returns the listener as written in the settings, such as
// "tlv=127.0.0.1:8890,byte_order=big,greet". It omits options at their default.
func (l Listener) String() string {
	texts := []string{l.Dialect + "=" + l.Address}
	if l.TLS {
		texts = append(texts, optionTLS)
	}
	if l.BigEndian {
		texts = append(texts, optionBig)
	}
	if l.Greet {
		texts = append(texts, optionGreet)
	}
	for _, origin := range strings.Fields(l.Origins) {
		texts = append(texts, optionOrigin+origin)
	}
	return strings.Join(texts, ",")
}

// parseListener reads what String returns. Its error continues a sentence that
// starts with the entry's name.
func parseListener(text string) (Listener, error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok {
		return Listener{}, fmt.Errorf("wants dialect=host:port such as tlv=127.0.0.1:8890, or dialect=unix:PATH, got %q", text)
	}
	all := dialects()
	at := slices.IndexFunc(all, func(d dialect) bool { return d.name == name })
	if at < 0 {
		words := wordsOf(all)
		return Listener{}, fmt.Errorf("wants the dialect %s, got %q%s", either(words), name, textfile.Suggestion(name, words))
	}
	address, options, given := strings.Cut(rest, ",")
	if err := checkClientAddress(address); err != nil {
		return Listener{}, err
	}
	l := Listener{Dialect: name, Address: address}
	if !given {
		return l, nil
	}
	return l, l.setOptions(all[at], strings.Split(options, ","))
}

// setOptions applies the options in the text of a listener of dialect d.
func (l *Listener) setOptions(d dialect, texts []string) error {
	seen := make(map[string]bool)
	for _, text := range texts {
		name, value, _ := strings.Cut(text, "=")
		at := slices.IndexFunc(d.options, func(o option) bool { return o.text == text || o.text == name+"=" })
		if at < 0 {
			words := wordsOf(d.options)
			return fmt.Errorf("wants the option %s, got %q%s", either(words), text, textfile.Suggestion(text, words))
		}
		if seen[name] && !strings.HasSuffix(d.options[at].text, "=") {
			return fmt.Errorf("has the option %s twice", name)
		}
		seen[name] = true
		if err := d.options[at].set(l, value); err != nil {
			return err
		}
	}
	return nil
}

// addOrigin adds an origin from which web pages may connect.
func (l *Listener) addOrigin(origin string) error {
	u, err := url.Parse(origin)
	if origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ContainsAny(origin, " \t")) {
		return fmt.Errorf("wants an origin such as %shttps://app.example.com, or %s* for all, got %q", optionOrigin, optionOrigin, origin)
	}
	l.Origins = strings.TrimSpace(l.Origins + " " + origin)
	return nil
}

// listenersValue returns a list of at most maxListeners listeners.
func listenersValue(field *[]Listener) value {
	return value{
		kind:  "dialect=host:port",
		form:  formList,
		empty: func() { *field = nil },
		set: func(text string) error {
			if len(*field) == maxListeners {
				return fmt.Errorf("is one too many: at most %d are accepted", maxListeners)
			}
			l, err := parseListener(text)
			if err == nil {
				*field = append(*field, l)
			}
			return err
		},
		get: func() string {
			texts := make([]string, 0, len(*field))
			for _, l := range *field {
				texts = append(texts, l.String())
			}
			return strings.Join(texts, " ")
		},
	}
}
