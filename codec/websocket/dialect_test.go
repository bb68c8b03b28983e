package websocket_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
)

// underTest is a dialect with the values that the contract tests need.
type underTest struct {
	name    string
	dialect codec.Dialect
	op      websocket.Opcode
	least   uint32 // the smallest total
}

func eachDialect(t *testing.T, test func(*testing.T, underTest)) {
	t.Helper()
	for _, d := range []underTest{
		{"websocket-packet", websocket.Packet{}, binaryOp, codec.PacketHeaderLen},
		{"websocket-json", websocket.JSON{}, text, 4},
	} {
		t.Run(d.name, func(t *testing.T) { test(t, d) })
	}
}

// inbound returns what the engine makes of a message.
func inbound(payload []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(4+len(payload))), payload...)
}

// open returns the message in a frame of the server.
func open(t *testing.T, b []byte, want websocket.Opcode) []byte {
	t.Helper()
	r := websocket.Reader{Client: true}
	used, op, payload, err := r.Next(b, len(b))
	if used != len(b) || op != want || err != nil {
		t.Fatalf("%q: took %d of %d bytes, %v, %v", b, used, len(b), op, err)
	}
	return payload
}

// messages returns n messages with pushes whose ids and body lengths are 1 to n.
func messages(t *testing.T, d underTest, n int) (stream []byte, ends []int) {
	t.Helper()
	ends = []int{0}
	for i := range n {
		frame := d.dialect.AppendPush(nil, codec.CommandSubmit, uint64(i+1), codec.Raw(make([]byte, i+1)))
		stream = append(stream, inbound(open(t, frame, d.op))...)
		ends = append(ends, len(stream))
	}
	return stream, ends
}

func TestDialectProperties(t *testing.T) {
	eachDialect(t, func(t *testing.T, d underTest) {
		if d.dialect.String() != d.name || d.dialect.Ordered() || !d.dialect.Shared() {
			t.Errorf("%v: ordered %v, shared %v", d.dialect, d.dialect.Ordered(), d.dialect.Shared())
		}
	})
}

func TestFrameLen(t *testing.T) {
	const limit = 1 << 10
	eachDialect(t, func(t *testing.T, d underTest) {
		tests := []struct {
			total uint32
			err   error
		}{
			{0, codec.ErrTooShort}, {d.least - 1, codec.ErrTooShort}, {d.least, nil}, {limit, nil},
			{limit + 1, codec.ErrTooLarge}, {0xFFFFFFF0, codec.ErrTooLarge}, {0xFFFFFFFF, codec.ErrTooLarge},
		}
		for _, tt := range tests {
			b := binary.BigEndian.AppendUint32(nil, tt.total)
			want := int(tt.total)
			if tt.err != nil {
				want = 0
			}
			if n, err := d.dialect.FrameLen(b, limit); n != want || !errors.Is(err, tt.err) {
				t.Errorf("%d: got %d, %v; want %v", tt.total, n, err, tt.err)
			}
			if n, err := d.dialect.FrameLen(b, 0); tt.total == d.least && (n != want || err != nil) {
				t.Errorf("%d, the smallest, with a lower limit: got %d, %v", tt.total, n, err)
			}
			if n, err := d.dialect.FrameLen(b[:3], limit); n != 0 || err != nil {
				t.Errorf("three bytes of %d: got %d, %v", tt.total, n, err)
			}
		}
	})
}

func TestScanAndNext(t *testing.T) {
	const all = 5
	eachDialect(t, func(t *testing.T, d underTest) {
		stream, ends := messages(t, d, all)
		whole := 0
		for cut := range len(stream) + 1 {
			if whole < all && cut == ends[whole+1] {
				whole++
			}
			if end, found, err := codec.Scan(d.dialect, stream[:cut], most, 100); end != ends[whole] || found != whole || err != nil {
				t.Errorf("of %d bytes: got %d frames to %d, %v; want %d to %d", cut, found, end, err, whole, ends[whole])
			}
		}
		var m codec.Message
		at := 0
		for i := range all {
			used, err := d.dialect.Next(stream[at:], &m)
			at += used
			if err != nil || m.Command != codec.CommandSubmit || m.ID != uint64(i+1) || len(m.Body) != i+1 || at != ends[i+1] {
				t.Errorf("message %d is %v, %d with %d bytes, and ends at %d: %v", i, m.Command, m.ID, len(m.Body), at, err)
			}
		}
		bad := binary.BigEndian.AppendUint32(stream, d.least-1)
		if end, found, err := codec.Scan(d.dialect, bad, most, 100); end != len(stream) || found != all || !errors.Is(err, codec.ErrTooShort) {
			t.Errorf("before a bad message: got %d frames to %d, %v", found, end, err)
		}
	})
}

