package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// System calls are counted in stretches, until there are enough replies or the longest
// time has passed.
const (
	syscallStretch        = 200 * time.Millisecond
	syscallReplies        = 100
	longestSyscallStretch = 3 * time.Second
)

func (l *loop) countsSyscalls() bool {
	o := l.options
	return o.CountSyscalls && o.ServerPID > 0 && o.Workload != Idle
}

// countSyscalls counts while the load continues.
func (l *loop) countSyscalls(r *Report) {
	if !l.countsSyscalls() || l.over() {
		return
	}
	counter, err := countSyscallsOf(l.options.ServerPID)
	if err != nil {
		r.warn("system calls were not counted: %v", err)
		return
	}
	defer counter.close()
	start, answered := l.clock(), l.tally.answered
	for at := syscallStretch; at <= longestSyscallStretch && l.tally.answered-answered < syscallReplies; at += syscallStretch {
		l.until(start + int64(at))
	}
	if replies := l.tally.answered - answered; replies > 0 && !l.over() {
		perRequest := float64(counter.read()) / float64(replies)
		r.Server.SyscallsPerRequest = &perRequest
	}
}

// syscallCounter counts the system calls of a process: a kernel counter for each thread,
// which new threads inherit.
type syscallCounter struct {
	threads []int // descriptors
}

// countSyscallsOf starts to count. It needs root or settings: see syscallAdvice.
func countSyscallsOf(pid int) (c *syscallCounter, err error) {
	event, err := sysEnter()
	if err != nil {
		return nil, err
	}
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: event, Bits: unix.PerfBitInherit}
	attr.Size = uint32(unsafe.Sizeof(attr))
	threads, err := procfs.AllThreads(pid)
	if err != nil {
		return nil, fmt.Errorf("load: server process: %w", err)
	}
	c = &syscallCounter{}
	for _, thread := range threads {
		fd, err := unix.PerfEventOpen(&attr, thread.PID, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			c.close()
			return nil, fmt.Errorf("load: perf_event_open: %w", err)
		}
		c.threads = append(c.threads, fd)
	}
	return c, nil
}

// sysEnter returns the number of the tracepoint for all system calls.
func sysEnter() (uint64, error) {
	const event = "/events/raw_syscalls/sys_enter/id"
	text, err := os.ReadFile("/sys/kernel/tracing" + event)
	if err != nil {
		text, err = os.ReadFile("/sys/kernel/debug/tracing" + event)
	}
	if err != nil {
		return 0, fmt.Errorf("load: tracepoint raw_syscalls:sys_enter: %w", err)
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// read returns the number of calls since the start.
func (c *syscallCounter) read() (total uint64) {
	for _, fd := range c.threads {
		var count [8]byte
		if n, err := unix.Read(fd, count[:]); err == nil && n == len(count) {
			total += binary.NativeEndian.Uint64(count[:])
		}
	}
	return total
}

func (c *syscallCounter) close() {
	for _, fd := range c.threads {
		_ = unix.Close(fd)
	}
}

// syscallAdvice returns what to do if system calls can't be counted here, or "".
func syscallAdvice() string {
	counter, err := countSyscallsOf(os.Getpid())
	if err == nil {
		counter.close()
		return ""
	}
	return fmt.Sprintf("system calls are not counted (%v): run as root, or mount tracefs at /sys/kernel/tracing, "+
		"make it readable and set kernel.perf_event_paranoid to 1 or less", err)
}
