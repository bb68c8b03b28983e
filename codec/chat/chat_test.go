package chat_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"holdfast/codec"
	"holdfast/codec/chat"
	"holdfast/codec/pb"
)

func TestFrameLen(t *testing.T) {
	tests := []struct {
		name   string
		header string
		most   int
		want   int
		err    error
	}{
		{"nothing", "", 1 << 20, 0, nil},
		{"half a length", "\x00", 1 << 20, 0, nil},
		{"0", "\x00\x00", 1 << 20, 0, codec.ErrTooShort},
		{"4: no space for the parts", "\x00\x04", 1 << 20, 0, codec.ErrTooShort},
		{"5: no parts", "\x00\x05", 1 << 20, 7, nil},
		{"longest", "\x10\x55", 1 << 20, chat.MaxFrame, nil},
		{"one more", "\x10\x56", 1 << 20, 0, codec.ErrTooLarge},
		{"-1", "\xff\xff", 1 << 20, 0, codec.ErrTooLarge},
		{"-32768", "\x80\x00", 1 << 20, 0, codec.ErrTooLarge},
		{"17 in the wrong byte order", "\x11\x00", 1 << 20, 0, codec.ErrTooLarge},
		{"longest of the listener", "\x00\x1e", 32, 32, nil},
		{"above that of the listener", "\x00\x1f", 32, 0, codec.ErrTooLarge},
		{"a listener that allows nothing", "\x00\x05", 0, 7, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := chat.Dialect{}.FrameLen([]byte(tt.header), tt.most)
			if n != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %d, %v; want %d, %v", n, err, tt.want, tt.err)
			}
		})
	}
}

// frame returns a frame of a client, as it is sent.
func frame(kind byte, address, port, text string) []byte {
	b := []byte{byte((5 + len(address) + len(port) + len(text)) >> 8), byte(5 + len(address) + len(port) + len(text)), kind}
	b = append(append(b, byte(len(address)>>8), byte(len(address))), address...)
	b = append(append(b, byte(len(port)>>8), byte(len(port))), port...)
	return append(b, text...)
}

func TestNext(t *testing.T) {
	const longest = "0123456789abcdef"
	says := func(text string) *pb.ChatRequest { return &pb.ChatRequest{Text: text} }
	who := &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_WHO}
	tests := []struct {
		name    string
		frame   []byte
		command codec.Command
		body    *pb.ChatRequest // nil: none
		err     error
	}{
		{"message", frame(1, "", "", "hello"), codec.CommandChat, says("hello"), nil},
		{"a claimed address", frame(1, "203.0.113.9", "80", "hello"), codec.CommandChat, says("hello"), nil},
		{"one byte", frame(1, "", "", "x"), codec.CommandChat, says("x"), nil},
		{"127 bytes", frame(1, "", "", strings.Repeat("x", 127)), codec.CommandChat, says(strings.Repeat("x", 127)), nil},
		{"128 bytes", frame(1, "", "", strings.Repeat("x", 128)), codec.CommandChat, says(strings.Repeat("x", 128)), nil},
		{"longest text", frame(1, "", "", strings.Repeat(longest, 256)), codec.CommandChat, says(strings.Repeat(longest, 256)), nil},
		{"other characters", frame(1, "", "", "\x00\x1b[2J, 你好, é"), codec.CommandChat, says("\x00\x1b[2J, 你好, é"), nil},
		{"heartbeat", frame(1, "", "", ""), codec.CommandHeartbeat, nil, nil},
		{"heartbeat with an address", frame(1, "::1", "9", ""), codec.CommandHeartbeat, nil, nil},
		{"who", frame(5, "", "", ""), codec.CommandChat, who, nil},
		{"who with a text", frame(5, "", "", "\xff"), codec.CommandChat, who, nil},
		{"text too long", frame(1, "", "", strings.Repeat(longest, 256)+"x"), 0, nil, chat.ErrText},
		{"no UTF-8", frame(1, "", "", "\xff"), 0, nil, chat.ErrText},
		{"half a character", frame(1, "", "", "\xe4\xbd"), 0, nil, chat.ErrText},
		{"type 0", frame(0, "", "", "hello"), 0, nil, chat.ErrType},
		{"a frame of a server", frame(4, "", "", "hello"), 0, nil, chat.ErrType},
		{"type 255", frame(255, "", "", "hello"), 0, nil, chat.ErrType},
		{"FAddr longer than the frame", []byte("\x00\x06\x01\x00\x02xxx"), 0, nil, chat.ErrParts},
		{"FAddr up to the end", []byte("\x00\x06\x01\x00\x03xxx"), 0, nil, chat.ErrParts},
		{"FAddr leaves half a length", []byte("\x00\x06\x01\x00\x02xxx"), 0, nil, chat.ErrParts},
		{"FAddr of -1", []byte("\x00\x05\x01\xff\xff\x00\x00"), 0, nil, chat.ErrParts},
		{"FPort longer than the frame", []byte("\x00\x05\x01\x00\x00\x00\x01"), 0, nil, chat.ErrParts},
		{"FPort of -1", []byte("\x00\x06\x01\x00\x00\xff\xffx"), 0, nil, chat.ErrParts},
		{"parts in the wrong byte order", []byte("\x00\x09\x01\x03\x00::1\x01\x009"), 0, nil, chat.ErrParts},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := codec.Message{ID: 9, Body: []byte("of the message before"), Scratch: []byte("of the message before")}
			used, err := chat.Dialect{}.Next(append(tt.frame, frame(1, "", "", "the next one")...), &m)
			if !errors.Is(err, tt.err) || used != len(tt.frame) {
				t.Fatalf("used %d of %d, %v; want %v", used, len(tt.frame), err, tt.err)
			}
			if tt.err != nil {
				if !errors.Is(err, codec.ErrMessage) {
					t.Errorf("%v is no codec.ErrMessage", err)
				}
				return
			}
			if m.Command != tt.command || m.ID != 0 {
				t.Errorf("%v %d, want %v", m.Command, m.ID, tt.command)
			}
			if want := encoded(t, tt.body); string(m.Body) != want {
				t.Errorf("body %x, want %x", m.Body, want)
			}
		})
	}
}

