package load

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast/codec"
)

// Workload is what the connections do.
type Workload string

// The workloads.
const (
	// Submit sends command 0x02 with a text body; the reply has 14 bytes.
	Submit Workload = "submit"
	// Heartbeat sends command 0x03 without a body; the reply has 14 bytes.
	Heartbeat Workload = "heartbeat"
	// Positions logs each connection in, then requests its position list (of a
	// long one the first page) over and over.
	Positions Workload = "positions"
	// Orders logs each connection in, then buys 1 and sells 1 in turn.
	Orders Workload = "orders"
	// Resting logs each connection in, then places a limit order that rests and cancels it, in
	// turn. Each counts as a request.
	Resting Workload = "resting"
	// Push logs Options.SessionsPerAccount connections in to each account. The first of
	// them trades as in Orders, all of them receive the pushes.
	Push Workload = "push"
	// Idle connects (and logs in if there are Accounts), then sends only heartbeats.
	Idle Workload = "idle"
	// HalfOpen sends half of a WebSocket handshake on each connection, then nothing.
	HalfOpen Workload = "half-open"
	// Chat says something on every connection in turn, at Options.Rate, and receives what
	// all say. Connections log in before, unless the dialect has no login.
	Chat Workload = "chat"
	// Broadcast logs each connection in, subscribes to all quotes and receives them.
	Broadcast Workload = "broadcast"
)

// Workloads returns all workloads, the cheapest for the server first.
func Workloads() []Workload {
	return []Workload{Idle, HalfOpen, Submit, Heartbeat, Positions, Orders, Resting, Push, Chat, Broadcast}
}

// workloadNames returns the names for error texts.
func workloadNames() string {
	var names []string
	for _, w := range Workloads() {
		names = append(names, string(w))
	}
	return strings.Join(names, ", ")
}

// NeedsAccounts reports whether the connections must log in.
func (o Options) NeedsAccounts() bool {
	switch o.Workload {
	case Positions, Orders, Resting, Push, Broadcast:
		return true
	case Idle, Heartbeat:
		return o.Dialect == DialectFIX
	case Chat:
		return cmp.Or(o.Dialect, DialectPacket).hasCommands()
	default:
		return false
	}
}

// waits reports whether the connections send nothing but heartbeats.
func (w Workload) waits() bool { return w == Idle || w == HalfOpen || w == Broadcast }

// trades reports whether the workload places orders.
func (w Workload) trades() bool { return w == Orders || w == Resting || w == Push }

// command returns the command of a request of the load phase.
func (w Workload) command(id uint64) codec.Command {
	switch w {
	case Submit:
		return codec.CommandSubmit
	case Positions:
		return codec.CommandPositions
	case Resting:
		if numberOf(id)%2 == 0 {
			return codec.CommandCancelOrder
		}
		return codec.CommandPlaceOrder
	case Orders, Push:
		return codec.CommandPlaceOrder
	case Chat:
		return codec.CommandChat
	default:
		return codec.CommandHeartbeat
	}
}

func (o Options) validateWorkload() error {
	switch w := o.Workload; {
	case !slices.Contains(Workloads(), w):
		return fmt.Errorf("%w: Workload %q is not one of %s", ErrOptions, w, workloadNames())
	case o.NeedsAccounts() && len(o.Accounts) == 0:
		return fmt.Errorf("%w: Workload %s needs Accounts", ErrOptions, w)
	case w.trades() && len(o.Instruments) == 0:
		return fmt.Errorf("%w: Workload %s needs Instruments", ErrOptions, w)
	case w == Resting && len(o.RestPrices) != len(o.Instruments):
		return fmt.Errorf("%w: Workload %s needs as many RestPrices as Instruments", ErrOptions, w)
	case w.waits() && (o.Interval.Max > 0 || o.Rate > 0):
		return fmt.Errorf("%w: Workload %s has neither Interval nor Rate", ErrOptions, w)
	case w == Chat && o.Interval.Max > 0:
		return fmt.Errorf("%w: Workload %s has no Interval: use Rate", ErrOptions, w)
	}
	return nil
}

// logsIn reports whether connections log in before the load starts.
func (o Options) logsIn() bool {
	return len(o.Accounts) > 0 && (o.NeedsAccounts() || o.Workload == Idle && o.Dialect.hasCommands())
}

// groupSize returns how many neighbouring connections share an account; the first of them
// sends.
func (o Options) groupSize() int {
	if o.Workload == Push {
		return o.SessionsPerAccount
	}
	return 1
}

// senders returns the number of connections that send.
func (o Options) senders() int { return (o.Connections + o.groupSize() - 1) / o.groupSize() }

// sharedAccounts returns a warning if more connections than intended log in to an account,
// else "".
func (o Options) sharedAccounts() string {
	senders, accounts := o.senders(), len(o.Accounts)
	if !o.NeedsAccounts() || senders <= accounts {
		return ""
	}
	text := plural(o.Connections, "connection") + " share " + plural(accounts, "account")
	if !o.Workload.trades() {
		return text
	}
	sessions := (senders + accounts - 1) / accounts * o.groupSize()
	if o.Connections == sessions*accounts {
		return fmt.Sprintf("%s: each order is pushed to %s", text, plural(sessions, "session"))
	}
	return fmt.Sprintf("%s: each order is pushed to up to %s", text, plural(sessions, "session"))
}

// title returns the name of a load, e.g. "submit 1000x16", "orders 100x1 30000/s" or
// "orders 100x1 1s-2s".
func (o Options) title() string {
	o = o.withDefaults()
	text := fmt.Sprintf("%s %dx%d", o.Workload, o.Connections, o.Depth)
	if o.Workload == Chat || o.Workload.waits() {
		text = fmt.Sprintf("%s %d", o.Workload, o.Connections)
	}
	if o.Rate > 0 {
		text += fmt.Sprintf(" %.0f/s", o.Rate)
	}
	if o.Interval.Max > 0 {
		text += " " + o.Interval.String()
	}
	return text
}
