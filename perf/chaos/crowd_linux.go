package chaos

import (
	"fmt"
	"net"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// crowdSources is how many members of a crowd share a source address, so that
// neither ports nor the server's limit for one address run out.
const crowdSources = 500

// crowd is many raw connections to one server, on an epoll instance of its own:
// thousands of them cost one thread. Its functions are called from turn, join and
// leave.
//
// Goroutine: one at a time.
type crowd struct {
	onOpen  func(*member)                // connected
	onFrame func(*member, codec.Message) // Lifetime of the body: until it returns
	onEnd   func(*member)                // over: refused, cut, or left

	server  unix.SockaddrInet4
	members []*member
	living  int // members that are not over
	open    int // members that are connected
	epoll   int
	buffer  []byte
	events  [512]unix.EpollEvent
	first   byte // second byte of the source addresses
}

// member is one connection of a crowd.
type member struct {
	number int
	fd     int
	deaf   bool // does not read
	sip    int  // bytes to read before it is deaf again; 0: all there is

	connected bool
	over      bool
	opened    time.Time
	ended     time.Time
	err       error // why it is over: nil when the server said the end properly
	received  int   // bytes
	notice    pb.NoticeCode

	partial []byte // the begin of a frame that came
	pending []byte // what the socket did not take
	sent    int    // for the fault's own counting
	answers int    // replies that came
}

// newCrowd makes an empty crowd for a server on IPv4. Crowds with different
// numbers come from different addresses 127.x.y.z, if the server is on loopback.
func newCrowd(addr string, number int) (*crowd, error) {
	tcp, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, fmt.Errorf("chaos: %w", err)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("chaos: epoll: %w", err)
	}
	return &crowd{
		server: unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(tcp.IP.To4())}, epoll: epoll,
		buffer: make([]byte, 256<<10), first: byte(1 + number),
		onOpen: func(*member) {}, onFrame: func(*member, codec.Message) {}, onEnd: func(*member) {},
	}, nil
}

// close resets what is connected and gives everything back.
func (c *crowd) close() {
	for _, m := range c.members {
		c.leave(m, true)
	}
	_ = unix.Close(c.epoll)
}

// join begins to connect one more member. An error is one of this machine: no
// descriptors or ports are left.
func (c *crowd) join(deaf bool) (*member, error) {
	m := &member{number: len(c.members), deaf: deaf}
	if err := c.dial(m); err != nil {
		return nil, fmt.Errorf("chaos: connect: %w", err)
	}
	c.members = append(c.members, m)
	c.living++
	return m, nil
}

// again connects a member anew that is over.
func (c *crowd) again(m *member) error {
	*m = member{number: m.number, deaf: m.deaf, sent: m.sent, answers: m.answers}
	if err := c.dial(m); err != nil {
		m.over = true
		return fmt.Errorf("chaos: connect: %w", err)
	}
	c.living++
	return nil
}

func (c *crowd) dial(m *member) (err error) {
	m.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err = c.prepare(m); err != nil {
		_ = unix.Close(m.fd) // the first error is the one to tell
	}
	return err
}

func (c *crowd) prepare(m *member) error {
	if err := unix.SetsockoptInt(m.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if m.deaf { // little room in the kernel, so that the server has to hold it
		if err := unix.SetsockoptInt(m.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10); err != nil {
			return err
		}
	}
	if c.server.Addr[0] == 127 {
		source := m.number / crowdSources
		if err := unix.SetsockoptInt(m.fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return err
		}
		if err := unix.Bind(m.fd, &unix.SockaddrInet4{Addr: [4]byte{127, c.first, byte(source / 250), byte(source%250 + 1)}}); err != nil {
			return err
		}
	}
	if err := unix.Connect(m.fd, &c.server); err != nil && err != unix.EINPROGRESS {
		return err
	}
	return unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, m.fd, &unix.EpollEvent{Events: unix.EPOLLOUT, Fd: int32(m.number)})
}

// watch asks for the events that m wants now.
func (c *crowd) watch(m *member) {
	want := uint32(0)
	if !m.deaf {
		want |= unix.EPOLLIN
	}
	if len(m.pending) > 0 {
		want |= unix.EPOLLOUT
	}
	_ = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_MOD, m.fd, &unix.EpollEvent{Events: want, Fd: int32(m.number)}) // the descriptor is ours
}

