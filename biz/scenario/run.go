package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/textfile"
	"holdfast/perf/table"
)

// Run plays the scenarios of the library that any server can run, all at the same time. The
// error is that of ctx; then the report still has all steps. A failed step is not an error: see
// Report.Failed.
func Run(ctx context.Context, o Options) (*Report, error) { return Play(ctx, Shared(), o) }

// Play plays scenarios at the same time: those that any server can run on the server at
// Options.Addr, the others each on a separate server, Options.Parallel of them at a time. Errors
// are that of Run, ErrName, and the Errors of Check.
func Play(ctx context.Context, scenarios []*Scenario, o Options) (*Report, error) {
	o = o.withDefaults()
	if err := unique(scenarios); err != nil {
		return &Report{}, err
	}
	numbers := o.assign(scenarios)
	if err := Check(scenarios, o); err != nil {
		return &Report{}, err
	}
	report := &Report{Addr: o.Addr, Start: time.Now()}
	st := &stage{options: o, own: make(chan struct{}, o.Parallel)}
	var plays []*player
	var work sync.WaitGroup
	for i, s := range scenarios {
		if why := o.skips(s); why != "" {
			report.Skipped = append(report.Skipped, Skip{s.Name, s.File, why})
			continue
		}
		p := &player{Scenario: s, stage: st, addr: o.Addr, numbers: numbers[i], own: s.Server != nil, orders: make(map[string]*namedOrder)}
		plays = append(plays, p)
		work.Go(func() { st.play(ctx, p) })
	}
	work.Wait()
	report.Took = time.Since(report.Start)
	for _, p := range plays {
		report.Steps = append(report.Steps, p.steps...)
	}
	return report, ctx.Err()
}

// skips returns why a scenario can't run, or "".
func (o *Options) skips(s *Scenario) string {
	switch {
	case s.Server != nil && o.Start == nil:
		return fmt.Sprintf("it needs a server for itself (line %d)", s.Server.line)
	case s.Server == nil && o.Addr == "":
		return "there is no server to run it on"
	}
	return ""
}

// Check checks the scenarios that have a server for themselves against its instruments. The
// error is an Errors.
func Check(scenarios []*Scenario, o Options) error {
	var wrong Errors
	for _, s := range scenarios {
		if s.Server == nil || o.Instruments == nil {
			continue
		}
		keys, err := o.Instruments(s.Server)
		if err != nil {
			wrong = append(wrong, &Error{s.File, s.Server.line, err.Error()})
			continue
		}
		for _, i := range s.allInstruments() {
			if problem := unlisted(i.text, keys); problem != "" {
				wrong = append(wrong, &Error{s.File, i.line, problem})
			}
		}
	}
	if wrong != nil {
		return wrong
	}
	return nil
}

// allInstruments returns the instruments that must be there, in the order of their lines.
func (s *Scenario) allInstruments() (list []instrument) {
	for _, a := range s.Server.Accounts {
		for _, h := range a.Holdings {
			list = append(list, instrument{h.Instrument, h.line})
		}
	}
	list = append(list, s.instruments...)
	return slices.DeleteFunc(list, func(i instrument) bool { return slices.Contains(s.variables, i.text) })
}

// unlisted returns what is wrong with the name of an instrument, or "".
func unlisted(text string, keys []client.Key) string {
	var names []string
	var found []string
	for _, key := range keys {
		names = append(names, key.Code, key.String())
		if text == key.Code || text == key.String() {
			found = append(found, key.String())
		}
	}
	switch {
	case len(found) == 0:
		return fmt.Sprintf("unknown instrument %q%s", clip(text), textfile.Suggestion(text, names))
	case len(found) > 1:
		return fmt.Sprintf("the code %q has several instruments: write %s", text, strings.Join(found, " or "))
	}
	return ""
}

// Loop plays the scenarios of Run repeatedly, with a pause in between, until ctx ends, and then
// returns nil. It calls onRound, if not nil, with each complete report. A failed round does
// not end the loop. An error of onRound does, and Loop returns it.
func Loop(ctx context.Context, o Options, pause time.Duration, onRound func(*Report) error) error {
	for {
		report, err := Run(ctx, o)
		if over(ctx) {
			break
		}
		if err == nil && onRound != nil {
			err = onRound(report)
		}
		if err != nil {
			return err
		}
		if wait(ctx, pause) != nil {
			break
		}
	}
	return nil //nolint:nilerr // the end of ctx is the regular end
}

// over reports whether ctx has ended. A connect may fail at the deadline of ctx shortly
// before ctx itself ends.
func over(ctx context.Context) bool {
	deadline, limited := ctx.Deadline()
	return ctx.Err() != nil || limited && !time.Now().Before(deadline)
}

// wait waits for d, or returns the error of ctx.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stage is what all plays of a run share.
type stage struct {
	options Options
	own     chan struct{} // has a value for each server that runs
	mu      sync.Mutex
}

// play plays a scenario, on a separate server if it needs one.
func (st *stage) play(ctx context.Context, p *player) {
	if !p.own {
		p.run(ctx)
		return
	}
	select {
	case st.own <- struct{}{}:
		defer func() { <-st.own }()
	case <-ctx.Done():
	}
	p.ctx = ctx
	var server Running
	p.step(Step{Step: "start a server", Expected: "started", Line: p.Server.line}, func() (string, bool, error) {
		var err error
		server, err = st.start(ctx, p)
		p.addr = server.Addr
		return "started", true, err
	})
	p.run(ctx)
	if server.Stop == nil {
		return
	}
	if err := server.Stop(); err != nil {
		p.broken = false
		p.step(Step{Step: "stop the server", Expected: "stopped", Line: p.Server.line}, func() (string, bool, error) { return "", false, err })
	}
}

// start starts the server of a scenario.
func (st *stage) start(ctx context.Context, p *player) (Running, error) {
	if err := ctx.Err(); err != nil {
		return Running{}, err
	}
	server := *p.Server
	server.Accounts = slices.Clone(server.Accounts)
	for i := range server.Accounts {
		server.Accounts[i].Customer = p.numbers[server.Accounts[i].Name]
	}
	return st.options.Start(ctx, &server)
}

// credential returns the credential of a customer.
func (p *player) credential(c client.Customer) client.Credential {
	if p.own {
		return client.DemoToken(c)
	}
	return p.stage.options.Credential(c)
}

// say passes a line to OnEvent.
func (st *stage) say(line string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.options.OnEvent(table.Escape(line))
}

// log writes a step to Log.
func (st *stage) log(s Step) {
	st.mu.Lock()
	defer st.mu.Unlock()
	fmt.Fprintln(st.options.Log, table.Escape(s.String()))
}
