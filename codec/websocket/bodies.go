package websocket

import (
	"google.golang.org/protobuf/proto"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Message is a body that has a type in codec/pb.
type Message interface {
	proto.Message
	codec.Body
	UnmarshalVT(b []byte) error
}

// bodies are the types of a command's bodies. Without a type a body is empty, or raw: any
// bytes, in JSON a base64 string.
type bodies struct {
	request, reply func() Message // of a push the body is request
	raw            bool           // the request is raw
}

// table has the bodies of each command that a JSON message can name.
var table = map[codec.Command]bodies{
	codec.CommandConn:         {raw: true, reply: func() Message { return new(pb.ConnReply) }},
	codec.CommandSubmit:       {raw: true},
	codec.CommandHeartbeat:    {},
	codec.CommandLogin:        {request: func() Message { return new(pb.LoginRequest) }, reply: func() Message { return new(pb.LoginReply) }},
	codec.CommandLogout:       {},
	codec.CommandPositions:    {request: func() Message { return new(pb.PositionsRequest) }, reply: func() Message { return new(pb.PositionsReply) }},
	codec.CommandPlaceOrder:   {request: func() Message { return new(pb.PlaceOrderRequest) }, reply: func() Message { return new(pb.PlaceOrderReply) }},
	codec.CommandCancelOrder:  {request: func() Message { return new(pb.CancelOrderRequest) }, reply: func() Message { return new(pb.CancelOrderReply) }},
	codec.CommandHistory:      {request: func() Message { return new(pb.HistoryRequest) }, reply: func() Message { return new(pb.HistoryReply) }},
	codec.CommandQuotes:       {request: func() Message { return new(pb.QuotesRequest) }, reply: func() Message { return new(pb.QuotesReply) }},
	codec.CommandChat:         {request: func() Message { return new(pb.ChatRequest) }, reply: func() Message { return new(pb.ChatReply) }},
	codec.CommandBust:         {request: func() Message { return new(pb.BustRequest) }, reply: func() Message { return new(pb.BustReply) }},
	codec.CommandReplaceOrder: {request: func() Message { return new(pb.ReplaceOrderRequest) }, reply: func() Message { return new(pb.ReplaceOrderReply) }},
	codec.CommandOrders:       {request: func() Message { return new(pb.OrdersRequest) }, reply: func() Message { return new(pb.OrdersReply) }},
	codec.CommandCorrect:      {request: func() Message { return new(pb.CorrectRequest) }, reply: func() Message { return new(pb.CorrectReply) }},
	codec.CommandOperate:      {request: func() Message { return new(pb.OperateRequest) }, reply: func() Message { return new(pb.OperateReply) }},

	codec.PushHeartbeat:       {},
	codec.PushNotice:          {request: func() Message { return new(pb.Notice) }},
	codec.PushPositionUpdate:  {request: func() Message { return new(pb.PositionUpdate) }},
	codec.PushExecution:       {request: func() Message { return new(pb.Execution) }},
	codec.PushExecutionBusted: {request: func() Message { return new(pb.ExecutionBusted) }},
	codec.PushQuote:           {request: func() Message { return new(pb.Quote) }},
	codec.PushChatMessage:     {request: func() Message { return new(pb.ChatMessage) }},
	codec.PushOrderUpdate:     {request: func() Message { return new(pb.OrderUpdate) }},
	codec.PushAccountUpdate:   {request: func() Message { return new(pb.AccountUpdate) }},
}

// commands are the commands of table by their names.
var commands = byName()

func byName() map[string]codec.Command {
	names := make(map[string]codec.Command, len(table))
	for c := range table {
		names[c.String()] = c
	}
	return names
}

// NewRequest returns an empty body for a request or push with that command, nil if it has
// none or a raw one.
func NewRequest(c codec.Command) Message { return create(table[c].request) }

// NewReply returns an empty body for the reply to a request with that command, nil if it has
// none. A reply whose result is neither OK nor DUPLICATE has a pb.Error.
func NewReply(c codec.Command) Message { return create(table[c&^codec.ReplyBit].reply) }

func create(body func() Message) Message {
	if body == nil {
		return nil
	}
	return body()
}