func encoded(t *testing.T, body *pb.ChatRequest) string {
	t.Helper()
	if body == nil {
		return ""
	}
	b, err := body.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestBytesOfTheServer(t *testing.T) {
	const push, ok = codec.PushChatMessage, codec.ResultOK
	d := chat.Dialect{}
	long := strings.Repeat("x", chat.MaxTextBytes-1)
	tests := []struct {
		name string
		got  []byte
		want []byte
	}{
		{
			"message", d.AppendPush(nil, push, 7, &pb.ChatMessage{Room: "r", Sender: "100001", Address: "127.0.0.1", Port: 4000, Text: "hi", Time: 1, Earlier: true}),
			[]byte("\x00\x14\x01\x00\x09127.0.0.1\x00\x044000hi"),
		},
		{
			"joined", d.AppendPush(nil, push, 0, &pb.ChatMessage{Address: "::1", Port: 1, Event: pb.ChatEvent_CHAT_EVENT_JOINED}),
			[]byte("\x00\x09\x02\x00\x03::1\x00\x011"),
		},
		{
			"left", d.AppendPush(nil, push, 0, &pb.ChatMessage{Address: "unix", Event: pb.ChatEvent_CHAT_EVENT_LEFT}),
			[]byte("\x00\x0a\x03\x00\x04unix\x00\x010"),
		},
		{"notice", d.AppendPush(nil, codec.PushNotice, 0, &pb.Notice{Text: "idle"}), []byte("\x00\x09\x04\x00\x00\x00\x00idle")},
		{"refusal", d.AppendReply(nil, codec.CommandChat, 0, codec.ResultRejected, &pb.Error{Message: "full"}), []byte("\x00\x09\x04\x00\x00\x00\x00full")},
		{"refusal without a text", d.AppendReply(nil, codec.CommandChat, 0, codec.ResultOverloaded, nil), []byte("\x00\x0f\x04\x00\x00\x00\x00OVERLOADED")},
		{
			"who", d.AppendReply(nil, codec.CommandChat, 0, ok, &pb.ChatReply{Members: []*pb.ChatMember{{Uid: 1, Address: "::1", Port: 65535}, {Address: "unix"}}, Count: 12}),
			[]byte("\x00\x0d\x05\x00\x03::1\x00\x0565535" + "\x00\x0a\x05\x00\x04unix\x00\x010" + "\x00\x07\x05\x00\x00\x00\x0012"),
		},
		{"nobody there", d.AppendReply(nil, codec.CommandChat, 0, ok, &pb.ChatReply{}), []byte("\x00\x06\x05\x00\x00\x00\x000")},
		{"said", d.AppendReply(nil, codec.CommandChat, 0, ok, nil), nil},
		{"heartbeat answered", d.AppendReply(nil, codec.CommandHeartbeat, 0, ok, nil), nil},
		{"heartbeat", d.AppendPush(nil, codec.PushHeartbeat, 0, nil), nil},
		{"quote", d.AppendPush(nil, codec.PushQuote, 0, &pb.Quote{Market: "ALFA"}), nil},
		{"greeting", d.AppendPush(nil, codec.CommandConn, 0, &pb.ConnReply{Uid: 1}), nil},
		{"text too long", d.AppendPush(nil, push, 0, &pb.ChatMessage{Text: long + "éé"}), frame(1, "", "0", long)},
		{"address too long", d.AppendPush(nil, push, 0, &pb.ChatMessage{Address: long}), frame(1, long[:chat.MaxAddressBytes], "0", "")},
		{"port too long", chat.AppendFrame(nil, chat.Frame{Type: 1, Port: long}), frame(1, "", long[:chat.MaxPortBytes], "")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !bytes.Equal(tt.got, tt.want) {
				t.Errorf("%q, want %q", tt.got, tt.want)
			}
		})
	}
	if dst := d.AppendPush([]byte("before"), codec.PushNotice, 0, &pb.Notice{Text: "x"}); string(dst) != "before\x00\x06\x04\x00\x00\x00\x00x" {
		t.Errorf("appended: %q", dst)
	}
}

