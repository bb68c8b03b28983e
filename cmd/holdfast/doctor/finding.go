package doctor

import (
	"fmt"
	"strings"
)

// Status is the outcome of a check.
type Status int

// Warn: the server starts, but something will go wrong or be slow. Fail: it cannot start
// or cannot work.
const (
	OK Status = iota
	Warn
	Fail
)

// String returns "ok", "warn" or "fail".
func (s Status) String() string { return [...]string{"ok", "warn", "fail"}[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is the result of one check.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Text   string `json:"finding"`
	Mend   string `json:"mend,omitempty"` // what to do; "" if nothing
}

func okay(format string, args ...any) Finding { return Finding{Text: fmt.Sprintf(format, args...)} }

func warning(mend, format string, args ...any) Finding {
	return Finding{Status: Warn, Text: fmt.Sprintf(format, args...), Mend: mend}
}

func failure(mend, format string, args ...any) Finding {
	return Finding{Status: Fail, Text: fmt.Sprintf(format, args...), Mend: mend}
}

// Report has the findings of all checks, in the order of the checks.
type Report struct {
	Findings []Finding `json:"checks"`
	OK       int       `json:"ok"`
	Warned   int       `json:"warned"`
	Failed   int       `json:"failed"`
}

// Failures returns the names of the checks that failed, separated by commas.
func (r *Report) Failures() string {
	var names []string
	for _, f := range r.Findings {
		if f.Status == Fail {
			names = append(names, f.Check)
		}
	}
	return strings.Join(names, ", ")
}

// Examine runs every check on the facts.
func Examine(f *Facts) *Report {
	r := new(Report)
	for _, c := range checks() {
		found := c.run(f)
		found.Check = c.name
		r.Findings = append(r.Findings, found)
		switch found.Status {
		case OK:
			r.OK++
		case Warn:
			r.Warned++
		case Fail:
			r.Failed++
		}
	}
	return r
}

type check struct {
	name string
	run  func(*Facts) Finding
}

// checks returns all checks in the order of the report: what prevents a start, what
// limits the number of connections, what makes the server slow.
func checks() []check {
	return []check{
		{"listen", checkListen},
		{"admin", checkAdmin},
		{"data folder", checkFolder},
		{"seed", checkSeed},
		{"history", checkHistory},
		{"disk space", checkSpace},
		{"disk writes", checkWrites},
		{"file system", checkFileSystem},
		{"open files", checkOpenFiles},
		{"system files", checkSystemFiles},
		{"listen queue", checkBacklog},
		{"local ports", checkPorts},
		{"conntrack", checkConntrack},
		{"memory", checkMemory},
		{"processors", checkProcessors},
		{"clock", checkClock},
		{"clock source", checkClockSource},
		{"kernel", checkKernel},
	}
}
