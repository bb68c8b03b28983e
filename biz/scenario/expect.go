package scenario

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"holdfast/biz/client"
)

const expectUsage = `expects execution of a1 [1000] [at 9.90], or order a1 CANCELLED, or bust of a1/1 ["reason"], or position 600100 100, or repriced [600100], or deposit 5000.00, or disconnect; "within 30s" at the end waits longer`

// expectCheck waits for a push.
type expectCheck struct {
	kind       string // of the push
	order      string
	execution  execution
	instrument instrument
	facts      []fact
	within     time.Duration
}

// readExpect reads what follows "expects".
func readExpect(l *line) assertion {
	if l.accept("nothing") {
		return nothingCheck{}
	}
	c := expectCheck{kind: l.oneOf("push", []string{
		"execution", "order", "bust", "correction", "position", "repriced", "deposit", "withdrawal", "reset", "disconnect",
	})}
	switch c.kind {
	case "execution":
		l.require("of")
		c.order = l.order()
		if l.quantityNext() {
			c.facts = append(c.facts, fact{"shares", l.quantity().String(), true})
		}
		c.facts = executionFields().read(l, c.facts, "within")
	case "order":
		c.order = l.order()
		c.facts = l.orderFacts()
	case "bust", "correction":
		l.require("of")
		c.execution = l.execution()
		if l.textNext() {
			c.facts = append(c.facts, fact{"reason", strconv.Quote(l.text("the reason")), true})
		}
	case "position":
		position := readPosition(l).(positionCheck)
		c.instrument, c.facts = position.instrument, position.facts
	case "repriced":
		if len(l.words) > 0 && l.peek() != "within" {
			c.instrument = l.instrument()
		}
	case "deposit", "withdrawal", "reset":
		if len(l.words) > 0 && !l.textNext() && l.peek() != "within" {
			c.facts = append(c.facts, fact{"amount", l.money().String(), true})
		}
		if l.textNext() {
			c.facts = append(c.facts, fact{"text", strconv.Quote(l.text("the text")), true})
		}
	}
	if l.accept("within") {
		c.within = l.duration()
	}
	return c
}

// isRepriced reports whether an expectation is a moved price.
func isRepriced(a assertion) bool {
	c, ok := a.(expectCheck)
	return ok && c.kind == "repriced"
}

func (c expectCheck) patience() time.Duration { return c.within + time.Minute }

func (c expectCheck) check(ctx context.Context, p *player, s *session) (want, got string, ok bool, err error) {
	subject := c.subject(p)
	want, _, _ = facts{}.compare(subject, c.facts)
	timeout := max(c.within, p.stage.options.Timeout)
	if c.kind == "disconnect" {
		return c.disconnected(ctx, s, timeout)
	}
	id, err := c.subjectID(ctx, p)
	if err != nil {
		return want, "", false, err
	}
	mark := 0
	if c.kind == "repriced" {
		mark = s.in.mark()
		timeout = max(timeout, p.stage.options.Repricing)
	}
	have := func(push client.Push) (facts, bool) { return c.factsOf(push, id, p) }
	found, err := s.in.claim(ctx, mark, timeout, func(push client.Push) bool {
		f, same := have(push)
		if same {
			_, _, same = f.compare("", c.facts)
		}
		return same
	})
	if errors.Is(err, ErrNoPush) {
		return want, c.nearest(s, subject, have, err), false, nil
	}
	if err != nil {
		return want, "", false, err
	}
	f, _ := have(found)
	_, got, _ = f.compare(subject, c.facts)
	if s.held && found.Sequence > s.heldAt {
		s.held = false
	}
	_, wrong, err := s.pull(ctx)
	return want, withWrong(got, wrong), wrong == nil, err
}

// subject returns what is expected, as text.
func (c expectCheck) subject(p *player) string {
	switch c.kind {
	case "execution":
		return "execution of " + c.order
	case "order":
		return "order " + c.order
	case "bust", "correction":
		return fmt.Sprintf("%s of %s", c.kind, c.execution)
	case "position", "repriced":
		if c.instrument.text != "" {
			return fmt.Sprintf("%s %s", c.kind, p.key(c.instrument))
		}
	}
	return c.kind
}

// subjectID returns the number of the order or the execution.
func (c expectCheck) subjectID(ctx context.Context, p *player) (uint64, error) {
	switch c.kind {
	case "execution", "order":
		o, err := p.order(c.order)
		if err != nil {
			return 0, err
		}
		return uint64(o.id), nil
	case "bust", "correction":
		x, err := p.execution(ctx, c.execution)
		return uint64(x.ID), err
	}
	return 0, nil
}

// factsOf describes a push; false if it is about something else.
func (c expectCheck) factsOf(push client.Push, id uint64, p *player) (facts, bool) {
	switch e := push.Event.(type) {
	case client.Execution:
		return executionFacts(&e), c.kind == "execution" && uint64(e.Order) == id
	case client.OrderUpdate:
		return orderFacts(&e.Order), c.kind == "order" && uint64(e.Order.ID) == id
	case client.ExecutionBusted:
		corrected := e.CorrectedBy != 0
		return facts{"reason": strconv.Quote(e.Reason)}, uint64(e.ID) == id && (c.kind == "bust" && !corrected || c.kind == "correction" && corrected)
	case client.PositionUpdate:
		have := positionFacts(&e.Position)
		have["change"] = e.Change.String()
		repriced := push.Sequence == 0
		same := c.instrument.text == "" || e.Position.Key == p.key(c.instrument)
		return have, same && (c.kind == "position" && !repriced || c.kind == "repriced" && repriced)
	case client.AccountUpdate:
		amount := e.Amount
		if e.Change == client.AccountWithdrawal {
			amount = -amount
		}
		return facts{"amount": amount.String(), "text": strconv.Quote(e.Text)}, c.kind == e.Change.String()
	}
	return nil, false
}

// nearest returns the pushes that came instead, or that none did.
func (c expectCheck) nearest(s *session, subject string, have func(client.Push) (facts, bool), missing error) string {
	const most = 3
	var texts []string
	for _, push := range s.in.since(0) {
		if f, same := have(push); same {
			_, text, _ := f.compare(subject, c.facts)
			texts = append(texts, text)
		}
	}
	if texts == nil {
		return missing.Error()
	}
	return fmt.Sprintf("%v, only %s", missing, strings.Join(texts[max(len(texts)-most, 0):], ", "))
}

// disconnected waits for the end of the connection.
func (c expectCheck) disconnected(ctx context.Context, s *session, timeout time.Duration) (want, got string, ok bool, err error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-s.Done():
		s.cut = true
		return c.kind, c.kind, true, nil
	case <-ctx.Done():
		return c.kind, "", false, ctx.Err()
	case <-timer.C:
		return c.kind, "still connected", false, nil
	}
}
