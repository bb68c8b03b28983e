package config

import (
	"fmt"
	"slices"
	"strings"
)

// The dialects that a listener may have.
const (
	DialectPacket = "packet"
	DialectTLV    = "tlv"
)

// The options of a listener, as they are written.
const (
	optionLittle = "byte_order=little"
	optionBig    = "byte_order=big"
	optionGreet  = "greet"
)

// maxListeners is the largest number of Config.Listeners.
const maxListeners = 16

// Listener is one more address for clients, and the dialect there.
type Listener struct {
	Dialect   string // DialectPacket or DialectTLV
	Address   string // host:port, or unix:PATH; port 0 takes a free one
	BigEndian bool   // tlv: byte order of lengths and message ids; default little-endian
	Greet     bool   // tlv: the server pushes the session id as soon as the connection opens
}

// String returns the listener as written in the settings, such as
// "tlv=127.0.0.1:8890,byte_order=big,greet". It omits options at their default.
func (l Listener) String() string {
	text := l.Dialect + "=" + l.Address
	if l.BigEndian {
		text += "," + optionBig
	}
	if l.Greet {
		text += "," + optionGreet
	}
	return text
}

// parseListener reads what String returns. Its error continues a sentence that
// starts with the entry's name.
func parseListener(text string) (Listener, error) {
	dialect, rest, ok := strings.Cut(text, "=")
	if !ok {
		return Listener{}, fmt.Errorf("wants dialect=host:port such as tlv=127.0.0.1:8890, or dialect=unix:PATH, got %q", text)
	}
	dialects := []string{DialectPacket, DialectTLV}
	if !slices.Contains(dialects, dialect) {
		return Listener{}, fmt.Errorf("wants the dialect packet or tlv, got %q%s", dialect, Suggestion(dialect, dialects))
	}
	address, options, given := strings.Cut(rest, ",")
	if err := checkClientAddress(address); err != nil {
		return Listener{}, err
	}
	l := Listener{Dialect: dialect, Address: address}
	if !given {
		return l, nil
	}
	return l, l.setOptions(strings.Split(options, ","))
}

// setOptions applies the options in the text of a listener.
func (l *Listener) setOptions(options []string) error {
	if l.Dialect == DialectPacket {
		return fmt.Errorf("has the option %q, but the dialect packet has no options", options[0])
	}
	seen := make(map[string]bool)
	for _, option := range options {
		switch option {
		case optionLittle: // the default
		case optionBig:
			l.BigEndian = true
		case optionGreet:
			l.Greet = true
		default:
			all := []string{optionLittle, optionBig, optionGreet}
			return fmt.Errorf("wants the options %s, %s or %s, got %q%s", optionLittle, optionBig, optionGreet, option, Suggestion(option, all))
		}
		name, _, _ := strings.Cut(option, "=")
		if seen[name] {
			return fmt.Errorf("has the option %s twice", name)
		}
		seen[name] = true
	}
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
