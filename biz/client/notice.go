package client

import "fmt"

// NoticeCode says what a notice is about; the numbers are those of the wire.
type NoticeCode int32

// The codes of notices.
const (
	NoticeMalformed          NoticeCode = 1
	NoticeTooLarge           NoticeCode = 2
	NoticeTooManyConnections NoticeCode = 3
	NoticeOverloaded         NoticeCode = 4
	NoticeSlowConsumer       NoticeCode = 5
	NoticeShuttingDown       NoticeCode = 6
	NoticeInternal           NoticeCode = 7
	NoticeIdle               NoticeCode = 8
	NoticeUnavailable        NoticeCode = 9
	NoticeTimeout            NoticeCode = 10
	NoticeTooManyFromAddress NoticeCode = 11
)

// String returns the protocol's name of the code, or its number.
func (c NoticeCode) String() string {
	names := [...]string{
		"UNSPECIFIED", "MALFORMED", "TOO_LARGE", "TOO_MANY_CONNECTIONS", "OVERLOADED",
		"SLOW_CONSUMER", "SHUTTING_DOWN", "INTERNAL", "IDLE", "UNAVAILABLE", "TIMEOUT",
		"TOO_MANY_FROM_ADDRESS",
	}
	if c >= 0 && int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("NoticeCode(%d)", int32(c))
}

// Notice is what the server says before it closes the connection.
type Notice struct {
	Code NoticeCode
	Text string
}

// NoticeError is the end of a connection that the server closed after a notice.
// It is ErrClosedByServer.
type NoticeError struct{ Notice Notice }

// Error returns the server's words.
func (e *NoticeError) Error() string {
	return fmt.Sprintf("the server closed the connection: %s (%s)", e.Notice.Text, e.Notice.Code)
}

// Unwrap returns ErrClosedByServer.
func (e *NoticeError) Unwrap() error { return ErrClosedByServer }
