package client

import (
	"errors"
	"fmt"
	"strings"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// A server's answer that is not OK is an *Error that is one of these.
var (
	ErrFailed          = errors.New("failed")
	ErrMalformed       = errors.New("malformed request")
	ErrUnknownCommand  = errors.New("unknown command")
	ErrUnauthenticated = errors.New("not logged in, or wrong credential")
	ErrForbidden       = errors.New("forbidden")
	ErrRejected        = errors.New("rejected")
	ErrOverloaded      = errors.New("server overloaded")
	ErrUnavailable     = errors.New("server can't store anything now")
	ErrTooLarge        = errors.New("request too large")
	ErrUnknownResult   = errors.New("result code of a newer server")
)

// What else can go wrong.
var (
	// ErrClosed means that Close was called.
	ErrClosed = errors.New("client closed")
	// ErrClosedByServer means that the server closed the connection; a
	// *NoticeError where it said why.
	ErrClosedByServer = errors.New("the server closed the connection")
	// ErrTimeout means that no answer came in time. What was asked for may have
	// been done all the same.
	ErrTimeout = errors.New("no answer in time")
	// ErrProtocol means that the server sent what the protocol doesn't allow.
	ErrProtocol = errors.New("not holdfast's packet dialect")
	// ErrPushOverflow means that OnPush fell so far behind that numbered pushes no
	// longer fitted; the connection was closed.
	ErrPushOverflow = errors.New("pushes are not taken up fast enough")
	// ErrIDInUse means that a request with this id is waiting for its answer.
	ErrIDInUse = errors.New("request id in use")
	// ErrRequestTooLarge means that a request is above Options.MaxFrame; it was not sent.
	ErrRequestTooLarge = errors.New("request is above the maximum frame")
	// ErrBadID means that a text is no id.
	ErrBadID = errors.New("bad id")
)

// Reason says which business rule refused a request; the numbers are those of
// the wire.
type Reason int32

// The reasons.
const (
	ReasonUnknownInstrument Reason = 1
	ReasonNotEnoughShares   Reason = 2
	ReasonNotEnoughCash     Reason = 3
	ReasonBadLot            Reason = 4
	ReasonBadPrice          Reason = 5
	ReasonBadQuantity       Reason = 6
	ReasonBadSide           Reason = 7
	ReasonTooLarge          Reason = 8
	ReasonUnknownExecution  Reason = 9
	ReasonBustBlocked       Reason = 10
	ReasonBadClientOrderID  Reason = 11
	ReasonTooManyPositions  Reason = 12
)

// String returns the protocol's name of the reason: "NOT_ENOUGH_SHARES".
func (r Reason) String() string {
	return strings.TrimPrefix(pb.Reason(r).String(), "REASON_")
}

// Error is an answer that is not OK.
type Error struct {
	Result codec.Result
	Reason Reason // 0 where no business rule is involved
	// Message is the server's own words.
	Message string
	// Blocking, with ReasonBustBlocked, lists the sells that stand in the way.
	Blocking []ExecutionID
}

// Error returns the server's words, or the result where it sent none.
func (e *Error) Error() string {
	text := e.Message
	if text == "" {
		text = e.Unwrap().Error()
	}
	if len(e.Blocking) > 0 {
		text += fmt.Sprintf(" (in the way: %s)", joinIDs(e.Blocking))
	}
	return text
}

// Unwrap returns the sentinel of the result.
func (e *Error) Unwrap() error {
	switch e.Result {
	case codec.ResultFailed:
		return ErrFailed
	case codec.ResultMalformed:
		return ErrMalformed
	case codec.ResultUnknownCommand:
		return ErrUnknownCommand
	case codec.ResultUnauthenticated:
		return ErrUnauthenticated
	case codec.ResultForbidden:
		return ErrForbidden
	case codec.ResultRejected:
		return ErrRejected
	case codec.ResultOverloaded:
		return ErrOverloaded
	case codec.ResultUnavailable:
		return ErrUnavailable
	case codec.ResultTooLarge:
		return ErrTooLarge
	}
	return ErrUnknownResult
}

func joinIDs(ids []ExecutionID) string {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		texts = append(texts, id.String())
	}
	return strings.Join(texts, ", ")
}

func decodeError(r codec.Result, b []byte) error {
	var body pb.Error
	if err := body.UnmarshalVT(b); err != nil {
		return fmt.Errorf("%w: error body: %w", ErrProtocol, err)
	}
	e := &Error{Result: r, Reason: Reason(body.Reason), Message: body.Message}
	for _, id := range body.BlockingExecutionIds {
		e.Blocking = append(e.Blocking, ExecutionID(id))
	}
	return e
}
