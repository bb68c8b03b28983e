package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"holdfast/perf/process"
)

// ServerOptions says how to start a server; the zero value is usable.
type ServerOptions struct {
	Args   []string // additional arguments of serve
	Env    []string // additional environment
	Data   string   // data folder; "": a new one in the scratch folder
	Prefix []string // a command that starts the server, e.g. strace with flags
	Nofile int      // limit of open files, soft and hard; 0: that of this process
}

// Server is a process of "holdfast serve". It ends with the run.
type Server struct {
	*process.Child        // its PID is that of holdfast, also with a prefix
	Addr           string // for clients
	Admin          string // metrics and pprof
	Data           string
	stdout         *process.Tail
}

// startTimeout bounds a start, replay included.
const startTimeout = 60 * time.Second

// Start starts a server and waits until it serves. ErrNotStarted includes its stderr; the
// server is returned too, if there was a process.
func (r *Run) Start(ctx context.Context, o ServerOptions) (*Server, error) {
	if o.Data == "" {
		folder, err := os.MkdirTemp(r.Scratch, "data-")
		if err != nil {
			return nil, err
		}
		o.Data = folder
	}
	args := slices.Concat(o.Prefix, r.Program,
		[]string{"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", o.Data}, o.Args)
	if o.Nofile > 0 {
		args = slices.Concat([]string{"sh", "-c", "ulimit -n " + strconv.Itoa(o.Nofile) + ` && exec "$0" "$@"`}, args)
	}
	stdout := process.NewTail(4 << 10)
	child, err := process.Start(process.Options{Args: args, Env: slices.Concat(r.Env, o.Env), Stdout: stdout})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	r.Cleanup(child.KillGroup)
	s := &Server{Child: child, Data: o.Data, stdout: stdout}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := child.WaitReady(starting, func(context.Context) error { return s.readAddresses(stdout.String()) }); err != nil {
		return s, fmt.Errorf("%w: %w: %s%s", ErrNotStarted, errors.Join(starting.Err(), err), stdout, s.Stderr())
	}
	child.Innermost()
	return s, nil
}

var errNoAddresses = errors.New("it has not printed its addresses")

// readAddresses reads the addresses from the line that the server prints.
func (s *Server) readAddresses(stdout string) error {
	line, _, whole := strings.Cut(stdout, "\n")
	_, after, _ := strings.Cut(line, "serving on ")
	addr, admin, found := strings.Cut(after, ", metrics and pprof on ")
	if !whole || !found {
		return errNoAddresses
	}
	s.Addr, s.Admin = addr, admin
	return nil
}

// Listener returns the address of a further listener, from the lines that the server prints.
func (s *Server) Listener(dialect string) string {
	_, after, _ := strings.Cut(s.stdout.String(), dialect+"=")
	address, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(address)
}

// startAgain starts a server on the data folder of an earlier one. If it does not start,
// a promise is broken, and startAgain returns nil.
func (r *Run) startAgain(ctx context.Context, what string, o ServerOptions) *Server {
	s, err := r.Start(ctx, o)
	if errors.Is(err, ErrNotStarted) && s != nil && ctx.Err() == nil {
		r.Broken("%s: %s", what, s.LastWords())
		return nil
	}
	check(err)
	return s
}

// Terminate asks the server to drain and end.
func (s *Server) Terminate() error { return s.Signal(syscall.SIGTERM) }

// WaitFor is Wait with a timeout.
func (s *Server) WaitFor(ctx context.Context, d time.Duration) (code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return s.Wait(ctx)
}

// stopClean stops the server as an operator would.
func (s *Server) stopClean(ctx context.Context) {
	check(s.Terminate())
	must(s.WaitFor(ctx, startTimeout))
}

