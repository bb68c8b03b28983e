package client

import (
	"fmt"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Push is a message that the server sent without a request.
type Push struct {
	// Sequence is the number of the push in its account; 0 for pushes without a number:
	// notices, quotes, chat messages and repriced positions.
	Sequence uint64
	Event    Event
}

// Event is the content of a push: Notice, PositionUpdate, Execution, ExecutionBusted,
// OrderUpdate, AccountUpdate, Quote, ChatMessage, UnknownPush or SequenceBreak. The client itself
// creates a SequenceBreak: before the first push after a gap, and in place of a repeated push.
type Event interface{ event() }

// PositionUpdate is a position after a change.
type PositionUpdate struct {
	Change   Change
	Position Position // Quantity is 0 if Change is Closed
	// Rows is the number of positions after the change, MarketValue their total value.
	Rows        int
	MarketValue Money
	// The cash is that of the account after the change.
	Cash, FrozenCash, UnsettledCash Money
}

// ExecutionBusted means that an execution was busted or corrected.
type ExecutionBusted struct {
	ID       ExecutionID
	Reason   string
	Position Position // after the bust
	// CorrectedBy is the execution that replaces it, which the next push has; 0: it is only
	// busted.
	CorrectedBy ExecutionID
}

// OrderUpdate is an order after a change.
type OrderUpdate struct {
	Order OrderState
	Time  time.Time
	// The cash is that of the account after the change.
	Cash, FrozenCash, UnsettledCash Money
	// Position is the position after the change, if its frozen shares have changed and there
	// is no PositionUpdate before; else zero.
	Position Position
}

// AccountChange says what has happened to an account. The numbers are those of the protocol.
type AccountChange int32

// The changes of an account.
const (
	AccountDeposit    AccountChange = 1
	AccountWithdrawal AccountChange = 2
	// AccountReset: the account is as when it was opened. The view discards its positions and
	// orders, and the client requests them again.
	AccountReset AccountChange = 3
)

// String returns the change in lower case: "deposit".
func (c AccountChange) String() string {
	return inWords(pb.AccountChange_name, int32(c), "ACCOUNT_CHANGE_")
}

// AccountUpdate is an account after a change that is not a trade.
type AccountUpdate struct {
	Change AccountChange
	// Amount is what was added to the cash; negative for a withdrawal.
	Amount  Money
	Text    string // a comment of the operator
	Account Account
	Time    time.Time
}

// Quote is a new price.
type Quote struct {
	Key       Key
	LastPrice Price
	Time      time.Time
}

// UnknownPush is a push of a newer server, with a command that this client does not
// support.
type UnknownPush struct {
	Command uint8
	Body    []byte
}

// SequenceBreak means that pushes were lost or repeated.
type SequenceBreak struct {
	// Want is the expected number, Got the received one.
	Want, Got uint64
}

// Double reports whether the push was a repeated one. Otherwise pushes are missing.
func (b SequenceBreak) Double() bool { return b.Got < b.Want }

// String says what happened.
func (b SequenceBreak) String() string {
	switch {
	case b.Double():
		return fmt.Sprintf("push %d came twice", b.Got)
	case b.Got == b.Want+1:
		return fmt.Sprintf("push %d is missing", b.Want)
	}
	return fmt.Sprintf("pushes %d to %d are missing", b.Want, b.Got-1)
}

func (Notice) event()          {}
func (PositionUpdate) event()  {}
func (Execution) event()       {}
func (ExecutionBusted) event() {}
func (OrderUpdate) event()     {}
func (AccountUpdate) event()   {}
func (Quote) event()           {}
func (ChatMessage) event()     {}
func (UnknownPush) event()     {}
func (SequenceBreak) event()   {}

// decodePush decodes a push. It does not retain m's body.
func decodePush(m codec.Message) (Push, error) {
	event, err := decodeEvent(m)
	if err != nil {
		return Push{}, fmt.Errorf("%w: %s push: %w", ErrProtocol, m.Command, err)
	}
	return Push{Sequence: m.ID, Event: event}, nil
}

func decodeEvent(m codec.Message) (Event, error) {
	switch m.Command {
	case codec.PushNotice:
		var body pb.Notice
		err := body.UnmarshalVT(m.Body)
		return Notice{NoticeCode(body.Code), body.Text}, err
	case codec.PushPositionUpdate:
		var body pb.PositionUpdate
		err := body.UnmarshalVT(m.Body)
		return PositionUpdate{
			Change(body.Change), positionOf(body.Position), int(body.RowCount), Money(body.MarketValue),
			Money(body.Cash), Money(body.FrozenCash), Money(body.UnsettledCash),
		}, err
	case codec.PushExecution:
		var body pb.Execution
		err := body.UnmarshalVT(m.Body)
		return executionOf(&body), err
	case codec.PushExecutionBusted:
		var body pb.ExecutionBusted
		err := body.UnmarshalVT(m.Body)
		return ExecutionBusted{
			ExecutionID(body.ExecutionId), body.Reason, positionOf(body.Position), ExecutionID(body.CorrectedBy),
		}, err
	case codec.PushOrderUpdate:
		var body pb.OrderUpdate
		err := body.UnmarshalVT(m.Body)
		return OrderUpdate{
			orderOf(body.Order), timeOf(body.Time),
			Money(body.Cash), Money(body.FrozenCash), Money(body.UnsettledCash), positionOf(body.Position),
		}, err
	case codec.PushAccountUpdate:
		var body pb.AccountUpdate
		err := body.UnmarshalVT(m.Body)
		return AccountUpdate{
			AccountChange(body.Change), Money(body.Amount), body.Text, accountOf(body.Account), timeOf(body.Time),
		}, err
	case codec.PushQuote:
		var body pb.Quote
		err := body.UnmarshalVT(m.Body)
		return Quote{Key{body.Market, body.Code}, Price(body.LastPrice), time.Unix(0, body.Time)}, err
	case codec.PushChatMessage:
		var body pb.ChatMessage
		err := body.UnmarshalVT(m.Body)
		return chatMessageOf(&body), err
	}
	return UnknownPush{uint8(m.Command), append([]byte(nil), m.Body...)}, nil
}
