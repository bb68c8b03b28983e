package websocket_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"holdfast/codec/websocket"
)

// most is the largest message of these tests.
const most = 1 << 17

const (
	continuation = websocket.OpContinuation
	text         = websocket.OpText
	binaryOp     = websocket.OpBinary
	closeOp      = websocket.OpClose
	ping         = websocket.OpPing
	pong         = websocket.OpPong
	// part marks a frame that is not the last of its message.
	part = 0x40
)

// frame is what a test sends.
type frame struct {
	op      websocket.Opcode // may have part set
	payload string
}

// encode returns frames as a client or server sends them.
func encode(fromServer bool, frames ...frame) (b []byte) {
	for i, f := range frames {
		start := len(b)
		if fromServer {
			b = websocket.AppendFrame(b, f.op&^part, []byte(f.payload))
		} else {
			b = websocket.AppendMasked(b, f.op&^part, 0x9a7b3c4d+uint32(i), []byte(f.payload))
		}
		if f.op&part != 0 {
			b[start] &^= 0x80
		}
	}
	return b
}

// readAll reads b in pieces that end at cuts, and returns what was in it, the code of the
// error, 0 without one, and after how many bytes the error was found.
func readAll(r *websocket.Reader, b []byte, limit int, cuts ...int) (got []string, code websocket.CloseCode, at int) {
	b = bytes.Clone(b)
	start := 0
	for _, end := range append(cuts, len(b)) {
		piece := b[start:end:end]
		for start = end; len(piece) > 0; {
			used, op, payload, err := r.Next(piece, limit)
			if err != nil {
				var closeError *websocket.CloseError
				if !errors.As(err, &closeError) || closeError.Text == "" || used != 0 || op != 0 || payload != nil {
					panic(fmt.Sprintf("%d, %v, %q, %v", used, op, payload, err))
				}
				return got, closeError.Code, end
			}
			if op == 0 && (used != len(piece) || payload != nil) || used == 0 {
				panic(fmt.Sprintf("took %d of %d bytes, payload %q", used, len(piece), payload))
			}
			if op != 0 {
				got = append(got, fmt.Sprintf("%d %s", op, payload))
			}
			piece = piece[used:]
		}
	}
	return got, 0, len(b)
}

// everyByte returns the cuts of b into single bytes.
func everyByte(b []byte) (cuts []int) {
	for i := 1; i < len(b); i++ {
		cuts = append(cuts, i)
	}
	return cuts
}

func TestReaderReadsMessages(t *testing.T) {
	long, longer := strings.Repeat("0123456789", 100), strings.Repeat("0123456789", 10_000)
	tests := []struct {
		name   string
		frames []frame
		want   []string
	}{
		{"text", []frame{{text, "hello"}}, []string{"1 hello"}},
		{"binary", []frame{{binaryOp, "\x00\xff"}}, []string{"2 \x00\xff"}},
		{"empty", []frame{{text, ""}, {binaryOp, ""}}, []string{"1 ", "2 "}},
		{"two", []frame{{text, "one"}, {binaryOp, "two"}}, []string{"1 one", "2 two"}},
		{"126 bytes", []frame{{text, long[:126]}, {text, "x"}}, []string{"1 " + long[:126], "1 x"}},
		{"1000 bytes", []frame{{text, long}, {text, "x"}}, []string{"1 " + long, "1 x"}},
		{"100,000 bytes", []frame{{text, longer}, {text, "x"}}, []string{"1 " + longer, "1 x"}},
		{"fragments", []frame{{text | part, "a"}, {continuation | part, "b"}, {continuation, "c"}, {text, "d"}}, []string{"1 abc", "1 d"}},
		{"empty fragments", []frame{{binaryOp | part, ""}, {continuation | part, ""}, {continuation, ""}}, []string{"2 "}},
		{"the last fragment is empty", []frame{{binaryOp | part, "a"}, {continuation, ""}}, []string{"2 a"}},
		{"control frames between fragments", []frame{{text | part, "a"}, {ping, "p"}, {continuation | part, "b"}, {pong, ""}, {ping, long[:125]}, {continuation, "c"}},
			[]string{"9 p", "10 ", "9 " + long[:125], "1 abc"}},
		{"close", []frame{{closeOp, ""}}, []string{"8 "}},
		{"close with a code", []frame{{closeOp, "\x03\xe8"}}, []string{"8 \x03\xe8"}},
		{"close with a text", []frame{{closeOp, "\x03\xe8Grüße"}}, []string{"8 \x03\xe8Grüße"}},
		{"close between fragments", []frame{{text | part, "a"}, {closeOp, ""}}, []string{"8 "}},
		{"runes across fragments", []frame{{text | part, "\xe2"}, {ping, "\xff"}, {continuation | part, "\x82"}, {continuation, "\xac"}}, []string{"9 \xff", "1 €"}},
		{"binary is not checked for UTF-8", []frame{{binaryOp | part, "\xff"}, {continuation, "\xfe"}}, []string{"2 \xff\xfe"}},
	}
	for _, tt := range tests {
		for _, fromServer := range []bool{false, true} {
			b := encode(fromServer, tt.frames...)
			ways := [][]int{nil, everyByte(b)}
			for i := range min(len(b), 300) {
				ways = append(ways, []int{i})
			}
			for _, cuts := range ways {
				r := websocket.Reader{Client: fromServer}
				got, code, _ := readAll(&r, b, most, cuts...)
				if !slices.Equal(got, tt.want) || code != 0 {
					t.Errorf("%s, from the server %v, cut at %d: got %.40q, %d", tt.name, fromServer, cuts, got, code)
				}
			}
		}
	}
}