// What a client of the dialect appends, the server decodes.
func TestRequestsOfAClient(t *testing.T) {
	tests := []struct {
		name    string
		command codec.Command
		body    codec.Body
		want    []byte
	}{
		{"say", codec.CommandChat, &pb.ChatRequest{Text: "hi"}, frame(1, "", "", "hi")},
		{"who", codec.CommandChat, &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_WHO}, frame(5, "", "", "")},
		{"heartbeat", codec.CommandHeartbeat, nil, frame(1, "", "", "")},
		{"join has no frame", codec.CommandChat, &pb.ChatRequest{Action: pb.ChatAction_CHAT_ACTION_JOIN}, nil},
		{"submit has no frame", codec.CommandSubmit, codec.Raw("x"), nil},
		{"conn has no frame", codec.CommandConn, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := chat.Dialect{}.AppendPush(nil, tt.command, 0, tt.body)
			if !bytes.Equal(b, tt.want) {
				t.Fatalf("%q, want %q", b, tt.want)
			}
			if b == nil {
				return
			}
			if m, used, err := codec.Decode(chat.Dialect{}, b, chat.MaxFrame); m.Command != tt.command || used != len(b) || err != nil {
				t.Errorf("decoded %v, %d, %v", m.Command, used, err)
			}
		})
	}
}

func TestProperties(t *testing.T) {
	d := chat.Dialect{}
	if d.String() != "chat" || !d.Ordered() || !d.Shared() {
		t.Errorf("%v: ordered %v, shared %v", d, d.Ordered(), d.Shared())
	}
}

func TestNoAllocations(t *testing.T) {
	stream := bytes.Repeat(append(frame(1, "127.0.0.1", "4000", strings.Repeat("text", 100)), frame(5, "", "", "")...), 16)
	dst := make([]byte, 0, 1<<16)
	message := &pb.ChatMessage{Address: "127.0.0.1", Port: 4000, Text: "text"}
	list := &pb.ChatReply{Members: []*pb.ChatMember{{Address: "127.0.0.1", Port: 4000}}, Count: 1}
	m := codec.Message{Scratch: make([]byte, 0, chat.MaxFrame)}
	var d codec.Dialect = chat.Dialect{}
	allocs := testing.AllocsPerRun(100, func() {
		end, _, _ := codec.Scan(d, stream, codec.DefaultMaxFrame, 1024)
		dst = dst[:0]
		for b := stream[:end]; len(b) > 0; {
			used, _ := d.Next(b, &m)
			dst = d.AppendPush(dst, codec.PushChatMessage, 0, message)
			dst = d.AppendReply(dst, m.Command, m.ID, codec.ResultOK, list)
			b = b[used:]
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// Any frames, cut anywhere, come out as they went in.
func TestFrameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frames := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) chat.Frame {
			return chat.Frame{
				Type:    chat.Type(rapid.Byte().Draw(t, "type")),
				Address: rapid.StringN(0, 16, chat.MaxAddressBytes).Draw(t, "address"),
				Port:    rapid.StringN(0, 4, chat.MaxPortBytes).Draw(t, "port"),
				Text:    rapid.StringN(0, -1, chat.MaxTextBytes).Draw(t, "text"),
			}
		}), 1, 5).Draw(t, "frames")
		var stream []byte
		for _, f := range frames {
			stream = chat.AppendFrame(stream, f)
		}
		cut := rapid.IntRange(0, len(stream)).Draw(t, "cut")
		at := 0
		for _, want := range frames {
			f, used, err := chat.ParseFrame(stream[at:cut])
			if err != nil {
				t.Fatal(err)
			}
			if used == 0 {
				if whole, n, err := chat.ParseFrame(stream[at:]); whole != want || at+n <= cut || err != nil {
					t.Fatalf("frame at %d is there up to %d, %v", at, cut, err)
				}
				return
			}
			if f != want {
				t.Fatalf("%+v became %+v", want, f)
			}
			at += used
		}
	})
}

