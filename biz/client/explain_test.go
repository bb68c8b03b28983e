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
	"holdfast/codec/pb"
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
		{"refused WebSocket", &client.ConnectionError{Op: "connect to", Addr: "ws://host:1", Err: syscall.ECONNREFUSED}, "--listener websocket="},
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
		{"revoked", &client.NoticeError{Notice: client.Notice{Code: client.NoticeRevoked}}, "new password or token"},
		{"reason of a bust", &client.Error{Result: 6, Reason: client.ReasonBadBustReason}, "shorter reason"},
		{"order of an earlier history", &client.Error{Result: 6, Reason: client.ReasonHistoryReset}, "new client order id"},
		{"no socket file", &client.ConnectionError{Err: syscall.ENOENT}, "holdfast serve"},
		{"packet listener", &client.ConnectionError{Err: &client.HandshakeError{}}, "--door packet"},
		{"wrong path", &client.ConnectionError{Err: &client.HandshakeError{Status: 404}}, "/ws"},
		{"full", &client.ConnectionError{Err: &client.HandshakeError{Status: 503}}, "try again later"},
		{"proxy", &client.ConnectionError{Err: &client.HandshakeError{Status: 426}}, "proxy"},
		{"another web server", &client.ConnectionError{Err: &client.HandshakeError{Status: 302}}, "another service"},
		{"closed with a code", &client.CloseError{Code: 1011}, "log"},
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

// The codes and reasons of this package are those of the protocol.
func TestClosedLists(t *testing.T) {
	if n := len(pb.Reason_name) - 1; client.Reason(n) != client.ReasonBadSeed {
		t.Errorf("the protocol has %d reasons", n)
	}
	if n := len(pb.NoticeCode_name) - 1; client.NoticeCode(n) != client.NoticeRevoked {
		t.Errorf("the protocol has %d codes of notices", n)
	}
	for name, last := range map[string]struct{ protocol, client int }{
		"types of orders":       {len(pb.OrderType_name) - 1, int(client.TypeStopLimit)},
		"times in force":        {len(pb.TimeInForce_name) - 1, int(client.FillOrKill)},
		"states of orders":      {len(pb.OrderStatus_name) - 1, int(client.StatusExpired)},
		"causes":                {len(pb.OrderCause_name) - 1, int(client.CauseLimits)},
		"changes of an account": {len(pb.AccountChange_name) - 1, int(client.AccountReset)},
	} {
		if last.protocol != last.client {
			t.Errorf("the protocol has %d %s", last.protocol, name)
		}
	}
	if n := len(pb.SnapshotReason_name) - 1; client.SnapshotReason(n) != client.SnapshotAhead {
		t.Errorf("the protocol has %d reasons for a snapshot", n)
	}
}