// Each error is found at the byte that makes it certain.
func TestReaderRefuses(t *testing.T) {
	const protocol, invalid, big = websocket.CloseProtocolError, websocket.CloseInvalidData, websocket.CloseMessageTooBig
	hello := string(encode(false, frame{text | part, "hello"}))
	tests := []struct {
		name   string
		client bool
		bytes  string
		want   websocket.CloseCode
		at     int
	}{
		{"first reserved bit", false, "\xc1\x80", protocol, 1},
		{"second reserved bit", false, "\xa1\x80", protocol, 1},
		{"third reserved bit", false, "\x91\x80", protocol, 1},
		{"opcode 3", false, "\x83\x80", protocol, 1},
		{"opcode 7", false, "\x87\x80", protocol, 1},
		{"opcode 11", false, "\x8b\x80", protocol, 1},
		{"opcode 15", false, "\x8f\x80", protocol, 1},
		{"a client without mask", false, "\x81\x05hello", protocol, 2},
		{"a server with mask", true, "\x81\x85\x00\x00\x00\x00hello", protocol, 2},
		{"a ping without its end", false, "\x09\x80", protocol, 1},
		{"a ping of 126 bytes", false, "\x89\xfe\x00\x7e", protocol, 2},
		{"a close of 64 KiB", false, "\x88\xff\x00", protocol, 2},
		{"125 in two bytes", false, "\x81\xfe\x00\x7d", protocol, 4},
		{"65535 in eight bytes", false, "\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff", protocol, 10},
		{"more than 63 bits", false, "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", protocol, 10},
		{"63 bits", false, "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", big, 10},
		{"one byte too long", false, "\x81\xff\x00\x00\x00\x00\x00\x02\x00\x01", big, 10},
		{"one byte too long with its fragment", false, hello + "\x80\xff\x00\x00\x00\x00\x00\x01\xff\xfc", big, len(hello) + 10},
		{"continuation of nothing", false, "\x80\x80", protocol, 1},
		{"continuation of nothing, to be continued", false, "\x00\x80", protocol, 1},
		{"continuation after the end", false, string(encode(false, frame{text, "a"})) + "\x80\x80", protocol, 8},
		{"text between fragments", false, hello + "\x81", protocol, len(hello) + 1},
		{"binary between fragments", false, hello + "\x02", protocol, len(hello) + 1},
		{"a byte that is not UTF-8", true, "\x81\x7e\x04\x00abc\xffabc", invalid, 8},
		{"a rune that is cut off by the end", true, "\x81\x02\xe2\x82", invalid, 4},
		{"a rune that is cut off by the last fragment", true, "\x01\x02\xe2\x82\x80\x00", invalid, 6},
		{"a rune that is broken by the next fragment", true, "\x01\x01\xe2\x80\x02a", invalid, 6},
		{"a longer encoding than needed", true, "\x81\x7e\x04\x00\xe0\x80", invalid, 6},
		{"a surrogate", true, "\x81\x7e\x04\x00\xed\xa0", invalid, 6},
		{"above U+10FFFF", true, "\x81\x7e\x04\x00\xf4\x90", invalid, 6},
		{"half a close code", false, string(encode(false, frame{closeOp, "\x03"})), protocol, 7},
		{"close text that is not UTF-8", true, "\x88\x03\x03\xe8\xff", invalid, 5},
		{"close text with half a rune", true, "\x88\x03\x03\xe8\xe2", invalid, 5},
	}
	for _, tt := range tests {
		r := websocket.Reader{Client: tt.client}
		_, code, at := readAll(&r, []byte(tt.bytes), most, everyByte([]byte(tt.bytes))...)
		if code != tt.want || at != tt.at {
			t.Errorf("%s, byte by byte: %d after %d bytes, want %d after %d", tt.name, code, at, tt.want, tt.at)
		}
		if r.Pending() || r.Buffered() != 0 {
			t.Errorf("%s: it still has memory", tt.name)
		}
		r = websocket.Reader{Client: tt.client}
		if _, code, _ := readAll(&r, []byte(tt.bytes), most); code != tt.want {
			t.Errorf("%s, at once: %d, want %d", tt.name, code, tt.want)
		}
	}
}

