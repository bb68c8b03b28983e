package codec

import "strconv"

// Command is the kind of a message. Requests are below 0x40, pushes 0x40..0x7F, and a
// reply has the command of its request with ReplyBit set.
type Command uint8

// ReplyBit marks a reply.
const ReplyBit Command = 0x80

// Requests.
const (
	CommandConn         Command = 0x01
	CommandSubmit       Command = 0x02
	CommandHeartbeat    Command = 0x03
	CommandLogin        Command = 0x04
	CommandLogout       Command = 0x05
	CommandPositions    Command = 0x06
	CommandPlaceOrder   Command = 0x07
	CommandCancelOrder  Command = 0x08
	CommandHistory      Command = 0x09
	CommandQuotes       Command = 0x0A
	CommandChat         Command = 0x0B
	CommandBust         Command = 0x0C
	CommandReplaceOrder Command = 0x0D
	CommandOrders       Command = 0x0E
	CommandCorrect      Command = 0x0F
	CommandOperate      Command = 0x10
	// CommandFIX is a message of the FIX dialect, which has all its commands in it. No other
	// dialect has this one.
	CommandFIX Command = 0x3E
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
	PushAccountUpdate   Command = 0x48
)

// Reply returns the command of the reply to c.
func (c Command) Reply() Command { return c | ReplyBit }

// IsReply reports whether c is a reply.
func (c Command) IsReply() bool { return c&ReplyBit != 0 }

// IsPush reports whether c is a push.
func (c Command) IsPush() bool { return c >= 0x40 && c < 0x80 }

// commandNames are the protocol's names, by command.
var commandNames = [...]string{
	CommandConn:         "Conn",
	CommandSubmit:       "Submit",
	CommandHeartbeat:    "Heartbeat",
	CommandLogin:        "Login",
	CommandLogout:       "Logout",
	CommandPositions:    "Positions",
	CommandPlaceOrder:   "PlaceOrder",
	CommandCancelOrder:  "CancelOrder",
	CommandHistory:      "History",
	CommandQuotes:       "Quotes",
	CommandChat:         "Chat",
	CommandBust:         "Bust",
	CommandReplaceOrder: "ReplaceOrder",
	CommandOrders:       "Orders",
	CommandCorrect:      "Correct",
	CommandOperate:      "Operate",
	CommandFIX:          "FIX",
	PushHeartbeat:       "HeartbeatPush",
	PushNotice:          "Notice",
	PushPositionUpdate:  "PositionUpdate",
	PushExecution:       "Execution",
	PushExecutionBusted: "ExecutionBusted",
	PushQuote:           "Quote",
	PushChatMessage:     "ChatMessage",
	PushOrderUpdate:     "OrderUpdate",
	PushAccountUpdate:   "AccountUpdate",
}

// String returns the protocol's name of c, with "Reply" added for a reply, or
// its number in hex.
func (c Command) String() string {
	if c.IsReply() {
		return (c &^ ReplyBit).String() + "Reply"
	}
	if int(c) < len(commandNames) && commandNames[c] != "" {
		return commandNames[c]
	}
	return "0x" + strconv.FormatUint(uint64(c), 16)
}
