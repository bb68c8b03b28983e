package load

import (
	"errors"
	"fmt"
	"strings"
)

// answerError is an error with what the server said about it: an HTTP status, the code of a
// Close frame, or a Notice.
type answerError struct {
	error
	answer string
}

// Unwrap returns the error alone.
func (e *answerError) Unwrap() error { return e.error }

var (
	// ErrUnsupported means that this is not Linux: the generator needs epoll and /proc.
	ErrUnsupported = errors.New("load: the load generator runs on Linux only")
	// ErrOptions means that an option is invalid; the text names it.
	ErrOptions = errors.New("load: bad option")
	// ErrTooManyErrors ends a run with more errors than Options.MaxErrors.
	ErrTooManyErrors = errors.New("load: too many errors")
	// ErrAllLost ends a run that has lost its last connection.
	ErrAllLost = errors.New("load: every connection is lost")
	// ErrConnectTimeout means that not all connections were ready within
	// Options.ConnectTimeout.
	ErrConnectTimeout = errors.New("load: not all connections were ready in time")
	// ErrLogin means that the server refused a login.
	ErrLogin = errors.New("load: login refused")
	// ErrCrowded means that the server accepts no more connections from our address.
	ErrCrowded = errors.New("load: too many connections from one address")
	// ErrBusy means that the server has too much to do, or too many connections: while the
	// connections open, they try again.
	ErrBusy = errors.New("load: the server is busy")
	// ErrHandshake means that the server refused a WebSocket handshake; the text has its
	// HTTP status.
	ErrHandshake = errors.New("load: WebSocket handshake refused")
	// ErrTLS means that the TLS handshake failed, or that a record can't be read.
	ErrTLS = errors.New("load: TLS failed")
	// ErrClosed means that the server closed a connection.
	ErrClosed = errors.New("load: closed by the server")

	// ErrWrongLength means that a frame's length field, or a reply's length, is wrong.
	ErrWrongLength = errors.New("load: wrong length")
	// ErrWrongFrame means that the server broke the WebSocket protocol.
	ErrWrongFrame = errors.New("load: wrong WebSocket frame")
	// ErrWrongCommand means that a frame is neither the expected reply nor a push.
	ErrWrongCommand = errors.New("load: wrong command")
	// ErrWrongID means that a reply's id is not that of the oldest open request.
	ErrWrongID = errors.New("load: wrong id")
	// ErrWrongBody means that a reply's body is malformed, or belongs to another
	// customer.
	ErrWrongBody = errors.New("load: wrong body")
	// ErrUnexpected means that a reply came while no request was open.
	ErrUnexpected = errors.New("load: reply without a request")
	// ErrPushGap means that a push sequence number is not the last one plus one, or a
	// session got fewer pushes than another of its account.
	ErrPushGap = errors.New("load: gap in the push sequence")

	// ErrPlan means that a Plan is invalid; the text says why.
	ErrPlan = errors.New("load: bad plan")
	// ErrNotReady means that a server of a Plan was not ready in time.
	ErrNotReady = errors.New("load: the server was not ready in time")
	// ErrServerExited means that a server of a Plan ended unexpectedly.
	ErrServerExited = errors.New("load: the server ended unexpectedly")
)

// tlsFault is an error of TLS. It wraps ErrTLS, and ErrBusy if the server refuses the handshake
// without a reason, as one with too many connections does.
type tlsFault struct{ error }

// Unwrap returns what it wraps.
func (e *tlsFault) Unwrap() []error { return []error{ErrTLS, e.error} }

func tlsError(err error) error {
	fault := &tlsFault{err}
	if strings.Contains(err.Error(), "remote error: tls: handshake failure") {
		return fmt.Errorf("%w: %w", ErrBusy, fault)
	}
	return fault
}
