package scenario

import (
	"context"
	"time"

	"holdfast/biz/client"
)

// operate executes a command of operators. Its outcome is OK with the number of what it has
// changed.
func (p *player) operate(ctx context.Context, s *session, o client.Operation) (client.Operated, outcome, error) {
	reply, err := s.Operate(ctx, o)
	if err != nil {
		out, err := refusal(err)
		return reply, out, err
	}
	return reply, count(reply.Count), nil
}

// at returns the time that a file names.
func (p *player) at(ctx context.Context, s *session, m moment) (time.Time, error) {
	reply, err := s.Operate(ctx, client.Clock{})
	zone := time.Local
	if p.Server != nil {
		zone = p.Server.Start.Location()
	}
	return m.at(reply.Time.In(zone)), err
}

// forEverybody is part of the actions that change the market.
type forEverybody struct{ what string }

func (f forEverybody) checkServer(p *parser, number int) {
	if p.s.Server == nil {
		p.failf(number, `%s changes the market for everybody: the scenario needs a server for itself; write a "server" line`, f.what)
	}
}

// priceAction moves a price.
type priceAction struct {
	forEverybody
	instrument instrument
	price      client.Price
}

func readPrice(l *line, _ *statement) action {
	return priceAction{forEverybody{"a price"}, l.instrument(), l.price()}
}

func (a priceAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	_, out, err := p.operate(ctx, s, client.Jump{Key: p.key(a.instrument), Price: a.price})
	return out, err
}

// haltAction halts or resumes an instrument or a market.
type haltAction struct {
	forEverybody
	instrument instrument
	resume     bool
}

func readHalt(l *line, s *statement) action {
	a := haltAction{forEverybody: forEverybody{"a halt"}, resume: s.text[0][0] == 'r'}
	// It may be a market, so it is not checked before the start.
	a.instrument = instrument{l.word("an instrument or a market"), l.number}
	return a
}

func (a haltAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	key := p.key(a.instrument)
	for _, listed := range p.market {
		if listed.Key.Market == a.instrument.text {
			key = client.Key{Market: listed.Key.Market}
		}
	}
	var o client.Operation = client.Halt{Key: key}
	if a.resume {
		o = client.Resume{Key: key}
	}
	_, out, err := p.operate(ctx, s, o)
	return out, err
}

// stepAction moves a stepped clock on.
type stepAction struct{ moment }

func readStep(l *line, _ *statement) action {
	if l.accept("to") {
		m := l.moment()
		if m.after > 0 {
			l.failf("step to wants a time such as 15:00, step alone a duration")
		}
		return stepAction{m}
	}
	return stepAction{moment{after: l.duration()}}
}

// checkServer implements privileged.
func (stepAction) checkServer(p *parser, number int) {
	if p.s.Server == nil || !p.s.Server.Stepped {
		p.failf(number, "step needs a stepped clock: write \"server clock stepped\"")
	}
}

func (stepAction) patience() time.Duration { return time.Minute }

func (a stepAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	d := a.after
	if d == 0 {
		reply, err := s.Operate(ctx, client.Clock{})
		if err != nil {
			return refusal(err)
		}
		now := reply.Time.In(p.Server.Start.Location())
		d = a.at(now).Sub(now)
	}
	_, out, err := p.operate(ctx, s, client.Step{Duration: d})
	return out, err
}

// fillAction executes an order, or a part of it.
type fillAction struct {
	name     string
	quantity client.Quantity
	price    client.Price
	late     bool
}

func readFill(l *line, _ *statement) action {
	a := fillAction{name: l.order()}
	if l.quantityNext() {
		a.quantity = l.quantity()
	}
	if l.accept("at") {
		a.price = l.price()
	}
	a.late = l.accept("late")
	return a
}

func (a fillAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	o, err := p.order(a.name)
	if err != nil {
		return outcome{}, err
	}
	reply, out, err := p.operate(ctx, s, client.Fill{Order: o.id, Quantity: a.quantity, Price: a.price, Late: a.late})
	if err == nil && out.refused == nil {
		out.head, out.facts = statusText(reply.Order.Status), orderFacts(&reply.Order)
	}
	return out, err
}

// rejectAction rejects the next orders of a client.
type rejectAction struct {
	count    int
	customer string
	reason   client.Reason
}

func readReject(l *line, _ *statement) action {
	l.require("next")
	a := rejectAction{count: 1}
	if l.quantityNext() {
		a.count = l.count("a number of orders", 1_000_000)
	}
	l.require("of")
	a.customer = l.customer()
	if len(l.words) > 0 {
		name := l.oneOf("reason", reasons())
		for i, other := range reasons() {
			if other == name {
				a.reason = client.Reason(i + 1)
			}
		}
	}
	return a
}

func (a rejectAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	_, out, err := p.operate(ctx, s, client.RejectNext{Customer: p.session(a.customer).customer, Count: a.count, Reason: a.reason})
	return out, err
}

// holdAction holds the pushes to a client.
type holdAction struct {
	customer string
	duration time.Duration
}

func readHold(l *line, _ *statement) action { return holdAction{l.customer(), l.duration()} }

func (a holdAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	held := p.session(a.customer)
	_, out, err := p.operate(ctx, s, client.HoldPushes{Customer: held.customer, Duration: a.duration})
	for _, other := range p.sessions {
		if err == nil && out.refused == nil && other.customer == held.customer {
			other.held, other.heldAt = true, other.in.sequence()
		}
	}
	return out, err
}

// cashAction deposits, withdraws or resets.
type cashAction struct {
	verb     byte
	customer string
	amount   client.Money
	text     string
}

func readCash(l *line, s *statement) action {
	a := cashAction{verb: s.text[0][0], customer: l.customer()}
	if a.verb != 'r' {
		a.amount = l.money()
	}
	if l.textNext() {
		a.text = l.text("a text")
	}
	return a
}

func (a cashAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	customer := p.session(a.customer).customer
	var o client.Operation = client.Reset{Customer: customer, Text: a.text}
	switch a.verb {
	case 'd':
		o = client.Deposit{Customer: customer, Amount: a.amount, Text: a.text}
	case 'w':
		o = client.Withdraw{Customer: customer, Amount: a.amount, Text: a.text}
	}
	reply, out, err := p.operate(ctx, s, o)
	if err == nil && out.refused == nil {
		out.facts = accountFacts(&reply.Account)
	}
	return out, err
}
