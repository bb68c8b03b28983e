package chaos

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/codec"
	"holdfast/perf/load"
	"holdfast/perf/process"
)

func memory() Fault {
	return Fault{
		Name: "memory", ID: "X2", Short: "hundreds of clients that do not read, 256 MiB of memory",
		How:     "hundreds of clients that do not read, with 256 MiB for the server",
		Promise: "sessions with the most unsent output are closed first, other clients are served, and the system does not kill the server",
		Root:    true,
		Long:    Size{Rounds: 3, Size: 800}, Gate: Size{Rounds: 1, Size: 400},
		RoundsHelp: "rounds",
		SizeHelp:   "clients that do not read",
		Run:        runMemory,
	}
}

// memoryLimit is the limit of the server's control group.
const memoryLimit = 256 << 20

func runMemory(ctx context.Context, r *Run) error {
	group, err := process.NewMemoryGroup("holdfast-chaos-"+strconv.Itoa(os.Getpid()), memoryLimit)
	if err != nil {
		return fmt.Errorf("%w a control group: %w", ErrNeeds, err)
	}
	r.Cleanup(group.Remove)
	r.rounds(ctx, func(int) { memoryRound(ctx, r, group) })
	return nil
}

func memoryRound(ctx context.Context, r *Run, group *process.MemoryGroup) {
	s := must(r.Start(ctx, ServerOptions{Prefix: group.Prefix()}))
	defer s.Kill()
	highest := s.watchRSS(ctx)
	l := live{Options: load.Options{Addr: s.Addr, Connections: 100, Rate: 1_000, Duration: 8 * time.Second}}
	report := l.measure(ctx, func(ctx context.Context) { pileUp(ctx, s.Addr, r.Size) })
	peak := highest()
	if s.Gone() {
		r.Broken("the server is gone, exit code %d: %s", s.State().ExitCode(), s.LastWords())
		return
	}
	if report.ErrorCount() > 0 || len(report.Results) > 0 {
		r.Broken("live clients: %v %v %q", report.Errors, report.Results, report.Samples)
	}
	shed := s.closedFor(ctx, "memory")
	r.Figure("highest resident memory", peak>>20, "MiB")
	r.Figure("highest memory of the control group, with page cache", group.Peak()>>20, "MiB")
	r.Figure("times that the limit was reached", group.Failures(), "")
	r.Figure("sessions closed because memory was short", shed, "")
	r.Figure("sessions closed because of their own limits", s.closedFor(ctx, "slow_consumer", "write_stall", "overloaded"), "")
	r.Figure("live p99", microseconds(report.Latency.P99), "")
	if shed == 0 {
		r.Broken("no session was closed for memory although %d clients do not read", r.Size)
	}
}

// pileUp makes n clients that do not read. Each stays below the limit of a session, but
// together they use too much memory.
func pileUp(ctx context.Context, addr string, n int) {
	c := newCrowd(addr, 10)
	defer c.close()
	// It is between the soft and the hard limit of a session.
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
		_ = unix.SetsockoptInt(m.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10) // so that the kernel stores little
		c.send(m, repeat(codec.CommandQuotes, min(4000, each/(len(message.Body)+codec.PacketHeaderLen))))
	}
	c.onEnd = func(m *member) { m.deaf = false } // it comes back as it was
	c.joinAll(n)
	for ctx.Err() == nil {
		c.poll(20 * time.Millisecond)
		c.reconnectAll()
	}
}
