package config

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
)

// checkAddress accepts "host:port" with a port from 0 to 65535.
func checkAddress(text string) error {
	if _, socket := socketPath(text); socket {
		return fmt.Errorf("wants an address such as 127.0.0.1:8889, not the socket file %q", text)
	}
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || strings.ContainsFunc(text, isBlank) {
		return fmt.Errorf("wants an address such as 127.0.0.1:8888, got %q", text)
	}
	return nil
}

// checkOptionalAddress accepts what checkAddress does, and no text at all.
func checkOptionalAddress(text string) error {
	if text == "" {
		return nil
	}
	return checkAddress(text)
}

// checkClientAddress accepts what checkAddress does, and "unix:" with the path of a socket
// file.
func checkClientAddress(text string) error {
	path, socket := socketPath(text)
	switch {
	case !socket:
		return checkAddress(text)
	case path == "" || strings.ContainsFunc(path, isBlank) || strings.Contains(path, ","):
		return fmt.Errorf("wants a socket file such as unix:/run/holdfast.sock, without blanks and commas, got %q", text)
	default:
		return nil
	}
}

// socketPath returns the path of the socket file in an address of the form unix:PATH.
func socketPath(text string) (path string, ok bool) { return strings.CutPrefix(text, "unix:") }

func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// checkAddresses returns an error if two settings need the same port of the same host, or
// the same socket file.
func (c *Config) checkAddresses() error {
	keys, addresses := c.addresses()
	for i := range keys {
		for j := range i {
			if !overlap(addresses[i], addresses[j]) {
				continue
			}
			if _, socket := socketPath(addresses[i]); socket {
				return c.clash(keys[i], "must have another path than", keys[j])
			}
			return c.clash(keys[i], "must have another port than", keys[j])
		}
	}
	return nil
}

// addresses returns the settings that are addresses, and their values.
func (c *Config) addresses() (keys, addresses []string) {
	keys, addresses = []string{"admin", "listen"}, []string{c.Admin, c.Listen}
	if c.Console != "" {
		keys, addresses = append(keys, "console"), append(addresses, c.Console)
	}
	if c.Cluster.Listen != "" {
		keys, addresses = append(keys, "cluster.listen"), append(addresses, c.Cluster.Listen)
	}
	for i, l := range c.Listeners {
		keys, addresses = append(keys, entryKey("listeners", i)), append(addresses, l.Address)
	}
	return keys, addresses
}

// overlap reports whether a server cannot listen on both addresses. It does not look up
// names, so it may miss some conflicts; the start of the server finds those.
func overlap(a, b string) bool {
	pathA, socketA := socketPath(a)
	pathB, socketB := socketPath(b)
	if socketA || socketB {
		return socketA && socketB && filepath.Clean(pathA) == filepath.Clean(pathB)
	}
	hostA, portA := splitAddress(a)
	hostB, portB := splitAddress(b)
	return portA == portB && portA != 0 && (covers(hostA, hostB) || covers(hostB, hostA))
}

// splitAddress returns the parts of an address that checkAddress accepts.
func splitAddress(address string) (host string, port uint64) {
	host, text, _ := net.SplitHostPort(address)
	port, _ = strconv.ParseUint(text, 10, 16)
	return host, port
}

// covers reports whether a listener on host takes the address other. An empty host and
// [::] mean all addresses, 0.0.0.0 all addresses of IPv4.
func covers(host, other string) bool {
	if host == "" || host == other {
		return true
	}
	a, errA := netip.ParseAddr(host)
	b, errB := netip.ParseAddr(other)
	if errA != nil {
		return false
	}
	if a.IsUnspecified() && a.Is6() {
		return true
	}
	return errB == nil && (a.Unmap() == b.Unmap() || a.IsUnspecified() && b.Unmap().Is4())
}
