package scenario

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"holdfast/biz/client"
	"holdfast/biz/textfile"
)

// Parse parses a scenario file; name is the file's name in errors. The error is an Errors with
// all mistakes of the file, one of each line at most.
func Parse(name string, text []byte) (*Scenario, error) {
	p := &parser{s: &Scenario{File: name}, orders: make(map[string]string)}
	if len(text) > MaxFileSize {
		p.failf(1, "longer than %d bytes", MaxFileSize)
		return nil, p.errs
	}
	text, err := textfile.Trim(text)
	if err != nil {
		p.failf(1, "%v", err)
		return nil, p.errs
	}
	p.s.Text = string(text)
	for n, content := range bytes.Split(text, []byte("\n")) {
		p.line(n+1, string(content))
	}
	p.finish()
	if p.errs != nil {
		return nil, p.errs
	}
	return p.s, nil
}

// parser reads a scenario file.
type parser struct {
	s      *Scenario
	errs   Errors
	orders map[string]string // names of orders, with their clients
	named  []instrument      // of the present step
	last   *statement        // that an indented line belongs to
	skip   bool              // an indented line belongs to a line with a mistake
	about  []string
	header bool // the first statement was read
}

func (p *parser) failf(number int, format string, args ...any) {
	p.errs = append(p.errs, &Error{p.s.File, number, fmt.Sprintf(format, args...)})
}

// failed reports whether a line has a mistake.
func (p *parser) failed(number int) bool {
	return slices.ContainsFunc(p.errs, func(e *Error) bool { return e.Line == number })
}

// line reads a line.
func (p *parser) line(number int, content string) {
	words, indented, err := split(content)
	l := &line{parser: p, number: number, words: words}
	switch {
	case err != nil:
		l.failf("%v", err)
	case len(words) == 0:
		p.comment(content)
		return
	case indented:
		p.expectation(l)
	default:
		p.header = true
		p.takeInstruments()
		p.statement(l)
		p.skip = l.wrong
	}
}

// comment collects the comment at the start of the file.
func (p *parser) comment(content string) {
	if text, found := strings.CutPrefix(strings.TrimSpace(content), "#"); found && !p.header {
		p.about = append(p.about, strings.TrimSpace(text))
	}
}

// statements are the statements before the steps, except those of clients.
func statements() map[string]verb[func(*parser, *line)] {
	return map[string]verb[func(*parser, *line)]{
		"scenario":    {`scenario "partial fills"`, (*parser).name},
		"server":      {"server seed mainland clock stepped start 2026-01-05T09:30:00+08:00 depth 1000", (*parser).server},
		"clients":     {"clients alice alice/phone bob=100003", (*parser).clients},
		"account":     {"account alice cash 500000.00 directives 601100 200 at 10.00", (*parser).account},
		"instruments": {"instruments X Y Z", (*parser).instruments},
		"step":        {"step 1m, or step to 15:00", (*parser).stepClock},
	}
}

// verb is a statement: how it is written, and the function that reads it.
type verb[F any] struct {
	usage string
	read  F
}

// statement reads a line that is not indented.
func (p *parser) statement(l *line) {
	p.last = nil
	together := l.accept("and")
	first := l.peek()
	if name, found := strings.CutSuffix(first, ":"); found {
		l.accept(first)
		p.step(l, name, together)
		return
	}
	all := statements()
	v, found := all[first]
	switch {
	case together && first != "step":
		l.wants(`a step after "and", such as alice: buy 100 600100`)
	case !found:
		l.failf("unknown statement %s%s; a step starts with its client, as in alice: buy 100 600100", l.next(),
			textfile.Suggestion(first, append(names(all), p.stepStarts()...)))
	default:
		l.accept(first)
		l.usage = v.usage
		if first != "step" {
			p.early(l, first)
		}
		v.read(p, l)
		l.end()
		if first == "step" {
			p.last.together = together
		}
	}
}

// stepStarts returns how steps can start.
func (p *parser) stepStarts() (list []string) {
	for _, name := range p.clientNames() {
		list = append(list, name+":")
	}
	return list
}

// early refuses a statement after the first step.
func (p *parser) early(l *line, what string) {
	if len(p.s.steps) > 0 {
		l.failf("%q must be before the first step", what)
	}
}

