package host

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast/biz/fserror"
	"holdfast/cmd/holdfast/config"
	"holdfast/engine"
)

// checkPorts returns an error if an address is in use, or a socket file can't be made.
// Start calls it first, so that a server that can't start leaves nothing in the data folder.
func checkPorts(c *config.Config) error {
	keys, addresses := []string{"listen", "admin"}, []string{c.Listen, c.Admin}
	if c.Console != "" {
		keys, addresses = append(keys, "console"), append(addresses, c.Console)
	}
	for i, l := range c.Listeners {
		keys, addresses = append(keys, listenerKey(i)), append(addresses, l.Address)
	}
	for i, address := range addresses {
		if err := checkPort(address); err != nil {
			return portError(c, keys[i], address, err)
		}
	}
	if door, i := c.ConsoleDoor(); c.Console != "" && i < 0 {
		if err := checkPort(door.Address); err != nil {
			return doorError(c, door.Address, err)
		}
	}
	return nil
}

// checkPort returns an error if the address is in use, or its socket file can't be made.
func checkPort(address string) error {
	if path, socket := engine.SocketPath(address); socket {
		return engine.CheckSocket(path)
	}
	if inUse(address) {
		return syscall.EADDRINUSE
	}
	return nil
}

// firstInUse returns the first address that is in use, or "".
func firstInUse(addresses ...string) string {
	if i := slices.IndexFunc(addresses, inUse); i >= 0 {
		return addresses[i]
	}
	return ""
}

// inUse reports whether another socket listens on the address. It binds a socket, as a
// listener does, but does not listen: no client can connect to it. Other errors are left
// to the listeners.
func inUse(address string) bool {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil || tcp.Port == 0 {
		return false
	}
	v6 := &unix.SockaddrInet6{Port: tcp.Port}
	copy(v6.Addr[:], tcp.IP.To16())
	family, to := unix.AF_INET6, unix.Sockaddr(v6)
	if ip := tcp.IP.To4(); ip != nil {
		family, to = unix.AF_INET, &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(ip)}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) // else old connections in TIME_WAIT count
	return errors.Is(unix.Bind(fd, to), unix.EADDRINUSE)
}

// listenerKey returns the key of an entry of Config.Listeners.
func listenerKey(i int) string { return fmt.Sprintf("listeners[%d]", i) }

// listenError returns the error of a listener with the setting that it comes from.
func listenError(c *config.Config, err *engine.ListenError) error {
	for i, l := range c.Listeners {
		if l.Address == err.Address && l.Address != c.Listen {
			return portError(c, listenerKey(i), l.Address, err)
		}
	}
	if door, i := c.ConsoleDoor(); c.Console != "" && i < 0 && door.Address == err.Address && door.Address != c.Listen {
		return doorError(c, door.Address, err)
	}
	return portError(c, "listen", c.Listen, err)
}

// doorError returns the error of the listener that the console adds for its page.
func doorError(c *config.Config, address string, err error) error {
	return portError(c, "console", address+" (the next port, for the page's WebSocket)", err)
}

// portError returns an error that names the setting with the unusable address.
func portError(c *config.Config, key, addr string, err error) error {
	problem := err.Error()
	path, socket := engine.SocketPath(addr)
	var network *net.OpError
	var file *fs.PathError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		problem = "the address is in use; choose another one, or see \"holdfast doctor\""
	case socket && (errors.As(err, &file) || errors.As(err, &network)):
		problem = fserror.Cause(path, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		problem = "this machine does not have this address; choose another one"
	case errors.As(err, &network):
		problem = network.Err.Error()
	}
	place := c.Origin(key) + ": " + key
	switch origin := c.Origin(key); {
	case strings.HasPrefix(origin, "--"):
		place = origin
	case origin == "default":
		place = key
	}
	return &config.Error{Origin: place + " " + addr, Problem: problem}
}
