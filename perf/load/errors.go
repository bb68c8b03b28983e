package load

import "errors"

var (
	// ErrUnsupported: the generator needs Linux (epoll, /proc).
	ErrUnsupported = errors.New("load: the load generator runs on Linux only")
	// ErrOptions: an option is out of range; the text names it.
	ErrOptions = errors.New("load: bad option")
	// ErrTooManyErrors ends a run with more errors than Options.MaxErrors.
	ErrTooManyErrors = errors.New("load: too many errors")
	// ErrAllLost ends a run whose last connection is gone.
	ErrAllLost = errors.New("load: every connection is lost")
	// ErrConnectTimeout: not all connections were ready within Options.ConnectTimeout.
	ErrConnectTimeout = errors.New("load: not all connections were ready in time")
	// ErrLogin: the server refused a login.
	ErrLogin = errors.New("load: login refused")
	// ErrCrowded: the server takes no more connections from our address.
	ErrCrowded = errors.New("load: too many connections from one address")
	// ErrClosed: the server closed a connection.
	ErrClosed = errors.New("load: closed by the server")

	// ErrWrongLength: a frame's length field, or a reply's length, is wrong.
	ErrWrongLength = errors.New("load: wrong length")
	// ErrWrongCommand: a frame is neither the reply expected nor a push.
	ErrWrongCommand = errors.New("load: wrong command")
	// ErrWrongID: a reply's id is not that of the oldest open request.
	ErrWrongID = errors.New("load: wrong id")
	// ErrWrongBody: a reply's body can't be read, or is not the customer's.
	ErrWrongBody = errors.New("load: wrong body")
	// ErrUnasked: a reply came although no request was open.
	ErrUnasked = errors.New("load: reply without a request")
	// ErrPushGap: a push sequence number is not the last one plus one, or a session
	// got fewer pushes than another of its account.
	ErrPushGap = errors.New("load: gap in the push sequence")

	// ErrPlan: a Plan for Compare can't be carried out; the text says why.
	ErrPlan = errors.New("load: bad plan")
	// ErrNotReady: a server under comparison did not answer in time.
	ErrNotReady = errors.New("load: the server did not get ready")
	// ErrServerExited: a server under comparison ended by itself.
	ErrServerExited = errors.New("load: the server ended by itself")
)
