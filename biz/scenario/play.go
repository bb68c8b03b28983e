package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/biz/client"
)

// action is what a step does.
type action interface {
	// do does it with the session of the step's client. The error is not a refusal.
	do(ctx context.Context, p *player, s *session) (outcome, error)
}

// waiting is an action or an expectation that may take longer than Options.Timeout.
type waiting interface{ patience() time.Duration }

// player plays a scenario. After a step with an error, the rest of its steps
// are reported as skipped.
//
// Goroutine: one, except for actions that are done at the same time and for orders.
type player struct {
	*Scenario
	stage   *stage
	addr    string
	numbers map[string]client.Customer // by client
	own     bool                       // the server is this scenario's alone

	ctx      context.Context
	broken   bool
	steps    []Step
	sessions []*session // in the order of the clients, the operator at the end
	market   []client.Instrument
	keys     map[string]client.Key // by variable

	mu     sync.Mutex
	orders map[string]*namedOrder
}

// run plays the scenario, from the connects to the close.
func (p *player) run(ctx context.Context) {
	p.ctx = ctx
	defer p.close()
	for _, c := range p.clients {
		p.addSession(c.name, p.numbers[c.customer])
	}
	p.addSession(Operator, p.stage.options.Operator)
	for _, s := range p.sessions {
		if p.enters(s) {
			p.enter(s)
		}
	}
	for i := 0; i < len(p.Scenario.steps); {
		n := 1
		for i+n < len(p.Scenario.steps) && p.Scenario.steps[i+n].together {
			n++
		}
		p.group(p.Scenario.steps[i : i+n])
		i += n
	}
	p.consecutive()
}

func (p *player) addSession(name string, customer client.Customer) {
	p.sessions = append(p.sessions, &session{name: name, customer: customer, in: newInbox()})
}

// enters reports whether a session logs in at the start: those of the clients, and the operator
// if a step or an expectation is his.
func (p *player) enters(s *session) bool {
	if s.name == Operator {
		return slices.ContainsFunc(p.Scenario.steps, func(x *statement) bool {
			return x.client == Operator || slices.ContainsFunc(x.checks, func(c expectation) bool { return c.client == Operator })
		})
	}
	return !strings.Contains(s.name, "/")
}

func (p *player) close() {
	for _, s := range p.sessions {
		if s.Client != nil {
			_ = s.Close() // always nil
		}
	}
}

// session returns the session of a client.
func (p *player) session(name string) *session {
	return p.sessions[slices.IndexFunc(p.sessions, func(s *session) bool { return s.name == name })]
}

// enter connects a session and logs it in, as the first step of its client.
func (p *player) enter(s *session) {
	want := fmt.Sprintf("account %d", s.customer)
	if s.name == Operator {
		want = "operator"
	}
	p.step(Step{Client: s.customer, Step: "connect and log in", Expected: want, Line: 1}, func() (string, bool, error) {
		account, err := p.logIn(p.ctx, s, p.credential(s.customer))
		if err != nil {
			return "", false, err
		}
		if p.market == nil {
			if p.market, err = s.Quotes(p.ctx, nil, false); err != nil {
				return "", false, err
			}
		}
		if s.name == Operator && account.Operator {
			return want, true, nil
		}
		got := fmt.Sprintf("account %d", account.Customer)
		return got, got == want, p.choose(s)
	})
}

// choose chooses the instruments of the variables.
func (p *player) choose(s *session) (err error) {
	if p.keys == nil && len(p.variables) > 0 {
		shown := s.View().Display()
		p.keys, err = choose(p.variables, p.market, shown.Account.Cash+shown.MarketValue)
	}
	return err
}

// consecutive checks at the end that no push was missing or repeated.
func (p *player) consecutive() {
	const want = "no push is missing or repeated"
	step := Step{Client: p.sessions[0].customer, Step: "pushes have consecutive numbers", Expected: want, Line: 1}
	p.step(step, func() (string, bool, error) {
		for _, s := range p.sessions {
			if n := len(s.in.broken(0)); n > 0 {
				return fmt.Sprintf("%d pushes are missing or repeated", n), false, nil
			}
		}
		return want, true, nil
	})
}

