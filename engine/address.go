package engine

import (
	"net"
	"net/netip"
)

// countedAddress returns the address that a peer's connections are counted
// under: its IPv4 address, or the /64 network of its IPv6 address, of which one
// customer has all. It is the zero Addr, which is not counted, for a peer that has
// no such address.
func countedAddress(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr, ok := netip.AddrFromSlice(tcp.IP)
	if !ok {
		return netip.Addr{}
	}
	if addr = addr.Unmap(); addr.Is4() {
		return addr
	}
	network, _ := addr.Prefix(64)
	return network.Addr()
}
