package ledger

// Change says what an event did to the customer's list of positions. The numbers are those
// of the protocol. A bust has the kind that describes its effect.
type Change uint8

// The kinds of change.
const (
	Opened    Change = 1
	Closed    Change = 2
	Increased Change = 3
	Decreased Change = 4
	// Repriced means that the quantity is the same. With an event, only the cost may have
	// changed.
	Repriced Change = 5
)

// String returns the kind in lower case.
func (c Change) String() string {
	switch c {
	case Opened:
		return "opened"
	case Closed:
		return "closed"
	case Increased:
		return "increased"
	case Decreased:
		return "decreased"
	case Repriced:
		return "repriced"
	}
	return "unknown"
}
