package holdfast_test

import (
	"testing"

	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
)

// example is one block of the protocol's page.
type example struct {
	form  string // of a line of its text: "hex", "http" or "json"
	name  string
	bytes []byte
	// check fails the test unless bytes decode to what they were made from.
	check func(t *testing.T, bytes []byte)
}

// frame is one frame of a dialect that the page shows.
type frame struct {
	name    string // of its block
	dialect codec.Dialect
	// message is the request that a reply answers, or what is sent: its command and id.
	message codec.Message
	reply   bool
	result  codec.Result // of a reply
	body    codec.Body   // nil for none
	masked  bool         // a WebSocket frame of a client
}

// bytes returns the frame as it is sent.
func (f *frame) bytes() []byte {
	var b []byte
	if f.reply {
		b = f.dialect.AppendReply(nil, f.message.Command, f.message.ID, f.result, f.body)
	} else {
		b = f.dialect.AppendPush(nil, f.message.Command, f.message.ID, f.body)
	}
	if !f.masked {
		return b
	}
	r := websocket.Reader{Client: true}
	_, op, payload, _ := r.Next(b, len(b))
	return websocket.AppendMasked(nil, op, pageMask, payload)
}

// pageMask is the mask of the client's frames on the page. A client takes a random one.
const pageMask = 0x11223344

// example returns the block of the frame.
func (f frame) example() example {
	return example{"hex", f.name, f.bytes(), func(t *testing.T, b []byte) {
		if _, ok := f.dialect.(websocket.Packet); ok {
			b = opened(t, &f, b)
		}
		checkDecoded(t, &f, b)
	}}
}

// decoded returns the command and id that a decoder finds in the frame.
func (f *frame) decoded() (codec.Command, uint64) {
	command, id := f.message.Command, f.message.ID
	if _, tlv := f.dialect.(codec.TLV); !tlv {
		if f.reply {
			command = command.Reply()
		}
		return command, id
	}
	if id == 0 {
		id = uint64(command)
	}
	if f.reply {
		id |= uint64(codec.ReplyBit)
	}
	if id > 0xFF {
		return 0, id
	}
	return codec.Command(id), id
}

// protocolExamples returns the blocks of the page, in its order.
func protocolExamples() []example {
	all := websocketTexts()
	for _, f := range protocolFrames() {
		all = append(all, f.example())
	}
	all = append(all, chatFrames()...)
	return append(all, websocketFrames()...)
}

// protocolFrames returns the frames of packet and tlv, in the page's order. Together they are
// one story: customer 100001 of the shipped seed trades, and an operator corrects and busts.
func protocolFrames() []frame {
	var all []frame
	for _, list := range [][]frame{sessionFrames(), orderFrames(), operatorFrames(), otherFrames(), tlvFrames()} {
		all = append(all, list...)
	}
	return all
}

// The ids of packet requests. The first is one of the classic client, which writes
// eight ASCII digits.
const (
	idConn uint64 = 0x30303030_30303031 + iota
	idSubmit
	idHeartbeat
	idLogin
	idPositions
	idPlaceOrder
	idQuotes
	idBust
	idHistory
	idLogout
	idUnknown
	idChat
	idLimit
	idReplaceOrder
	idOrders
	idCancelOrder
	idOperate
	idCorrect
	idHistoryPage
	idOrderHistory
	idCustomers
	idReload
	idAudit
)

func sessionFrames() []frame {
	return []frame{
		packetRequest("Conn request", codec.CommandConn, idConn, nil),
		packetReply("Conn reply", codec.CommandConn, idConn, codec.ResultOK, hello()),
		packetRequest("Submit request", codec.CommandSubmit, idSubmit, codec.Raw("hello")),
		packetReply("Submit reply", codec.CommandSubmit, idSubmit, codec.ResultOK, nil),
		packetRequest("Heartbeat request", codec.CommandHeartbeat, idHeartbeat, nil),
		packetReply("Heartbeat reply", codec.CommandHeartbeat, idHeartbeat, codec.ResultOK, nil),
		packetRequest("Login request", codec.CommandLogin, idLogin, loginRequest()),
		packetReply("Login reply", codec.CommandLogin, idLogin, codec.ResultOK, loginReply()),
		packetReply("Login reply refused", codec.CommandLogin, idLogin, codec.ResultUnauthenticated,
			&pb.Error{Message: "customer number and credential do not match"}),
		packetRequest("Login request resuming", codec.CommandLogin, idLogin, &pb.LoginRequest{
			Customer: customer, Credential: &pb.LoginRequest_Token{Token: seed.DemoToken(customer)}, ResumeFrom: 10,
			HistoryId: historyID(),
		}),
		packetReply("Login reply resumed", codec.CommandLogin, idLogin, codec.ResultOK, &pb.LoginReply{
			Account: accountAfter(1_005_000_0000, 1_001_0000), PushSequence: 10, Resumed: true, HistoryId: historyID(),
		}),
		packetRequest("Positions request", codec.CommandPositions, idPositions, nil),
		packetReply("Positions reply", codec.CommandPositions, idPositions, codec.ResultOK, &pb.PositionsReply{
			Account: accountNow(1_000_000_0000, 1_000_0000), Positions: []*pb.Position{position(100, 10_0000)}, MarketValue: 1_000_0000,
		}),
	}
}

