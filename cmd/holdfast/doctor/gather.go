package doctor

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Gather reads the facts of this machine. root is the folder that has proc and
// sys: "/", or one of a test.
func Gather(ctx context.Context, w Wanted, root string) *Facts {
	s := system{root}
	f := &Facts{
		Wanted:        w,
		Backlog:       s.number("proc/sys/net/core/somaxconn"),
		SynBacklog:    s.number("proc/sys/net/ipv4/tcp_max_syn_backlog"),
		ReuseTimeWait: s.number("proc/sys/net/ipv4/tcp_tw_reuse"),
		TimeWait:      s.timeWait(),
		TrackedMost:   s.number("proc/sys/net/netfilter/nf_conntrack_max"),
		Tracked:       s.number("proc/sys/net/netfilter/nf_conntrack_count"),
		EpollWatches:  s.number("proc/sys/fs/epoll/max_user_watches"),
		SystemFiles:   s.number("proc/sys/fs/file-max"),
		Overcommit:    s.number("proc/sys/vm/overcommit_memory"),
		GroupMemory:   s.groupMemory(),
		GroupCPUs:     s.groupCPUs(),
		Processors:    runtime.NumCPU(),
		Kernel:        s.text("proc/sys/kernel/osrelease"),
		ClockSource:   s.text("sys/devices/system/clocksource/clocksource0/current_clocksource"),
		Synchronised:  synchronised(),
		Now:           time.Now(),
	}
	f.SystemFilesUsed = s.field("proc/sys/fs/file-nr", 0)
	f.PortFirst = s.field("proc/sys/net/ipv4/ip_local_port_range", 0)
	f.PortLast = s.field("proc/sys/net/ipv4/ip_local_port_range", 1)
	f.MemoryTotal, f.MemoryAvailable = s.meminfo("MemTotal:"), s.meminfo("MemAvailable:")
	f.EpollError = tryEpoll()
	f.ListenError, f.AdminError = tryPort(ctx, w.Listen), tryPort(ctx, w.Admin)
	for _, address := range w.Listeners {
		f.ListenerErrors = append(f.ListenerErrors, tryPort(ctx, address))
	}
	f.ClockJump = clockJump(ctx)
	f.Disk = probeDisk(ctx, w.Data, w.Seed)
	return f
}

// tryPort listens on the address as the server will, and stops at once.
func tryPort(ctx context.Context, address string) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

func tryEpoll() error {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// synchronised asks the kernel whether a time service keeps the clock right.
func synchronised() int64 {
	state, err := unix.Adjtimex(&unix.Timex{})
	switch {
	case err != nil:
		return Unknown
	case state == unix.TIME_ERROR:
		return 0
	default:
		return 1
	}
}

// clockLook is how long and how often clockJump looks.
const (
	clockLook  = 200 * time.Millisecond
	clockSteps = 20
)

// clockJump gives the farthest that the wall clock and the monotonic one moved
// apart within a short look.
func clockJump(ctx context.Context) time.Duration {
	start, most := time.Now(), time.Duration(0)
	ticker := time.NewTicker(clockLook / clockSteps)
	defer ticker.Stop()
	for range clockSteps {
		select {
		case <-ctx.Done():
			return most
		case <-ticker.C:
		}
		now := time.Now()
		apart := now.Round(0).Sub(start.Round(0)) - now.Sub(start) // Round strips the monotonic reading
		most = max(most, apart.Abs())
	}
	return most
}

// system reads what the kernel tells in files.
type system struct{ root string }

// text gives a file's text without blanks around it, "" when there is none.
func (s system) text(name string) string {
	content, err := os.ReadFile(filepath.Join(s.root, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

func (s system) number(name string) int64 { return s.field(name, 0) }

// field gives the number that stands at the place i, from 0, in a file.
func (s system) field(name string, i int) int64 {
	fields := strings.Fields(s.text(name))
	if i >= len(fields) {
		return Unknown
	}
	return parse(fields[i])
}

func parse(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return Unknown
	}
	return n
}

// after gives the number behind a word of a file.
func (s system) after(name, word string) int64 {
	fields := strings.Fields(s.text(name))
	for i, f := range fields[:max(0, len(fields)-1)] {
		if f == word {
			return parse(fields[i+1])
		}
	}
	return Unknown
}

// timeWait is the number behind "tw" in the line of TCP.
func (s system) timeWait() int64 { return s.after("proc/net/sockstat", "tw") }

func (s system) meminfo(key string) int64 {
	kib := s.after("proc/meminfo", key)
	if kib == Unknown {
		return Unknown
	}
	return kib << 10
}

// groupFolders lists the folders of the control group, and those above it, for a
// controller of version 1 ("" for version 2). In a container the path of the
// group may not be there: the top of what is seen is the container's own.
func (s system) groupFolders(controller string) []string {
	base := filepath.Join("sys/fs/cgroup", controller)
	var folders []string
	for line := range strings.Lines(s.text("proc/self/cgroup")) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 || !contains(strings.Split(parts[1], ","), controller) {
			continue
		}
		for path := filepath.Clean("/" + parts[2]); path != "/"; path = filepath.Dir(path) {
			folders = append(folders, filepath.Join(base, path))
		}
	}
	return append(folders, base)
}

func contains(list []string, text string) bool {
	for _, each := range list {
		if each == text {
			return true
		}
	}
	return false
}

// unlimited is above what version 1 writes for "no limit".
const unlimited = 1 << 62

// groupMemory gives the smallest limit of the control group and those above it.
func (s system) groupMemory() int64 {
	least := int64(unlimited)
	for controller, file := range map[string]string{"": "memory.max", "memory": "memory.limit_in_bytes"} {
		for _, folder := range s.groupFolders(controller) {
			if n := s.number(filepath.Join(folder, file)); n != Unknown {
				least = min(least, n)
			}
		}
	}
	if least >= unlimited {
		return Unknown
	}
	if total := s.meminfo("MemTotal:"); total != Unknown && least >= total {
		return Unknown // no limit beyond the machine's own
	}
	return least
}

// groupCPUs gives the smallest quota in processors, 0 for none.
func (s system) groupCPUs() float64 {
	least := 0.0
	add := func(quota, period int64) {
		if quota <= 0 || period <= 0 {
			return
		}
		if cpus := float64(quota) / float64(period); least == 0 || cpus < least {
			least = cpus
		}
	}
	for _, folder := range s.groupFolders("") {
		name := filepath.Join(folder, "cpu.max")
		add(s.field(name, 0), s.field(name, 1))
	}
	for _, folder := range s.groupFolders("cpu") {
		add(s.number(filepath.Join(folder, "cpu.cfs_quota_us")), s.number(filepath.Join(folder, "cpu.cfs_period_us")))
	}
	return least
}
