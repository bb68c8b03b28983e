package config

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/biz/textfile"
)

// form is the type of a value in the JSON file.
type form int

// The forms of values.
const (
	formString form = iota
	formNumber
	formEither
	formBool
	formList
	formNone // no setting accepts it
)

// String returns what errors call the form.
func (f form) String() string {
	switch f {
	case formString:
		return "a string"
	case formNumber:
		return "a whole number"
	case formBool:
		return "true or false"
	}
	return "a string or a number"
}

// accepts reports whether a setting of form f accepts a JSON value of form got.
func (f form) accepts(got form) bool {
	return f == got || f == formEither && (got == formString || got == formNumber)
}

// value connects one field of Config with its text: set checks and stores the text, get
// returns it. set's error continues a sentence that starts with the setting's name.
//
// In a list, empty removes all entries, and set adds one. get returns them separated by
// blanks; no entry contains a blank.
type value struct {
	kind  string // word for help texts
	form  form
	set   func(text string) error
	get   func() string
	empty func() // only for lists
	// hide returns the text without passwords; nil: it can't have any.
	hide func(text string) string
}

// shown returns the text for people.
func (v *value) shown() string {
	if v.hide != nil {
		return v.hide(v.get())
	}
	return v.get()
}

// newValue returns a value that parse reads and show writes.
func newValue[T any](field *T, kind string, form form, parse func(text string) (T, error), show func(T) string) value {
	return value{
		kind: kind,
		form: form,
		set: func(text string) error {
			v, err := parse(text)
			if err == nil {
				*field = v
			}
			return err
		},
		get: func() string { return show(*field) },
	}
}

func stringValue(field *string, kind string, check func(string) error) value {
	return newValue(field, kind, formString,
		func(text string) (string, error) { return text, check(text) },
		func(text string) string { return text })
}

func addressValue(field *string) value { return stringValue(field, "host:port", checkAddress) }

// encryptedValue returns an address that check accepts, then ",tls" if it speaks TLS.
func encryptedValue(field *string, tls *bool, check func(string) error) value {
	return value{
		kind: "address",
		form: formString,
		set: func(text string) error {
			address, encrypted := strings.CutSuffix(text, ","+optionTLS)
			if _, option, found := strings.Cut(address, ","); found && !strings.HasPrefix(address, "unix:") { // a path may have commas
				return fmt.Errorf("takes one option, %s, got %q%s", optionTLS, option, textfile.Suggestion(option, []string{optionTLS}))
			}
			if err := check(address); err != nil {
				return err
			}
			if address == "" && encrypted {
				return fmt.Errorf("wants an address before ,%s", optionTLS)
			}
			*field, *tls = address, encrypted
			return nil
		},
		get: func() string {
			if *tls {
				return *field + "," + optionTLS
			}
			return *field
		},
	}
}

// folderValue returns a path that must not be empty.
func folderValue(field *string) value {
	return stringValue(field, "folder", func(text string) error {
		if strings.TrimSpace(text) == "" {
			return fmt.Errorf("wants a folder, got %q", text)
		}
		return nil
	})
}

// fileValue returns a path; empty means no file.
func fileValue(field *string) value {
	return stringValue(field, "file", func(string) error { return nil })
}

func rateValue(field *Rate) value { return newValue(field, "N/s", formEither, ParseRate, Rate.String) }

// intValue returns a whole number from smallest to largest, both included.
func intValue(field *int, smallest, largest int) value {
	return wholeValue(field, "N", "a whole number", smallest, largest)
}

// bytesValue returns a number of bytes from smallest to largest, both included.
func bytesValue(field *int, smallest, largest int) value {
	return wholeValue(field, "bytes", "a whole number of bytes", smallest, largest)
}

