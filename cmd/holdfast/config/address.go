package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// checkAddress accepts "host:port" with a port from 0 to 65535.
func checkAddress(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || strings.ContainsFunc(text, isBlank) {
		return fmt.Errorf("wants an address such as 127.0.0.1:8888, got %q", text)
	}
	return nil
}

func isBlank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// checkAddresses returns an error if two settings need the same port of the same host.
func (c *Config) checkAddresses() error {
	keys, addresses := []string{"admin", "listen"}, []string{c.Admin, c.Listen}
	for i, l := range c.Listeners {
		keys, addresses = append(keys, entryKey("listeners", i)), append(addresses, l.Address)
	}
	for i := range keys {
		for j := range i {
			if overlap(addresses[i], addresses[j]) {
				return c.clash(keys[i], "must have another port than", keys[j])
			}
		}
	}
	return nil
}

// overlap reports whether a server cannot listen on both addresses. It does not look up
// names, so it may miss some conflicts; the start of the server finds those.
func overlap(a, b string) bool {
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
