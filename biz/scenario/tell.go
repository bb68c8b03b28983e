package scenario

import (
	"fmt"

	"holdfast/biz/client"
)

// tell returns a function that makes event lines of the pushes of a session: an
// execution or its bust is followed by the position after it.
func (a *actor) tell() func(client.Push) {
	what := ""
	return func(p client.Push) {
		switch event := p.Event.(type) {
		case client.Execution:
			what = fmt.Sprintf("%d %ss %s %s @ %s", a.customer, event.Side, event.Quantity, event.Key, event.Price)
		case client.ExecutionBusted:
			what = fmt.Sprintf("%d has %s taken back (%s)", a.customer, event.ID, event.Reason)
		case client.PositionUpdate:
			if p.Sequence > 0 && what != "" {
				a.stage.say(what + " -> " + afterwards(event.Position))
			}
		}
	}
}

func afterwards(p client.Position) string {
	if p.Quantity == 0 {
		return "none left"
	}
	return fmt.Sprintf("%s shares, %s", p.Quantity, p.MarketValue)
}
