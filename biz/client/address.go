package client

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

const (
	// unixPrefix is how the address of a Unix socket starts.
	unixPrefix = "unix:"
	// maxSocketPath is what the system allows, in bytes.
	maxSocketPath = 107
)

// webSocketPrefix is how the address of a WebSocket listener starts, securePrefix that of one that
// speaks TLS, and webSocketPath the path of one that names none.
const (
	webSocketPrefix = "ws://"
	securePrefix    = "wss://"
	webSocketPath   = "/ws"
)

// WebSocketAddress returns the address of the WebSocket listener at "HOST:PORT".
func WebSocketAddress(hostPort string) string { return webSocketURL(hostPort, webSocketPath) }

// webSocketURL escapes the zone of an IPv6 address.
func webSocketURL(hostPort, path string) string {
	return (&url.URL{Scheme: "ws", Host: hostPort}).String() + path
}

// IsWebSocket reports whether addr is the address of a WebSocket listener.
func IsWebSocket(addr string) bool {
	return strings.HasPrefix(addr, webSocketPrefix) || strings.HasPrefix(addr, securePrefix)
}

// CheckAddress returns an *AddressError if addr is not the address of one listener: it must be
// "HOST:PORT" with a port from 1 to 65535, "ws://HOST:PORT/PATH", "wss://HOST:PORT/PATH", or
// "unix:PATH". It does not look up the host.
func CheckAddress(addr string) error {
	_, err := parseAddress(addr)
	return err
}

// target is a parsed address.
type target struct {
	network, address string // what net.Dial wants
	path             string // of a WebSocket listener; "": the address is not one
	secure           bool   // the address asks for TLS
}

func parseAddress(addr string) (target, error) {
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		switch {
		case path == "":
			return target{}, badAddress(addr, "the path is missing")
		case len(path) > maxSocketPath:
			return target{}, badAddress(addr, fmt.Sprintf("the path has more than %d bytes", maxSocketPath))
		}
		return target{network: "unix", address: path}, nil
	}
	hostPort, path := addr, ""
	if IsWebSocket(addr) {
		u, err := url.Parse(addr)
		if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return target{}, badAddress(addr, "the URL is not one of a host, a port and a path")
		}
		hostPort, path = u.Host, cmp.Or(u.EscapedPath(), webSocketPath)
	}
	if why := badHostPort(hostPort); why != "" {
		return target{}, badAddress(addr, why)
	}
	return target{"tcp", hostPort, path, strings.HasPrefix(addr, securePrefix)}, nil
}

// badHostPort returns what is wrong with "HOST:PORT", or "".
func badHostPort(text string) string {
	host, port, err := net.SplitHostPort(text)
	switch {
	case text == "":
		return "it is empty"
	case strings.Contains(text, "://"):
		return "it is a URL"
	case err != nil && strings.Count(text, ":") > 1:
		return "an IPv6 address needs brackets, as in [::1]:8888"
	case err != nil:
		return "the port is missing"
	case strings.ContainsAny(host, "/ \t\r\n"):
		return "the host name has a character that no host name has"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "the port is not a number from 1 to 65535"
	}
	return ""
}

func badAddress(addr, why string) error { return &AddressError{addr, why} }

// AddressError means that a text is not the address of a server, or not a list of them. It wraps
// ErrBadAddress.
type AddressError struct {
	Addr string // the text; of a list, the part that is wrong
	Why  string // what is wrong with it
}

// Error returns the address and what to use instead.
func (e *AddressError) Error() string {
	return fmt.Sprintf("%v %q: %s; use HOST:PORT, such as 127.0.0.1:8888, ws://HOST:PORT/ws, or unix:PATH", ErrBadAddress, e.Addr, e.Why)
}

// Unwrap returns ErrBadAddress.
func (e *AddressError) Unwrap() error { return ErrBadAddress }