func TestParseFrameErrors(t *testing.T) {
	for b, want := range map[string]error{"\xff\xff": codec.ErrTooLarge, "\x00\x00": codec.ErrTooShort, "\x00\x05\x01\xff\xff\x00\x00": chat.ErrParts} {
		if f, used, err := chat.ParseFrame([]byte(b)); f != (chat.Frame{}) || used != 0 || !errors.Is(err, want) {
			t.Errorf("%q: %v, %d, %v", b, f, used, err)
		}
	}
}

func FuzzChat(f *testing.F) {
	f.Add(frame(1, "127.0.0.1", "4000", "hello"))
	f.Add(append(frame(1, "", "", ""), frame(5, "", "", "")...))
	f.Add([]byte("\x00\x05\x01\xff\xff\x00\x00"))
	f.Add([]byte("\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := chat.Dialect{}
		end, frames, _ := codec.Scan(d, b, 1<<20, 1024)
		at := 0
		for ; frames > 0; frames-- {
			n, err := d.FrameLen(b[at:], 1<<20)
			if err != nil {
				t.Fatalf("Scan passed what FrameLen refuses: %v", err)
			}
			var m codec.Message
			used, err := d.Next(b[at:end], &m)
			switch {
			case used != n:
				t.Fatalf("used %d of %d", used, n)
			case err != nil && !errors.Is(err, codec.ErrMessage):
				t.Fatal(err)
			case err == nil:
				checkMessage(t, b[at:at+n], m)
			}
			at += n
		}
		if at != end {
			t.Fatalf("the frames end at %d, Scan says %d", at, end)
		}
	})
}

// checkMessage checks what a frame was decoded to.
func checkMessage(t *testing.T, b []byte, m codec.Message) {
	t.Helper()
	f, used, err := chat.ParseFrame(b)
	if err != nil || used != len(b) {
		t.Fatalf("%q is a message and no frame: %d, %v", b, used, err)
	}
	var request pb.ChatRequest
	if err := request.UnmarshalVT(m.Body); err != nil {
		t.Fatal(err)
	}
	switch {
	case f.Type == chat.TypeWho:
		if m.Command != codec.CommandChat || request.Action != pb.ChatAction_CHAT_ACTION_WHO || request.Text != "" {
			t.Fatalf("%+v became %v %v", f, m.Command, &request)
		}
	case f.Text == "":
		if m.Command != codec.CommandHeartbeat || m.Body != nil {
			t.Fatalf("%+v became %v %v", f, m.Command, &request)
		}
	default:
		if m.Command != codec.CommandChat || request.Action != 0 || request.Text != f.Text || request.Room != "" || !utf8.ValidString(f.Text) {
			t.Fatalf("%+v became %v %v", f, m.Command, &request)
		}
	}
	again := chat.AppendFrame(nil, f)
	if len(f.Address) <= chat.MaxAddressBytes && len(f.Port) <= chat.MaxPortBytes && len(f.Text) <= chat.MaxTextBytes && !bytes.Equal(again, b) {
		t.Fatalf("%q became %q", b, again)
	}
}

func ExampleDialect() {
	d := chat.Dialect{}
	m, used, err := codec.Decode(d, []byte("\x00\x0a\x01\x00\x00\x00\x00hello"), codec.DefaultMaxFrame)
	fmt.Printf("%v %q %d %v\n", m.Command, m.Body, used, err)
	fmt.Printf("%q\n", d.AppendPush(nil, codec.PushChatMessage, 0, &pb.ChatMessage{Address: "127.0.0.1", Port: 4000, Text: "hello"}))
	// Output:
	// Chat "\x12\x05hello" 12 <nil>
	// "\x00\x17\x01\x00\t127.0.0.1\x00\x044000hello"
}

func ExampleParseFrame() {
	f, used, err := chat.ParseFrame([]byte("\x00\x17\x01\x00\t127.0.0.1\x00\x044000hello"))
	fmt.Printf("%+v %d %v\n", f, used, err)
	// Output:
	// {Type:1 Address:127.0.0.1 Port:4000 Text:hello} 25 <nil>
}
