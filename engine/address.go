package engine

import (
	"net"
	"net/netip"
)

// CountedAddress returns the address under which per-address limits count a peer: its
// IPv4 address, or the /64 network of its IPv6 address, since providers assign a complete
// /64 to one customer. It returns the zero Addr for a peer without an IP address.
func CountedAddress(remote net.Addr) netip.Addr {
	addr := PeerAddress(remote)
	if !addr.IsValid() || addr.Is4() {
		return addr
	}
	network, _ := addr.Prefix(64)
	return network.Addr()
}

// PeerAddress returns the IP address of a peer, that of IPv4 in its short form. It returns the
// zero Addr for a peer without one, such as that of a socket file.
func PeerAddress(remote net.Addr) netip.Addr {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	addr, _ := netip.AddrFromSlice(tcp.IP)
	return addr.Unmap()
}
