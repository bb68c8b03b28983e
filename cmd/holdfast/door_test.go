package main_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	"holdfast/codec/pb"
	holdfastws "holdfast/codec/websocket"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// Accounts of the demo seed.
const (
	trader   = 100_001
	operator = 900_001
)

// serveDoors starts a server with a listener of every dialect.
func serveDoors(t *testing.T, args ...string) *served {
	t.Helper()
	return startServe(t, append([]string{
		"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "error",
		"--listener", "tlv=127.0.0.1:0", "--listener", "chat=127.0.0.1:0", "--listener", "websocket=127.0.0.1:0",
	}, args...)...)
}

// listener returns the address of the listener of a dialect.
func (s *served) listener(t testing.TB, dialect string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)\b` + dialect + `=([^,\s]+)`).FindStringSubmatch(s.out.String())
	if m == nil {
		t.Fatalf("no %s listener in %s", dialect, s.out)
	}
	return m[1]
}

// door is a connection to a listener. Everything that comes is read at once.
type door struct {
	t      testing.TB
	name   string
	local  net.Addr
	number bool // its pushes have their numbers
	write  func(c codec.Command, id uint64, body codec.Body) error
	read   func() (codec.Message, error)
	close  func()

	messages chan codec.Message
	end      error // what read returned last; set before messages is closed
	pushes   []codec.Message
	requests uint64
}

// start reads until the end of the test.
func (d *door) start(t testing.TB) *door {
	d.t, d.messages = t, make(chan codec.Message, 1<<16)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(d.messages)
		for {
			m, err := d.read()
			if err != nil {
				d.end = err
				return
			}
			d.messages <- m
		}
	}()
	t.Cleanup(func() {
		d.close()
		<-ended
	})
	return d
}

// next returns the next message, false at the end of the connection.
func (d *door) next() (codec.Message, bool) {
	d.t.Helper()
	select {
	case m, ok := <-d.messages:
		return m, ok
	case <-time.After(patience):
		d.t.Fatalf("%s: nothing comes", d.name)
		return codec.Message{}, false
	}
}

// push returns the next push.
func (d *door) push() codec.Message {
	d.t.Helper()
	if len(d.pushes) > 0 {
		m := d.pushes[0]
		d.pushes = d.pushes[1:]
		return m
	}
	m, ok := d.next()
	if !ok || !m.Command.IsPush() {
		d.t.Fatalf("%s: %s, %v; want a push", d.name, m.Command, d.end)
	}
	return m
}

func (d *door) send(c codec.Command, body codec.Body) {
	d.t.Helper()
	d.requests++
	if err := d.write(c, d.requests, body); err != nil {
		d.t.Fatalf("%s: %v", d.name, err)
	}
}

// ask sends a request and returns the reply. Pushes that come before it are for push.
func (d *door) ask(c codec.Command, body codec.Body) (codec.Result, []byte) {
	d.t.Helper()
	d.send(c, body)
	for {
		m, ok := d.next()
		switch {
		case ok && m.Command.IsPush():
			d.pushes = append(d.pushes, m)
		case !ok || m.Command != c.Reply() || len(m.Body) == 0 || d.number && m.ID != d.requests:
			d.t.Fatalf("%s: %s %d, %v; want the reply to %s %d", d.name, m.Command, m.ID, d.end, c, d.requests)
		default:
			return codec.Result(m.Body[0]), m.Body[1:]
		}
	}
}

// must sends a request that succeeds, and decodes the reply into body unless it is nil.
func (d *door) must(c codec.Command, request codec.Body, body interface{ UnmarshalVT([]byte) error }) {
	d.t.Helper()
	r, b := d.ask(c, request)
	if r != codec.ResultOK {
		var e pb.Error
		_ = e.UnmarshalVT(b)
		d.t.Fatalf("%s: %s: %s %q", d.name, c, r, e.Message)
	}
	if body == nil {
		return
	}
	if err := body.UnmarshalVT(b); err != nil {
		d.t.Fatal(err)
	}
}

func (d *door) login(customer uint32, more ...func(*pb.LoginRequest)) *pb.LoginReply {
	d.t.Helper()
	reply := new(pb.LoginReply)
	d.must(codec.CommandLogin, tokenLogin(customer, more...), reply)
	return reply
}

func tokenLogin(customer uint32, more ...func(*pb.LoginRequest)) *pb.LoginRequest {
	r := &pb.LoginRequest{Customer: customer, Credential: &pb.LoginRequest_Token{Token: seed.DemoToken(ledger.Customer(customer))}}
	for _, change := range more {
		change(r)
	}
	return r
}

// buy buys one share and returns the execution's id.
func (d *door) buy(clientOrderID string) uint64 {
	d.t.Helper()
	var reply pb.PlaceOrderReply
	d.must(codec.CommandPlaceOrder, buyOne(clientOrderID), &reply)
	return reply.Executions[0].ExecutionId
}

// take places a limit order that is filled at once.
func (d *door) take(clientOrderID string) {
	d.t.Helper()
	o := buyOne(clientOrderID)
	o.Price = 100_0000
	var reply pb.PlaceOrderReply
	if d.must(codec.CommandPlaceOrder, o, &reply); reply.Status != pb.OrderStatus_ORDER_STATUS_FILLED {
		d.t.Fatalf("%s: the order %s is %s", d.name, clientOrderID, reply.Status)
	}
}

// rest places a buy at a price that the market is far above.
func (d *door) rest(clientOrderID string) {
	d.t.Helper()
	o := buyOne(clientOrderID)
	o.Price = 1_0000
	var reply pb.PlaceOrderReply
	if d.must(codec.CommandPlaceOrder, o, &reply); reply.Status != pb.OrderStatus_ORDER_STATUS_NEW {
		d.t.Fatalf("%s: the order %s is %s", d.name, clientOrderID, reply.Status)
	}
}

func (d *door) cancel(clientOrderID string) {
	d.t.Helper()
	d.must(codec.CommandCancelOrder, &pb.CancelOrderRequest{ClientOrderId: clientOrderID}, nil)
}

func buyOne(clientOrderID string) *pb.PlaceOrderRequest {
	return &pb.PlaceOrderRequest{ClientOrderId: clientOrderID, Side: pb.Side_SIDE_BUY, Market: "ALFA", Code: "600100", Quantity: 1}
}

// entrance is a way to open doors.
type entrance struct {
	name string
	open func(testing.TB, *served) *door
}

// entrances are those of the four dialects that trade.
func entrances() []entrance {
	return []entrance{
		{"packet", func(t testing.TB, s *served) *door { return openStream(t, codec.Packet{}, s.addr) }},
		{"tlv", func(t testing.TB, s *served) *door { return openStream(t, codec.TLV{}, s.listener(t, "tlv")) }},
		{"binary", openBinary},
		{"JSON", openJSON},
	}
}

// openAll opens one door of each dialect that trades.
func openAll(t *testing.T, s *served) (all []*door) {
	for _, e := range entrances() {
		all = append(all, e.open(t, s))
	}
	return all
}

func openStream(t testing.TB, dialect codec.Dialect, addr string) *door {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	d := &door{name: dialect.String(), local: conn.LocalAddr(), number: dialect == codec.Packet{}, close: func() { conn.Close() }}
	d.write = func(c codec.Command, id uint64, body codec.Body) error {
		_, err := conn.Write(dialect.AppendPush(nil, c, id, body))
		return err
	}
	var unread []byte
	chunk := make([]byte, 64<<10)
	d.read = func() (codec.Message, error) {
		for {
			m, used, err := codec.Decode(dialect, unread, codec.DefaultMaxFrame)
			if err != nil || used > 0 {
				unread = unread[used:]
				return m, err
			}
			n, err := conn.Read(chunk)
			unread = slices.Concat(unread, chunk[:n]) // the messages returned share the old bytes
			if err != nil {
				return m, err
			}
		}
	}
	return d.start(t)
}

// dialWeb makes a WebSocket connection.
func dialWeb(ctx context.Context, url string, subprotocols ...string) (c *websocket.Conn, local net.Addr, err error) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			local = conn.LocalAddr()
		}
		return conn, err
	}}
	c, _, err = websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, Subprotocols: subprotocols})
	if err == nil {
		c.SetReadLimit(codec.DefaultMaxFrame)
	}
	return c, local, err
}

// openWeb opens a WebSocket connection and returns it with what reads its messages.
func openWeb(t testing.TB, s *served, name, subprotocol string, kind websocket.MessageType) (*door, *websocket.Conn, func() ([]byte, error)) {
	t.Helper()
	c, local, err := dialWeb(t.Context(), "ws://"+s.listener(t, "websocket")+"/ws", subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Subprotocol(); got != subprotocol {
		t.Fatalf("the server chose the subprotocol %q, want %q", got, subprotocol)
	}
	d := &door{name: name, local: local, number: true, close: func() { _ = c.CloseNow() }}
	return d, c, func() ([]byte, error) {
		got, b, err := c.Read(context.Background())
		if err == nil && got != kind {
			err = fmt.Errorf("%s message", got)
		}
		return b, err
	}
}

func openBinary(t testing.TB, s *served) *door {
	t.Helper()
	d, c, message := openWeb(t, s, "binary", "holdfast.v1.packet", websocket.MessageBinary)
	d.write = func(cmd codec.Command, id uint64, body codec.Body) error {
		return c.Write(context.Background(), websocket.MessageBinary, codec.Packet{}.AppendPush(nil, cmd, id, body)[4:])
	}
	d.read = func() (codec.Message, error) {
		b, err := message()
		if err != nil {
			return codec.Message{}, err
		}
		m, used, err := codec.Decode(codec.Packet{}, append(binary.BigEndian.AppendUint32(nil, uint32(4+len(b))), b...), codec.DefaultMaxFrame)
		if err == nil && used != 4+len(b) {
			err = errors.New("not a complete message")
		}
		return m, err
	}
	return d.start(t)
}

// jsonMessage is a message of the JSON dialect.
type jsonMessage struct {
	Command string          `json:"command"`
	ID      uint64          `json:"id"`
	Result  string          `json:"result,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"`
}

func openJSON(t testing.TB, s *served) *door {
	t.Helper()
	d, c, message := openWeb(t, s, "JSON", "holdfast.v1.json", websocket.MessageText)
	d.write = func(cmd codec.Command, id uint64, body codec.Body) (err error) {
		m := jsonMessage{Command: cmd.String(), ID: id}
		if typed, ok := body.(proto.Message); ok {
			m.Body, err = protojson.Marshal(typed)
		} else if raw, ok := body.(codec.Raw); ok {
			m.Body, err = json.Marshal([]byte(raw))
		}
		if err != nil {
			return err
		}
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		return c.Write(context.Background(), websocket.MessageText, text)
	}
	d.read = func() (codec.Message, error) {
		text, err := message()
		if err != nil {
			return codec.Message{}, err
		}
		return decodeJSON(text)
	}
	return d.start(t)
}

// decodeJSON returns the message that a text means, as the packet dialect has it.
func decodeJSON(text []byte) (m codec.Message, err error) {
	var j jsonMessage
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&j); err != nil {
		return m, err
	}
	for m.ID = j.ID; m.Command.String() != j.Command; m.Command++ {
		if m.Command == 0xFF {
			return m, fmt.Errorf("no command is called %q", j.Command)
		}
	}
	if !m.Command.IsReply() {
		m.Body, err = encodeJSON(nil, j.Body, holdfastws.NewRequest(m.Command))
		return m, err
	}
	var r codec.Result
	for ; r.String() != j.Result; r++ {
		if r > codec.ResultDuplicate {
			return m, fmt.Errorf("no result is called %q", j.Result)
		}
	}
	body := holdfastws.NewReply(m.Command)
	if r != codec.ResultOK && r != codec.ResultDuplicate {
		body = new(pb.Error)
	}
	m.Body, err = encodeJSON([]byte{byte(r)}, j.Body, body)
	return m, err
}

// encodeJSON appends the binary encoding of a body in JSON.
func encodeJSON(dst []byte, text json.RawMessage, body holdfastws.Message) ([]byte, error) {
	if len(text) == 0 {
		return dst, nil
	}
	if body == nil {
		return dst, fmt.Errorf("body %s, want no body", text)
	}
	if err := protojson.Unmarshal(text, body); err != nil {
		return dst, err
	}
	at := len(dst)
	dst = append(dst, make([]byte, body.SizeVT())...)
	_, err := body.MarshalToSizedBufferVT(dst[at:])
	return dst, err
}
