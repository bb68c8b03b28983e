package scenario

import (
	"fmt"

	"holdfast/biz/client"
)

// narrate returns a function that turns pushes into event lines: an execution or a bust,
// and the position after it.
func (p *player) narrate(customer client.Customer) func(client.Push) {
	what := ""
	return func(push client.Push) {
		switch event := push.Event.(type) {
		case client.Execution:
			what = fmt.Sprintf("%d %ss %s %s @ %s", customer, event.Side, event.Quantity, event.Key, event.Price)
		case client.ExecutionBusted:
			what = fmt.Sprintf("%d: execution %s is busted (%s)", customer, event.ID, event.Reason)
		case client.PositionUpdate:
			if push.Sequence > 0 && what != "" {
				p.stage.say(what + " -> " + afterwards(event.Position))
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
