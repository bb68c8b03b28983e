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

// maxListeners bounds the listeners beside Config.Listen.
const maxListeners = 16

// Listener is a further address for clients and the dialect they speak there.
type Listener struct {
	Dialect   string // DialectPacket or DialectTLV
	Address   string // host:port; port 0 takes a free one
	BigEndian bool   // tlv: byte order of lengths and message ids; default little-endian
	Greet     bool   // tlv: the server pushes the session id as soon as the connection opens
}

// String gives the listener as the settings have it, such as
// "tlv=127.0.0.1:8890,byte_order=big,greet". Options at their default are left out.
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

// parseListener reads what String gives. Its error continues a sentence that
// begins with the entry's name.
func parseListener(text string) (Listener, error) {
	dialect, rest, ok := strings.Cut(text, "=")
	if !ok {
		return Listener{}, fmt.Errorf("wants dialect=host:port such as tlv=127.0.0.1:8890, got %q", text)
	}
	dialects := []string{DialectPacket, DialectTLV}
	if !slices.Contains(dialects, dialect) {
		return Listener{}, fmt.Errorf("wants the dialect packet or tlv, got %q%s", dialect, suggestion(dialect, dialects))
	}
	address, options, given := strings.Cut(rest, ",")
	if err := checkAddress(address); err != nil {
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
		return fmt.Errorf("wants no option, got %q (packet has none)", options[0])
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
			known := []string{optionLittle, optionBig, optionGreet}
			return fmt.Errorf("wants the option %s, %s or %s, got %q%s", optionLittle, optionBig, optionGreet, option, suggestion(option, known))
		}
		name, _, _ := strings.Cut(option, "=")
		if seen[name] {
			return fmt.Errorf("wants the option %s once", name)
		}
		seen[name] = true
	}
	return nil
}

// suggestion asks whether the nearest known word was meant; "" when none is near.
func suggestion(word string, known []string) string {
	near, ok := nearest(word, known, 2)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", near)
}

// listenersValue is a list of at most maxListeners listeners.
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
