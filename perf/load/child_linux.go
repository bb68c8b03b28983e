package load

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a server's process.
type child struct {
	server Server
	cmd    *exec.Cmd
	output *tail
	ended  chan struct{} // closed when the process is gone
}

func startChild(s Server, pins pins) (*child, error) {
	args := s.Cmd
	if pins.pinned {
		// taskset becomes the server: the process keeps its id.
		args = append([]string{pins.taskset, "-c", strconv.Itoa(pins.server)}, s.Cmd...)
	}
	c := &child{server: s, cmd: exec.Command(args[0], args[1:]...), output: &tail{}, ended: make(chan struct{})}
	c.cmd.Env = slices.Concat(os.Environ(), []string{"GOMAXPROCS=1"}, s.Env)
	c.cmd.Stdout, c.cmd.Stderr = c.output, c.output
	// The server does not get this process's terminal's signals, and does not
	// outlive it, however it ends.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	c.cmd.WaitDelay = time.Second
	started := make(chan error)
	go c.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("load: server %s: %w", s.Name, err)
	}
	return c, nil
}

// run starts the process and waits for it. Both on one thread that does nothing
// else: the process is killed when the thread that started it ends.
func (c *child) run(started chan<- error) {
	defer close(c.ended)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err == nil {
		_ = c.cmd.Wait() // how it ended is in its state and output
	}
}

// readyPause is the time between two tries whether a server is up.
const readyPause = 2 * time.Millisecond

// waitReady tries until the server answers, has ended, or time is up.
func (c *child) waitReady(ctx context.Context, addr string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ready := c.server.Ready
	if ready == nil {
		ready = func(ctx context.Context) error { return answers(ctx, addr) }
	}
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
			return c.death()
		case <-ctx.Done():
			return fmt.Errorf("%w: %s: %w%s", ErrNotReady, c.server.Name, err, c.lastWords())
		case <-time.After(readyPause):
		}
	}
}

func answers(ctx context.Context, addr string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}

// stop asks the process to end, and kills it if it doesn't or if it has nothing
// to put in order.
func (c *child) stop(timeout time.Duration) {
	if !c.server.Disposable {
		_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
		select {
		case <-c.ended:
			return
		case <-time.After(timeout):
		}
	}
	_ = c.cmd.Process.Kill()
	<-c.ended
}

// explain adds to an error of a run what the server has to say to it.
func (c *child) explain(err error) error {
	select {
	case <-c.ended:
		return fmt.Errorf("%w; %w", c.death(), err)
	case <-time.After(deathPause):
		return fmt.Errorf("%w%s", err, c.lastWords())
	}
}

// deathPause is how long after its last connection a process may take to be gone.
const deathPause = 100 * time.Millisecond

// death says how the process ended. Only when ended is closed.
func (c *child) death() error {
	return fmt.Errorf("%w: %s: %s%s", ErrServerExited, c.server.Name, c.cmd.ProcessState, c.lastWords())
}

// lastWords returns the end of the server's output, ready to be appended to an
// error.
func (c *child) lastWords() string {
	text := strings.TrimSpace(c.output.String())
	if text == "" {
		return ""
	}
	return "; its last output: " + text
}

// tail keeps the last bytes written to it. Limit: 2 KiB.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailSize = 2 << 10

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
