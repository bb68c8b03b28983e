package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"holdfast/codec"
)

// ConnectionError is a connection that could not be made or was lost.
type ConnectionError struct {
	Op   string // "connect to", "read from", "write to"
	Addr string
	Err  error
}

// Error returns what happened, with the system's text; Explain adds what to do.
func (e *ConnectionError) Error() string {
	return fmt.Sprintf("cannot %s %s: %s", e.Op, e.Addr, plain(e.Err))
}

// Unwrap returns the system's error.
func (e *ConnectionError) Unwrap() error { return e.Err }

// plain returns the text of err without the addresses, which the caller adds.
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

// advice says what to do about some errors.
type advice struct {
	is   []error
	text string
}

// advices returns all advice, special cases before general ones.
func advices() []advice {
	return []advice{
		{[]error{syscall.EMFILE}, "this program has no file descriptors left: raise \"ulimit -n\""},
		{[]error{syscall.ENFILE}, "the machine has no file descriptors left: raise fs.file-max"},
		{[]error{syscall.EADDRNOTAVAIL}, "no local port is free for another connection to this address, or the source address is not one of this machine: close some connections, or correct the address"},
		{[]error{syscall.ECONNREFUSED, syscall.ENOENT}, "nothing listens there: start the server with \"holdfast serve\", or correct the address"},
		{[]error{syscall.ECONNRESET, syscall.ECONNABORTED}, "the server was killed, or closed the connection without a notice: its log says which; connect again"},
		{[]error{syscall.EPIPE}, "the server has already closed the connection: connect again"},
		{[]error{syscall.EHOSTUNREACH, syscall.ENETUNREACH}, "there is no route to this address: check the address and the network"},
		{[]error{syscall.EACCES, syscall.EPERM}, "the system forbids this connection: check the firewall rules, or who may use the socket file"},
		{[]error{errOnlyTLS}, useTLS},
		{[]error{ErrProtocol}, "check the address: it may belong to another service, or to a listener with another dialect"},
		{[]error{ErrUnauthenticated}, "check the customer number and the password or token"},
		{[]error{ErrForbidden}, "use a login that may do it; an operator may do everything"},
		{[]error{ErrOverloaded}, "send fewer requests at a time, or try again later"},
		{[]error{ErrUnavailable}, "try again later; the server's log says why"},
		{[]error{ErrClosedByServer}, "connect again; the server's log says more"},
		{[]error{ErrPushOverflow}, "connect again; a program that uses this package can raise Options.PushBuffer"},
		{[]error{ErrUnknownResult}, "use a newer version of this program"},
		{[]error{ErrTimeout, syscall.ETIMEDOUT, os.ErrDeadlineExceeded, context.DeadlineExceeded}, "the server is overloaded or stuck, its listen backlog is full, or the network loses packets: try again, and look at the server's log"},
	}
}

// Explain returns what to do about an error of this package, or "" if the error's text
// already says everything.
func Explain(err error) string {
	var notice *NoticeError
	var refused *Error
	var handshake *HandshakeError
	var connection *ConnectionError
	var all *AddressesError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &all):
		return all.explain()
	case explainTLS(err) != "":
		return explainTLS(err)
	case errors.As(err, &handshake):
		return explainHandshake(handshake)
	case errors.As(err, &connection) && IsWebSocket(connection.Addr) && errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: start the server with \"holdfast serve --listener websocket=HOST:PORT\", or correct the address"
	case errors.As(err, &notice):
		return explainNotice(&notice.Notice)
	case errors.As(err, &refused) && refused.Result == codec.ResultRejected:
		return explainRefusal(refused)
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
		return "the host name can't be resolved: check it; with many connections open, also raise \"ulimit -n\", since the look-up needs a file descriptor"
	}
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		return Explain(ErrTimeout)
	}
	return ""
}

func explainNotice(n *Notice) string {
	switch {
	case n.Code == NoticeRevoked:
		return "log in with the customer's new password or token"
	case n.Code == NoticeMalformed && saysTLS(n.Text):
		return useTLS
	}
	return "" // its text says what to do
}

func explainRefusal(e *Error) string {
	switch {
	case e.Message != "": // it says what to do
		return ""
	case e.Reason == ReasonBadBustReason:
		return "use a shorter reason, without control characters"
	case e.Reason == ReasonHistoryReset:
		return "the server was reset since this order was first sent: it was not executed now; to place it again, use a new client order id"
	}
	return ""
}
