package holdfast_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"holdfast/codec"
	"holdfast/codec/chat"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
)

// chatFrames returns the frames of the chat dialect, in the page's order: the client at port
// 40001 is there already, another one comes.
func chatFrames() []example {
	const push, ok = codec.PushChatMessage, codec.ResultOK
	here, other := pb.ChatMember{Address: "127.0.0.1", Port: 40001}, pb.ChatMember{Address: "::1", Port: 40002}
	event := func(e pb.ChatEvent) *pb.ChatMessage {
		return &pb.ChatMessage{Address: other.Address, Port: other.Port, Event: e, Time: halfPastNine}
	}
	d := chat.Dialect{}
	return []example{
		chatRequest("heartbeat", codec.CommandHeartbeat, nil),
		chatRequest("message to the server", codec.CommandChat, &pb.ChatRequest{Text: "hello"}),
		chatExample("message", d.AppendPush(nil, push, 0, &pb.ChatMessage{Address: here.Address, Port: here.Port, Text: "hello", Time: halfPastNine}),
			chat.Frame{Type: chat.TypeMessage, Address: "127.0.0.1", Port: "40001", Text: "hello"}),
		chatExample("joined", d.AppendPush(nil, push, 0, event(pb.ChatEvent_CHAT_EVENT_JOINED)),
			chat.Frame{Type: chat.TypeJoined, Address: "::1", Port: "40002"}),
		chatRequest("who request", codec.CommandChat, &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_WHO}),
		chatExample("who answer", d.AppendReply(nil, codec.CommandChat, 0, ok, &pb.ChatReply{Members: []*pb.ChatMember{&here, &other}, Count: 2}),
			chat.Frame{Type: chat.TypeWho, Address: "127.0.0.1", Port: "40001"},
			chat.Frame{Type: chat.TypeWho, Address: "::1", Port: "40002"},
			chat.Frame{Type: chat.TypeWho, Text: "2"}),
		chatExample("left", d.AppendPush(nil, push, 0, event(pb.ChatEvent_CHAT_EVENT_LEFT)),
			chat.Frame{Type: chat.TypeLeft, Address: "::1", Port: "40002"}),
		chatExample("error", d.AppendPush(nil, codec.PushNotice, 0, stopping()),
			chat.Frame{Type: chat.TypeError, Text: "the server is stopping; connect again later"}),
	}
}

func chatRequest(name string, c codec.Command, body codec.Body) example {
	return (&frame{name: "chat " + name, dialect: chat.Dialect{}, message: codec.Message{Command: c}, body: body}).example()
}