func orderFrames() []frame {
	return []frame{
		packetRequest("PlaceOrder request", codec.CommandPlaceOrder, idPlaceOrder, order()),
		packetReply("PlaceOrder reply", codec.CommandPlaceOrder, idPlaceOrder, codec.ResultOK, orderReply()),
		packetReply("PlaceOrder reply duplicate", codec.CommandPlaceOrder, idPlaceOrder, codec.ResultDuplicate, orderReply()),
		packetReply("PlaceOrder reply rejected", codec.CommandPlaceOrder, idPlaceOrder, codec.ResultRejected, notEnoughCash()),
		packetPush("Execution push", codec.PushExecution, 1, execution()),
		packetPush("PositionUpdate push", codec.PushPositionUpdate, 2, &pb.PositionUpdate{
			Change: pb.Change_CHANGE_INCREASED, Position: position(300, 10_0000), RowCount: 1, MarketValue: 3_000_0000, Cash: 998_000_0000,
		}),
		packetRequest("PlaceOrder request limit", codec.CommandPlaceOrder, idLimit, &pb.PlaceOrderRequest{
			ClientOrderId: "my-order-2", Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Quantity: 100, Price: 9_9000,
			TimeInForce: pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_CANCELLED,
		}),
		packetReply("PlaceOrder reply limit", codec.CommandPlaceOrder, idLimit, codec.ResultOK, &pb.PlaceOrderReply{
			OrderId: limitOrderID, Status: pb.OrderStatus_ORDER_STATUS_NEW, Leaves: 100,
		}),
		packetPush("OrderUpdate push new", codec.PushOrderUpdate, 3, &pb.OrderUpdate{
			Order: limitOrder(), Time: halfPastNine + second, Cash: 998_000_0000, FrozenCash: 990_0000,
		}),
		packetRequest("ReplaceOrder request", codec.CommandReplaceOrder, idReplaceOrder, &pb.ReplaceOrderRequest{
			OrderId: limitOrderID, NewClientOrderId: "my-order-2b", Quantity: 300, Price: 9_9500,
		}),
		packetReply("ReplaceOrder reply", codec.CommandReplaceOrder, idReplaceOrder, codec.ResultOK, &pb.ReplaceOrderReply{Order: replaced()}),
		packetRequest("Orders request", codec.CommandOrders, idOrders, &pb.OrdersRequest{Limit: 100}),
		packetReply("Orders reply", codec.CommandOrders, idOrders, codec.ResultOK, &pb.OrdersReply{
			Orders: []*pb.Order{working(replaced())}, PushSequence: 4,
		}),
		packetRequest("CancelOrder request", codec.CommandCancelOrder, idCancelOrder, &pb.CancelOrderRequest{OrderId: limitOrderID}),
		packetReply("CancelOrder reply", codec.CommandCancelOrder, idCancelOrder, codec.ResultOK, &pb.CancelOrderReply{Order: cancelled(), Count: 1}),
		packetReply("CancelOrder reply too late", codec.CommandCancelOrder, idCancelOrder, codec.ResultRejected, &pb.Error{
			Reason: pb.Reason_REASON_TOO_LATE, Message: "too late: the order is cancelled", Order: cancelled(),
		}),
		packetPush("OrderUpdate push cancelled", codec.PushOrderUpdate, 5, &pb.OrderUpdate{
			Order: cancelled(), Time: halfPastNine + 3*second, Cash: 998_000_0000,
		}),
	}
}

