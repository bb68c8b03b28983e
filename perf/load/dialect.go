package load

import (
	"fmt"
	"slices"
	"strings"
)

// Dialect is the wire format between the connections and the server.
type Dialect string

// The dialects.
const (
	DialectPacket Dialect = "packet"
	// DialectTLV is little-endian. Replies have no id: they answer the requests in order.
	DialectTLV Dialect = "tlv"
	// DialectChat is for the workload Chat only.
	DialectChat Dialect = "chat"
	// DialectWebSocket sends binary messages, with the subprotocol holdfast.v1.packet.
	DialectWebSocket Dialect = "websocket"
	// DialectJSON sends WebSocket text messages, with the subprotocol holdfast.v1.json.
	DialectJSON Dialect = "websocket-json"
	// DialectMixed is DialectWebSocket on even connections and DialectJSON on odd ones.
	DialectMixed Dialect = "websocket-mixed"
	// DialectFIX is FIX 4.4, for orders and for sessions that only wait.
	DialectFIX Dialect = "fix"
	// DialectEcho is for WebSocket servers of others: the same messages as
	// DialectWebSocket without a subprotocol, and the server sends each message back, in
	// the workload Chat to all clients.
	DialectEcho Dialect = "websocket-echo"
)

// Dialects returns all dialects.
func Dialects() []Dialect {
	return []Dialect{DialectPacket, DialectTLV, DialectChat, DialectWebSocket, DialectJSON, DialectMixed, DialectFIX, DialectEcho}
}

// isWebSocket reports whether connections begin with a WebSocket handshake.
func (d Dialect) isWebSocket() bool { return strings.HasPrefix(string(d), "websocket") }

// hasCommands reports whether connections can log in and send every command.
func (d Dialect) hasCommands() bool { return d != DialectChat && d != DialectEcho }

// dialectNames returns the names for error texts.
func dialectNames() string {
	var names []string
	for _, d := range Dialects() {
		names = append(names, string(d))
	}
	return strings.Join(names, ", ")
}

// validateDialect returns an error if the dialect can't carry the workload.
func (o Options) validateDialect() error {
	d, w := o.Dialect, o.Workload
	switch {
	case !slices.Contains(Dialects(), d):
		return fmt.Errorf("%w: Dialect %q is not one of %s", ErrOptions, d, dialectNames())
	case d == DialectChat && w != Chat,
		d == DialectFIX && !slices.Contains([]Workload{Orders, Push, Idle, Heartbeat}, w),
		d == DialectEcho && !slices.Contains([]Workload{Submit, Heartbeat, Idle, Chat, HalfOpen}, w),
		!d.isWebSocket() && w == HalfOpen:
		return fmt.Errorf("%w: Dialect %s can't carry the Workload %s", ErrOptions, d, w)
	case !strings.HasPrefix(o.Path, "/") || strings.ContainsFunc(o.Path, func(c rune) bool { return c <= ' ' || c >= 0x7F }):
		return fmt.Errorf("%w: Path %q is not a path such as /ws", ErrOptions, o.Path)
	}
	return nil
}
