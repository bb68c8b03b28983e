package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"holdfast/biz/client"
)

// ordersCheck is the list of all working orders.
type ordersCheck struct{ names []string }

func readOrders(l *line) assertion {
	if l.accept(none) {
		return ordersCheck{}
	}
	c := ordersCheck{[]string{l.order()}}
	for len(l.words) > 0 && !l.wrong {
		l.accept(",")
		c.names = append(c.names, l.order())
	}
	return c
}

func (c ordersCheck) check(ctx context.Context, p *player, s *session) (want, got string, ok bool, err error) {
	wanted := slices.Clone(c.names)
	for i, name := range wanted {
		if o, err := p.order(name); err == nil {
			wanted[i] = p.nameOf(o.id)
		}
	}
	slices.Sort(wanted)
	want = "orders " + cmp.Or(strings.Join(wanted, ", "), none)
	st, wrong, err := s.pull(ctx)
	if err != nil {
		return want, "", false, err
	}
	var have []string
	for _, o := range st.orders {
		have = append(have, p.nameOf(o.ID))
	}
	slices.Sort(have)
	got = "orders " + cmp.Or(strings.Join(have, ", "), none)
	return want, withWrong(got, wrong), got == want && wrong == nil, nil
}

// orderCheck is a state of an order.
type orderCheck struct {
	name  string
	facts []fact
}

func readOrderCheck(l *line) assertion {
	c := orderCheck{name: l.order()}
	c.facts = l.orderFacts()
	return c
}

// orderFacts reads the expected state of an order.
func (l *line) orderFacts() (list []fact) {
	if isOutcome(l.peek()) {
		list = append(list, fact{"status", l.oneOf("status", statuses()), true})
	}
	return orderFields().read(l, list, "within")
}

func (c orderCheck) check(ctx context.Context, p *player, s *session) (want, got string, ok bool, err error) {
	subject := "order " + c.name
	want, _, _ = facts{}.compare(subject, c.facts)
	o, err := p.order(c.name)
	if err != nil {
		return want, "", false, err
	}
	var wrong []string
	var st state
	if s.customer == o.customer {
		if st, wrong, err = s.pull(ctx); err != nil {
			return want, "", false, err
		}
	}
	ref := client.OrderRef{ID: o.id}
	if s.customer != o.customer {
		ref.Customer = o.customer
	}
	found, err := s.FindOrder(ctx, ref)
	if err != nil {
		return want, "", false, err
	}
	if s.customer == o.customer && s.live() {
		wrong = append(wrong, orderSeen(&found, s.in.since(0), &st)...)
	}
	_, got, ok = orderFacts(&found).compare(subject, c.facts)
	return want, withWrong(got, wrong), ok && wrong == nil, nil
}

// orderSeen compares an order with its last push and with what is shown.
func orderSeen(o *client.OrderState, pushes []client.Push, st *state) (wrong []string) {
	want := orderTexts([]client.OrderState{*o})
	for _, p := range slices.Backward(pushes) {
		if u, ok := p.Event.(client.OrderUpdate); ok && u.Order.ID == o.ID {
			if text := orderTexts([]client.OrderState{u.Order}); text != want || u.Order.Cause != o.Cause {
				wrong = append(wrong, fmt.Sprintf("last pushed: %s cause %s; a pull returns %s cause %s", text, u.Order.Cause, want, o.Cause))
			}
			break
		}
	}
	if shown, found := st.shown.FindOrder(o.ID); found != o.Working() {
		wrong = append(wrong, fmt.Sprintf("shown as working: %t, a pull returns %s", found, statusText(o.Status)))
	} else if found && orderTexts([]client.OrderState{shown}) != want {
		wrong = append(wrong, fmt.Sprintf("shown: %s; a pull returns %s", orderTexts([]client.OrderState{shown}), want))
	}
	return wrong
}