// chatExample is what the server sends: these frames.
func chatExample(name string, b []byte, want ...chat.Frame) example {
	return example{"hex", "chat " + name, b, func(t *testing.T, b []byte) {
		var got []chat.Frame
		for len(b) > 0 {
			f, used, err := chat.ParseFrame(b)
			if err != nil || used == 0 {
				t.Fatalf("% x: %v", b, err)
			}
			got, b = append(got, f), b[used:]
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}}
}

func stopping() *pb.Notice {
	return &pb.Notice{Code: pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN, Text: "the server is stopping; connect again later"}
}

// websocketTexts returns the handshake and the text messages that the page shows.
func websocketTexts() []example {
	const id, big = 7, 1<<53 + 1
	return []example{
		handshakeRequest(), handshakeAnswer(),
		textPush("Login request", codec.CommandLogin, 1, &pb.LoginRequest{
			Customer: customer, Credential: loginRequest().Credential,
		}),
		textPush("PlaceOrder request", codec.CommandPlaceOrder, id, order()),
		textReply("PlaceOrder reply", codec.CommandPlaceOrder, id, codec.ResultOK, orderReply()),
		textReply("PlaceOrder reply rejected", codec.CommandPlaceOrder, id, codec.ResultRejected, notEnoughCash()),
		textPush("Execution push", codec.PushExecution, 1, execution()),
		textPush("OrderUpdate push", codec.PushOrderUpdate, 3, &pb.OrderUpdate{
			Order: limitOrder(), Time: halfPastNine + second, Cash: 998_000_0000, FrozenCash: 990_0000,
		}),
		textPush("Operate request", codec.CommandOperate, 8, &pb.OperateRequest{
			Command: &pb.OperateRequest_Jump{Jump: &pb.JumpCommand{Market: "ALFA", Code: "600100", Price: 11_2000}},
		}),
		textPush("Notice push", codec.PushNotice, 0, stopping()),
		textPush("Submit request", codec.CommandSubmit, big, codec.Raw("hello")),
		textReply("Submit reply", codec.CommandSubmit, big, codec.ResultOK, nil),
	}
}

const pageKey = "dGhlIHNhbXBsZSBub25jZQ==" // that of RFC 6455 section 1.3

func handshakeRequest() example {
	b := websocket.AppendClientHandshake(nil, "127.0.0.1:8891", "/ws", pageKey, websocket.SubprotocolPacket)
	return example{"http", "websocket handshake request", b, func(t *testing.T, b []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if err != nil || r.URL.Path != "/ws" || r.Host != "127.0.0.1:8891" || r.Header.Get("Sec-WebSocket-Key") != pageKey {
			t.Errorf("got %+v, %v", r, err)
		}
	}}
}

// handshakeAnswer is what the server answers to handshakeRequest.
func handshakeAnswer() example {
	upgrade, err := websocket.Accept(handshakeRequest().bytes, websocket.HandshakeOptions{
		Paths: []string{"/ws"}, Subprotocols: []string{websocket.SubprotocolPacket, websocket.SubprotocolJSON},
	})
	return example{"http", "websocket handshake answer", upgrade.Response, func(t *testing.T, b []byte) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" // RFC 6455 section 1.3
		if r.StatusCode != http.StatusSwitchingProtocols || r.Header.Get("Sec-WebSocket-Accept") != accept ||
			r.Header.Get("Sec-WebSocket-Protocol") != "holdfast.v1.packet" {
			t.Errorf("got %s %v", r.Status, r.Header)
		}
	}}
}

// textPush is a push, or a request of a client.
func textPush(name string, c codec.Command, id uint64, body codec.Body) example {
	return textExample(&frame{name: name, dialect: websocket.JSON{}, message: codec.Message{Command: c, ID: id}, body: body})
}

func textReply(name string, c codec.Command, id uint64, r codec.Result, body codec.Body) example {
	return textExample(&frame{
		name: name, dialect: websocket.JSON{}, message: codec.Message{Command: c, ID: id}, reply: true, result: r, body: body,
	})
}

// textExample is the text of a message; f is the server's frame of it.
func textExample(f *frame) example {
	r := websocket.Reader{Client: true}
	b := f.bytes()
	_, _, text, _ := r.Next(b, len(b))
	return example{"json", "websocket " + f.name, text, func(t *testing.T, text []byte) {
		checkJSON(t, f, text)
		if !f.reply { // the dialect decodes no replies
			checkDecoded(t, f, withTotal(text))
		}
	}}
}

