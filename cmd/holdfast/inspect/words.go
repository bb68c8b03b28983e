package inspect

import "fmt"

// words are the names of an enumeration's values, from 1 on.
type words []string

var (
	eventKinds = words{
		"fill", "bust", "accepted", "cancelled", "expired", "replaced", "triggered", "correction",
		"deposit", "withdrawal", "reset",
	}
	marketKinds  = words{"halted", "resumed", "priced", "closed"}
	orderTypes   = words{"market", "limit", "stop", "stop limit"}
	timesInForce = words{"day", "good till cancelled", "good till date", "immediate or cancel", "fill or kill"}
	orderStates  = words{"filled", "new", "partially filled", "cancelled", "expired"}
	causes       = words{
		"client", "operator", "immediate or cancel", "fill or kill", "liquidity", "cash", "shares", "bust",
		"correction", "reset", "close", "date", "stop price", "limits",
	}
)

// of returns the name of a value, or its number if it has no name.
func (w words) of(value uint8) string {
	if value == 0 || int(value) > len(w) {
		return fmt.Sprintf("#%d", value)
	}
	return w[value-1]
}
