package client

import (
	"errors"
	"fmt"
	"strings"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// A reply that is not OK becomes an *Error, which wraps one of these.
var (
	ErrFailed          = errors.New("the server could not do this")
	ErrMalformed       = errors.New("malformed request")
	ErrUnknownCommand  = errors.New("unknown command")
	ErrUnauthenticated = errors.New("not logged in, or wrong credential")
	ErrForbidden       = errors.New("forbidden")
	ErrRejected        = errors.New("rejected")
	ErrOverloaded      = errors.New("server overloaded")
	ErrUnavailable     = errors.New("the server can't store orders or read the history now")
	ErrTooLarge        = errors.New("request too large")
	ErrUnknownResult   = errors.New("unknown result code: the server is newer than this program")
)

// The other errors.
var (
	// ErrClosed means that Close was called.
	ErrClosed = errors.New("client closed")
	// ErrClosedByServer means that the server closed the connection. The error is a
	// *NoticeError if the server said why.
	ErrClosedByServer = errors.New("the server closed the connection")
	// ErrTimeout means that no reply came in time. The server may still have executed
	// the request.
	ErrTimeout = errors.New("no reply in time")
	// ErrProtocol means that the server sent something that the protocol doesn't allow.
	ErrProtocol = errors.New("the server does not speak holdfast's packet dialect")
	// ErrNoTLS means that the server answered a TLS handshake with something else.
	ErrNoTLS = errors.New("the server does not speak TLS on this address")
	// ErrHandshakeRefused means that the server refused the TLS handshake without a reason: it
	// may have too many connections.
	ErrHandshakeRefused = errors.New("the server refused the TLS handshake")
	// ErrClientCertificate means that the server wants a certificate of the client, or another
	// one.
	ErrClientCertificate = errors.New("the server does not accept the client's certificate, or there is none")
	// ErrPushOverflow means that OnPush was too slow: a numbered push found the buffer
	// full. The connection was closed.
	ErrPushOverflow = errors.New("pushes arrive faster than this program handles them")
	// ErrIDInUse means that an earlier request with this id still has no reply.
	ErrIDInUse = errors.New("request id in use: wait for its reply, or use another id")
	// ErrRequestTooLarge means that a request exceeds Options.MaxFrame; it was not sent.
	ErrRequestTooLarge = errors.New("request exceeds the maximum frame")
	// ErrBadAddress means that a text is not the address of a server.
	ErrBadAddress = errors.New("bad address")
	// ErrBadID means that a text is not an id.
	ErrBadID = errors.New("bad id")
)

// Reason is the business rule that refused a request. The numbers are those of the
// protocol.
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
	ReasonBadBustReason     Reason = 13
	// ReasonHistoryReset refuses an order that was first sent before the server was reset,
	// or an execution id that was read before.
	ReasonHistoryReset Reason = 14
	// ReasonNotEnoughSellable: there are enough shares, but some are frozen for other orders
	// or can't be sold yet.
	ReasonNotEnoughSellable Reason = 15
	// ReasonBadTick: the price is not a multiple of Instrument.PriceTick.
	ReasonBadTick Reason = 16
	// ReasonOutsideBand: the price is not between Instrument.LowPrice and HighPrice.
	ReasonOutsideBand           Reason = 17
	ReasonMarketClosed          Reason = 18
	ReasonHalted                Reason = 19
	ReasonBadOrderType          Reason = 20
	ReasonBadTimeInForce        Reason = 21
	ReasonBadExpiry             Reason = 22
	ReasonTooManyOrders         Reason = 23
	ReasonTooManyClientOrderIDs Reason = 24
	ReasonUnknownOrder          Reason = 25
	// ReasonTooLate: the order no longer works. Error.Order has its status.
	ReasonTooLate Reason = 26
	// ReasonCancelPending: another cancel or replacement of the order is on its way.
	ReasonCancelPending Reason = 27
	// ReasonBeforeReset: the execution is from before the account was reset.
	ReasonBeforeReset Reason = 28
	// ReasonBusted: the execution is busted, so it can't be corrected.
	ReasonBusted Reason = 29
	// ReasonOverfilled: a correction would make the order filled beyond its quantity.
	ReasonOverfilled Reason = 30
	ReasonBadAmount  Reason = 31
	// ReasonSimulated: rejected on demand, by a script, a directive or an operator.
	ReasonSimulated    Reason = 32
	ReasonBadDirective Reason = 33
	// ReasonNotStepped: the clock runs by itself; only a stepped one can be stepped.
	ReasonNotStepped      Reason = 34
	ReasonUnknownCustomer Reason = 35
	// ReasonBadSeed: the seed file can't be read, or can't be applied to the running server.
	ReasonBadSeed Reason = 36
)

// String returns the protocol's name of the reason: "NOT_ENOUGH_SHARES".
func (r Reason) String() string {
	return strings.TrimPrefix(pb.Reason(r).String(), "REASON_")
}

// Error is a reply that is not OK.
type Error struct {
	Result codec.Result
	Reason Reason // 0 if no business rule was involved
	// Message is the text that the server sent, as it is; it may be empty.
	Message string
	// Blocking lists the sells that block a bust (ReasonBustBlocked).
	Blocking []ExecutionID
	// Order is the order as it is, with ReasonTooLate and ReasonCancelPending; else zero.
	Order OrderState
}

// Error returns Message, or the text of the result if there is no message.
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
	default:
		return ErrUnknownResult
	}
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
	return errorOf(r, &body)
}

func errorOf(r codec.Result, m *pb.Error) *Error {
	e := &Error{Result: r, Reason: Reason(m.GetReason()), Message: m.GetMessage(), Order: orderOf(m.GetOrder())}
	for _, id := range m.GetBlockingExecutionIds() {
		e.Blocking = append(e.Blocking, ExecutionID(id))
	}
	return e
}

// errorIsReply reports whether err is the server's refusal, not a failure of the connection.
func errorIsReply(err error) bool {
	var refused *Error
	return errors.As(err, &refused)
}