// step executes and reports a step. do returns what it got, and whether it is as expected.
func (p *player) step(s Step, do func() (got string, ok bool, err error)) {
	s.Case, s.File, s.Got = p.Name, p.File, skipped
	s.operator = s.Client == p.stage.options.Operator
	if !p.broken {
		start := time.Now()
		got, ok, err := do()
		s.Took, s.Got, s.OK = time.Since(start), got, ok && err == nil
		if err != nil {
			s.Got, p.broken = explained(err), true
		}
	}
	p.report(s)
}

const skipped = "skipped"

// report adds a step to the report.
func (p *player) report(s Step) {
	p.steps = append(p.steps, s)
	if !errors.Is(p.ctx.Err(), context.Canceled) {
		p.stage.log(s)
	}
}

// explained returns the text of an error and what to do about it.
func explained(err error) string {
	if advice := client.Explain(err); advice != "" {
		return fmt.Sprintf("%v: %s", err, advice)
	}
	return err.Error()
}

// result is what a step of a group has become.
type result struct {
	outcome outcome
	err     error
	took    time.Duration
}

// group executes a step, or steps that are done at the same time.
func (p *player) group(steps []*statement) {
	if p.leftOut(steps[0]) {
		return
	}
	results := make([]result, len(steps))
	if steps[0].action != nil && !p.broken {
		for _, s := range p.sessions {
			s.started()
		}
		var work sync.WaitGroup
		for i, s := range steps {
			work.Go(func() { results[i] = p.act(s) })
		}
		work.Wait()
	}
	for i, s := range steps {
		p.finish(s, &results[i], i == 0, len(steps) == 1)
	}
}

// leftOut reports whether a step is not for this run: prices move only on some servers.
func (p *player) leftOut(s *statement) bool {
	return !p.own && p.stage.options.Repricing <= 0 && len(s.checks) == 1 && s.action == nil && isRepriced(s.checks[0].assertion)
}

// act executes the action of a step.
func (p *player) act(s *statement) (r result) {
	ctx, cancel := context.WithTimeout(p.ctx, p.patience(s.action))
	defer cancel()
	start, by := time.Now(), p.session(s.client)
	if _, opens := s.action.(opener); !opens {
		r.err = by.connected()
	}
	if r.err == nil {
		r.outcome, r.err = s.action.do(ctx, p, by)
	}
	r.took = time.Since(start)
	return r
}

// patience returns how long an action or an expectation may take.
func (p *player) patience(what any) time.Duration {
	patience := p.stage.options.Timeout
	if w, ok := what.(waiting); ok {
		patience += w.patience()
	}
	return patience
}

// finish checks what a step has led to, and reports it. first means that it is the first one of
// its group: then all accounts are checked. alone means that it is the only one.
func (p *player) finish(s *statement, r *result, first, alone bool) {
	report := Step{
		Client: p.session(s.client).customer, operator: s.client == Operator, Case: p.Name, Step: p.text(s), File: p.File, Line: s.line, Got: skipped,
	}
	if p.broken {
		report.Expected = expectedText(s)
		p.report(report)
		return
	}
	start := time.Now()
	v := &verdict{line: s.line}
	switch {
	case r.err != nil:
		report.Expected, v.err = expectedText(s), r.err
	case s.action != nil:
		if first {
			p.agree(p.session(s.client), v)
		}
		p.checkOutcome(s, &r.outcome, alone, v)
	}
	for _, c := range s.checks {
		if v.err == nil {
			p.check(&c, v)
		}
	}
	report.Took, report.Line = r.took+time.Since(start), v.line
	if report.Expected == "" {
		report.Expected = strings.Join(v.want, "; ")
	}
	report.Got, report.OK = strings.Join(append(v.got, v.wrong...), "; "), v.ok()
	if v.err != nil {
		if errors.Is(v.err, context.DeadlineExceeded) && p.ctx.Err() == nil {
			v.err = fmt.Errorf("not done within %v", p.stage.options.Timeout)
		}
		report.Got, p.broken = explained(v.err), true
	}
	p.report(report)
}

