package doctor

import (
	"fmt"
	"strings"
)

// Status is how a check came out.
type Status int

// Warn: the server starts, and something will go wrong or be slow. Fail: it does
// not start, or can't do its work.
const (
	OK Status = iota
	Warn
	Fail
)

// String gives "ok", "warn" or "fail".
func (s Status) String() string { return [...]string{"ok", "warn", "fail"}[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is what one check found.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Text   string `json:"finding"`
	Mend   string `json:"mend,omitempty"` // what to do; "" where nothing is to be done
}

func okay(format string, args ...any) Finding { return Finding{Text: fmt.Sprintf(format, args...)} }

func warn(mend, format string, args ...any) Finding {
	return Finding{Status: Warn, Text: fmt.Sprintf(format, args...), Mend: mend}
}

func fail(mend, format string, args ...any) Finding {
	return Finding{Status: Fail, Text: fmt.Sprintf(format, args...), Mend: mend}
}

// Report is what all checks found, in the order of the checks.
type Report struct {
	Findings []Finding `json:"checks"`
	OK       int       `json:"ok"`
	Warned   int       `json:"warned"`
	Failed   int       `json:"failed"`
}

// Failures names the checks that failed, "" when none did.
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

// checks lists all of them, in the order people read them: what stops a start,
// then what limits the number of connections, then what makes it slow.
func checks() []check {
	return []check{
		{"listen", checkListen},
		{"admin", checkAdmin},
		{"data folder", checkFolder},
		{"seed", checkSeed},
		{"disk space", checkSpace},
		{"disk writes", checkWrites},
		{"file system", checkFileSystem},
		{"open files", checkOpenFiles},
		{"system files", checkSystemFiles},
		{"listen queue", checkBacklog},
		{"local ports", checkPorts},
		{"conntrack", checkConntrack},
		{"memory", checkMemory},
		{"memory limit", checkMemoryLimit},
		{"processors", checkProcessors},
		{"clock", checkClock},
		{"clock source", checkClockSource},
		{"kernel", checkKernel},
	}
}
