package front_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/biz/fix"
	"holdfast/biz/fixclient"
	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/codec"
	codecfix "holdfast/codec/fix"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// connect connects to an address without a library.
func connect(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn, bufio.NewReader(conn)
}

// TestTLV: replies keep the order of the requests, also those that are the front's own.
func TestTLV(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	conn, in := connect(t, n.tlv)
	d := codec.TLV{}
	login := d.AppendPush(nil, codec.CommandLogin, 0, &pb.LoginRequest{
		Customer: holder, Credential: &pb.LoginRequest_Token{Token: seed.DemoToken(holder)},
	})
	order := d.AppendPush(nil, codec.CommandPlaceOrder, 0, &pb.PlaceOrderRequest{Side: pb.Side_SIDE_BUY, Market: tin.Market, Code: tin.Code, Quantity: 1})
	beat := d.AppendPush(nil, codec.CommandHeartbeat, 0, nil)
	ask := func(frames ...[]byte) {
		t.Helper()
		_, err := conn.Write([]byte(strings.Join(toText(frames), "")))
		must(t, err)
	}
	expect := func(commands ...codec.Command) {
		t.Helper()
		for _, want := range commands {
			got := nextTLV(t, in)
			for got == codec.PushHeartbeat {
				got = nextTLV(t, in)
			}
			if got != want {
				t.Fatalf("%v instead of %v", got, want)
			}
		}
	}
	ask(login)
	expect(codec.CommandLogin.Reply())
	const execution, position = codec.PushExecution, codec.PushPositionUpdate
	reply, beaten := codec.CommandPlaceOrder.Reply(), codec.CommandHeartbeat.Reply()
	ask(order)
	expect(reply, execution, position)
	v.stop(t)
	ask(beat, order, beat)
	c.startVenue(0, 2)
	expect(beaten, reply, beaten, execution, position)
}

func toText(frames [][]byte) (list []string) {
	for _, f := range frames {
		list = append(list, string(f))
	}
	return list
}

// nextTLV reads a message, which must not be a refusal, and returns its command.
func nextTLV(t *testing.T, in io.Reader) codec.Command {
	t.Helper()
	head := make([]byte, codec.TLVHeaderLen)
	_, err := io.ReadFull(in, head)
	must(t, err)
	size, _ := codec.TLV{}.FrameLen(head, 1<<20)
	frame := make([]byte, size)
	_, err = io.ReadFull(in, frame[copy(frame, head):])
	must(t, err)
	var m codec.Message
	_, err = codec.TLV{}.Next(frame, &m)
	must(t, err)
	if m.Command.IsReply() && m.Body[0] != 0 {
		t.Fatalf("%v: result %v", m.Command, codec.Result(m.Body[0]))
	}
	return m.Command
}

// TestJSON: a client of the JSON dialect, with replies, refusals and pushes.
func TestJSON(t *testing.T) {
	c := newCluster(t, 1)
	c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	host := strings.TrimSuffix(strings.TrimPrefix(n.web, "ws://"), "/ws")
	conn, in := connect(t, host)
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: holdfast.v1.json\r\n\r\n", host)
	for line := ""; line != "\r\n"; {
		var err error
		line, err = in.ReadString('\n')
		must(t, err)
	}
	ask := func(text string, a ...any) {
		t.Helper()
		text = fmt.Sprintf(text, a...)
		frame := []byte{0x81, 0x80 | byte(len(text))}
		if len(text) >= 126 {
			frame = []byte{0x81, 0x80 | 126, byte(len(text) >> 8), byte(len(text))}
		}
		frame = append(frame, 0, 0, 0, 0) // the mask
		_, err := conn.Write(append(frame, text...))
		must(t, err)
	}
	ask(`{"command":"Login","id":1,"body":{"customer":%d,"token":"%s"}}`, holder, base64Of(seed.DemoToken(holder)))
	login := nextJSON(t, in)
	if login.Command != "LoginReply" || login.Result != "OK" || login.Body["account"].(map[string]any)["customer"] != float64(holder) {
		t.Errorf("login: %+v", login)
	}
	ask(`{"command":"PlaceOrder","id":2,"body":{"side":"SIDE_BUY","market":"ALFA","code":"600100","quantity":"1"}}`)
	if placed := nextJSON(t, in); placed.ID != 2 || placed.Result != "OK" || placed.Body["status"] != "ORDER_STATUS_FILLED" {
		t.Errorf("order: %+v", placed)
	}
	for id := 1; id <= 2; id++ {
		if p := nextJSON(t, in); p.ID != id || p.Body == nil {
			t.Errorf("push %d: %+v", id, p)
		}
	}
	ask(`{"command":"PlaceOrder","id":3,"body":{"side":"SIDE_BUY","market":"ALFA","code":"none","quantity":"1"}}`)
	if refused := nextJSON(t, in); refused.Result != "REJECTED" || refused.Body["reason"] != "REASON_UNKNOWN_INSTRUMENT" {
		t.Errorf("refused order: %+v", refused)
	}
}