func wholeValue(field *int, kind, what string, smallest, largest int) value {
	return newValue(field, kind, formNumber, func(text string) (int, error) {
		n, err := ParseWhole(text, uint64(smallest), uint64(largest))
		if err != nil {
			return 0, fmt.Errorf("wants %s from %d to %d, got %s", what, smallest, largest, quoted(text, formNumber))
		}
		return int(n), nil
	}, strconv.Itoa)
}

// memoryValue returns a number of bytes from smallest to largest, or 0.
func memoryValue(field *int, smallest, largest int) value {
	v := bytesValue(field, smallest, largest)
	set := v.set
	v.set = func(text string) error {
		if text == "0" {
			*field = 0
			return nil
		}
		return set(text)
	}
	return v
}

func boolValue(field *bool) value {
	return newValue(field, "true|false", formBool, func(text string) (bool, error) {
		if text != "true" && text != "false" {
			return false, fmt.Errorf("wants true or false, got %q", text)
		}
		return text == "true", nil
	}, strconv.FormatBool)
}

func uintValue(field *uint64) value {
	return newValue(field, "N", formNumber, func(text string) (uint64, error) {
		n, err := ParseWhole(text, 0, math.MaxUint64)
		if err != nil {
			return 0, fmt.Errorf("wants a whole number from 0 to 2^64-1, got %s", quoted(text, formNumber))
		}
		return n, nil
	}, func(n uint64) string { return strconv.FormatUint(n, 10) })
}

// durationValue returns a duration from smallest to largest, both included.
func durationValue(field *time.Duration, smallest, largest time.Duration) value {
	return newValue(field, "duration", formString, func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d < smallest || d > largest {
			return 0, fmt.Errorf("wants a duration from %s to %s such as 20s or 1m30s, got %q", short(smallest), short(largest), text)
		}
		return d, nil
	}, short)
}

// limitTime returns a duration in the range of all limits.
func limitTime(field *time.Duration) value {
	return durationValue(field, 100*time.Millisecond, 24*time.Hour)
}

func levelValue(field *slog.Level) value {
	return newValue(field, "level", formString, func(text string) (level slog.Level, err error) {
		if !slices.Contains([]string{"debug", "info", "warn", "error"}, text) {
			return level, fmt.Errorf("wants debug, info, warn or error, got %q", text)
		}
		err = level.UnmarshalText([]byte(text))
		return level, err
	}, func(level slog.Level) string { return strings.ToLower(level.String()) })
}

// optionalWord returns one of words, or "".
func optionalWord(field *string, kind string, words []string) value {
	return stringValue(field, kind, func(text string) error {
		if text == "" || slices.Contains(words, text) {
			return nil
		}
		return fmt.Errorf("wants one of %s, got %q%s", strings.Join(words, ", "), text, textfile.Suggestion(text, words))
	})
}

func clocks() []string {
	return []string{market.WallClock.String(), market.VirtualClock.String(), market.SteppedClock.String()}
}

func presets() (names []string) {
	for _, p := range market.Presets() {
		names = append(names, p.Name)
	}
	return names
}

// timeValue returns a time of the years 1971 to 2200, or the zero time for "".
func timeValue(field *time.Time) value {
	return newValue(field, "time", formString, func(text string) (time.Time, error) {
		if text == "" {
			return time.Time{}, nil
		}
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || t.Year() < 1971 || t.Year() > 2200 {
			return t, fmt.Errorf("wants a time of the years 1971 to 2200 such as 2026-01-05T09:00:00+08:00, got %q", text)
		}
		return t, nil
	}, func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	})
}

// quoted quotes text, unless a number is wanted and text is one.
func quoted(text string, want form) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil && want == formNumber {
		return text
	}
	return strconv.Quote(text)
}

// short returns d without the zeros that time.Duration prints at the end: 1m0s is 1m.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func checkCompID(text string) error {
	if !seed.ValidCompID(text) {
		return fmt.Errorf("wants 1 to %d visible ASCII characters, got %q", seed.MaxCompIDSize, text)
	}
	return nil
}
