package engine

import (
	"net"
	"net/netip"
)

// CountedAddress returns the address under which per-address limits count a peer: its
// IPv4 address, or the /64 network of its IPv6 address, since providers assign a complete
// /64 to one customer. It returns the zero Addr for a peer without an IP address.
func CountedAddress(remote net.Addr) netip.Addr {
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