// A client's request in the dialect is what a server decodes, whatever the command.
func TestPushesDecodeBack(t *testing.T) {
	quote := &pb.Quote{Market: "ALFA", Code: "600100", LastPrice: 100_000}
	encoded, err := quote.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		command codec.Command
		body    codec.Body
		want    string
	}{
		{"nil", codec.PushQuote, nil, ""},
		{"empty", codec.CommandSubmit, codec.Raw(""), ""},
		{"raw", codec.CommandSubmit, codec.Raw("\x00raw\xff"), "\x00raw\xff"},
		{"message", codec.PushQuote, quote, string(encoded)},
	}
	eachDialect(t, func(t *testing.T, d underTest) {
		for _, tt := range tests {
			push := d.dialect.AppendPush([]byte("before"), tt.command, 1<<63+9, tt.body)
			if string(push[:6]) != "before" {
				t.Fatalf("%s: %q", tt.name, push)
			}
			m, _, err := codec.Decode(d.dialect, inbound(open(t, push[6:], d.op)), most)
			if err != nil || m.Command != tt.command || m.ID != 1<<63+9 || string(m.Body) != tt.want {
				t.Errorf("%s: %v, %d, %q, %v", tt.name, m.Command, m.ID, m.Body, err)
			}
		}
	})
}

func TestPacketReply(t *testing.T) {
	quote := &pb.Quote{Market: "ALFA"}
	for name, tt := range map[string]struct {
		body codec.Body
		want string
	}{
		"nil":     {nil, ""},
		"raw":     {codec.Raw("raw"), "raw"},
		"message": {quote, "\x0a\x04ALFA"},
	} {
		reply := websocket.Packet{}.AppendReply(nil, codec.CommandQuotes, 7, codec.ResultDuplicate, tt.body)
		if got := open(t, reply, binaryOp); string(got) != "\x8a\x00\x00\x00\x00\x00\x00\x00\x07\x0a"+tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Frames of any length have the header for it.
func TestFramesOfAnyLength(t *testing.T) {
	eachDialect(t, func(t *testing.T, d underTest) {
		for n := range 66_000 {
			// In base64 a body of 49,000 bytes is near the limit of 64 KiB.
			if n > 150 && n%5003 != 0 && (n < 65_500 || n > 65_550) && (n < 49_090 || n > 49_130) {
				continue
			}
			body := codec.Raw(bytes.Repeat([]byte{byte(n)}, n))
			m, _, err := codec.Decode(d.dialect, inbound(open(t, d.dialect.AppendPush(nil, codec.CommandSubmit, 1, body), d.op)), 1<<20)
			if err != nil || !bytes.Equal(m.Body, body) {
				t.Fatalf("%d bytes became %d, %v", n, len(m.Body), err)
			}
		}
	})
}

func TestPacketDoesNotAllocate(t *testing.T) {
	d := websocket.Packet{}
	request := inbound([]byte("\x02\x00\x00\x00\x00\x00\x00\x00\x07body"))
	body := &pb.Quote{Market: "ALFA", Code: "600100", LastPrice: 100_000}
	dst := make([]byte, 0, 4096)
	var m codec.Message
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := d.Next(request, &m); err != nil {
			t.Fatal(err)
		}
		dst = d.AppendReply(dst[:0], m.Command, m.ID, codec.ResultOK, nil)
		dst = d.AppendPush(dst, codec.PushQuote, 0, body)
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