// exits waits, at most for d, until a server ends, which must be with the exit code want.
func (r *Run) exits(ctx context.Context, s *Server, what string, want int, d time.Duration) bool {
	code, err := s.WaitFor(ctx, d)
	check(ctx.Err())
	if err != nil || code != want {
		r.Broken("%s: exit code %d, %v: %s", what, code, err, s.LastWords())
		return false
	}
	return true
}

// Stderr returns the end of the server's stderr. Limit: 64 KiB.
func (s *Server) Stderr() string { return s.Output() }

// notDurable is part of the reason of a server that ends because of its disk.
const notDurable = "orders can't be made durable: "

// Reason returns the last line of Stderr that says why the process ended, or "". Log
// lines are not a reason, and may follow it.
func (s *Server) Reason() (reason string) {
	for line := range strings.Lines(s.Stderr()) {
		if said, ok := strings.CutPrefix(strings.TrimSpace(line), "holdfast: "); ok {
			reason = said
		}
	}
	return reason
}

// Metrics reads the metrics of the server: see process.ReadMetrics.
func (s *Server) Metrics(ctx context.Context) (map[string]float64, error) {
	return process.ReadMetrics(ctx, s.Admin)
}

// Metric reads one metric. ErrNoMetric means that the server has no such metric.
func (s *Server) Metric(ctx context.Context, name string) (float64, error) {
	all, err := s.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	value, ok := all[name]
	if !ok {
		return 0, fmt.Errorf("%w: %s", ErrNoMetric, name)
	}
	return value, nil
}

// closedFor returns how many sessions were closed for these reasons.
func (s *Server) closedFor(ctx context.Context, reasons ...string) (total int) {
	all := must(s.Metrics(ctx))
	for _, reason := range reasons {
		total += int(all[`holdfast_closes_total{reason="`+reason+`"}`])
	}
	return total
}

// waitConnected waits until the server has at most n sessions.
func (s *Server) waitConnected(ctx context.Context, n int) bool {
	return s.waitMetric(ctx, "holdfast_client_connected", func(v float64) bool { return int(v) <= n })
}

// waitMetric waits, at most for patience, until good returns true for a metric.
func (s *Server) waitMetric(ctx context.Context, name string, good func(float64) bool) bool {
	return waitUntil(ctx, patience, 50*time.Millisecond, func() bool {
		v, err := s.Metric(ctx, name)
		return err == nil && good(v)
	})
}

// watchRSS samples the server's memory until stop is called, which returns the maximum.
func (s *Server) watchRSS(ctx context.Context) (stop func() uint64) {
	ctx, cancel := context.WithCancel(ctx)
	highest := make(chan uint64, 1)
	go func() {
		peak := uint64(0)
		for ctx.Err() == nil && !s.Gone() {
			peak = max(peak, process.RSS(s.PID))
			sleep(ctx, 20*time.Millisecond)
		}
		highest <- max(peak, process.RSS(s.PID))
	}()
	return func() uint64 {
		cancel()
		return <-highest
	}
}

// onOneCore pins the server to one core and this process to another until the end of the
// run, so that the CPU time of the attack does not count against the server. With a
// single core nothing is pinned.
func (r *Run) onOneCore(o ServerOptions) ServerOptions {
	pins, err := process.FindPins()
	switch {
	case errors.Is(err, process.ErrOneCore):
		r.Figure("cores", 1, "(server and clients shared it)")
		return o
	case err != nil:
		check(fmt.Errorf("%w: %w", ErrNeeds, err))
	}
	release, procs := pins.PinSelf(), runtime.GOMAXPROCS(clientProcs)
	r.Cleanup(func() error { release(); runtime.GOMAXPROCS(procs); return nil })
	o.Prefix = append(pins.Prefix(), o.Prefix...)
	o.Env = append(o.Env, "GOMAXPROCS=1")
	return o
}

// clientProcs is GOMAXPROCS of this process on its one core. With Go's default of 1 the
// thread of the fault would block the live clients for 10 ms at a time; with several
// threads the kernel at once runs the one with the higher priority.
const clientProcs = 4
