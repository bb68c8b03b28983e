package chaos

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ServerOptions say how a server is started; the zero value is good.
type ServerOptions struct {
	Args   []string // more arguments of serve
	Env    []string // more environment
	Data   string   // its folder; "" is a new one in the scratch folder
	Prefix []string // a command that starts the server: strace and its flags, say
	Nofile int      // limit of open files, soft and hard; 0: this process's
}

// Server is a process of "holdfast serve". It ends with the run.
type Server struct {
	Addr  string // for clients
	Admin string // metrics and pprof
	Data  string
	PID   int // of holdfast, also behind a prefix

	cmd    *exec.Cmd
	stderr *tail
	ended  chan struct{} // closed when the process is gone
}

// startTimeout bounds a start, replay included.
const startTimeout = 60 * time.Second

// Start starts a server and waits until it serves. ErrNotStarted has what it said
// on stderr; the server is returned too, where there was a process.
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
	s := &Server{Data: o.Data, cmd: exec.Command(args[0], args[1:]...), stderr: &tail{}, ended: make(chan struct{})}
	s.cmd.Env = slices.Concat(os.Environ(), r.Env, o.Env)
	s.cmd.Stderr = s.stderr
	s.cmd.WaitDelay = time.Second
	ownGroup(s.cmd)
	stdout, err := s.launch()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotStarted, err)
	}
	s.PID = s.cmd.Process.Pid
	r.Cleanup(s.end)
	if err := s.waitServing(ctx, stdout); err != nil {
		return s, err
	}
	s.PID = innermost(s.cmd.Process.Pid)
	return s, nil
}

// launch starts the process and a goroutine that waits for its end.
func (s *Server) launch() (stdout io.Reader, err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stdout = write
	started := make(chan error)
	go s.run(started)
	err = <-started
	_ = write.Close() // the process has its own
	if err != nil {
		_ = read.Close()
		return nil, err
	}
	return read, nil
}

// waitServing reads the line that says where the server is. The rest of its
// output is read and dropped.
func (s *Server) waitServing(ctx context.Context, stdout io.Reader) error {
	lines := make(chan string, 1)
	go func() {
		r := bufio.NewReader(stdout)
		line, _ := r.ReadString('\n') // without a line it is gone
		lines <- line
		_, _ = io.Copy(io.Discard, r)
	}()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case line := <-lines:
		_, after, ok := strings.Cut(strings.TrimSpace(line), "serving on ")
		if s.Addr, s.Admin, _ = strings.Cut(after, ", metrics and pprof on "); ok {
			return nil
		}
		_, _ = s.Wait(ctx) // for the rest of what it says
		return fmt.Errorf("%w: %s%s", ErrNotStarted, line, s.Stderr())
	case <-ctx.Done():
		return fmt.Errorf("%w: %w: %s", ErrNotStarted, ctx.Err(), s.Stderr())
	}
}

// Kill ends the server as kill -9 does, and waits until it is gone.
func (s *Server) Kill() {
	_ = s.Signal(syscall.SIGKILL)
	<-s.ended
}

// Signal sends a signal to the server, unless it is gone.
func (s *Server) Signal(signal syscall.Signal) error {
	select {
	case <-s.ended:
		return os.ErrProcessDone
	default:
		return syscall.Kill(s.PID, signal)
	}
}

// Terminate asks the server to drain and end.
func (s *Server) Terminate() error { return s.Signal(syscall.SIGTERM) }

// Ended is closed when the process is gone.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// Wait waits for the end of the server and gives its exit code, -1 when a signal
// ended it. ErrStillRunning says that ctx ended first.
func (s *Server) Wait(ctx context.Context) (code int, err error) {
	select {
	case <-s.ended:
		return s.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrStillRunning, ctx.Err())
	}
}

// WaitFor is Wait with a time of its own.
func (s *Server) WaitFor(ctx context.Context, d time.Duration) (code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return s.Wait(ctx)
}

// Stderr is the end of what the server has said there. Limit: 64 KiB.
func (s *Server) Stderr() string { return s.stderr.String() }

// LastWords is the end of Stderr for one line of text.
func (s *Server) LastWords() string {
	lines := strings.Split(strings.TrimSpace(s.Stderr()), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " | ")
}

// notDurable is in the reason of a server that ends for the sake of its disk.
const notDurable = "orders can't be made durable: "

// Reason is the last line of Stderr that says why the process has ended, "" where
// there is none. Logs are no reason, and may come behind it.
func (s *Server) Reason() (reason string) {
	for line := range strings.Lines(s.Stderr()) {
		if said, ok := strings.CutPrefix(strings.TrimSpace(line), "holdfast: "); ok {
			reason = said
		}
	}
	return reason
}

// RSS is the resident memory in bytes, 0 when the process is gone.
func (s *Server) RSS() uint64 {
	statm, _ := os.ReadFile(s.proc("statm"))
	if words := strings.Fields(string(statm)); len(words) > 1 {
		pages, _ := strconv.ParseUint(words[1], 10, 64)
		return pages * uint64(os.Getpagesize())
	}
	return 0
}

// Descriptors is the number of open files, 0 when the process is gone.
func (s *Server) Descriptors() int {
	entries, _ := os.ReadDir(s.proc("fd"))
	return len(entries)
}

func (s *Server) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(s.PID), name)
}

// end kills the process and all that it has started, where it still runs.
func (s *Server) end() error {
	select {
	case <-s.ended:
		return nil // its number may be another's by now
	default:
	}
	err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.ended
	if errors.Is(err, syscall.ESRCH) {
		return nil // it went meanwhile
	}
	return err
}

// innermost follows the only children of a process: strace's is what it traces.
func innermost(pid int) int {
	for {
		name := strconv.Itoa(pid)
		children, _ := os.ReadFile(filepath.Join("/proc", name, "task", name, "children"))
		child, err := strconv.Atoi(strings.TrimSpace(string(children)))
		if err != nil {
			return pid
		}
		pid = child
	}
}

// tail keeps the last bytes written to it. Limit: 64 KiB.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 64 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if excess := len(t.buf) - tailSize; excess > 0 {
		t.buf = append(t.buf[:0], t.buf[excess:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
