package client

import (
	"fmt"
	"strings"

	"holdfast/codec/pb"
)

// NoticeCode says what a notice is about. The numbers are those of the protocol.
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
	// NoticeRevoked: the credential of the login is no longer valid.
	NoticeRevoked NoticeCode = 12
)

// String returns the protocol's name of the code, or its number.
func (c NoticeCode) String() string {
	if name, found := pb.NoticeCode_name[int32(c)]; found {
		return strings.TrimPrefix(name, "NOTICE_CODE_")
	}
	return fmt.Sprintf("NoticeCode(%d)", int32(c))
}

// Notice is the server's message before it closes the connection. Text is as the server
// sent it.
type Notice struct {
	Code NoticeCode
	Text string
}

// NoticeError means that the server closed the connection after a notice. It wraps
// ErrClosedByServer.
type NoticeError struct{ Notice Notice }

// Error returns the text and the code of the notice.
func (e *NoticeError) Error() string {
	return fmt.Sprintf("the server closed the connection: %s (%s)", e.Notice.Text, e.Notice.Code)
}

// Unwrap returns ErrClosedByServer.
func (e *NoticeError) Unwrap() error { return ErrClosedByServer }
