package load

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawRead and rawWrite are system calls on a non-blocking socket that bypass the Go
// scheduler. b must not be empty. n is 0 with an error.
func rawRead(fd int, b []byte) (n int, err syscall.Errno) {
	return rawTransfer(unix.SYS_READ, fd, b)
}

func rawWrite(fd int, b []byte) (n int, err syscall.Errno) {
	return rawTransfer(unix.SYS_WRITE, fd, b)
}

func rawTransfer(call uintptr, fd int, b []byte) (int, syscall.Errno) {
	for {
		n, _, err := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		if err == unix.EINTR {
			continue
		}
		if err != 0 {
			return 0, err
		}
		return int(n), 0
	}
}

// poller is an edge-triggered epoll instance.
type poller struct {
	epoll  int
	coarse bool // the kernel waits only in milliseconds
	events [1024]unix.EpollEvent
}

func newPoller() (*poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("load: epoll: %w", err)
	}
	return &poller{epoll: epoll}, nil
}

// add watches fd for all events, which carry number.
func (p *poller) add(fd int, number int32) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: number}
	if err := unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("load: epoll: %w", err)
	}
	return nil
}

// wait returns the next events, after timeout at the latest. Lifetime: until the next
// call.
func (p *poller) wait(timeout time.Duration) []unix.EpollEvent {
	timeout = max(timeout, 0)
	if p.coarse {
		return p.waitCoarse(timeout)
	}
	ts := unix.NsecToTimespec(int64(timeout))
	n, _, err := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	if err == unix.ENOSYS || err == unix.EPERM {
		p.coarse = true
		return nil
	}
	if err != 0 {
		return nil
	}
	return p.events[:n]
}

// waitCoarse rounds timeout down, so that the last millisecond is spent polling.
func (p *poller) waitCoarse(timeout time.Duration) []unix.EpollEvent {
	n, err := unix.EpollWait(p.epoll, p.events[:], int(timeout.Milliseconds()))
	if err != nil {
		return nil
	}
	return p.events[:n]
}

func (p *poller) close() { _ = unix.Close(p.epoll) }

// endpoint is an address of the server and the source addresses.
type endpoint struct {
	family     int
	server     unix.Sockaddr
	bind       []unix.Sockaddr // empty: the system chooses
	encryption *tls.Config     // nil without TLS
}

// endpointsOf returns the endpoints of all addresses of the server.
func endpointsOf(o Options) ([]endpoint, error) {
	var list []endpoint
	for _, addr := range o.addrs() {
		e, err := resolve(addr, o.Sources)
		if err != nil {
			return nil, err
		}
		e.encryption = encryptionOf(o.TLS, addr)
		list = append(list, e)
	}
	return list, nil
}

// resolve returns the endpoint of host:port, or of unix:PATH.
func resolve(addr string, sources int) (endpoint, error) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if sources > 1 {
			return endpoint{}, fmt.Errorf("%w: Sources %d works only with a server on IPv4 loopback, not %s", ErrOptions, sources, addr)
		}
		return endpoint{family: unix.AF_UNIX, server: &unix.SockaddrUnix{Name: path}}, nil
	}
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return endpoint{}, fmt.Errorf("load: %w", err)
	}
	ip4 := tcp.IP.To4()
	if len(tcp.IP) == 0 {
		ip4 = net.IPv4(127, 0, 0, 1).To4()
	}
	if sources > 1 && (ip4 == nil || !ip4.IsLoopback()) {
		return endpoint{}, fmt.Errorf("%w: Sources %d works only with a server on IPv4 loopback, not %s", ErrOptions, sources, addr)
	}
	if ip4 == nil {
		return endpoint{family: unix.AF_INET6, server: &unix.SockaddrInet6{Port: tcp.Port, Addr: [16]byte(tcp.IP.To16())}}, nil
	}
	e := endpoint{family: unix.AF_INET, server: &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(ip4)}}
	for s := 0; sources > 1 && s < sources; s++ {
		e.bind = append(e.bind, &unix.SockaddrInet4{Addr: [4]byte{127, 0, byte(s / 250), byte(s%250 + 1)}})
	}
	return e, nil
}

// dial starts to connect; connectResult returns the outcome.
func (e endpoint) dial(number uint32) (fd int, err error) {
	fd, err = unix.Socket(e.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := e.prepare(fd, number); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (e endpoint) prepare(fd int, number uint32) error {
	if e.family != unix.AF_UNIX {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return fmt.Errorf("no delay: %w", err)
		}
	}
	if len(e.bind) > 0 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
		if err := unix.Bind(fd, e.bind[int(number)%len(e.bind)]); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
	}
	if err := unix.Connect(fd, e.server); err != nil && err != unix.EINPROGRESS {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// connectResult returns the outcome of a finished connect.
func connectResult(fd int) error {
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if errno != 0 {
		return fmt.Errorf("connect: %w", syscall.Errno(errno))
	}
	return nil
}

// hangUp closes with a reset, which leaves no port in TIME_WAIT.
func hangUp(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	_ = unix.Close(fd)
}
