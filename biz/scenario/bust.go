package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"holdfast/biz/client"
)

// executions returns the executions of an order, oldest first, from the history.
func (p *player) executions(ctx context.Context, name string) (list []client.Execution, err error) {
	o, err := p.order(name)
	if err != nil {
		return nil, err
	}
	q := client.HistoryQuery{Limit: 1000}
	from := p.session(Operator)
	at := slices.IndexFunc(p.sessions, func(s *session) bool {
		return s.customer == o.customer && s.Client != nil && s.loggedIn && !s.cut
	})
	if at >= 0 {
		from = p.sessions[at]
	} else {
		q.Customer = o.customer
	}
	if err := from.connected(); err != nil {
		return nil, err
	}
	page, err := from.History(ctx, q)
	for _, x := range page.Executions {
		if x.Order == o.id {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(x, y client.Execution) int { return cmp.Compare(x.ID, y.ID) })
	return list, err
}

// execution returns the execution that a file names.
func (p *player) execution(ctx context.Context, x execution) (client.Execution, error) {
	list, err := p.executions(ctx, x.order)
	switch {
	case err != nil:
		return client.Execution{}, err
	case x.number == 0 && len(list) != 1:
		return client.Execution{}, fmt.Errorf("the order %s has %d executions: name one, such as %s/1", x.order, len(list), x.order)
	case x.number > len(list):
		return client.Execution{}, fmt.Errorf("the order %s has %d executions, so there is no %s", x.order, len(list), x)
	}
	return list[max(x.number, 1)-1], nil
}

// blocks returns what is wrong with the executions in the way of a bust.
func (p *player) blocks(o *outcome, by []execution) []string {
	if by == nil {
		return nil
	}
	var want, got []string
	for _, x := range by {
		e, err := p.execution(p.ctx, x)
		if err != nil {
			return []string{explained(err)}
		}
		want = append(want, e.ID.String())
	}
	if o.refused != nil {
		for _, id := range o.refused.Blocking {
			got = append(got, id.String())
		}
	}
	if slices.Sort(want); !slices.Equal(want, slices.Sorted(slices.Values(got))) {
		return []string{fmt.Sprintf("in the way are %v, not %v", got, want)}
	}
	return nil
}

// bustAction busts an execution.
type bustAction struct {
	execution execution
	reason    string
	options   client.BustOptions
}

func readBust(l *line, _ *statement) action {
	a := bustAction{execution: l.execution()}
	if l.textNext() {
		a.reason = l.text("a reason")
	}
	for len(l.words) > 0 && !l.wrong {
		switch l.oneOf("option of a bust", []string{"reopen", "cascade", "dry-run"}) {
		case "reopen":
			a.options.Reopen = true
		case "cascade":
			a.options.Cascade = true
		case "dry-run":
			a.options.DryRun = true
		}
	}
	return a
}

func (a bustAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	x, err := p.execution(ctx, a.execution)
	if err != nil {
		return outcome{}, err
	}
	busted, err := s.BustWith(ctx, x.ID, a.reason, a.options)
	if err != nil {
		return refusal(err)
	}
	out := count(busted.Count)
	out.facts["accounts"], out.facts["executions"] = strconv.Itoa(busted.Accounts), strconv.Itoa(len(busted.Executions))
	if busted.Execution.ID != x.ID || !busted.Execution.Busted && !a.options.DryRun {
		out.unexpected = true
		out.head += fmt.Sprintf(" reply %+v", busted.Execution)
	}
	return out, nil
}

// correctAction replaces an execution.
type correctAction struct {
	execution execution
	quantity  client.Quantity
	price     client.Price
	reason    string
}

func readCorrect(l *line, _ *statement) action {
	a := correctAction{execution: l.execution(), quantity: l.quantity()}
	l.require("at")
	a.price = l.price()
	if l.textNext() {
		a.reason = l.text("a reason")
	}
	return a
}

func (a correctAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	x, err := p.execution(ctx, a.execution)
	if err != nil {
		return outcome{}, err
	}
	reply, err := s.Correct(ctx, client.Correction{ID: x.ID, Quantity: a.quantity, Price: a.price, Reason: a.reason})
	if err != nil {
		return refusal(err)
	}
	out := outcome{head: statusText(reply.Order.Status), facts: orderFacts(&reply.Order)}
	if reply.Busted.CorrectedBy != reply.Replacement.ID || reply.Replacement.Corrects != x.ID {
		out.unexpected = true
		out.head += " without links between the executions"
	}
	return out, nil
}

// executionCheck is an execution, as it is shown and in the history.
type executionCheck struct {
	execution execution
	facts     []fact
}

func readExecution(l *line) assertion {
	c := executionCheck{execution: l.execution()}
	if l.quantityNext() {
		c.facts = append(c.facts, fact{"shares", l.quantity().String(), true})
	}
	c.facts = executionFields().read(l, c.facts)
	return c
}

func (c executionCheck) check(ctx context.Context, p *player, s *session) (want, got string, ok bool, err error) {
	subject := "execution " + c.execution.String()
	want, _, _ = facts{}.compare(subject, c.facts)
	_, wrong, err := s.pull(ctx)
	if err != nil {
		return want, "", false, err
	}
	pulled, err := p.execution(ctx, c.execution)
	if err != nil {
		return want, err.Error(), false, nil //nolint:nilerr // the error is what was found
	}
	shown := s.View().Display()
	x, found := shown.FindExecution(pulled.ID)
	switch {
	case s.live() && s.customer == pulled.Customer && found && x != pulled:
		wrong = append(wrong, fmt.Sprintf("shown as %s, the history has %s", executionText(&x), executionText(&pulled)))
	case s.live() && s.customer == pulled.Customer && !found && s.saw(pulled.ID):
		wrong = append(wrong, "not shown")
	}
	_, got, ok = executionFacts(&pulled).compare(subject, c.facts)
	return want, withWrong(got, wrong), ok && wrong == nil, nil
}

// saw reports whether an execution was pushed since the session has logged in last.
func (s *session) saw(id client.ExecutionID) bool {
	return slices.ContainsFunc(s.in.since(s.loginMark), func(p client.Push) bool { x, ok := p.Event.(client.Execution); return ok && x.ID == id })
}
