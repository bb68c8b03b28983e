package client

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

const (
	// unixPrefix is how the address of a Unix socket starts.
	unixPrefix = "unix:"
	// maxSocketPath is what the system allows, in bytes.
	maxSocketPath = 107
)

// CheckAddress returns an error that wraps ErrBadAddress if Dial can't use addr: it must be
// "HOST:PORT" with a port from 1 to 65535, or "unix:PATH". It does not look up the host.
func CheckAddress(addr string) error {
	_, _, err := splitAddress(addr)
	return err
}

// splitAddress returns what net.Dial wants for addr.
func splitAddress(addr string) (network, address string, err error) {
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		switch {
		case path == "":
			return "", "", badAddress(addr, "the path is missing")
		case len(path) > maxSocketPath:
			return "", "", badAddress(addr, fmt.Sprintf("the path has more than %d bytes", maxSocketPath))
		}
		return "unix", path, nil
	}
	host, port, err := net.SplitHostPort(addr)
	switch {
	case addr == "":
		return "", "", badAddress(addr, "it is empty")
	case strings.Contains(addr, "://"):
		return "", "", badAddress(addr, "it is a URL")
	case err != nil && strings.Count(addr, ":") > 1:
		return "", "", badAddress(addr, "an IPv6 address needs brackets, as in [::1]:8888")
	case err != nil:
		return "", "", badAddress(addr, "the port is missing")
	case strings.ContainsAny(host, "/ \t\r\n"):
		return "", "", badAddress(addr, "the host name has a character that no host name has")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", badAddress(addr, "the port is not a number from 1 to 65535")
	}
	return "tcp", addr, nil
}

func badAddress(addr, why string) error {
	return fmt.Errorf("%w %q: %s; use HOST:PORT, such as 127.0.0.1:8888, or unix:PATH", ErrBadAddress, addr, why)
}
