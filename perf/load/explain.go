package load

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// cause is one thing that goes wrong: its short name for counting, and what it
// means and what to do.
type cause struct {
	kind    string
	is      []error
	meaning string
}

// causes are tried in this order: the particular before the general.
func causes() []cause {
	return []cause{
		{"too many from one address", []error{ErrCrowded},
			"the server bounds the connections of one address: raise that limit there (holdfast serve --connections-per-address), or drive it from more addresses"},
		{"out of descriptors", []error{syscall.EMFILE},
			"this process has run out of file descriptors: raise the limit with \"ulimit -n\" (soft and hard)"},
		{"out of descriptors", []error{syscall.ENFILE},
			"the whole machine has run out of file descriptors: raise fs.file-max"},
		{"ports exhausted", []error{syscall.EADDRNOTAVAIL, syscall.EAGAIN},
			"no local port is left for this server address: connect from more source addresses (Sources), or widen net.ipv4.ip_local_port_range"},
		{"address in use", []error{syscall.EADDRINUSE},
			"the address is in use: is another server running, or are there too many connections from one source address?"},
		{"refused", []error{syscall.ECONNREFUSED},
			"nothing listens at this address: is the server up, and is the port right?"},
		{"broken pipe", []error{syscall.EPIPE},
			"the server had closed the connection before this request was written"},
		{"reset", []error{syscall.ECONNRESET, syscall.ECONNABORTED},
			"the server reset the connection: it crashed, was killed, or threw this client out"},
		{"backlog full", []error{ErrConnectTimeout},
			"connections are not taken up: the server's listen backlog is full (net.core.somaxconn, net.ipv4.tcp_max_syn_backlog), or its event loop is stuck"},
		{"unreachable", []error{syscall.EHOSTUNREACH, syscall.ENETUNREACH},
			"there is no way to this host: check the address and the network"},
		{"no permission", []error{syscall.EACCES, syscall.EPERM},
			"the system forbids it: a firewall rule, or a port below 1024 without the right to it"},
		{"closed", []error{ErrClosed, io.EOF, net.ErrClosed},
			"the server closed the connection: its log and its last notice say why"},
		{"wrong length", []error{ErrWrongLength},
			"the server's answer has another length than the protocol says: other dialect or other version?"},
		{"wrong command", []error{ErrWrongCommand},
			"the server answered with a command that does not belong to the request: other dialect or other version?"},
		{"wrong id", []error{ErrWrongID, ErrUnasked},
			"the server's answers are out of order, doubled, or went to the wrong connection"},
		{"wrong body", []error{ErrWrongBody},
			"the server's answer can't be read, or is that of another customer: other version?"},
		{"push gap", []error{ErrPushGap},
			"a push was lost or doubled, or had not come when the run ended"},
		{"login refused", []error{ErrLogin},
			"the server refused the login: do the customers and tokens belong to this server's seed?"},
		{"timeout", []error{syscall.ETIMEDOUT, os.ErrDeadlineExceeded, context.DeadlineExceeded},
			"no answer in time: the server is overloaded or stuck, its listen backlog is full, or packets are lost"},
		{"cancelled", []error{context.Canceled},
			"the run was stopped"},
	}
}

func causeOf(err error) (cause, bool) {
	for _, c := range causes() {
		for _, is := range c.is {
			if errors.Is(err, is) {
				return c, true
			}
		}
	}
	return cause{}, false
}

// Kind returns the short name under which err is counted, e.g. "reset"; "other"
// for one without a name.
func Kind(err error) string {
	if c, ok := causeOf(err); ok {
		return c.kind
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return "no such host"
	}
	return "other"
}

// Explain says what err means to somebody who drives many connections and what
// to do about it, by its cause. It is empty for nil, and the error's own text
// when there is nothing to add.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	if c, ok := causeOf(err); ok {
		return c.meaning
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return "the host name was not found; with many connections open this also appears when no " +
			"descriptor is left to ask for it (raise \"ulimit -n\", or give the address as a number)"
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return Explain(syscall.ETIMEDOUT)
	}
	return err.Error()
}
