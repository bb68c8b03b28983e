package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"holdfast/biz/client"
)

// repeatAction sends an order or a replacement again.
type repeatAction struct{ name string }

func readRepeat(l *line, _ *statement) action { return repeatAction{l.order()} }

func (a repeatAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	p.mu.Lock()
	o := p.orders[a.name]
	p.mu.Unlock()
	switch {
	case o == nil:
		return outcome{}, fmt.Errorf("the order %s was not sent", a.name)
	case o.replacement != nil:
		return replace(ctx, s, o.replacement)
	}
	return p.place(ctx, s, o)
}

// cancelAction cancels an order, or all.
type cancelAction struct {
	name       string
	all        bool
	instrument *instrument
	of         string
	everyone   bool
}

func readCancel(l *line, _ *statement) action {
	a := &cancelAction{}
	if a.all = l.accept("all"); !a.all {
		a.name = l.order()
		return a
	}
	if len(l.words) > 0 && l.peek() != "of" {
		i := l.instrument()
		a.instrument = &i
	}
	switch {
	case l.accept("of", "everyone"):
		a.everyone = true
	case l.accept("of"):
		a.of = l.customer()
	}
	return a
}

func (a *cancelAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	if a.all {
		scope := client.OrderScope{Everyone: a.everyone}
		if a.instrument != nil {
			scope.Key = p.key(*a.instrument)
		}
		if a.of != "" {
			scope.Customer = p.session(a.of).customer
		}
		reply, err := s.CancelAll(ctx, scope)
		if err != nil {
			return refusal(err)
		}
		return count(reply.Count), nil
	}
	o, err := p.order(a.name)
	if err != nil {
		return outcome{}, err
	}
	ref := client.OrderRef{ID: o.id}
	if s.customer != o.customer {
		ref.Customer = o.customer
	}
	reply, err := s.CancelOrder(ctx, ref)
	if err != nil {
		return refusal(err)
	}
	return outcome{head: statusText(reply.Order.Status), facts: orderFacts(&reply.Order), order: reply.Order.ID}, nil
}

// replaceAction changes an order.
type replaceAction struct {
	name        string
	quantity    client.Quantity
	limit, stop *limit
	timeInForce client.TimeInForce
	expires     moment
	newName     string
}

func readReplace(l *line, s *statement) action {
	a := &replaceAction{name: l.order()}
	options := append([]string{"quantity", "limit", "stop", "as"}, slices.Sorted(maps.Keys(timesInForce()))...)
	for len(l.words) > 0 && !l.wrong {
		switch option := l.oneOf("change of an order", options); option {
		case "quantity":
			a.quantity = l.quantity()
		case "limit":
			x := l.limit()
			a.limit = &x
		case "stop":
			x := l.limit()
			a.stop = &x
		case "as":
			a.newName = l.newName(s.client)
		default:
			a.timeInForce = timesInForce()[option]
			if option == "gtd" {
				a.expires = l.moment()
			}
		}
	}
	return a
}

func (a *replaceAction) do(ctx context.Context, p *player, s *session) (outcome, error) {
	o, err := p.order(a.name)
	if err != nil {
		return outcome{}, err
	}
	r := &client.Replacement{ID: o.id, NewClientOrderID: client.NewClientOrderID(), Quantity: a.quantity, TimeInForce: a.timeInForce}
	if r.Price, err = priceOf(ctx, a.limit, s, o.request.Key); err == nil {
		r.Stop, err = priceOf(ctx, a.stop, s, o.request.Key)
	}
	if err == nil && a.timeInForce == client.GoodTillDate {
		r.Expires, err = p.at(ctx, s, a.expires)
	}
	if err != nil {
		return outcome{}, err
	}
	p.remember(a.newName, &namedOrder{customer: o.customer, id: o.id, request: o.request, replacement: r})
	return replace(ctx, s, r)
}

func replace(ctx context.Context, s *session, r *client.Replacement) (outcome, error) {
	reply, err := s.ReplaceOrder(ctx, *r)
	if err != nil {
		return refusal(err)
	}
	have := orderFacts(&reply.Order)
	have["executions"] = strconv.Itoa(len(reply.Executions))
	return outcome{
		head: statusText(reply.Order.Status), duplicate: reply.Duplicate, facts: have,
		executions: reply.Executions, order: reply.Order.ID,
	}, nil
}
