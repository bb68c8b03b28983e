package config

import (
	"math"
	"net"
	"slices"
	"strconv"
)

// ConsoleDoor returns the WebSocket listener that the page of the console connects to: the first that
// the host of Console reaches, and that speaks TLS if Console does. Without one, i is -1, and l is a
// listener for it on the same host at the next port, so that after a restart an open page finds it again. If another
// setting has that port, it is a free one.
func (c *Config) ConsoleDoor() (l Listener, i int) {
	host, port, _ := net.SplitHostPort(c.Console)
	for i, l := range c.Listeners {
		_, socket := socketPath(l.Address)
		at, _, _ := net.SplitHostPort(l.Address)
		if l.Dialect == DialectWebSocket && l.TLS == c.ConsoleTLS && !socket && covers(at, host) {
			return l, i
		}
	}
	l = Listener{Dialect: DialectWebSocket, Address: net.JoinHostPort(host, "0"), TLS: c.ConsoleTLS} // a free port
	if number, err := strconv.ParseUint(port, 10, 16); err == nil && 0 < number && number < math.MaxUint16 {
		next := net.JoinHostPort(host, strconv.FormatUint(number+1, 10))
		_, others := c.addresses()
		if !slices.ContainsFunc(others, func(other string) bool { return overlap(next, other) }) {
			l.Address = next
		}
	}
	return l, -1
}
