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

// crowdSources is how many members of a crowd share a source address. It is below the
// number of ports and the server's limit per address.
const crowdSources = 500

// crowd is a set of raw connections to one server on one epoll instance: thousands of
// them need one thread. Its callbacks are called from poll, join and leave.
//
// Goroutine: one at a time.
type crowd struct {
	onOpen  func(*member)                // connected
	onFrame func(*member, codec.Message) // Lifetime of the body: until it returns
	onEnd   func(*member)                // it has ended: refused, cut, or left

	server  unix.SockaddrInet4
	members []*member
	living  int // members that have not ended
	open    int // connected members
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
	sip    int  // bytes to read before it is deaf again; 0: no limit

	connected bool
	over      bool
	opened    time.Time
	ended     time.Time
	err       error // why it ended; nil if the server closed cleanly
	received  int   // bytes
	notice    pb.NoticeCode

	partial []byte // first bytes of a received frame
	pending []byte // unsent output
	sent    int    // counter for the fault
	answers int    // received replies
}

// newCrowd returns an empty crowd for a server on IPv4. If the server is on loopback,
// crowds with different numbers use different source addresses 127.x.y.z.
func newCrowd(addr string, number int) *crowd {
	tcp := must(net.ResolveTCPAddr("tcp4", addr))
	epoll := must(unix.EpollCreate1(unix.EPOLL_CLOEXEC))
	return &crowd{
		server: unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(tcp.IP.To4())}, epoll: epoll,
		buffer: make([]byte, 256<<10), first: byte(1 + number),
		onOpen: func(*member) {}, onFrame: func(*member, codec.Message) {}, onEnd: func(*member) {},
	}
}

// close resets all connections and frees everything.
func (c *crowd) close() {
	for _, m := range c.members {
		c.leave(m, true)
	}
	_ = unix.Close(c.epoll)
}

// join starts to connect one more member. It ends the run if this machine has no
// descriptors or ports left.
func (c *crowd) join(deaf bool) *member {
	m := &member{number: len(c.members), deaf: deaf}
	c.dial(m)
	c.members = append(c.members, m)
	return m
}

// joinAll starts to connect n more members that read.
func (c *crowd) joinAll(n int) {
	for i := range n {
		c.join(false)
		if i%100 == 99 {
			c.poll(0)
		}
	}
}

// reconnect reconnects a member that has ended.
func (c *crowd) reconnect(m *member) {
	*m = member{number: m.number, deaf: m.deaf, sent: m.sent, answers: m.answers, over: true}
	c.dial(m)
}

// reconnectAll reconnects all members that have ended.
func (c *crowd) reconnectAll() {
	for _, m := range c.members {
		if m.over {
			c.reconnect(m)
		}
	}
}

func (c *crowd) dial(m *member) {
	m.fd = must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0))
	if err := c.prepare(m); err != nil {
		_ = unix.Close(m.fd)
		check(fmt.Errorf("chaos: connect: %w", err))
	}
	m.over = false
	c.living++
}

func (c *crowd) prepare(m *member) error {
	if err := unix.SetsockoptInt(m.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if m.deaf { // small kernel buffer, so that the server holds the output
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

// watch selects the events that m needs now.
func (c *crowd) watch(m *member) {
	want := uint32(0)
	if !m.deaf {
		want |= unix.EPOLLIN
	}
	if len(m.pending) > 0 {
		want |= unix.EPOLLOUT
	}
	_ = unix.EpollCtl(c.epoll, unix.EPOLL_CTL_MOD, m.fd, &unix.EpollEvent{Events: want, Fd: int32(m.number)}) // can't fail: the descriptor is ours
}

// poll waits for events, at most for wait, and handles them.
func (c *crowd) poll(wait time.Duration) {
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

// until polls until done returns true, at most for limit. It returns false on a timeout.
func (c *crowd) until(limit time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(limit); !done(); {
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		c.poll(min(left+time.Millisecond, 50*time.Millisecond))
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

// read calls read(2) once; as events are level-triggered, it is called again for the
// rest.
func (c *crowd) read(m *member) {
	into := c.buffer
	if m.sip > 0 {
		into = into[:m.sip]
	}
	n, err := unix.Read(m.fd, into)
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

// send writes b to m, now or when the socket is writable.
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

// leave closes a connection from this side, with a reset or a FIN.
func (c *crowd) leave(m *member, reset bool) {
	if m.over {
		return
	}
	if reset {
		_ = unix.SetsockoptLinger(m.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // otherwise a port stays in TIME_WAIT
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

// onThread runs f under catch on a new thread with low priority, so that the measured
// load on the same core runs first.
func onThread(f func()) error {
	ended := make(chan error)
	go func() {
		runtime.LockOSThread()                                     // never unlocked, so that the thread ends with the goroutine
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), 10) // without it the figures are worse, not wrong
		ended <- catch(f)
	}()
	return <-ended
}

// runWhenIdle puts the thread in the lowest scheduling class. It is for attacks that run as
// fast as they can; an attack that must keep up with the server would fall behind.
// Goroutine: one of onThread.
func runWhenIdle() {
	idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	_ = unix.SchedSetAttr(0, &idle, 0) // without it the figures are worse, not wrong
}
