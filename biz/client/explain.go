package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// ConnectionError is a connection that could not be made or was lost.
type ConnectionError struct {
	Op   string // "connect to", "read from", "write to"
	Addr string
	Err  error
}

// Error says what happened in the system's words; Explain adds what to do.
func (e *ConnectionError) Error() string {
	return fmt.Sprintf("cannot %s %s: %s", e.Op, e.Addr, plain(e.Err))
}

// Unwrap returns the system's error.
func (e *ConnectionError) Unwrap() error { return e.Err }

// plain is err without the addresses that the caller names as well.
func plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return plain(op.Err)
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		return call.Err.Error()
	}
	return err.Error()
}

// advice is what to do about errors of a kind.
type advice struct {
	is   []error
	text string
}

// advices are in order: the particular before the general.
func advices() []advice {
	return []advice{
		{[]error{syscall.EMFILE}, "this program has no file descriptor left: raise \"ulimit -n\""},
		{[]error{syscall.ENFILE}, "the machine has no file descriptor left: raise fs.file-max"},
		{[]error{syscall.EADDRNOTAVAIL}, "no local port is left for more connections to this address, or the address belongs to no interface of this machine"},
		{[]error{syscall.ECONNREFUSED}, "nothing listens there: start the server with \"holdfast serve\", or name its address"},
		{[]error{syscall.ECONNRESET, syscall.ECONNABORTED}, "the server went away without a word: it was killed, or it cut this client off; its log says which"},
		{[]error{syscall.EPIPE}, "the server had closed the connection before: connect again"},
		{[]error{syscall.EHOSTUNREACH, syscall.ENETUNREACH}, "no route leads there: check the address and the network"},
		{[]error{syscall.EACCES, syscall.EPERM}, "the system forbids this connection: a firewall rule?"},
		{[]error{ErrProtocol}, "is it the address of another service, or of another dialect's listener?"},
		{[]error{ErrUnauthenticated}, "check the customer number and the password or token"},
		{[]error{ErrForbidden}, "log in as a customer who may do this"},
		{[]error{ErrOverloaded}, "ask less at a time, or later"},
		{[]error{ErrUnavailable}, "the server's disk is full or failing; nothing was changed"},
		{[]error{ErrClosedByServer}, "connect again; the server's log says more"},
		{[]error{ErrTimeout, syscall.ETIMEDOUT, os.ErrDeadlineExceeded, context.DeadlineExceeded}, "the server is overloaded or stuck, its listen backlog is full, or the network loses packets"},
	}
}

// Explain says what to do about an error of this package, by its cause; "" where
// the error says all there is.
func Explain(err error) string {
	var notice *NoticeError
	if err == nil || errors.As(err, &notice) {
		return ""
	}
	for _, a := range advices() {
		for _, is := range a.is {
			if errors.Is(err, is) {
				return a.text
			}
		}
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return "the name is not known; with many connections open it can also be that no file descriptor is left to look it up"
	}
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		return Explain(ErrTimeout)
	}
	return ""
}
