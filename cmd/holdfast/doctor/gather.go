package doctor

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/biz/history"
	"holdfast/engine"
)

// Gather reads the facts of this machine. root is the folder with proc and sys: "/", or
// a test's.
func Gather(ctx context.Context, w Wanted, root string) *Facts {
	s := system{root}
	f := &Facts{
		Wanted:        w,
		Backlog:       s.number("proc/sys/net/core/somaxconn"),
		SynBacklog:    s.number("proc/sys/net/ipv4/tcp_max_syn_backlog"),
		ReuseTimeWait: s.number("proc/sys/net/ipv4/tcp_tw_reuse"),
		TimeWait:      s.after("proc/net/sockstat", "tw"),
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
	if w.Console != "" {
		f.ConsoleError = tryPort(ctx, w.Console)
	}
	for _, address := range w.Listeners {
		f.ListenerErrors = append(f.ListenerErrors, tryPort(ctx, address))
	}
	f.ClockJump = clockJump(ctx)
	f.Disk = probeDisk(ctx, w.Data, w.Seed)
	f.HistoryError = tryHistory(ctx, w.HistoryURL)
	return f
}

// historyPatience is how long the database of the history may take to answer.
const historyPatience = 3 * time.Second

// tryHistory connects to the database of the history, if there is one.
func tryHistory(ctx context.Context, url string) error {
	if url == "" {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, historyPatience, fmt.Errorf("no answer within %s", historyPatience))
	defer cancel()
	return history.Check(ctx, url)
}

// tryPort listens on the address as the server will, and closes the port at once. It only
// looks at a socket file.
func tryPort(ctx context.Context, address string) error {
	if path, socket := engine.SocketPath(address); socket {
		return engine.CheckSocket(path)
	}
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

// synchronised returns 1 if the kernel says that a time service sets the clock, 0 if not.
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

// clockJump compares the clocks clockSteps times within clockLook.
const (
	clockLook  = 200 * time.Millisecond
	clockSteps = 20
)

// clockJump returns the largest difference between the wall clock and the monotonic
// clock within clockLook.
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

// system reads what the kernel reports in files.
type system struct{ root string }

// text returns a file's text without blanks around it, "" if there is no file.
func (s system) text(name string) string {
	content, err := os.ReadFile(filepath.Join(s.root, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}

func (s system) number(name string) int64 { return s.field(name, 0) }

// field returns the number at position i of a file, counted from 0.
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

// after returns the number after a word in a file.
func (s system) after(name, word string) int64 {
	fields := strings.Fields(s.text(name))
	if i := slices.Index(fields, word); i >= 0 && i+1 < len(fields) {
		return parse(fields[i+1])
	}
	return Unknown
}

func (s system) meminfo(key string) int64 {
	kib := s.after("proc/meminfo", key)
	if kib == Unknown {
		return Unknown
	}
	return kib << 10
}

// groupFiles returns the paths of a file in the control group and in the groups above
// it. controller is that of version 1, "" means version 2. In a container the path of
// the group may not exist: the top that the container sees is its group.
func (s system) groupFiles(controller, file string) []string {
	base := filepath.Join("sys/fs/cgroup", controller)
	files := []string{filepath.Join(base, file)}
	for line := range strings.Lines(s.text("proc/self/cgroup")) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 || !slices.Contains(strings.Split(parts[1], ","), controller) {
			continue
		}
		for path := filepath.Clean("/" + parts[2]); path != "/"; path = filepath.Dir(path) {
			files = append(files, filepath.Join(base, path, file))
		}
	}
	return files
}

// groupMemory returns the smallest limit of the control group and those above it.
func (s system) groupMemory() int64 {
	least := int64(math.MaxInt64)
	for _, file := range slices.Concat(s.groupFiles("", "memory.max"), s.groupFiles("memory", "memory.limit_in_bytes")) {
		if n := s.number(file); n != Unknown {
			least = min(least, n)
		}
	}
	total := s.meminfo("MemTotal:")
	if least >= unlimited || total != Unknown && least >= total {
		return Unknown // no limit below the machine's memory
	}
	return least
}

// unlimited is the least that version 1 may write for "no limit".
const unlimited = 1 << 62

// groupCPUs returns the smallest quota in processors, 0 without a quota.
func (s system) groupCPUs() float64 {
	least := math.Inf(1)
	add := func(quota, period int64) {
		if quota > 0 && period > 0 {
			least = min(least, float64(quota)/float64(period))
		}
	}
	for _, file := range s.groupFiles("", "cpu.max") {
		add(s.field(file, 0), s.field(file, 1))
	}
	periods := s.groupFiles("cpu", "cpu.cfs_period_us")
	for i, file := range s.groupFiles("cpu", "cpu.cfs_quota_us") {
		add(s.number(file), s.number(periods[i]))
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}
