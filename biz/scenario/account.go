package scenario

import (
	"context"
	"fmt"
	"strings"

	"holdfast/biz/client"
)

// pull returns the account, checked in all three ways, or what a pull returns if the pushes of
// the session are held.
func (s *session) pull(ctx context.Context) (st state, wrong []string, err error) {
	if s.live() {
		return s.agree(ctx)
	}
	if st.Snapshot, err = s.Positions(ctx); err != nil {
		return st, nil, err
	}
	list, err := s.Orders(ctx, s.customer)
	st.shown, st.orders = s.View().Display(), list.Orders
	return st, nil, err
}

// withWrong adds to what is there what is wrong beside.
func withWrong(got string, wrong []string) string {
	return strings.Join(append([]string{got}, wrong...), "; ")
}

// positionsCheck is the whole list of positions.
type positionsCheck struct{ want []wantedRow }

func readPositions(l *line) assertion {
	if l.accept(none) {
		return positionsCheck{}
	}
	return positionsCheck{l.wantedRows()}
}

func (c positionsCheck) check(ctx context.Context, p *player, s *session) (want, got string, ok bool, err error) {
	want = "positions " + listText(p.rows(c.want))
	st, wrong, err := s.pull(ctx)
	if err != nil {
		return want, "", false, err
	}
	got = "positions " + listText(rowsOf(st.Positions))
	return want, withWrong(got, wrong), got == want && wrong == nil, nil
}

// positionCheck is a position.
type positionCheck struct {
	instrument instrument
	facts      []fact
}

func readPosition(l *line) assertion {
	c := positionCheck{instrument: l.instrument()}
	held := fact{"held", none, true}
	if !l.accept(none) {
		held.text = l.quantity().String()
	}
	c.facts = positionFields().read(l, []fact{held}, "within")
	return c
}

func (c positionCheck) check(ctx context.Context, p *player, s *session) (want, got string, ok bool, err error) {
	key := p.key(c.instrument)
	subject := fmt.Sprintf("position %s", key)
	want, _, _ = facts{}.compare(subject, c.facts)
	st, wrong, err := s.pull(ctx)
	if err != nil {
		return want, "", false, err
	}
	position, _ := st.Find(key)
	have := positionFacts(&position)
	for _, push := range s.in.since(s.mark) {
		if u, isUpdate := push.Event.(client.PositionUpdate); isUpdate && u.Position.Key == key && push.Sequence > 0 {
			have["change"] = u.Change.String()
		}
	}
	_, got, ok = have.compare(subject, c.facts)
	return want, withWrong(got, wrong), ok && wrong == nil, nil
}

// accountCheck is the summary of an account.
type accountCheck struct{ facts []fact }

func readAccount(l *line) assertion {
	if len(l.words) == 0 {
		l.wants("a field such as cash 970000.00")
	}
	return accountCheck{accountFields().read(l, nil)}
}

func (c accountCheck) check(ctx context.Context, _ *player, s *session) (want, got string, ok bool, err error) {
	want, _, _ = facts{}.compare("account", c.facts)
	st, wrong, err := s.pull(ctx)
	if err != nil {
		return want, "", false, err
	}
	_, got, ok = accountFacts(&st.Account).compare("account", c.facts)
	return want, withWrong(got, wrong), ok && wrong == nil, nil
}

// quoteCheck is an instrument.
type quoteCheck struct {
	instrument instrument
	facts      []fact
}

func readQuote(l *line) assertion {
	return quoteCheck{l.instrument(), quoteFields().read(l, nil)}
}

func (c quoteCheck) check(ctx context.Context, p *player, s *session) (want, got string, ok bool, err error) {
	key := p.key(c.instrument)
	subject := fmt.Sprintf("quote %s", key)
	want, _, _ = facts{}.compare(subject, c.facts)
	list, err := s.Quotes(ctx, []client.Key{key}, false)
	if err != nil {
		return want, "", false, err
	}
	if len(list) != 1 {
		return want, subject + " is unknown", false, nil
	}
	_, got, ok = quoteFacts(&list[0]).compare(subject, c.facts)
	return want, got, ok, nil
}

// nothingCheck is that no push came since the present step has started.
type nothingCheck struct{}

func readNothing(l *line) assertion {
	l.require("changes")
	return nothingCheck{}
}

const nothingChanges = "nothing changes"

func (nothingCheck) check(ctx context.Context, _ *player, s *session) (want, got string, ok bool, err error) {
	if _, wrong, err := s.pull(ctx); err != nil || wrong != nil {
		return nothingChanges, strings.Join(wrong, "; "), false, err
	}
	if now := s.in.sequence(); now != s.was {
		return nothingChanges, fmt.Sprintf("push %d follows %d", now, s.was), false, nil
	}
	return nothingChanges, nothingChanges, true, nil
}

// pullAction requests the account.
type pullAction struct{}

func readPull(*line, *statement) action { return pullAction{} }

func (pullAction) do(ctx context.Context, _ *player, s *session) (outcome, error) {
	if _, err := s.Positions(ctx); err != nil {
		return refusal(err)
	}
	return done(), nil
}