// checkJSON compares the text of a message with what f was made from.
func checkJSON(t *testing.T, f *frame, text []byte) {
	t.Helper()
	var got struct {
		Command string          `json:"command"`
		ID      json.RawMessage `json:"id"`
		Result  string          `json:"result"`
		Body    json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	command, result := f.message.Command.String(), ""
	if f.reply {
		command, result = command+"Reply", f.result.String()
	}
	id := strconv.FormatUint(f.message.ID, 10)
	if f.message.ID >= 1<<53 {
		id = strconv.Quote(id)
	}
	if got.Command != command || got.Result != result || string(got.ID) != id {
		t.Errorf("%s %s %s, want %s %s %s", got.Command, got.ID, got.Result, command, id, result)
	}
	switch want := f.body.(type) {
	case nil:
		if got.Body != nil {
			t.Errorf("body %s, want none", got.Body)
		}
	case codec.Raw:
		var raw []byte // in base64
		if err := json.Unmarshal(got.Body, &raw); err != nil || !bytes.Equal(raw, want) {
			t.Errorf("body %s, want %q", got.Body, []byte(want))
		}
	case proto.Message:
		body := want.ProtoReflect().New().Interface()
		if err := protojson.Unmarshal(got.Body, body); err != nil || !proto.Equal(body, want) {
			t.Errorf("body %v (%v), want %v", body, err, want)
		}
	}
}

// websocketFrames returns the WebSocket frames of the page, in its order.
func websocketFrames() []example {
	request := packetRequest("", codec.CommandPlaceOrder, idPlaceOrder, order())
	request.masked = true
	const heartbeat, normal, stop = `{"command":"Heartbeat","id":8}`, "\x03\xe8", "\x03\xe9the server is stopping; connect again later"
	return []example{
		binaryExample("PlaceOrder request", request),
		binaryExample("PlaceOrder reply", packetReply("", codec.CommandPlaceOrder, idPlaceOrder, codec.ResultOK, orderReply())),
		binaryExample("Execution push", packetPush("", codec.PushExecution, 1, execution())),
		clientFrame("text request", websocket.OpText, heartbeat),
		serverFrame("ping of the server", websocket.AppendFrame(nil, websocket.OpPing, nil), websocket.OpPing, ""),
		clientFrame("pong of the client", websocket.OpPong, ""),
		clientFrame("ping of the client", websocket.OpPing, "hi"),
		serverFrame("pong of the server", websocket.AppendFrame(nil, websocket.OpPong, []byte("hi")), websocket.OpPong, "hi"),
		clientFrame("Close of the client", websocket.OpClose, normal),
		serverFrame("Close of the server", websocket.AppendClose(nil, websocket.CloseNormal, ""), websocket.OpClose, normal),
		serverFrame("Close at a stop", websocket.AppendClose(nil, websocket.CloseGoingAway, stopping().Text), websocket.OpClose, stop),
	}
}

// binaryExample is a packet frame as a binary message.
func binaryExample(name string, f frame) example {
	f.name, f.dialect = "websocket "+name, websocket.Packet{}
	return f.example()
}

func clientFrame(name string, op websocket.Opcode, payload string) example {
	return example{"hex", "websocket " + name, websocket.AppendMasked(nil, op, pageMask, []byte(payload)), func(t *testing.T, b []byte) {
		checkOpened(t, &websocket.Reader{}, b, op, payload)
	}}
}

func serverFrame(name string, b []byte, op websocket.Opcode, payload string) example {
	return example{"hex", "websocket " + name, b, func(t *testing.T, b []byte) {
		checkOpened(t, &websocket.Reader{Client: true}, b, op, payload)
	}}
}

// checkOpened checks that b is one frame with that opcode and payload.
func checkOpened(t *testing.T, r *websocket.Reader, b []byte, op websocket.Opcode, payload string) {
	t.Helper()
	used, got, opened, err := r.Next(bytes.Clone(b), codec.DefaultMaxFrame)
	if err != nil || used != len(b) || got != op || string(opened) != payload {
		t.Errorf("opened %d of %d bytes: %d %q, %v; want %d %q", used, len(b), got, opened, err, op, payload)
	}
}

// opened returns what the binary message in a frame is to its dialect: a frame of packet.
func opened(t *testing.T, f *frame, b []byte) []byte {
	t.Helper()
	r := websocket.Reader{Client: !f.masked}
	used, op, payload, err := r.Next(bytes.Clone(b), codec.DefaultMaxFrame)
	if err != nil || used != len(b) || op != websocket.OpBinary {
		t.Fatalf("opened %d of %d bytes: %d, %v", used, len(b), op, err)
	}
	return withTotal(payload)
}

// withTotal returns a message with its total before it, as the dialects of codec/websocket
// read it.
func withTotal(message []byte) []byte {
	const size = 4
	return append(binary.BigEndian.AppendUint32(nil, uint32(size+len(message))), message...)
}
