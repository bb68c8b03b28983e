package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// form is what a value looks like in the JSON file.
type form int

// The forms of values.
const (
	formString form = iota
	formNumber
	formEither
	formBool
	formList
)

// String names the form for people.
func (f form) String() string {
	switch f {
	case formString:
		return "a string"
	case formNumber:
		return "a whole number"
	case formBool:
		return "true or false"
	case formList:
		return "a list of strings"
	}
	return "a string or a number"
}

// accepts tells whether a JSON value of form got may stand where f is wanted.
func (f form) accepts(got form) bool {
	return f == got || f == formEither && (got == formString || got == formNumber)
}

// value connects one field of Config with its text: set checks and stores, get
// gives what set reads. set's error continues a sentence that begins with the
// setting's name.
//
// The value of a list is set entry by entry: empty takes all entries out, and set
// adds one. get gives them with blanks between; no entry contains a blank.
type value struct {
	kind  string // word for help texts
	form  form
	set   func(text string) error
	get   func() string
	empty func() // of a list only
}

func stringValue(field *string, kind string, check func(string) error) value {
	return value{
		kind: kind,
		form: formString,
		set: func(text string) error {
			if err := check(text); err != nil {
				return err
			}
			*field = text
			return nil
		},
		get: func() string { return *field },
	}
}

func addressValue(field *string) value { return stringValue(field, "host:port", checkAddress) }

// folderValue is a path that may not be empty.
func folderValue(field *string) value {
	return stringValue(field, "folder", func(text string) error {
		if strings.TrimSpace(text) == "" {
			return fmt.Errorf("wants a folder, got %q", text)
		}
		return nil
	})
}

// fileValue is a path; an empty one stands for no file.
func fileValue(field *string) value {
	return stringValue(field, "file", func(string) error { return nil })
}

// urlsValue is a list of URLs with commas between them; an empty one stands for none.
func urlsValue(field *string, schemes ...string) value {
	return stringValue(field, "urls", func(text string) error {
		if text == "" {
			return nil
		}
		for part := range strings.SplitSeq(text, ",") {
			u, err := url.Parse(part)
			if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
				return fmt.Errorf("wants URLs that begin with %s://, commas between them", strings.Join(schemes, ":// or "))
			}
		}
		return nil
	})
}

func rateValue(field *Rate) value {
	return value{
		kind: "N/s",
		form: formEither,
		set: func(text string) error {
			rate, err := ParseRate(text)
			if err == nil {
				*field = rate
			}
			return err
		},
		get: func() string { return field.String() },
	}
}

// intValue is a whole number from smallest to largest, both included.
func intValue(field *int, smallest, largest int) value {
	return value{
		kind: "N",
		form: formNumber,
		set: func(text string) error {
			n, err := strconv.Atoi(text)
			if err != nil || n < smallest || n > largest {
				return fmt.Errorf("wants a whole number from %d to %d, got %s", smallest, largest, quoted(text, formNumber))
			}
			*field = n
			return nil
		},
		get: func() string { return strconv.Itoa(*field) },
	}
}

// memoryValue is a number of bytes from smallest to largest, or 0.
func memoryValue(field *int, smallest, largest int) value {
	v := intValue(field, smallest, largest)
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
	return value{
		kind: "true|false",
		form: formBool,
		set: func(text string) error {
			switch text {
			case "true", "false":
				*field = text == "true"
				return nil
			}
			return fmt.Errorf("wants true or false, got %q", text)
		},
		get: func() string { return strconv.FormatBool(*field) },
	}
}

func uintValue(field *uint64) value {
	return value{
		kind: "N",
		form: formNumber,
		set: func(text string) error {
			n, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return fmt.Errorf("wants a whole number from 0 to 2^64-1, got %s", quoted(text, formNumber))
			}
			*field = n
			return nil
		},
		get: func() string { return strconv.FormatUint(*field, 10) },
	}
}

// durationValue is a duration from smallest to largest, both included.
func durationValue(field *time.Duration, smallest, largest time.Duration) value {
	return value{
		kind: "duration",
		form: formString,
		set: func(text string) error {
			d, err := time.ParseDuration(text)
			if err != nil || d < smallest || d > largest {
				return fmt.Errorf("wants a duration from %s to %s such as 20s or 1m30s, got %q", short(smallest), short(largest), text)
			}
			*field = d
			return nil
		},
		get: func() string { return short(*field) },
	}
}

// limitTime is the time of a limit.
func limitTime(field *time.Duration) value {
	return durationValue(field, 100*time.Millisecond, 24*time.Hour)
}

func levelValue(field *slog.Level) value {
	return value{
		kind: "level",
		form: formString,
		set: func(text string) error {
			switch text {
			case "debug", "info", "warn", "error":
				return field.UnmarshalText([]byte(text))
			}
			return fmt.Errorf("wants debug, info, warn or error, got %q", text)
		},
		get: func() string { return strings.ToLower(field.String()) },
	}
}

// quoted puts text in quotation marks unless it is a number where one is wanted.
func quoted(text string, want form) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil && want == formNumber {
		return text
	}
	return strconv.Quote(text)
}

// short drops the zero parts that time.Duration prints at the end: 1m0s is 1m.
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