// operatorFrames are what operators do to the customer, and what the customer gets of it.
func operatorFrames() []frame {
	return []frame{
		packetRequest("Operate request", codec.CommandOperate, idOperate, &pb.OperateRequest{
			Command: &pb.OperateRequest_Deposit{Deposit: &pb.CashCommand{Customer: customer, Amount: 5_000_0000, Text: "bonus"}},
		}),
		packetReply("Operate reply", codec.CommandOperate, idOperate, codec.ResultOK, &pb.OperateReply{
			Time: halfPastNine + 4*second, Account: accountAfter(1_003_000_0000, 3_000_0000),
		}),
		packetPush("AccountUpdate push", codec.PushAccountUpdate, 6, &pb.AccountUpdate{
			Change: pb.AccountChange_ACCOUNT_CHANGE_DEPOSIT, Amount: 5_000_0000, Text: "bonus",
			Account: accountAfter(1_003_000_0000, 3_000_0000), Time: halfPastNine + 4*second,
		}),
		packetRequest("Correct request", codec.CommandCorrect, idCorrect, &pb.CorrectRequest{
			ExecutionId: firstExecution, Quantity: 200, Price: 9_9900, Reason: "typing error",
		}),
		packetReply("Correct reply", codec.CommandCorrect, idCorrect, codec.ResultOK, &pb.CorrectReply{
			Busted: correctedExecution(), Replacement: replacement(), Position: correctedPosition(), Order: correctedOrder(),
		}),
		packetPush("ExecutionBusted push corrected", codec.PushExecutionBusted, 7, &pb.ExecutionBusted{
			ExecutionId: firstExecution, Reason: "typing error", Position: correctedPosition(), CorrectedBy: secondExecution,
		}),
		packetPush("Execution push correcting", codec.PushExecution, 8, replacement()),
		packetRequest("Bust request", codec.CommandBust, idBust, &pb.BustRequest{ExecutionId: secondExecution, Reason: bustReason}),
		packetReply("Bust reply", codec.CommandBust, idBust, codec.ResultOK, &pb.BustReply{
			Execution: bustedExecution(), Position: position(100, 10_0100), Executions: []*pb.Execution{bustedExecution()}, Count: 1, Accounts: 1,
		}),
		packetPush("ExecutionBusted push", codec.PushExecutionBusted, 11, &pb.ExecutionBusted{
			ExecutionId: secondExecution, Reason: bustReason, Position: position(100, 10_0100),
		}),
		packetPush("PositionUpdate push after a bust", codec.PushPositionUpdate, 12, &pb.PositionUpdate{
			Change: pb.Change_CHANGE_DECREASED, Position: position(100, 10_0100), RowCount: 1, MarketValue: 1_001_0000, Cash: 1_005_000_0000,
		}),
		packetPush("OrderUpdate push after a bust", codec.PushOrderUpdate, 13, &pb.OrderUpdate{
			Order: bustedOrder(), Time: halfPastNine + 6*second, Cash: 1_005_000_0000,
		}),
		packetRequest("History request", codec.CommandHistory, idHistory, &pb.HistoryRequest{Limit: 10, Market: "ALFA", Code: "600100"}),
		packetReply("History reply", codec.CommandHistory, idHistory, codec.ResultOK, &pb.HistoryReply{
			Executions: []*pb.Execution{bustedExecution(), correctedExecution()},
		}),
		packetRequest("History request with filters", codec.CommandHistory, idHistoryPage, &pb.HistoryRequest{
			Limit: 1, HistoryId: historyID(), Side: pb.Side_SIDE_BUY, State: pb.ExecutionState_EXECUTION_STATE_BUSTED,
			FromTime: halfPastNine, ToTime: halfPastNine + 10*second,
		}),
		packetReply("History reply with a next page", codec.CommandHistory, idHistoryPage, codec.ResultOK, &pb.HistoryReply{
			Executions: []*pb.Execution{bustedExecution()}, More: true, NextBeforeExecutionId: secondExecution,
		}),
		packetRequest("Orders request of the history", codec.CommandOrders, idOrderHistory, &pb.OrdersRequest{
			Limit: 1, HistoryId: historyID(), History: true, Market: "ALFA", Code: "600100", Side: pb.Side_SIDE_BUY,
			FromTime: halfPastNine, ToTime: halfPastNine + 10*second, Statuses: []pb.OrderStatus{pb.OrderStatus_ORDER_STATUS_CANCELLED},
		}),
		packetReply("Orders reply of the history", codec.CommandOrders, idOrderHistory, codec.ResultOK, &pb.OrdersReply{
			Orders: []*pb.Order{cancelled()}, More: true, PushSequence: 13, NextBeforeOrderId: limitOrderID,
		}),
		packetRequest("Operate request customers", codec.CommandOperate, idCustomers, &pb.OperateRequest{
			Command: &pb.OperateRequest_Customers{Customers: &pb.CustomersCommand{Limit: 1}},
		}),
		packetReply("Operate reply customers", codec.CommandOperate, idCustomers, codec.ResultOK, &pb.OperateReply{
			Time: halfPastNine + 10*second, Customers: []*pb.Customer{{Customer: customer, Name: "Alice"}}, More: true,
		}),
		packetRequest("Operate request reload", codec.CommandOperate, idReload, &pb.OperateRequest{
			Command: &pb.OperateRequest_Reload{Reload: &pb.ReloadCommand{}},
		}),
		packetReply("Operate reply reload", codec.CommandOperate, idReload, codec.ResultOK, &pb.OperateReply{
			Time: halfPastNine + 10*second, Reloaded: &pb.Reloaded{ChangedCredentials: 1, ChangedCustomers: 1, EndedSessions: 1},
		}),
		packetRequest("Operate request audit", codec.CommandOperate, idAudit, &pb.OperateRequest{
			Command: &pb.OperateRequest_Audit{Audit: &pb.AuditCommand{Limit: 1}},
		}),
		packetReply("Operate reply audit", codec.CommandOperate, idAudit, codec.ResultOK, &pb.OperateReply{
			Time: halfPastNine + 10*second, More: true, Entries: []*pb.AuditEntry{{
				Number: 17, Time: halfPastNine + 10*second, Customer: 900_001, Name: "Operator", Uid: 3, Address: "192.0.2.7:50000",
				Command: "reload", Result: "OK", Message: "changed_credentials=1 changed_customers=1 ended_sessions=1",
			}},
		}),
	}
}

