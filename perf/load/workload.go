package load

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/codec"
)

// Workload says what the connections do.
type Workload string

// The workloads.
const (
	// Submit sends command 0x02 with a readable body; the reply is 14 bytes.
	Submit Workload = "submit"
	// Heartbeat sends command 0x03 with no body; the reply is 14 bytes.
	Heartbeat Workload = "heartbeat"
	// Positions logs each connection in, then asks for its position list over and
	// over. The reply is as long as the list.
	Positions Workload = "positions"
	// Orders logs each connection in, then buys 1 and sells 1 in turn.
	Orders Workload = "orders"
	// Push logs Options.SessionsPerAccount connections in to each account. The
	// first of them does as in Orders, all of them get the pushes.
	Push Workload = "push"
	// Idle connects (and logs in if Accounts are given), then only keeps alive.
	Idle Workload = "idle"
)

// Workloads lists all of them, the cheapest for the server first.
func Workloads() []Workload { return []Workload{Idle, Submit, Heartbeat, Positions, Orders, Push} }

// workloadNames is for error texts.
func workloadNames() string {
	var names []string
	for _, w := range Workloads() {
		names = append(names, string(w))
	}
	return strings.Join(names, ", ")
}

// NeedsAccounts says whether the connections must log in.
func (w Workload) NeedsAccounts() bool { return w == Positions || w.trades() }

// trades says whether orders are placed.
func (w Workload) trades() bool { return w == Orders || w == Push }

// command is what is sent in the load phase.
func (w Workload) command() codec.Command {
	switch w {
	case Submit:
		return codec.CommandSubmit
	case Positions:
		return codec.CommandPositions
	case Orders, Push:
		return codec.CommandPlaceOrder
	default:
		return codec.CommandHeartbeat
	}
}

func (o Options) validateWorkload() error {
	switch w := o.Workload; {
	case !slices.Contains(Workloads(), w):
		return fmt.Errorf("%w: Workload %q is none of %s", ErrOptions, w, workloadNames())
	case w.NeedsAccounts() && len(o.Accounts) == 0:
		return fmt.Errorf("%w: Workload %s needs Accounts", ErrOptions, w)
	case w.trades() && len(o.Instruments) == 0:
		return fmt.Errorf("%w: Workload %s needs Instruments", ErrOptions, w)
	}
	return nil
}

// logsIn says whether connections log in before the load starts.
func (o Options) logsIn() bool {
	return len(o.Accounts) > 0 && (o.Workload.NeedsAccounts() || o.Workload == Idle)
}

// groupSize is the number of neighbouring connections that share an account, of
// which the first sends.
func (o Options) groupSize() int {
	if o.Workload == Push {
		return o.SessionsPerAccount
	}
	return 1
}

// senders is the number of connections that send.
func (o Options) senders() int { return (o.Connections + o.groupSize() - 1) / o.groupSize() }

// title names a load, e.g. "submit 1000x16", "orders 100x1 30000/s" or
// "orders 100x1 1s-2s".
func (o Options) title() string {
	o = o.withDefaults()
	text := fmt.Sprintf("%s %dx%d", o.Workload, o.Connections, o.Depth)
	if o.Rate > 0 {
		text += fmt.Sprintf(" %.0f/s", o.Rate)
	}
	if o.Interval.Max > 0 {
		text += " " + o.Interval.String()
	}
	return text
}