func TestReaderChecksCloseCodes(t *testing.T) {
	allowed := func(code int) bool {
		return code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
	}
	for code := range 1 << 16 {
		b := binary.BigEndian.AppendUint16([]byte{0x88, 2}, uint16(code))
		for _, cuts := range [][]int{nil, {3}} {
			r := websocket.Reader{Client: true}
			got, refused, _ := readAll(&r, b, most, cuts...)
			if ok := len(got) == 1 && refused == 0; ok != allowed(code) || !ok && refused != websocket.CloseProtocolError {
				t.Fatalf("close code %d: got %q, %d", code, got, refused)
			}
		}
	}
}

// The limit holds for messages, not for control frames, and for what is declared.
func TestReaderLimit(t *testing.T) {
	tests := []struct {
		name   string
		frames []frame
		limit  int
		want   websocket.CloseCode
	}{
		{"at the limit", []frame{{text, "hello"}}, 5, 0},
		{"above it", []frame{{text, "hello"}}, 4, websocket.CloseMessageTooBig},
		{"fragments at the limit", []frame{{text | part, "hel"}, {continuation, "lo"}}, 5, 0},
		{"fragments above it", []frame{{text | part, "hel"}, {continuation, "lo"}}, 4, websocket.CloseMessageTooBig},
		{"each message anew", []frame{{text | part, "hel"}, {continuation, "lo"}, {text, "hello"}}, 5, 0},
		{"control frames are free", []frame{{text | part, "hel"}, {ping, "a longer ping"}, {continuation, "lo"}}, 5, 0},
		{"nothing is allowed", []frame{{text, ""}, {ping, "ping"}}, 0, 0},
	}
	for _, tt := range tests {
		var r websocket.Reader
		if _, code, _ := readAll(&r, encode(false, tt.frames...), tt.limit); code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, code, tt.want)
		}
	}
}

// Memory grows with what arrives, in proportion, and not with what is declared. It is free
// when the message is complete.
func TestReaderMemory(t *testing.T) {
	b := encode(false, frame{binaryOp | part, strings.Repeat("x", 40_000)}, frame{ping, "ping"}, frame{continuation, strings.Repeat("y", 60_000)})
	var r websocket.Reader
	for i := range b {
		_, op, payload, err := r.Next(b[i:i+1], most)
		if err != nil {
			t.Fatal(err)
		}
		if buffered := r.Buffered(); buffered > 2*i+16 || i < len(b)-1 && buffered < i-30 {
			t.Fatalf("%d bytes of memory after %d of %d", buffered, i+1, len(b))
		}
		if done := i == len(b)-1; done != (op == binaryOp) || r.Pending() == done {
			t.Fatalf("after %d of %d bytes: %v, pending %v", i+1, len(b), op, r.Pending())
		} else if done && (len(payload) != 100_000 || cap(payload) != 100_000) {
			t.Errorf("a message of %d bytes has %d bytes of memory", len(payload), cap(payload))
		}
	}
	if r.Buffered() != 0 {
		t.Errorf("%d bytes of memory after the message", r.Buffered())
	}
	if size := unsafe.Sizeof(r); size > 48 {
		t.Errorf("an idle Reader has %d bytes", size)
	}
}

