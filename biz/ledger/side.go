package ledger

// Side says whether an order buys or sells. The numbers are those of the
// protocol.
type Side uint8

// The sides.
const (
	Buy  Side = 1
	Sell Side = 2
)

// String returns "buy" or "sell".
func (s Side) String() string {
	switch s {
	case Buy:
		return "buy"
	case Sell:
		return "sell"
	}
	return "unknown"
}
