package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	// ErrEnded means that a child ended before it was ready.
	ErrEnded = errors.New("process: the child ended before it was ready")
	// ErrStillRunning means that a child did not end in time.
	ErrStillRunning = errors.New("process: the child did not end in time")
)

// Options says how to start a child.
type Options struct {
	Args   []string  // the program and its arguments
	Env    []string  // added to the environment of this process
	Stdout io.Writer // nil: Output includes stdout, as well as stderr
	// OutputBytes is how much output is kept. 0: 64 KiB.
	OutputBytes int
}

// Child is a process started by Start.
type Child struct {
	PID int // see Innermost

	cmd    *exec.Cmd
	output *Tail
	ended  chan struct{} // closed when the process is gone
}

// Start starts a program.
func Start(o Options) (*Child, error) {
	c := &Child{
		cmd: exec.Command(o.Args[0], o.Args[1:]...), ended: make(chan struct{}),
		output: NewTail(cmp.Or(o.OutputBytes, 64<<10)),
	}
	c.cmd.Env = slices.Concat(os.Environ(), o.Env)
	c.cmd.Stdout, c.cmd.Stderr = o.Stdout, c.output
	if o.Stdout == nil {
		c.cmd.Stdout = c.output
	}
	c.cmd.WaitDelay = time.Second
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go c.run(started)
	if err := <-started; err != nil {
		return nil, err
	}
	c.PID = c.cmd.Process.Pid
	return c, nil
}

// run starts the process and waits for its end on a dedicated thread, because the system
// kills the process when the thread that started it ends.
func (c *Child) run(started chan<- error) {
	defer close(c.ended)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err == nil {
		_ = c.cmd.Wait() // State and Output show how it ended
	}
}

// readyPause is the time between two checks whether a child is ready.
const readyPause = 2 * time.Millisecond

// WaitReady calls ready until it returns nil. The error is ErrEnded if the child ends
// first, and that of the last check if ctx does.
func (c *Child) WaitReady(ctx context.Context, ready func(context.Context) error) error {
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
			return ErrEnded
		case <-ctx.Done():
			return err
		case <-time.After(readyPause):
		}
	}
}

// Innermost sets PID to the program that a prefix like strace runs: it follows processes
// that have exactly one child to the last one. Signals go there.
func (c *Child) Innermost() {
	for {
		name := strconv.Itoa(c.PID)
		children, _ := os.ReadFile(filepath.Join("/proc", name, "task", name, "children"))
		child, err := strconv.Atoi(strings.TrimSpace(string(children)))
		if err != nil {
			return
		}
		c.PID = child
	}
}

// Ended returns a channel that is closed when the child is gone and its output has been
// read.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Gone reports whether Ended is closed.
func (c *Child) Gone() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// State returns how the child ended. Call it only after Ended.
func (c *Child) State() *os.ProcessState { return c.cmd.ProcessState }

// Wait waits for the end of the child and returns its exit code, -1 if a signal ended it.
// The error is ErrStillRunning if ctx ends first.
func (c *Child) Wait(ctx context.Context) (code int, err error) {
	select {
	case <-c.ended:
		return c.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrStillRunning, ctx.Err())
	}
}

// Signal sends a signal to PID. The error is os.ErrProcessDone if the child is gone.
func (c *Child) Signal(signal syscall.Signal) error {
	if c.PID == c.cmd.Process.Pid {
		return c.cmd.Process.Signal(signal)
	}
	if c.Gone() { // another process may have the number
		return os.ErrProcessDone
	}
	return syscall.Kill(c.PID, signal)
}

// Kill kills PID and waits for the end of the child. A prefix ends in its usual way when
// its program dies.
func (c *Child) Kill() {
	_ = c.Signal(syscall.SIGKILL) // it may be gone
	<-c.ended
}

// KillGroup kills the child and all its descendants, and waits for its end.
func (c *Child) KillGroup() error {
	if c.Gone() {
		return nil
	}
	err := syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
	<-c.ended
	if errors.Is(err, syscall.ESRCH) {
		return nil // it ended meanwhile
	}
	return err
}

// Stop asks the child to end, and calls KillGroup if it has not ended after timeout.
func (c *Child) Stop(timeout time.Duration) error {
	_ = c.Signal(syscall.SIGTERM) // it may be gone
	select {
	case <-c.ended:
		return nil
	case <-time.After(timeout):
		return c.KillGroup()
	}
}

// Output returns the last output of the child.
func (c *Child) Output() string { return c.output.String() }

// LastWords returns the last three lines of Output as one line.
func (c *Child) LastWords() string {
	lines := strings.Split(strings.TrimSpace(c.Output()), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " | ")
}

// Tail is a writer that keeps the last bytes written to it.
type Tail struct {
	mu    sync.Mutex
	limit int
	buf   []byte
}

// NewTail returns a Tail that keeps at most limit bytes.
func NewTail(limit int) *Tail { return &Tail{limit: limit} }

// Write never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if excess := len(t.buf) - t.limit; excess > 0 {
		t.buf = append(t.buf[:0], t.buf[excess:]...)
	}
	return len(b), nil
}

func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