// expectedText returns what was expected of a step that did not come so far.
func expectedText(s *statement) string {
	if len(s.outcomes) > 0 {
		return s.expected()
	}
	return "success"
}

// expected returns the expected outcomes as a file has them.
func (s *statement) expected() string {
	texts := make([]string, 0, len(s.outcomes))
	for i := range s.outcomes {
		texts = append(texts, s.outcomes[i].String())
	}
	return strings.Join(texts, " or ")
}

// verdict collects what is expected of a step, and what is there instead.
type verdict struct {
	want, got []string
	wrong     []string // beside what is expected explicitly
	line      int      // of the first expectation that failed, else of the step
	failed    bool
	err       error // ends the scenario
}

func (v *verdict) ok() bool { return !v.failed && len(v.wrong) == 0 && v.err == nil }

// add adds an expectation.
func (v *verdict) add(line int, want, got string, ok bool) {
	v.want, v.got = append(v.want, want), append(v.got, got)
	if !ok && !v.failed {
		v.failed, v.line = true, line
	}
}

// checkOutcome compares the outcome of an action with what is expected.
func (p *player) checkOutcome(s *statement, o *outcome, alone bool, v *verdict) {
	own := p.session(s.client)
	if v.err != nil {
		return
	}
	if o.refused == nil && own.live() {
		v.wrong = append(v.wrong, own.checkReply(o)...)
	}
	if (o.refused != nil || o.duplicate) && own.live() && alone && own.in.sequence() != own.was {
		v.wrong = append(v.wrong, fmt.Sprintf("nothing should change, but push %d follows %d", own.in.sequence(), own.was))
	}
	if len(s.outcomes) == 0 {
		want := "success"
		if h, ok := s.action.(*historyAction); ok && len(h.rows) > 0 {
			want = h.expected(p)
		}
		v.add(cmp.Or(o.line, s.line), want, o.describe(nil), o.refused == nil && !o.unexpected)
		return
	}
	at := slices.IndexFunc(s.outcomes, func(e expectedOutcome) bool { return o.is(&e) && p.blocks(o, e.by) == nil })
	if at >= 0 {
		v.add(s.outcome, s.expected(), o.describe(&s.outcomes[at]), true)
		return
	}
	got := o.describe(&s.outcomes[0])
	if wrong := p.blocks(o, s.outcomes[0].by); wrong != nil {
		got += "; " + strings.Join(wrong, "; ")
	}
	v.add(s.outcome, s.expected(), got, false)
}

// agree checks all accounts after an action. own is the session that has done it.
func (p *player) agree(own *session, v *verdict) {
	for _, s := range p.sessions {
		if !s.live() || s.name == Operator && own != s {
			continue
		}
		ctx, cancel := context.WithTimeout(p.ctx, p.stage.options.Timeout)
		_, wrong, err := s.agree(ctx)
		cancel()
		for _, w := range wrong {
			if s != own {
				w = s.name + ": " + w
			}
			v.wrong = append(v.wrong, w)
		}
		if err != nil && v.err == nil {
			if v.err = err; s != own {
				v.err = fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
}

// check checks an expectation.
func (p *player) check(c *expectation, v *verdict) {
	s := p.session(c.client)
	ctx, cancel := context.WithTimeout(p.ctx, p.patience(c.assertion))
	defer cancel()
	if err := s.connected(); err != nil {
		v.err, v.line = err, c.line
		return
	}
	want, got, ok, err := c.assertion.check(ctx, p, s)
	if s.name != Operator && len(p.clients) > 1 && c.client != "" {
		want, got = prefixed(c.client, want), prefixed(c.client, got)
	}
	if err != nil {
		v.err, v.line = err, c.line
		v.want = append(v.want, want)
		return
	}
	v.add(c.line, want, got, ok)
}

func prefixed(name, text string) string {
	if text == "" {
		return ""
	}
	return name + ": " + text
}

// assertion is what is expected of an account.
type assertion interface {
	// check returns what is expected and what is there, and whether it is the same. An error
	// ends the scenario.
	check(ctx context.Context, p *player, s *session) (want, got string, ok bool, err error)
}