// A message that arrives in many pieces is not copied for each of them.
func TestReaderGrowsInLargeSteps(t *testing.T) {
	b := encode(false, frame{binaryOp, strings.Repeat("x", 100_000)})
	allocs := testing.AllocsPerRun(10, func() {
		var r websocket.Reader
		for at := 0; at < len(b); at += 100 {
			if _, _, _, err := r.Next(b[at:min(at+100, len(b))], most); err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocs > 20 {
		t.Errorf("%v allocations for 1,000 pieces", allocs)
	}
}

func TestReaderPending(t *testing.T) {
	var r websocket.Reader
	if r.Next(nil, most); r.Pending() {
		t.Error("pending before the first byte")
	}
	for i, piece := range []string{"\x01", "\x80\x00\x00", "\x00\x00", "\x89\x80\x00\x00\x00\x00", "\x80\x80\x00\x00\x00"} {
		if _, op, _, err := r.Next([]byte(piece), most); !r.Pending() || err != nil || (op != 0) != (i == 3) {
			t.Errorf("%d: %v, %v, pending %v", i, op, err, r.Pending())
		}
	}
	if _, op, _, err := r.Next([]byte("\x00"), most); r.Pending() || err != nil || op != text {
		t.Errorf("at the end: %v, %v, pending %v", op, err, r.Pending())
	}
	if _, op, _, err := r.Next([]byte("\x89\x81\x00"), most); !r.Pending() || err != nil || op != 0 {
		t.Errorf("in a ping: %v, %v, pending %v", op, err, r.Pending())
	}
	if _, op, payload, err := r.Next([]byte("\x00\x00\x00p"), most); r.Pending() || err != nil || op != ping || string(payload) != "p" {
		t.Errorf("after a ping: %v %q, %v, pending %v", op, payload, err, r.Pending())
	}
}

// Payloads of one frame are in the caller's memory; they can't reach into the next frame.
func TestReaderUnmasksInPlace(t *testing.T) {
	b := encode(false, frame{text, "hello"}, frame{text, "world"})
	var r websocket.Reader
	used, _, payload, err := r.Next(b, most)
	if err != nil || used != 11 || &payload[0] != &b[6] || cap(payload) != 5 {
		t.Errorf("%d, %q of %d, %v", used, payload, cap(payload), err)
	}
}

func TestReaderDoesNotAllocate(t *testing.T) {
	// Masks of zeros, so that the frames can be read again and again.
	var b []byte
	for _, f := range []frame{{text, "hello, Grüße"}, {binaryOp, strings.Repeat("x", 70_000)}, {ping, "ping"}, {closeOp, "\x03\xe8bye"}} {
		b = websocket.AppendMasked(b, f.op, 0, []byte(f.payload))
	}
	var r websocket.Reader
	allocs := testing.AllocsPerRun(100, func() {
		for rest := b; len(rest) > 0; {
			used, op, _, err := r.Next(rest, most)
			if op == 0 || err != nil {
				t.Fatal(op, err)
			}
			rest = rest[used:]
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func TestParseClose(t *testing.T) {
	tests := map[string]struct {
		code websocket.CloseCode
		text string
	}{
		"":            {websocket.CloseNoStatus, ""},
		"\x03\xe9":    {websocket.CloseGoingAway, ""},
		"\x0f\xa0bye": {4000, "bye"},
	}
	for payload, want := range tests {
		if code, text := websocket.ParseClose([]byte(payload)); code != want.code || text != want.text {
			t.Errorf("%q: %d %q", payload, code, text)
		}
	}
}
