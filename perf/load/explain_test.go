package load_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"holdfast/perf/load"
)

func TestExplain(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	cases := []struct {
		name string
		err  error
		kind string
		says string
	}{
		{"descriptors of the process", dial(syscall.EMFILE), "out of descriptors", "ulimit -n"},
		{"descriptors of the machine", dial(syscall.ENFILE), "out of descriptors", "fs.file-max"},
		{"ports", dial(syscall.EADDRNOTAVAIL), "ports exhausted", "more source addresses"},
		{"ports, another error", dial(syscall.EAGAIN), "ports exhausted", "ip_local_port_range"},
		{"refused", dial(syscall.ECONNREFUSED), "refused", "is the server up"},
		{"reset", fmt.Errorf("read: %w", syscall.ECONNRESET), "reset", "crashed, was killed"},
		{"broken pipe", fmt.Errorf("write: %w", syscall.EPIPE), "broken pipe", "had closed"},
		{"busy", fmt.Errorf("%w: %w", load.ErrBusy, load.ErrClosed), "busy", "max_connections"},
		{"backlog", fmt.Errorf("ramp: %w", load.ErrConnectTimeout), "backlog full", "somaxconn"},
		{"timed out", dial(syscall.ETIMEDOUT), "timeout", "overloaded or stuck"},
		{"deadline", os.ErrDeadlineExceeded, "timeout", "overloaded or stuck"},
		{"end of file", io.EOF, "closed", "closed the connection"},
		{"closed", load.ErrClosed, "closed", "closed the connection"},
		{"unreachable", dial(syscall.ENETUNREACH), "unreachable", "no route to this host"},
		{"address in use", dial(syscall.EADDRINUSE), "address in use", "another server"},
		{"no such host", &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}, "no such host", "ulimit -n"},
		{"descriptors behind no such host", &net.DNSError{Err: "no such host", UnwrapErr: dial(syscall.EMFILE)}, "out of descriptors", "ulimit -n"},
		{"login", fmt.Errorf("x: %w", load.ErrLogin), "login refused", "seed"},
		{"wrong id", load.ErrWrongID, "wrong id", "out of order"},
		{"wrong body", load.ErrWrongBody, "wrong body", "another customer"},
		{"push gap", load.ErrPushGap, "push gap", "lost or repeated"},
		{"the cause comes before its effect", errors.Join(load.ErrConnectTimeout, syscall.ECONNREFUSED), "refused", "is the server up"},
		{"stopped", context.Canceled, "cancelled", "stopped"},
		{"unknown", errors.New("moon phase"), "other", "moon phase"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := load.Kind(c.err); got != c.kind {
				t.Errorf("Kind = %q, want %q", got, c.kind)
			}
			if got := load.Explain(c.err); !strings.Contains(got, c.says) {
				t.Errorf("Explain = %q, want %q in it", got, c.says)
			}
		})
	}
}

func TestExplainNothing(t *testing.T) {
	if got := load.Explain(nil); got != "" {
		t.Errorf("Explain(nil) = %q", got)
	}
}

func ExampleExplain() {
	fmt.Println(load.Explain(syscall.ECONNREFUSED))
	// Output: nothing listens at this address: is the server up, and is the port right?
}
