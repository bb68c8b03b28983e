package terminal_test

import (
	"net"
	"sync"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// fakeServer is a server of the packet dialect that the test plays.
type fakeServer struct {
	addr        string
	pushAtLogin bool // an execution comes right after the login

	mu   sync.Mutex
	said []*pb.ChatMessage // in the common room
}

// fakeConn is the server's end of a connection.
type fakeConn struct {
	net.Conn
	server *fakeServer
}

func (c *fakeConn) reply(m codec.Message, r codec.Result, body codec.Body) {
	c.Write(codec.Packet{}.AppendReply(nil, m.Command, m.ID, r, body)) // the client may be gone
}

func (c *fakeConn) push(command codec.Command, sequence uint64, body codec.Body) {
	c.Write(codec.AppendRequest(nil, command, sequence, body))
}

// newFakeServer starts a server on a port that answers what every client needs, and leaves
// the rest to handle.
func newFakeServer(t *testing.T, handle func(c *fakeConn, m codec.Message)) *fakeServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &fakeServer{addr: l.Addr().String()}
	var work sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer conn.Close()
				serveFrames(conn, func(b []byte) int {
					m, used, err := codec.Decode(codec.Packet{}, b, codec.DefaultMaxFrame)
					if err == nil && used > 0 {
						answerFake(&fakeConn{conn, s}, m, handle)
					}
					return used
				})
			})
		}
	})
	return s
}

// serveFrames reads from a connection until it ends. take returns the length of the frame
// that it has handled, 0 for none.
func serveFrames(conn net.Conn, take func(b []byte) int) {
	var buf []byte
	chunk := make([]byte, 64<<10)
	for {
		n, err := conn.Read(chunk)
		if err != nil {
			return
		}
		buf = append(buf, chunk[:n]...)
		for used := take(buf); used > 0; used = take(buf) {
			buf = append([]byte(nil), buf[used:]...)
		}
	}
}

func answerFake(c *fakeConn, m codec.Message, handle func(c *fakeConn, m codec.Message)) {
	account := &pb.Account{Customer: 100020, Name: "Customer 20", Cash: 500_0000}
	switch m.Command {
	case codec.CommandConn:
		c.reply(m, codec.ResultOK, &pb.ConnReply{Uid: 7, ServerVersion: "1.0", HistoryId: []byte("16 bytes of text")})
	case codec.CommandLogin:
		c.reply(m, codec.ResultOK, &pb.LoginReply{Account: account, PushSequence: 2})
		if c.server.pushAtLogin {
			c.push(codec.PushExecution, 3, &pb.Execution{ExecutionId: 1})
		}
	case codec.CommandPositions:
		c.reply(m, codec.ResultOK, &pb.PositionsReply{Account: account, PushSequence: 2})
	case codec.CommandQuotes:
		c.reply(m, codec.ResultOK, &pb.QuotesReply{Instruments: []*pb.Instrument{{Market: "ALFA", Code: "600100", Name: "Northern Tin", LotSize: 1, PriceTick: 100, LastPrice: 10_0000}}})
	case codec.CommandLogout, codec.CommandHeartbeat:
		c.reply(m, codec.ResultOK, nil)
	default:
		handle(c, m)
	}
}

// trades is what a fakeServer does with orders, chat and the history.
func trades(c *fakeConn, m codec.Message) {
	switch m.Command {
	case codec.CommandPlaceOrder:
		var o pb.PlaceOrderRequest
		if err := o.UnmarshalVT(m.Body); err != nil || o.Quantity > 100 {
			c.reply(m, codec.ResultRejected, &pb.Error{Reason: pb.Reason_REASON_NOT_ENOUGH_CASH, Message: "not enough cash"})
			return
		}
		x := &pb.Execution{ExecutionId: 100020<<32 | 1, Side: o.Side, Market: o.Market, Code: o.Code, Quantity: o.Quantity, Price: 10_0000, Time: 5}
		p := &pb.Position{Market: o.Market, Code: o.Code, Quantity: o.Quantity, LastPrice: 10_0000}
		c.push(codec.PushExecution, 3, x)
		c.push(codec.PushPositionUpdate, 4, &pb.PositionUpdate{Change: pb.Change_CHANGE_OPENED, Position: p, RowCount: 1})
		c.reply(m, codec.ResultOK, &pb.PlaceOrderReply{OrderId: 100020<<32 | 1, Status: pb.OrderStatus_ORDER_STATUS_FILLED, Executions: []*pb.Execution{x}, Position: p})
	case codec.CommandHistory:
		c.reply(m, codec.ResultOK, &pb.HistoryReply{})
	case codec.CommandChat:
		chats(c, m)
	default:
		c.reply(m, codec.ResultUnknownCommand, &pb.Error{})
	}
}

func chats(c *fakeConn, m codec.Message) {
	var request pb.ChatRequest
	if err := request.UnmarshalVT(m.Body); err != nil {
		c.Close()
		return
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	switch request.Action {
	case pb.ChatAction_CHAT_ACTION_WHO:
		c.reply(m, codec.ResultOK, &pb.ChatReply{Count: 2000, More: true, Members: []*pb.ChatMember{{Uid: 7, Sender: "100020", Address: "127.0.0.1", Port: 4000}, {Uid: 8, Address: "::1", Port: 4001}}})
	case pb.ChatAction_CHAT_ACTION_JOIN:
		for _, message := range c.server.said {
			message.Earlier = true
			c.push(codec.PushChatMessage, 0, message)
		}
		c.push(codec.PushChatMessage, 0, &pb.ChatMessage{Room: request.Room, Address: "unix", Event: pb.ChatEvent_CHAT_EVENT_JOINED, Time: 9})
		c.reply(m, codec.ResultOK, nil)
	case pb.ChatAction_CHAT_ACTION_LEAVE:
		c.push(codec.PushChatMessage, 0, &pb.ChatMessage{Room: request.Room, Sender: "100030", Address: "127.0.0.1", Port: 4002, Event: pb.ChatEvent_CHAT_EVENT_LEFT, Time: 9})
		c.reply(m, codec.ResultOK, nil)
	default:
		message := &pb.ChatMessage{Room: request.Room, Sender: "100020", Address: "127.0.0.1", Port: 4000, Text: request.Text, Time: int64(len(c.server.said)) + 1}
		if c.server.said = append(c.server.said, message); request.Room == "closed" {
			c.reply(m, codec.ResultForbidden, &pb.Error{Message: "this room is closed"})
			return
		}
		c.push(codec.PushChatMessage, 0, message)
		c.reply(m, codec.ResultOK, nil)
		if request.Text == "end it" {
			c.Close()
		}
	}
}
