package engine

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"holdfast/codec"
)

// Listener is an address to listen on, and what its sessions have in common.
type Listener struct {
	// Address is host and port, such as "127.0.0.1:8888", or "unix:" and the path of a
	// socket file. Port 0 means a free one. Without a host, and with [::], it means all
	// addresses of IPv4 and IPv6.
	Address string
	// Dialect encodes and decodes messages. Default codec.Packet.
	Dialect codec.Dialect
	// Greets says that the server speaks first (Session.Greets), as the dialect's
	// clients expect.
	Greets bool
	// WebSocket, if set, makes the listener speak WebSocket. Dialect is then its Binary.
	WebSocket *WebSocket
	// TLS, if set, makes the reactor encrypt what it carries there. To renew certificates, use
	// GetConfigForClient. The server closes what is not TLS, and asks for certificates of
	// clients as ClientAuth says. With DynamicRecordSizingDisabled the replies of a turn are one
	// record, which costs the least. The other carriers ignore it.
	TLS *tls.Config
}

// boundListener is a Listener and the address that it was bound to.
type boundListener struct {
	Listener
	addr string
}

// bind checks that the addresses are free and returns the bound listeners. With
// SO_REUSEPORT alone, a second server would share a port without an error.
func bind(listeners []Listener) (bound []*boundListener, err error) {
	var probes []net.Listener
	defer func() {
		for _, p := range probes {
			err = errors.Join(err, p.Close())
		}
	}()
	for _, l := range listeners {
		probe, addr, err := listen(l.Address)
		if err != nil {
			return nil, &ListenError{Address: l.Address, Err: err}
		}
		probes = append(probes, probe)
		if l.WebSocket != nil {
			l.WebSocket = l.WebSocket.withOptions()
			l.Dialect = l.WebSocket.Binary
		}
		if l.Dialect == nil {
			l.Dialect = codec.Packet{}
		}
		bound = append(bound, &boundListener{Listener: l, addr: addr})
	}
	return bound, nil
}

// listen listens on an address and returns it with the port that it got.
func listen(address string) (l net.Listener, got string, err error) {
	if path, ok := SocketPath(address); ok {
		s, err := listenSocket(path)
		return s, address, err
	}
	host, _, _ := net.SplitHostPort(address) // Listen says what is wrong with it
	network := "tcp"
	if net.ParseIP(host).To4() != nil {
		network = "tcp4"
	}
	ip, _ := netip.ParseAddr(host)
	if ip.Is6() && ip.IsLinkLocalUnicast() && ip.Zone() == "" {
		return nil, "", fmt.Errorf("%s is a link-local address: add its network interface, such as [%s%%eth0]", host, host)
	}
	if l, err = net.Listen(network, address); err != nil {
		return nil, "", err
	}
	at := *l.Addr().(*net.TCPAddr)
	at.Zone = ip.Zone() // not all systems report it
	return l, at.String(), nil
}

// forGnet returns the address of a TCP listener as gnet writes it. gnet takes "[::]" as
// IPv6 only, and no host as IPv4 and IPv6.
func (l *boundListener) forGnet() string { return "tcp://" + strings.TrimPrefix(l.addr, "[::]") }

// listenerOf returns the TCP listener that a connection with this local address came to:
// the one at that address, else the one at all addresses with that port.
func listenerOf(all []*boundListener, local net.Addr) *boundListener {
	if len(all) == 1 {
		return all[0]
	}
	var wildcard *boundListener
	to := addrPortOf(local)
	for _, l := range all {
		host, port, _ := net.SplitHostPort(l.addr)
		if port != strconv.Itoa(int(to.Port())) {
			continue
		}
		addr, err := netip.ParseAddr(host)
		switch {
		case err != nil || addr.IsUnspecified():
			wildcard = l
		case addr.Unmap() == to.Addr().Unmap():
			return l
		}
	}
	return cmp.Or(wildcard, all[0])
}

func addrPortOf(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}

// ListenError means that an address can't be listened on.
type ListenError struct {
	Address string
	Err     error
}

// Error implements error.
func (e *ListenError) Error() string { return fmt.Sprintf("engine: %v", e.Err) }

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }
