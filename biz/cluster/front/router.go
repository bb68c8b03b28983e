package front

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
	"holdfast/engine"
)

// plan says how a request is forwarded.
type plan struct {
	stream    int  // to which venue, or home or everywhere
	large     bool // as in request
	once      bool
	unordered bool // the venue's reply may be overtaken
}

// Values of plan.stream.
const (
	home       = -1 // the venue of the client's customer
	everywhere = -2
)

// router registers the handler of each command. What a request names says where it goes; numbers are
// those of the fields in holdfast.proto.
func (f *Front) router() *engine.Router {
	r := engine.NewRouter(unknownCommand)
	r.Handle(codec.CommandConn, engine.OnLane, func(c *engine.Context) { c.Reply(codec.ResultOK, f.hello(c.Session)) })
	r.Handle(codec.CommandSubmit, engine.OnLane, ok)
	r.Handle(codec.CommandHeartbeat, engine.OnLoop, ok)
	r.Handle(codec.CommandLogin, engine.OnLane, f.login)
	r.Handle(codec.CommandPlaceOrder, engine.OnLane, f.placeOrder)
	r.Handle(codec.CommandChat, engine.OnLane, f.chat)
	r.Handle(codec.CommandFIX, engine.OnLane, f.fixMessage)
	handle := func(c codec.Command, where func(body []byte) plan) {
		r.Handle(c, engine.OnLane, func(c *engine.Context) { f.forward(c, where(c.Message.Body)) })
	}
	handle(codec.CommandLogout, func([]byte) plan { return plan{stream: home} })
	handle(codec.CommandQuotes, func([]byte) plan { return plan{stream: home, large: true} })
	handle(codec.CommandReplaceOrder, func([]byte) plan { return plan{stream: home, unordered: f.config.Delays} })
	handle(codec.CommandPositions, func(b []byte) plan { return plan{stream: f.streamOf(number(b, 3)), large: true} })
	handle(codec.CommandHistory, func(b []byte) plan {
		return plan{stream: f.streamOf(number(b, 3)), large: true, unordered: true}
	})
	handle(codec.CommandOrders, func(b []byte) plan {
		one := number(b, 1) != 0 || has(b, 2)
		return plan{stream: f.streamOf(number(b, 5)), large: !one, unordered: one}
	})
	handle(codec.CommandCancelOrder, func(b []byte) plan {
		if number(b, 3) != 0 && number(b, 7) != 0 { // all of everyone
			return plan{stream: everywhere}
		}
		return plan{stream: f.streamOf(number(b, 6)), unordered: f.config.Delays}
	})
	handle(codec.CommandBust, f.bust)
	handle(codec.CommandCorrect, func(b []byte) plan {
		return plan{stream: f.streamOf(number(b, 1) >> 32), unordered: true}
	})
	handle(codec.CommandOperate, f.operate)
	return r
}

// streamOf returns the stream of a customer whom a request names; 0 is the client's own.
func (f *Front) streamOf(customer uint64) int {
	if customer == 0 {
		return home
	}
	return f.config.StreamOf(ledger.Customer(customer))
}

func (f *Front) bust(b []byte) plan {
	p := plan{stream: everywhere, large: true, unordered: true}
	if id, customer := number(b, 1), number(b, 11); id != 0 {
		p.stream = f.streamOf(id >> 32) // the customer is in the id
	} else if customer != 0 {
		p.stream = f.streamOf(customer)
	}
	return p
}

// operate says where a command of operators goes. The market is that of stream 0, which others follow.
func (f *Front) operate(b []byte) plan {
	var r pb.OperateRequest
	p := plan{stream: home, unordered: true, large: true}
	if r.UnmarshalVT(b) != nil {
		return p
	}
	customer := func(c uint32) { p.stream = f.streamOf(uint64(c)) }
	switch command := r.Command.(type) {
	case *pb.OperateRequest_Halt, *pb.OperateRequest_Resume, *pb.OperateRequest_Reload, *pb.OperateRequest_Audit:
		p.stream = everywhere
	case *pb.OperateRequest_Jump, *pb.OperateRequest_Clock:
		p.stream = 0
	case *pb.OperateRequest_Step:
		p.stream, p.once = 0, true
	case *pb.OperateRequest_Deposit:
		customer(command.Deposit.GetCustomer())
		p.once = true
	case *pb.OperateRequest_Withdraw:
		customer(command.Withdraw.GetCustomer())
		p.once = true
	case *pb.OperateRequest_Reset_:
		customer(command.Reset_.GetCustomer())
		p.once = true
	case *pb.OperateRequest_Fill:
		p.stream, p.once = f.streamOf(command.Fill.GetOrderId()>>32), true
	case *pb.OperateRequest_Reject:
		customer(command.Reject.GetCustomer())
	case *pb.OperateRequest_Disconnect:
		customer(command.Disconnect.GetCustomer())
	case *pb.OperateRequest_HoldPushes:
		customer(command.HoldPushes.GetCustomer())
	case *pb.OperateRequest_FixFault:
		customer(command.FixFault.GetCustomer())
		p.once = true
	}
	return p
}

// forward sends a request to the venue, or to all, that the plan says.
func (f *Front) forward(c *engine.Context, p plan) {
	cl := f.clients.Get(c.Session)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	switch {
	case cl.closed:
	case cl.home == nil, p.stream != home && p.stream != cl.home.venue.stream && cl.customer == 0:
		fail(c, codec.ResultUnauthenticated, "log in first")
	case p.stream == everywhere:
		m := &merge{reply: c.Detach(), left: len(f.venues), parts: make([]part, len(f.venues))}
		for stream := range f.venues {
			r := f.newRequest()
			r.reply, r.merge = m.reply, m
			r.large, r.once = p.large, p.once
			cl.at(stream).ask(r, c.Message.Body, nil)
		}
	default:
		s := cl.home
		if p.stream != home && p.stream != s.venue.stream {
			s = cl.at(p.stream)
			p.unordered = true // it is another venue than that of the other requests
		}
		r := f.newRequest()
		r.reply, r.large, r.once = later(c, p.unordered), p.large, p.once
		s.ask(r, c.Message.Body, nil)
	}
}

