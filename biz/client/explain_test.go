package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"holdfast/biz/client"
)

func TestExplain(t *testing.T) {
	wrapped := func(err error) error {
		return &client.ConnectionError{Op: "connect to", Addr: "host:1", Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", err)}}
	}
	cases := []struct {
		name string
		err  error
		want string // part of the advice; "": no advice
	}{
		{"nothing wrong", nil, ""},
		{"refused", wrapped(syscall.ECONNREFUSED), "holdfast serve"},
		{"reset", wrapped(syscall.ECONNRESET), "its log"},
		{"broken pipe", wrapped(syscall.EPIPE), "connect again"},
		{"out of descriptors", wrapped(syscall.EMFILE), "ulimit -n"},
		{"machine out of descriptors", wrapped(syscall.ENFILE), "fs.file-max"},
		{"no port left", wrapped(syscall.EADDRNOTAVAIL), "no local port"},
		{"no route", wrapped(syscall.EHOSTUNREACH), "route"},
		{"handshake timed out", wrapped(syscall.ETIMEDOUT), "backlog"},
		{"no such host", &client.ConnectionError{Err: &net.OpError{Err: &net.DNSError{Err: "no such host", IsNotFound: true}}}, "host name"},
		{"no answer", fmt.Errorf("x: %w", client.ErrTimeout), "overloaded"},
		{"deadline", context.DeadlineExceeded, "overloaded"},
		{"some other time-out", &net.DNSError{IsTimeout: true}, "host name"},
		{"wrong service", fmt.Errorf("x: %w", client.ErrProtocol), "another service"},
		{"wrong password", &client.Error{Result: 4}, "password"},
		{"closed without notice", client.ErrClosedByServer, "log"},
		{"the server said why", &client.NoticeError{Notice: client.Notice{Text: "full"}}, ""},
		{"business rule", &client.Error{Result: 6}, ""},
		{"anything", errors.New("anything"), ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got := client.Explain(tc.err)
			if !strings.Contains(got, tc.want) || (tc.want == "") != (got == "") {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestConnectionErrorText(t *testing.T) {
	err := &client.ConnectionError{Op: "connect to", Addr: "host:1", Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
	if got, want := err.Error(), "cannot connect to host:1: connection refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