func otherFrames() []frame {
	return []frame{
		packetRequest("Quotes request", codec.CommandQuotes, idQuotes, &pb.QuotesRequest{
			Instruments: []*pb.InstrumentKey{{Market: "ALFA", Code: "600100"}}, Subscribe: true,
		}),
		packetReply("Quotes reply", codec.CommandQuotes, idQuotes, codec.ResultOK, &pb.QuotesReply{Instruments: []*pb.Instrument{{
			Market: "ALFA", Code: "600100", Name: "Northern Tin", LotSize: 1, PriceTick: 100, LastPrice: 10_0000, MinimumLot: 1,
		}}}),
		packetPush("Quote push", codec.PushQuote, 0, &pb.Quote{
			Market: "ALFA", Code: "600100", LastPrice: 10_0100, Time: halfPastNine + 1_000_000_000,
		}),
		packetPush("PositionUpdate push repriced", codec.PushPositionUpdate, 0, &pb.PositionUpdate{
			Change: pb.Change_CHANGE_REPRICED, Position: position(300, 10_0100), RowCount: 1, MarketValue: 3_003_0000, Cash: 998_000_0000,
		}),
		packetRequest("Logout request", codec.CommandLogout, idLogout, nil),
		packetReply("Logout reply", codec.CommandLogout, idLogout, codec.ResultOK, nil),
		packetRequest("unknown request", unknown, idUnknown, nil),
		packetReply("unknown reply", unknown, idUnknown, codec.ResultUnknownCommand,
			&pb.Error{Message: "this server has no command " + unknown.String()}),
		packetRequest("Chat request", codec.CommandChat, idChat, &pb.ChatRequest{Room: "metals", Text: "hello"}),
		packetReply("Chat reply", codec.CommandChat, idChat, codec.ResultOK, nil),
		packetPush("ChatMessage push", codec.PushChatMessage, 0, chatMessage()),
		packetPush("ChatMessage push joined", codec.PushChatMessage, 0, joined()),
		packetRequest("Chat request who", codec.CommandChat, idChat, &pb.ChatRequest{Room: "metals", Action: pb.ChatAction_CHAT_ACTION_WHO}),
		packetReply("Chat reply who", codec.CommandChat, idChat, codec.ResultOK, whoReply()),
		packetPush("HeartbeatPush push", codec.PushHeartbeat, 0, nil),
		packetPush("Notice push", codec.PushNotice, 0, &pb.Notice{
			Code: pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN, Text: "the server is stopping; connect again later",
		}),
	}
}