func base64Of(b []byte) string {
	text, _ := json.Marshal(b) // it can't fail
	return strings.Trim(string(text), `"`)
}

type jsonMessage struct {
	Command string
	ID      int
	Result  string
	Body    map[string]any
}

func nextJSON(t *testing.T, in *bufio.Reader) (m jsonMessage) {
	t.Helper()
	head := make([]byte, 2)
	_, err := io.ReadFull(in, head)
	must(t, err)
	size := int(head[1])
	if size == 126 {
		_, err = io.ReadFull(in, head)
		must(t, err)
		size = int(head[0])<<8 | int(head[1])
	}
	text := make([]byte, size)
	_, err = io.ReadFull(in, text)
	must(t, err)
	must(t, json.Unmarshal(text, &m))
	return m
}

// TestWebSocket: the packet dialect over WebSocket.
func TestWebSocket(t *testing.T) {
	c := newCluster(t, 1)
	c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	tr := c.login(n.web, holder)
	tr.buy(1)
	tr.hasPushes(1, 2)
}

// TestFIX: messages pass both ways. When the venue moves, the client is closed and logs on again with its
// numbers.
func TestFIX(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	store := fixclient.NewStore()
	reports := make(chan string, 16)
	logon := func() *fixclient.Client {
		t.Helper()
		f, err := fixclient.Dial(t.Context(), n.fix, fixclient.Options{
			Session:  fix.Config{Ours: "100002", Theirs: "HOLDFAST"},
			Password: hex.EncodeToString(seed.DemoToken(ledger.Customer(holder))), Store: store,
			Message: func(m *codecfix.Message) { reports <- string(m.Type) },
		})
		must(t, err)
		t.Cleanup(f.Close)
		return f
	}
	order := func(f *fixclient.Client, id string) {
		t.Helper()
		_, err := f.Send("D", func(w *codecfix.Writer) {
			w.Text(codecfix.ClOrdID, id)
			w.Text(codecfix.Symbol, tin.Code)
			w.Text(codecfix.SecurityExchange, tin.Market)
			w.Char(codecfix.Side, '1')
			w.Time(codecfix.TransactTime, time.Now().UnixNano())
			w.Int(codecfix.OrderQty, 1)
			w.Char(codecfix.OrdType, '1')
		})
		must(t, err)
		select {
		case kind := <-reports:
			if kind != "8" {
				t.Errorf("answer %s", kind)
			}
		case <-time.After(patience):
			t.Fatal("no report")
		}
	}
	f := logon()
	order(f, "a")
	v.stop(t)
	select {
	case <-f.Done():
	case <-time.After(patience):
		t.Fatal("the client is not closed")
	}
	c.startVenue(0, 2)
	for len(reports) > 0 {
		<-reports
	}
	f = logon()
	order(f, "b")
	f.Logout(t.Context(), "")
}

// nextMessage reads a frame of the packet dialect.
func nextMessage(t *testing.T, in io.Reader) (m codec.Message) {
	t.Helper()
	head := make([]byte, codec.PacketHeaderLen)
	_, err := io.ReadFull(in, head)
	must(t, err)
	size, err := codec.Packet{}.FrameLen(head, 1<<20)
	must(t, err)
	frame := make([]byte, size)
	_, err = io.ReadFull(in, frame[copy(frame, head):])
	must(t, err)
	_, err = codec.Packet{}.Next(frame, &m)
	must(t, err)
	return m
}
