package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"holdfast/perf/process"
)

// child is a server's process.
type child struct {
	*process.Child
	server Server
}

// outputBytes is how much of a server's output is kept for errors.
const outputBytes = 2 << 10

func startChild(s Server, pins process.Pins) (*child, error) {
	c, err := process.Start(process.Options{
		Args: slices.Concat(pins.Prefix(), s.Cmd), Env: slices.Concat([]string{"GOMAXPROCS=1"}, s.Env), OutputBytes: outputBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("load: server %s: %w", s.Name, err)
	}
	return &child{c, s}, nil
}

// waitReady waits until the server answers, ends, or timeout has passed.
func (c *child) waitReady(ctx context.Context, addr string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ready := c.server.Ready
	if ready == nil {
		ready = func(ctx context.Context) error { return answers(ctx, addr) }
	}
	switch err := c.WaitReady(ctx, ready); {
	case err == nil:
		return nil
	case errors.Is(err, process.ErrEnded):
		return c.death()
	default:
		return fmt.Errorf("%w: %s: %w%s", ErrNotReady, c.server.Name, err, c.lastOutput())
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

// stop asks the process to end, and kills it if it doesn't. A disposable server is killed
// at once.
func (c *child) stop(timeout time.Duration) {
	if c.server.Disposable {
		c.Kill()
	} else {
		_ = c.Stop(timeout) // nothing depends on it
	}
}

// deathPause is how long a process may still exist after its last connection is lost.
const deathPause = 100 * time.Millisecond

// explain adds to the error of a run how the server ended and its last output.
func (c *child) explain(err error) error {
	select {
	case <-c.Ended():
		return fmt.Errorf("%w; %w", c.death(), err)
	case <-time.After(deathPause):
		return fmt.Errorf("%w%s", err, c.lastOutput())
	}
}

// death returns an error that says how the process ended. Call it only after Ended.
func (c *child) death() error {
	return fmt.Errorf("%w: %s: %s%s", ErrServerExited, c.server.Name, c.State(), c.lastOutput())
}

// lastOutput returns the end of the server's output as a suffix for errors.
func (c *child) lastOutput() string {
	text := strings.TrimSpace(c.Output())
	if text == "" {
		return ""
	}
	return "; its last output: " + text
}