func tlvFrames() []frame {
	return []frame{
		tlvPush("Conn greeting", codec.CommandConn, hello()),
		tlvPush("Conn request", codec.CommandConn, nil),
		tlvReply("Conn reply", codec.CommandConn, hello()),
		tlvPush("Login request", codec.CommandLogin, loginRequest()),
		tlvReply("Login reply", codec.CommandLogin, loginReply()),
		tlvPush("PlaceOrder request", codec.CommandPlaceOrder, order()),
		tlvReply("PlaceOrder reply", codec.CommandPlaceOrder, orderReply()),
		tlvPush("Execution push", codec.PushExecution, execution()),
		tlvPush("CancelOrder request", codec.CommandCancelOrder, &pb.CancelOrderRequest{ClientOrderId: "my-order-2b"}),
		{
			name: "tlv reply to message id 300", dialect: codec.TLV{}, message: codec.Message{ID: 300},
			reply: true, result: codec.ResultUnknownCommand, body: &pb.Error{Message: "unknown message id"},
		},
	}
}

func packetRequest(name string, c codec.Command, id uint64, body codec.Body) frame {
	return packetPush(name, c, id, body)
}

func packetPush(name string, c codec.Command, id uint64, body codec.Body) frame {
	return frame{name: "packet " + name, dialect: codec.Packet{}, message: codec.Message{Command: c, ID: id}, body: body}
}

func packetReply(name string, c codec.Command, id uint64, r codec.Result, body codec.Body) frame {
	f := packetPush(name, c, id, body)
	f.reply, f.result = true, r
	return f
}

func tlvPush(name string, c codec.Command, body codec.Body) frame {
	return frame{name: "tlv " + name, dialect: codec.TLV{}, message: codec.Message{Command: c, ID: uint64(c)}, body: body}
}

func tlvReply(name string, c codec.Command, body codec.Body) frame {
	f := tlvPush(name, c, body)
	f.reply = true
	return f
}

const (
	customer        = 100001
	firstOrder      = customer<<32 | 1
	limitOrderID    = customer<<32 | 2
	firstExecution  = customer<<32 | 1
	secondExecution = customer<<32 | 2
	bustReason      = "wrong price"
	halfPastNine    = 1_767_605_400_000_000_000 // 2026-01-05 09:30:00 UTC
	second          = 1_000_000_000

	unknown codec.Command = 0x3F // no command has this number
)

func hello() *pb.ConnReply {
	return &pb.ConnReply{Uid: 1, HeartbeatInterval: 20_000_000_000, ServerVersion: "v1.0.0, go1.26.8", HistoryId: historyID()}
}

func historyID() []byte { return []byte("sixteen bytes...") }

func loginRequest() *pb.LoginRequest {
	return &pb.LoginRequest{
		Customer: customer, Credential: &pb.LoginRequest_Password{Password: seed.DemoPassword}, Uid: 1,
	}
}

func loginReply() *pb.LoginReply {
	return &pb.LoginReply{
		Account: accountNow(1_000_000_0000, 1_000_0000), Positions: []*pb.Position{position(100, 10_0000)}, HistoryId: historyID(),
	}
}

func accountNow(cash, marketValue int64) *pb.Account {
	return &pb.Account{Customer: customer, Name: "Customer 1", Cash: cash, MarketValue: marketValue, FreeCash: cash}
}

// accountAfter is the account after the deposit.
func accountAfter(cash, marketValue int64) *pb.Account {
	a := accountNow(cash, marketValue)
	a.Deposits = 5_000_0000
	return a
}

// position is what customer 100001 holds: all of it bought at 10.0000.
func position(quantity, last int64) *pb.Position {
	return &pb.Position{
		Market: "ALFA", Code: "600100", Quantity: quantity, AverageCost: 10_0000, LastPrice: last,
		MarketValue: quantity * last, UnrealisedProfit: quantity * (last - 10_0000), Sellable: quantity,
	}
}

// correctedPosition is 100 shares bought at 10.0000, and 200 at 9.9900.
func correctedPosition() *pb.Position {
	p := position(300, 10_0000)
	p.AverageCost, p.UnrealisedProfit = 9_9933, 2_0000
	return p
}

func order() *pb.PlaceOrderRequest {
	return &pb.PlaceOrderRequest{ClientOrderId: "my-order-1", Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Quantity: 200}
}