// step reads a step of a client.
func (p *parser) step(l *line, name string, together bool) {
	l.checkClient(name)
	s := &statement{line: l.number, client: name, together: together}
	for _, w := range l.words {
		s.text = append(s.text, w.String())
	}
	p.add(l, s)
	first := l.peek()
	if act, found := lookup(actions(), first); found {
		l.accept(first)
		l.usage = act.usage
		s.action = act.read(l, s)
		l.end()
		return
	}
	a := p.assertion(l, append(names(actions()), names(assertions())...))
	s.checks = []expectation{{l.number, name, a}}
	if together {
		l.failf("only an action can be done at the same time as another one")
	}
}

// add adds a step.
func (p *parser) add(l *line, s *statement) {
	switch {
	case p.s.Name == "":
		l.failf(`the first statement must be the name: scenario "partial fills"`)
		p.s.Name = "?"
	case len(p.s.steps) == MaxSteps:
		l.failf("more than %d steps", MaxSteps)
		return
	case s.together && (len(p.s.steps) == 0 || p.s.steps[len(p.s.steps)-1].action == nil):
		l.failf(`"and" needs an action before it`)
	}
	p.s.steps = append(p.s.steps, s)
	p.last = s
}

// stepClock reads "step 1m" and "step to 15:00".
func (p *parser) stepClock(l *line) {
	s := &statement{line: l.number, client: Operator, text: []string{"step"}}
	for _, w := range l.words {
		s.text = append(s.text, w.String())
	}
	p.add(l, s)
	s.action = readStep(l, s)
}

// expectation reads an indented line.
func (p *parser) expectation(l *line) {
	s := p.last
	switch {
	case p.skip:
		return
	case s == nil:
		l.failf("an indented line is an expectation of the step before it, but there is no step; remove the indentation")
		return
	}
	if rows, ok := s.action.(rowReader); ok && rows.row(l) {
		l.end()
		return
	}
	if isOutcome(l.peek()) && !strings.HasSuffix(l.peek(), ":") {
		switch {
		case s.action == nil:
			l.failf("an outcome needs an action, and %q only checks", strings.Join(s.text, " "))
		case s.outcomes != nil:
			l.failf(`the step has an outcome already; write "or" between outcomes that are both right`)
		default:
			s.outcomes, s.outcome = l.outcomes(), l.number
		}
		return
	}
	name := s.client
	if other, found := strings.CutSuffix(l.peek(), ":"); found {
		l.accept(l.peek())
		l.checkClient(other)
		name = other
	}
	a := p.assertion(l, append(names(assertions()), heads()...))
	s.checks = append(s.checks, expectation{l.number, name, a})
}

// assertion reads an expectation; what are the words that can come.
func (p *parser) assertion(l *line, words []string) assertion {
	first := l.peek()
	v, found := lookup(assertions(), first)
	if !found {
		if len(l.words) == 0 {
			l.wants("what the client does, such as buy 100 600100")
		} else {
			l.unknown("word", words)
		}
		return nil
	}
	l.accept(first)
	l.usage = v.usage
	a := v.read(l)
	l.end()
	return a
}

// lookup finds a word, also with or without an s at its end: buy and buys.
func lookup[F any](all map[string]verb[F], text string) (v verb[F], found bool) {
	for _, spelling := range []string{text, strings.TrimSuffix(text, "s"), text + "s"} {
		if v, found = all[spelling]; found {
			return v, true
		}
	}
	return v, false
}

func names[F any](all map[string]verb[F]) (list []string) {
	for name := range all {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// takeInstruments adds the instruments that the present step names, unless one of them is
// expected to be unknown.
func (p *parser) takeInstruments() {
	if p.last == nil || !slices.ContainsFunc(p.last.outcomes, func(o expectedOutcome) bool { return o.reason == client.ReasonUnknownInstrument.String() }) {
		p.s.instruments = append(p.s.instruments, p.named...)
	}
	p.named = nil
}

// finish checks what only the whole file shows.
func (p *parser) finish() {
	p.takeInstruments()
	s := p.s
	s.About = strings.TrimSpace(strings.Join(p.about, "\n"))
	switch {
	case p.errs != nil:
	case s.Name == "":
		p.failf(1, `the name is missing: scenario "partial fills"`)
	case len(s.steps) == 0:
		p.failf(1, "there are no steps, such as alice: buy 100 600100")
	}
	for _, step := range s.steps {
		if needs, ok := step.action.(privileged); ok && !p.failed(step.line) && (s.Server == nil || !p.failed(s.Server.line)) {
			needs.checkServer(p, step.line)
		}
	}
	p.addAccounts()
	slices.SortStableFunc(p.errs, func(x, y *Error) int { return x.Line - y.Line })
}

// privileged is an action that changes the market for everybody, so it needs a server for its
// scenario alone.
type privileged interface{ checkServer(p *parser, number int) }