// turn waits for events, wait at most, and handles them.
func (c *crowd) turn(wait time.Duration) {
	n, err := unix.EpollWait(c.epoll, c.events[:], int(wait.Milliseconds()))
	if err != nil {
		return // a signal
	}
	for _, e := range c.events[:n] {
		if m := c.members[e.Fd]; !m.over {
			c.handle(m, e.Events)
		}
	}
}

// until takes turns until done says so, at most for limit; false: it never did.
func (c *crowd) until(limit time.Duration, done func() bool) bool {
	for end := time.Now().Add(limit); !done(); {
		left := time.Until(end)
		if left <= 0 {
			return false
		}
		c.turn(min(left+time.Millisecond, 50*time.Millisecond))
	}
	return true
}

func (c *crowd) handle(m *member, events uint32) {
	if !m.connected {
		c.connected(m)
		return
	}
	if events&unix.EPOLLIN != 0 {
		c.read(m)
	}
	if !m.over && events&unix.EPOLLOUT != 0 {
		c.flush(m)
	}
	if !m.over && events&unix.EPOLLIN == 0 && events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		c.end(m, socketError(m.fd))
	}
}

func (c *crowd) connected(m *member) {
	if err := socketError(m.fd); err != nil {
		c.end(m, err)
		return
	}
	m.connected, m.opened = true, time.Now()
	c.open++
	c.watch(m)
	c.onOpen(m)
}

func socketError(fd int) error {
	if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && n != 0 {
		return unix.Errno(n)
	}
	return nil
}

// read takes what one call gives; level-triggered events bring it back.
func (c *crowd) read(m *member) {
	room := c.buffer
	if m.sip > 0 {
		room = room[:m.sip]
	}
	n, err := unix.Read(m.fd, room)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil:
		c.end(m, err)
		return
	case n == 0:
		c.end(m, nil)
		return
	}
	m.received += n
	if m.sip > 0 {
		m.deaf = true
		c.watch(m)
	}
	b := c.buffer[:n]
	if len(m.partial) > 0 {
		m.partial = append(m.partial, b...)
		b = m.partial
	}
	for !m.over {
		message, used, err := codec.Decode(codec.Packet{}, b, codec.DefaultMaxFrame)
		if err != nil {
			c.end(m, err)
			return
		}
		if used == 0 {
			break
		}
		b = b[used:]
		c.frame(m, message)
	}
	m.partial = append(m.partial[:0], b...)
}

func (c *crowd) frame(m *member, message codec.Message) {
	if message.Command == codec.PushNotice {
		var notice pb.Notice
		if notice.UnmarshalVT(message.Body) == nil {
			m.notice = notice.Code
		}
	}
	if message.Command.IsReply() {
		m.answers++
	}
	c.onFrame(m, message)
}

// send writes b to m, now or when the socket takes it.
func (c *crowd) send(m *member, b []byte) {
	if m.over || len(b) == 0 {
		return
	}
	if len(m.pending) > 0 {
		m.pending = append(m.pending, b...)
		return
	}
	n, err := unix.Write(m.fd, b)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		n = 0
	case err != nil:
		c.end(m, err)
		return
	}
	if n < len(b) {
		m.pending = append(m.pending, b[n:]...)
		c.watch(m)
	}
}

func (c *crowd) flush(m *member) {
	b := m.pending
	m.pending = nil
	c.send(m, b)
	if !m.over && len(m.pending) == 0 {
		c.watch(m)
	}
}

// leave closes a connection from this side: with a reset, or with a FIN.
func (c *crowd) leave(m *member, reset bool) {
	if m.over {
		return
	}
	if reset {
		_ = unix.SetsockoptLinger(m.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // else a port stays in TIME_WAIT
	}
	c.end(m, nil)
}

func (c *crowd) end(m *member, err error) {
	m.over, m.ended, m.err = true, time.Now(), err
	m.partial, m.pending = nil, nil
	c.living--
	if m.connected {
		c.open--
	}
	_ = unix.Close(m.fd)
	c.onEnd(m)
}

// onThread runs f on a thread of its own with little priority, so that the load
// which is measured beside it on the same core gets its turn first.
func onThread(f func() error) error {
	ended := make(chan error)
	go func() {
		runtime.LockOSThread()                                     // never unlocked: the thread ends here
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), 10) // without it the figures are worse, not wrong
		ended <- f()
	}()
	return <-ended
}

// standBack leaves the core to others whenever they want it. It is for what goes as
// fast as it can; who has to keep up with the server would not. Goroutine: of onThread.
func standBack() {
	idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	_ = unix.SchedSetAttr(0, &idle, 0) // without it the figures are worse, not wrong
}