func orderReply() *pb.PlaceOrderReply {
	return &pb.PlaceOrderReply{
		OrderId: firstOrder, Status: pb.OrderStatus_ORDER_STATUS_FILLED,
		Executions: []*pb.Execution{execution()}, Position: position(300, 10_0000), Filled: 200, AveragePrice: 10_0000,
	}
}

func notEnoughCash() *pb.Error {
	return &pb.Error{
		Reason: pb.Reason_REASON_NOT_ENOUGH_CASH, Message: "not enough cash: 998000.0000 cash, 20000000.0000 needed",
	}
}

// marketOrder is what order became.
func marketOrder() *pb.Order {
	return &pb.Order{
		OrderId: firstOrder, ClientOrderId: "my-order-1", Customer: customer, Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100",
		Type: pb.OrderType_ORDER_TYPE_MARKET, TimeInForce: pb.TimeInForce_TIME_IN_FORCE_DAY, Quantity: 200,
		Status: pb.OrderStatus_ORDER_STATUS_FILLED, Filled: 200, AveragePrice: 10_0000, Time: halfPastNine,
	}
}

func correctedOrder() *pb.Order {
	o := marketOrder()
	o.AveragePrice, o.Cause = 9_9900, pb.OrderCause_ORDER_CAUSE_CORRECTION
	return o
}

func bustedOrder() *pb.Order {
	o := marketOrder()
	o.Status, o.Filled, o.AveragePrice, o.Cause = pb.OrderStatus_ORDER_STATUS_CANCELLED, 0, 0, pb.OrderCause_ORDER_CAUSE_BUST
	return o
}

// limitOrder waits.
func limitOrder() *pb.Order {
	return &pb.Order{
		OrderId: limitOrderID, ClientOrderId: "my-order-2", Customer: customer, Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100",
		Type: pb.OrderType_ORDER_TYPE_LIMIT, TimeInForce: pb.TimeInForce_TIME_IN_FORCE_GOOD_TILL_CANCELLED, Quantity: 100, Price: 9_9000,
		Status: pb.OrderStatus_ORDER_STATUS_NEW, Leaves: 100, Time: halfPastNine + second,
	}
}

func replaced() *pb.Order {
	o := limitOrder()
	o.ClientOrderId, o.Quantity, o.Leaves, o.Price, o.Cause = "my-order-2b", 300, 300, 9_9500, pb.OrderCause_ORDER_CAUSE_CLIENT
	return o
}

// working is an order in a list: nothing has just changed it.
func working(o *pb.Order) *pb.Order {
	o.Cause = 0
	return o
}

func cancelled() *pb.Order {
	o := replaced()
	o.Status, o.Leaves = pb.OrderStatus_ORDER_STATUS_CANCELLED, 0
	return o
}

func execution() *pb.Execution {
	return &pb.Execution{
		ExecutionId: firstExecution, OrderId: firstOrder, Customer: customer, ClientOrderId: "my-order-1",
		Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Quantity: 200, Price: 10_0000, Time: halfPastNine,
	}
}

// replacement is the execution that corrects it.
func replacement() *pb.Execution {
	x := execution()
	x.ExecutionId, x.Price, x.Corrects = secondExecution, 9_9900, firstExecution
	return x
}

func correctedExecution() *pb.Execution {
	x := execution()
	x.Busted, x.BustReason, x.CorrectedBy = true, "typing error", secondExecution
	return x
}

func bustedExecution() *pb.Execution {
	x := replacement()
	x.Busted, x.BustReason = true, bustReason
	return x
}

// chatMessage is what the customer says in a room.
func chatMessage() *pb.ChatMessage {
	return &pb.ChatMessage{
		Room: "metals", Sender: "100001", Address: "127.0.0.1", Port: 40001, Text: "hello", Time: halfPastNine,
	}
}

// joined is another customer who joins that room.
func joined() *pb.ChatMessage {
	return &pb.ChatMessage{
		Room: "metals", Sender: "100002", Address: "127.0.0.1", Port: 40002,
		Event: pb.ChatEvent_CHAT_EVENT_JOINED, Time: halfPastNine + 1_000_000_000,
	}
}

func whoReply() *pb.ChatReply {
	return &pb.ChatReply{Count: 2, Members: []*pb.ChatMember{
		{Uid: 1, Sender: "100001", Address: "127.0.0.1", Port: 40001},
		{Uid: 2, Sender: "100002", Address: "127.0.0.1", Port: 40002},
	}}
}