// later leaves the reply to the venue's.
func later(c *engine.Context, unordered bool) engine.Request {
	if unordered {
		return c.Detach()
	}
	return c.Defer()
}

// login handles Login. The session's home is the venue of the customer from then on.
func (f *Front) login(c *engine.Context) {
	var ask pb.LoginRequest
	if ask.UnmarshalVT(c.Message.Body) != nil {
		fail(c, codec.ResultMalformed, "malformed Login body: it is not a LoginRequest message")
		return
	}
	if ask.Uid != 0 && ask.Uid != uint64(c.Session.ID()) {
		fail(c, codec.ResultForbidden, "the uid is not this session's; use the one that Conn returned")
		return
	}
	ask.Uid = 0 // the venue has another one
	cl, customer := f.clients.Get(c.Session), ledger.Customer(ask.Customer)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	stream := f.config.StreamOf(customer)
	switch other := cl.home != nil && cl.home.venue.stream != stream; {
	case cl.closed:
		return
	case cl.customer != 0 && cl.customer != customer:
		fail(c, codec.ResultForbidden, "this session is logged in as another customer; log out first")
		return
	case other && cl.home.requests.len() > 0:
		fail(c, codec.ResultOverloaded, "a login or logout of this session is under way; wait for that reply")
		return
	case other:
		cl.home.close()
	}
	cl.home = cl.at(stream)
	_, password := ask.Credential.(*pb.LoginRequest_Password)
	r := f.newRequest()
	r.reply, r.customer = later(c, password), customer
	c.Session.SetLoggingIn(true)
	body, _ := ask.MarshalVT() // it can't fail
	cl.home.ask(r, body, nil)
}

// placeOrder handles PlaceOrder. An order without a client order id gets one, so that it can be sent
// again.
func (f *Front) placeOrder(c *engine.Context) {
	cl := f.clients.Get(c.Session)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	switch {
	case cl.closed:
		return
	case cl.home == nil:
		fail(c, codec.ResultUnauthenticated, "log in first")
		return
	}
	body := c.Message.Body
	var memory [64]byte
	more := memory[:0]
	if !has(body, 1) { // PlaceOrderRequest.client_order_id
		var id [36]byte
		text := append(append(id[:0], "f-"...), f.incarnation...)
		text = strconv.AppendUint(append(text, '-'), f.named.Add(1), 36)
		more = protowire.AppendBytes(protowire.AppendTag(more, 1, protowire.BytesType), text)
	}
	r := f.newRequest()
	r.reply = later(c, f.config.Delays || bytes.IndexByte(body, '!') >= 0) // or the id has a directive
	cl.home.ask(r, body, more)
}

// chat handles Chat: the rooms are at the venue of stream 0.
func (f *Front) chat(c *engine.Context) {
	cl := f.clients.Get(c.Session)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		return
	}
	s := cl.at(0)
	s.chats = true
	r := f.newRequest()
	r.reply, r.once = later(c, s != cl.home), true
	s.ask(r, c.Message.Body, nil)
}

func ok(c *engine.Context) { c.Reply(codec.ResultOK, nil) }

func fail(c *engine.Context, r codec.Result, message string) {
	c.Reply(r, &pb.Error{Message: message})
}

// unreadable answers a request whose body the session's dialect can't decode.
func unreadable(c *engine.Context, err error) {
	text := strings.TrimPrefix(err.Error(), codec.ErrBody.Error()+": ")
	fail(c, codec.ResultMalformed, "malformed "+c.Message.Command.String()+" body: "+text)
}

func unknownCommand(c *engine.Context) {
	text := "this server has no command " + c.Message.Command.String()
	if c.Message.Command == 0 {
		text = "unknown command"
	}
	if _, tlv := c.Session.Dialect().(codec.TLV); tlv && c.Message.ID > math.MaxUint8 {
		text = "unknown message id" // the message has command 0: see codec.TLV
	}
	fail(c, codec.ResultUnknownCommand, text)
}

// messageOf returns an empty message for the body of a reply or push, nil if there is no body.
func messageOf(c codec.Command, r codec.Result) websocket.Message {
	switch {
	case c.IsPush():
		return websocket.NewRequest(c)
	case r == codec.ResultOK || r == codec.ResultDuplicate:
		return websocket.NewReply(c)
	default:
		return new(pb.Error)
	}
}

// number returns an integer field of a message; 0 if it lacks it, or is malformed: its venue says so.
func number(b []byte, field protowire.Number) (n uint64) {
	eachField(b, field, func(kind protowire.Type, value []byte) {
		if kind == protowire.VarintType {
			n, _ = protowire.ConsumeVarint(value)
		}
	})
	return n
}

// has reports whether a message has a string field that is not empty, or is malformed.
func has(b []byte, field protowire.Number) (yes bool) {
	return !eachField(b, field, func(kind protowire.Type, value []byte) {
		if kind == protowire.BytesType {
			text, _ := protowire.ConsumeBytes(value)
			yes = len(text) > 0
		}
	}) || yes
}

// eachField calls f with each value of a field. It returns false if the message is malformed.
func eachField(b []byte, field protowire.Number, f func(kind protowire.Type, value []byte)) bool {
	for len(b) > 0 {
		is, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(is, kind, b); n < 0 {
			return false
		}
		if is == field {
			f(kind, b[:n])
		}
		b = b[n:]
	}
	return true
}
