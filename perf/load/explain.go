package load

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
)

// cause is a kind of error: a short name for counting, its meaning, and what to do.
type cause struct {
	kind    string
	is      []error
	meaning string
}

// causes returns all causes, in the order they are tried: specific before general.
func causes() []cause {
	return []cause{
		{"too many from one address", []error{ErrCrowded},
			"the server limits the connections from one address: raise its setting limits.connections_per_address (flag --connections-per-address, 0: no limit), " +
				"connect from more addresses, or, on the server's own machine, leave its setting limits.exempt_loopback at true"},
		{"busy", []error{ErrBusy},
			"the server has too much to do, or no place for another connection: use fewer connections, or raise its setting max_connections"},
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
			"the server reset the connection: it crashed, was killed, or cut this client off"},
		{"backlog full", []error{ErrConnectTimeout},
			"the server does not accept connections: its listen backlog is full (net.core.somaxconn, net.ipv4.tcp_max_syn_backlog), or its event loop is stuck"},
		{"unreachable", []error{syscall.EHOSTUNREACH, syscall.ENETUNREACH},
			"there is no route to this host: check the address and the network"},
		{"no permission", []error{syscall.EACCES, syscall.EPERM},
			"the system forbids it: a firewall rule, or a port below 1024 without the privilege to use it"},
		{"closed", []error{ErrClosed, io.EOF, net.ErrClosed},
			"the server closed the connection: see its log; if it closed all of them at once: is this a listener of this dialect?"},
		{"handshake refused", []error{ErrHandshake},
			"the server refused the WebSocket handshake: is this the WebSocket listener, and the right path? 403 is the wrong Origin, 404 the wrong path, 426 not a WebSocket handshake"},
		{"wrong frame", []error{ErrWrongFrame},
			"the server broke the WebSocket protocol: other dialect?"},
		{"wrong length", []error{ErrWrongLength},
			"the length of the server's answer does not match the protocol: other dialect or version?"},
		{"wrong command", []error{ErrWrongCommand},
			"the command of the server's answer does not match the request: other dialect or version?"},
		{"wrong id", []error{ErrWrongID, ErrUnexpected},
			"the server's answers are out of order, repeated, or on the wrong connection"},
		{"wrong body", []error{ErrWrongBody},
			"the server's answer is malformed or belongs to another customer: other version?"},
		{"push gap", []error{ErrPushGap},
			"a push was lost or repeated, or had not arrived when the run ended"},
		{"login refused", []error{ErrLogin},
			"the server refused the login: do the customers and tokens belong to this server's seed?"},
		{"timeout", []error{syscall.ETIMEDOUT, os.ErrDeadlineExceeded, context.DeadlineExceeded},
			"no answer in time: the server is overloaded or stuck, its listen backlog is full, or packets are lost"},
		{"cancelled", []error{context.Canceled},
			"the run was stopped"},
	}
}

// causeOf returns the cause of err. An unknown error is "other", with its own text.
func causeOf(err error) cause {
	for _, c := range causes() {
		if slices.ContainsFunc(c.is, func(is error) bool { return errors.Is(err, is) }) {
			return c
		}
	}
	var fault *tlsFault
	if errors.As(err, &fault) {
		return cause{kind: "TLS", meaning: "TLS failed: does this listener speak TLS, and is its certificate, or that of this client, trusted? " + fault.Error()}
	}
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return cause{kind: "no such host", meaning: "the host name was not found; with many connections open this also appears when no " +
			"descriptor is left for the lookup (raise \"ulimit -n\", or use a numeric address)"}
	}
	return cause{kind: "other", meaning: err.Error()}
}

// Kind returns the short name under which err is counted, e.g. "reset", or "other".
func Kind(err error) string { return causeOf(err).kind }

// Explain returns what err means for a load of many connections, and what to do about it.
// What the server said about it follows. It is empty for nil, and the error's own text if
// the cause is unknown.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	c := causeOf(err)
	var timeout interface{ Timeout() bool }
	if c.kind == "other" && errors.As(err, &timeout) && timeout.Timeout() {
		return Explain(syscall.ETIMEDOUT)
	}
	var said *answerError
	if errors.As(err, &said) {
		return c.meaning + "; its answer: " + said.answer
	}
	return c.meaning
}
