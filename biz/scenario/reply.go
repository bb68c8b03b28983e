package scenario

import (
	"fmt"
	"slices"

	"holdfast/biz/client"
)

// checkReply compares a reply with what was pushed since the step has started, and with what
// is shown. It adds the change of the position, and the account, to the facts.
func (s *session) checkReply(o *outcome) (wrong []string) {
	shown := s.View().Display()
	for field, text := range accountFacts(&shown.Account) {
		if _, there := o.facts[field]; !there {
			o.facts[field] = text
		}
	}
	pushes := untilBusted(s.in.since(s.mark), o.executions)
	for _, p := range pushes {
		if u, ok := p.Event.(client.PositionUpdate); ok && p.Sequence > 0 {
			o.facts["change"] = u.Change.String()
		}
	}
	if o.duplicate {
		return nil
	}
	for i := range o.executions {
		wrong = append(wrong, executionPushed(&o.executions[i], pushes, &shown)...)
	}
	if o.order == 0 || o.facts["filled"] == "" {
		return wrong
	}
	for _, p := range pushes {
		if u, ok := p.Event.(client.OrderUpdate); ok && u.Order.ID == o.order {
			if o.simple {
				return append(wrong, fmt.Sprintf("an update of order %s was pushed, which never worked", o.order))
			}
			if have := orderFacts(&u.Order); have["status"] == o.head && have["filled"] == o.facts["filled"] && have["leaves"] == o.facts["leaves"] {
				return wrong
			}
		}
	}
	if o.simple {
		return wrong
	}
	return append(wrong, fmt.Sprintf("no update of order %s with %s, filled %s and leaves %s was pushed", o.order, o.head, o.facts["filled"], o.facts["leaves"]))
}

// untilBusted returns the pushes before a bust of one of these executions: what comes later is
// not the outcome of the step. A directive may bust them while the step is checked.
func untilBusted(pushes []client.Push, executions []client.Execution) []client.Push {
	at := slices.IndexFunc(pushes, func(p client.Push) bool {
		b, busted := p.Event.(client.ExecutionBusted)
		return busted && slices.ContainsFunc(executions, func(x client.Execution) bool { return x.ID == b.ID })
	})
	if at < 0 {
		return pushes
	}
	return pushes[:at]
}

// executionPushed checks that an execution of a reply was pushed and is shown.
func executionPushed(x *client.Execution, pushes []client.Push, shown *client.Display) (wrong []string) {
	at := slices.IndexFunc(pushes, func(p client.Push) bool { y, ok := p.Event.(client.Execution); return ok && y.ID == x.ID })
	switch {
	case at < 0:
		wrong = append(wrong, fmt.Sprintf("execution %s was not pushed", x.ID))
	case pushes[at].Event != client.Event(*x):
		wrong = append(wrong, fmt.Sprintf("the pushed execution is %+v, the one in the reply %+v", pushes[at].Event, *x))
	}
	if _, found := shown.FindExecution(x.ID); !found {
		wrong = append(wrong, fmt.Sprintf("execution %s is not shown", x.ID))
	}
	return wrong
}
