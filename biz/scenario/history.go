package scenario

import (
	"context"
	"fmt"
	"strings"

	"holdfast/biz/client"
)

// rowReader is an action with lines below it that are neither outcomes nor expectations of
// accounts.
type rowReader interface {
	// row reads a line, or returns false if it is something else.
	row(l *line) bool
}

// historyAction reads the history, newest first.
type historyAction struct {
	of         string // "": one's own
	instrument *instrument
	page       int
	rows       []historyRow
}

// historyRow is an expected execution.
type historyRow struct {
	line       int
	instrument instrument
	facts      []fact
}

func readHistory(l *line, _ *statement) action {
	a := &historyAction{}
	for len(l.words) > 0 && !l.wrong {
		switch {
		case l.accept("of"):
			a.of = l.customer()
		case l.accept("in", "pages", "of"):
			if a.page = l.count("a number", 1000); a.page == 0 && !l.wrong {
				l.failf("a page has 1 to 1000 executions")
			}
		case a.instrument == nil:
			i := l.instrument()
			a.instrument = &i
		default:
			l.end()
		}
	}
	return a
}

// row implements rowReader.
func (a *historyAction) row(l *line) bool {
	side := l.peek()
	if side != client.Buy.String() && side != client.Sell.String() {
		return false
	}
	l.accept(side)
	l.usage = `sell 100 600100 [at 9.90] [valid | BUSTED | CORRECTED] [because "reason"]`
	r := historyRow{line: l.number, facts: []fact{{"side", side, true}, {"shares", l.quantity().String(), true}}}
	r.instrument = l.instrument()
	r.facts = executionFields().read(l, append(r.facts, fact{"instrument", "", true}))
	a.rows = append(a.rows, r)
	return true
}

func (a *historyAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	q := client.HistoryQuery{Limit: a.page}
	if a.of != "" {
		q.Customer = p.session(a.of).customer
	}
	if a.instrument != nil {
		q.Key = p.key(*a.instrument)
	}
	var have []client.Execution
	for first := true; first || len(have) < len(a.rows); first = false {
		page, err := s.History(ctx, q)
		if err != nil {
			return refusal(err)
		}
		have = append(have, page.Executions...)
		if !page.More || len(page.Executions) == 0 {
			break
		}
		q.Before = have[len(have)-1].ID
	}
	return a.compare(p, have), nil
}

// compare returns the outcome for the newest executions.
func (a *historyAction) compare(p *player, have []client.Execution) outcome {
	out := done()
	if len(a.rows) == 0 {
		return out
	}
	var got []string
	for i := range a.rows {
		if i >= len(have) {
			got = append(got, "no more")
			out.fail(a.rows[i].line)
			break
		}
		want := append([]fact{}, a.rows[i].facts...)
		want[2].text = p.key(a.rows[i].instrument).String()
		_, text, ok := executionFacts(&have[i]).compare("", want)
		got = append(got, text)
		if i > 0 && have[i].ID >= have[i-1].ID {
			got, ok = append(got, fmt.Sprintf("%s after %s", have[i].ID, have[i-1].ID)), false
		}
		if !ok {
			out.fail(a.rows[i].line)
		}
	}
	out.head = strings.Join(got, ", ")
	return out
}

// fail records the first expectation that failed.
func (o *outcome) fail(line int) {
	if !o.unexpected {
		o.unexpected, o.line = true, line
	}
}

// expected returns the expected executions, for the report.
func (a *historyAction) expected(p *player) string {
	texts := make([]string, 0, len(a.rows))
	for _, r := range a.rows {
		want := append([]fact{}, r.facts...)
		want[2].text = p.key(r.instrument).String()
		text, _, _ := facts{}.compare("", want)
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}
