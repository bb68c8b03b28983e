package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/codec"
	"holdfast/perf/load"
)

func memory() Fault {
	return Fault{
		Name: "memory", ID: "X2", Short: "hundreds of clients that do not read, 256 MiB of memory",
		How:     "hundreds of clients that do not read, with 256 MiB for the server",
		Promise: "those with the most unread output are closed first, the others are served, the system does not kill it",
		Root:    true,
		Long:    Size{Rounds: 3, Size: 800}, Gate: Size{Rounds: 1, Size: 400},
		Run: runMemory,
	}
}

// memoryLimit is what the group of the server may use.
const memoryLimit = 256 << 20

func runMemory(ctx context.Context, r *Run) error {
	group, err := newMemoryGroup(r)
	if err != nil {
		return err
	}
	for round := range r.Rounds {
		if err := memoryRound(ctx, r, group); err != nil {
			return err
		}
		r.Progress(round+1, r.Rounds, "rounds")
	}
	return nil
}

func memoryRound(ctx context.Context, r *Run, group memoryGroup) error {
	s, err := r.Start(ctx, ServerOptions{Prefix: group.prefix()})
	if err != nil {
		return err
	}
	defer s.Kill()
	highest := watchRSS(ctx, s)
	l := live{Options: load.Options{Addr: s.Addr, Connections: 100, Rate: 1_000, Duration: 8 * time.Second}}
	report, err := l.measure(ctx, func(ctx context.Context) error { return fillUp(ctx, s.Addr, r.Size) })
	peak := highest()
	if err != nil {
		return err
	}
	select {
	case <-s.Ended():
		code, _ := s.Wait(ctx)
		r.Broken("the server is gone, exit code %d: %s", code, s.LastWords())
		return nil
	default:
	}
	if report.ErrorCount() > 0 || len(report.Results) > 0 {
		r.Broken("live clients: %v %v %q", report.Errors, report.Results, report.Samples)
	}
	shed, err := closedFor(ctx, s, "memory")
	if err != nil {
		return err
	}
	slow, err := closedFor(ctx, s, "slow_consumer", "write_stall", "overloaded")
	if err != nil {
		return err
	}
	r.Figure("highest resident memory", peak>>20, "MiB")
	r.Figure("highest of the group, page cache included", group.highest()>>20, "MiB")
	r.Figure("limit met", group.failures(), "times")
	r.Figure("closed for memory", shed, "")
	r.Figure("closed for their own limits", slow, "")
	r.Figure("live p99", microseconds(report.Latency.P99), "")
	if shed == 0 {
		r.Broken("nobody was closed for memory although %d clients do not read", r.Size)
	}
	return nil
}

// fillUp has n clients let replies pile up below their own limits, so that only
// all of them together are too much.
func fillUp(ctx context.Context, addr string, n int) error {
	c, err := newCrowd(addr, 10)
	if err != nil {
		return err
	}
	defer c.close()
	// Between the soft and the hard limit of a session.
	const each = hardBytes / 4 * 3
	c.onOpen = func(m *member) {
		c.send(m, loginOf(m.number%customers))
		c.send(m, repeat(codec.CommandQuotes, 1))
	}
	c.onFrame = func(m *member, message codec.Message) {
		if message.Command != codec.CommandQuotes.Reply() || m.deaf {
			return
		}
		m.deaf = true
		c.watch(m)
		_ = unix.SetsockoptInt(m.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10) // so that little stays in the kernel
		c.send(m, repeat(codec.CommandQuotes, min(4000, each/(len(message.Body)+codec.PacketHeaderLen))))
	}
	for range n {
		if _, err := c.join(false); err != nil {
			return err
		}
	}
	for ctx.Err() == nil {
		c.turn(20 * time.Millisecond)
		for _, m := range c.members {
			if m.over {
				m.deaf = false
				if err := c.again(m); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// memoryGroup is a control group with a memory limit.
type memoryGroup struct {
	folder string
	peak   string // file with the highest use; "" where there is none
	fails  string
}

// newMemoryGroup makes one, of either version. It is gone with the run.
func newMemoryGroup(r *Run) (memoryGroup, error) {
	name := "holdfast-chaos-" + strconv.Itoa(os.Getpid())
	for _, g := range []struct{ root, limit, peak, fails string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.failcnt"},
		{"/sys/fs/cgroup", "memory.max", "memory.peak", ""},
	} {
		folder := filepath.Join(g.root, name)
		if os.Mkdir(folder, 0o755) != nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(folder, g.limit), []byte(strconv.Itoa(memoryLimit)), 0o644); err != nil {
			_ = os.Remove(folder)
			continue
		}
		r.Cleanup(func() error { return removeGroup(folder) })
		return memoryGroup{folder: folder, peak: g.peak, fails: g.fails}, nil
	}
	return memoryGroup{}, fmt.Errorf("%w control groups with memory, mounted under /sys/fs/cgroup", ErrNeeds)
}

// removeGroup waits until the kernel has noticed that nobody is in it.
func removeGroup(folder string) (err error) {
	for range 100 {
		if err = os.Remove(folder); err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// prefix is a command that starts another one in the group.
func (g memoryGroup) prefix() []string {
	return []string{"sh", "-c", `echo $$ > "$0"/cgroup.procs && exec "$@"`, g.folder}
}

func (g memoryGroup) highest() uint64 { return g.number(g.peak) }

func (g memoryGroup) failures() uint64 { return g.number(g.fails) }

func (g memoryGroup) number(file string) uint64 {
	text, _ := os.ReadFile(filepath.Join(g.folder, file))
	n, _ := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64) // 0 where it is not told
	return n
}
