package codec

import "strconv"

// Command is the kind of a message. Requests are below 0x40, pushes 0x40..0x7F, and a
// reply has the command of its request with ReplyBit set.
type Command uint8

// ReplyBit marks a reply.
const ReplyBit Command = 0x80

// Requests.
const (
	CommandConn        Command = 0x01
	CommandSubmit      Command = 0x02
	CommandHeartbeat   Command = 0x03
	CommandLogin       Command = 0x04
	CommandLogout      Command = 0x05
	CommandPositions   Command = 0x06
	CommandPlaceOrder  Command = 0x07
	CommandCancelOrder Command = 0x08
	CommandHistory     Command = 0x09
	CommandQuotes      Command = 0x0A
	CommandChat        Command = 0x0B
	CommandBust        Command = 0x0C
)

// Pushes.
const (
	// PushHeartbeat has no body and is outside the sequence.
	PushHeartbeat       Command = 0x40
	PushNotice          Command = 0x41
	PushPositionUpdate  Command = 0x42
	PushExecution       Command = 0x43
	PushExecutionBusted Command = 0x44
	PushQuote           Command = 0x45
	PushChatMessage     Command = 0x46
	PushOrderUpdate     Command = 0x47
)

// Reply returns the command of the reply to c.
func (c Command) Reply() Command { return c | ReplyBit }

// IsReply reports whether c is a reply.
func (c Command) IsReply() bool { return c&ReplyBit != 0 }

// IsPush reports whether c is a push.
func (c Command) IsPush() bool { return c >= 0x40 && c < 0x80 }

// String returns the protocol's name of c, with "Reply" added for a reply, or
// its number in hex.
func (c Command) String() string {
	if c.IsReply() {
		return (c &^ ReplyBit).String() + "Reply"
	}
	switch c {
	case CommandConn:
		return "Conn"
	case CommandSubmit:
		return "Submit"
	case CommandHeartbeat:
		return "Heartbeat"
	case CommandLogin:
		return "Login"
	case CommandLogout:
		return "Logout"
	case CommandPositions:
		return "Positions"
	case CommandPlaceOrder:
		return "PlaceOrder"
	case CommandCancelOrder:
		return "CancelOrder"
	case CommandHistory:
		return "History"
	case CommandQuotes:
		return "Quotes"
	case CommandChat:
		return "Chat"
	case CommandBust:
		return "Bust"
	case PushHeartbeat:
		return "HeartbeatPush"
	case PushNotice:
		return "Notice"
	case PushPositionUpdate:
		return "PositionUpdate"
	case PushExecution:
		return "Execution"
	case PushExecutionBusted:
		return "ExecutionBusted"
	case PushQuote:
		return "Quote"
	case PushChatMessage:
		return "ChatMessage"
	case PushOrderUpdate:
		return "OrderUpdate"
	default:
		return "0x" + strconv.FormatUint(uint64(c), 16)
	}
}
