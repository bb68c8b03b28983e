package codec_test

import (
	"bytes"
	"errors"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// most is the largest frame of these tests.
const most = 1 << 10

// underTest is a dialect with the values that the contract tests need.
type underTest struct {
	name    string
	dialect codec.Dialect
	says    string // its String
	large   string // the shortest input that declares a frame above most
	short   string // the shortest input that declares a frame below a header; "" if impossible
	ordered bool
}

func dialects() []underTest {
	return []underTest{
		{"packet", codec.Packet{}, "packet", "\x00\x00\x04\x01", "\x00\x00\x00\x0c", false},
		{"tlv", codec.TLV{}, "tlv", "\xf9\x03\x00\x00", "", true},
		{"tlv big-endian", codec.TLV{BigEndian: true}, "tlv", "\x00\x00\x03\xf9", "", true},
	}
}

// eachDialect runs a test for every dialect.
func eachDialect(t *testing.T, test func(*testing.T, underTest)) {
	t.Helper()
	for _, d := range dialects() {
		t.Run(d.name, func(t *testing.T) { test(t, d) })
	}
}

// messages returns n frames with the commands 1..n and bodies of that many bytes.
func messages(d codec.Dialect, n int) (stream []byte, ends []int) {
	ends = []int{0}
	for i := range n {
		stream = d.AppendPush(stream, codec.Command(i+1), uint64(i+1), codec.Raw(make([]byte, i+1)))
		ends = append(ends, len(stream))
	}
	return stream, ends
}

func TestDialectProperties(t *testing.T) {
	eachDialect(t, func(t *testing.T, d underTest) {
		if d.dialect.String() != d.says || d.dialect.Ordered() != d.ordered || !d.dialect.Shared() {
			t.Errorf("%v: ordered %v, shared %v", d.dialect, d.dialect.Ordered(), d.dialect.Shared())
		}
	})
}

func TestFrameLen(t *testing.T) {
	packet, little, big := codec.Packet{}, codec.TLV{}, codec.TLV{BigEndian: true}
	tests := []struct {
		name    string
		dialect codec.Dialect
		header  string
		want    int
		err     error
	}{
		{"packet, nothing", packet, "", 0, nil},
		{"packet, three bytes", packet, "\x00\x00\x04", 0, nil},
		{"packet, 0", packet, "\x00\x00\x00\x00", 0, codec.ErrTooShort},
		{"packet, 3", packet, "\x00\x00\x00\x03", 0, codec.ErrTooShort},
		{"packet, 12", packet, "\x00\x00\x00\x0c", 0, codec.ErrTooShort},
		{"packet, 13", packet, "\x00\x00\x00\x0d", 13, nil},
		{"packet, maximum", packet, "\x00\x00\x04\x00", 1024, nil},
		{"packet, over it", packet, "\x00\x00\x04\x01", 0, codec.ErrTooLarge},
		{"packet, negative", packet, "\xff\xff\xff\xf0", 0, codec.ErrTooLarge},
		{"packet, 4 GiB", packet, "\xff\xff\xff\xff", 0, codec.ErrTooLarge},
		{"nothing", little, "", 0, nil},
		{"three bytes", little, "\x04\x00\x00", 0, nil},
		{"no data", little, "\x00\x00\x00\x00", 8, nil},
		{"one byte", little, "\x01\x00\x00\x00", 9, nil},
		{"a whole header", little, "\x02\x00\x00\x00\x03\x00\x00\x00", 10, nil},
		{"maximum", little, "\xf8\x03\x00\x00", 1024, nil},
		{"over it", little, "\xf9\x03\x00\x00", 0, codec.ErrTooLarge},
		{"negative", little, "\xf0\xff\xff\xff", 0, codec.ErrTooLarge},
		{"4 GiB", little, "\xff\xff\xff\xff", 0, codec.ErrTooLarge},
		{"the other order", little, "\x00\x00\x00\x01", 0, codec.ErrTooLarge},
		{"big-endian nothing", big, "", 0, nil},
		{"big-endian three bytes", big, "\x00\x00\x00", 0, nil},
		{"big-endian no data", big, "\x00\x00\x00\x00", 8, nil},
		{"big-endian one byte", big, "\x00\x00\x00\x01", 9, nil},
		{"big-endian maximum", big, "\x00\x00\x03\xf8", 1024, nil},
		{"big-endian over it", big, "\x00\x00\x03\xf9", 0, codec.ErrTooLarge},
		{"big-endian 4 GiB", big, "\xff\xff\xff\xff", 0, codec.ErrTooLarge},
		{"big-endian the other order", big, "\x01\x00\x00\x00", 0, codec.ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := tt.dialect.FrameLen([]byte(tt.header), most)
			if n != tt.want || !errors.Is(err, tt.err) {
				t.Fatalf("got %d, %v; want %d, %v", n, err, tt.want, tt.err)
			}
		})
	}
}

func TestNoAllocations(t *testing.T) {
	eachDialect(t, func(t *testing.T, d underTest) {
		stream := bytes.Repeat(d.dialect.AppendPush(nil, codec.CommandSubmit, 9, codec.Raw("payload")), 16)
		dst := make([]byte, 0, 4096)
		body := &pb.Quote{Market: "ALFA", Code: "600100", LastPrice: 100_000}
		var m codec.Message
		allocs := testing.AllocsPerRun(100, func() {
			end, _, _ := codec.Scan(d.dialect, stream, codec.DefaultMaxFrame, 1024)
			dst = dst[:0]
			for b := stream[:end]; len(b) > 0; {
				used, _ := d.dialect.Next(b, &m)
				dst = d.dialect.AppendReply(dst, m.Command, m.ID, codec.ResultOK, nil)
				dst = d.dialect.AppendPush(dst, codec.PushQuote, 0, body)
				b = b[used:]
			}
		})
		if allocs != 0 {
			t.Errorf("%v allocations to split, decode and append", allocs)
		}
	})
}

func TestScanStopsAfterSoManyFrames(t *testing.T) {
	const all = 5
	eachDialect(t, func(t *testing.T, d underTest) {
		stream, ends := messages(d.dialect, all)
		for frames := range all + 2 {
			want := min(frames, all)
			end, found, err := codec.Scan(d.dialect, stream, most, frames)
			if end != ends[want] || found != want || err != nil {
				t.Errorf("at most %d: got %d frames to %d, %v; want %d to %d", frames, found, end, err, want, ends[want])
			}
		}
	})
}

func TestScanEndsWithTheLastWholeFrame(t *testing.T) {
	eachDialect(t, func(t *testing.T, d underTest) {
		stream, ends := messages(d.dialect, 3)
		whole := 0
		for cut := range len(stream) + 1 {
			if whole+1 < len(ends) && cut == ends[whole+1] {
				whole++
			}
			end, found, err := codec.Scan(d.dialect, stream[:cut], most, 100)
			if end != ends[whole] || found != whole || err != nil {
				t.Errorf("of %d bytes: got %d frames to %d, %v; want %d to %d", cut, found, end, err, whole, ends[whole])
			}
		}
	})
}

func TestScanReturnsGoodFramesBeforeABadOne(t *testing.T) {
	eachDialect(t, func(t *testing.T, d underTest) {
		stream, ends := messages(d.dialect, 2)
		for want, bad := range map[error]string{codec.ErrTooLarge: d.large, codec.ErrTooShort: d.short} {
			if bad == "" {
				continue
			}
			end, found, err := codec.Scan(d.dialect, append(stream[:len(stream):len(stream)], bad...), most, 100)
			if end != ends[2] || found != 2 || !errors.Is(err, want) {
				t.Errorf("got %d frames to %d, %v; want 2 to %d, %v", found, end, err, ends[2], want)
			}
			if end, found, err := codec.Scan(d.dialect, append(stream[:len(stream):len(stream)], bad...), most, 2); end != ends[2] || found != 2 || err != nil {
				t.Errorf("looked beyond the frames that were asked for: %d, %d, %v", end, found, err)
			}
		}
	})
}

// FrameLen returns 0 or the correct length, and returns the length before the content has
// arrived.
func TestFrameLenBeforeTheContent(t *testing.T) {
	eachDialect(t, func(t *testing.T, d underTest) {
		frame := d.dialect.AppendPush(nil, codec.CommandSubmit, 1, codec.Raw("twelve bytes"))
		needed := 0
		for cut := range len(frame) + 1 {
			n, err := d.dialect.FrameLen(frame[:cut], most)
			switch {
			case err != nil || n != 0 && n != len(frame) || n == 0 && needed != 0:
				t.Fatalf("of %d bytes: %d, %v", cut, n, err)
			case n != 0 && needed == 0:
				needed = cut
			}
			m, used, err := codec.Decode(d.dialect, frame[:cut], most)
			if whole := cut == len(frame); err != nil || whole != (used == len(frame)) || !whole && (used != 0 || m.Body != nil) {
				t.Errorf("decoded of %d bytes: %d, %v", cut, used, err)
			}
		}
		if needed == 0 || needed > len(frame)-len("twelve bytes") {
			t.Errorf("the length is known after %d of %d bytes", needed, len(frame))
		}
		n, err := d.dialect.FrameLen([]byte(d.large), most+1) // one byte above most fits here
		if n != most+1 || err != nil {
			t.Errorf("at the maximum: %d, %v", n, err)
		}
		for want, bad := range map[error]string{codec.ErrTooLarge: d.large, codec.ErrTooShort: d.short} {
			if bad == "" {
				continue
			}
			if n, err := d.dialect.FrameLen([]byte(bad), most); n != 0 || !errors.Is(err, want) {
				t.Errorf("got %d, %v; want %v", n, err, want)
			}
			if _, used, err := codec.Decode(d.dialect, []byte(bad), most); used != 0 || !errors.Is(err, want) {
				t.Errorf("decoded %d bytes, %v; want %v", used, err, want)
			}
		}
	})
}

func TestNextAfterScan(t *testing.T) {
	const all = 5
	eachDialect(t, func(t *testing.T, d underTest) {
		stream, ends := messages(d.dialect, all)
		end, found, err := codec.Scan(d.dialect, stream, most, 100)
		if err != nil || found != all {
			t.Fatal(found, err)
		}
		at := 0
		for i := range found {
			var m codec.Message
			used, _ := d.dialect.Next(stream[at:end], &m)
			at += used
			if m.Command != codec.Command(i+1) || m.ID != uint64(i+1) || len(m.Body) != i+1 || at != ends[i+1] {
				t.Errorf("message %d is %v, %d with %d bytes, and ends at %d", i, m.Command, m.ID, len(m.Body), at)
			}
			if i+1 < found && cap(m.Body) != len(m.Body) {
				t.Errorf("the body of message %d reaches into the next frame", i)
			}
		}
	})
}

// A peer decodes what a server appends.
func TestRepliesAndPushesDecodeBack(t *testing.T) {
	quote := &pb.Quote{Market: "ALFA", Code: "600100", LastPrice: 100_000}
	encoded, err := quote.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	bodies := []struct {
		name string
		body codec.Body
		want string
	}{
		{"nil", nil, ""}, {"empty", codec.Raw(""), ""}, {"raw", codec.Raw("raw"), "raw"}, {"message", quote, string(encoded)},
	}
	eachDialect(t, func(t *testing.T, d underTest) {
		for _, tt := range bodies {
			t.Run(tt.name, func(t *testing.T) {
				var request codec.Message
				d.dialect.Next(d.dialect.AppendPush(nil, codec.CommandQuotes, 7, codec.Raw("which")), &request)
				reply := d.dialect.AppendReply([]byte("before"), request.Command, request.ID, codec.ResultDuplicate, tt.body)
				m, used, err := codec.Decode(d.dialect, reply[len("before"):], most)
				if err != nil || used != len(reply)-len("before") || string(reply[:6]) != "before" {
					t.Fatalf("%q: %d, %v", reply, used, err)
				}
				if m.Command != codec.CommandQuotes.Reply() || string(m.Body) != string(rune(codec.ResultDuplicate))+tt.want {
					t.Errorf("reply is %v %q", m.Command, m.Body)
				}
				if !d.dialect.Ordered() && m.ID != request.ID {
					t.Errorf("reply to %d has id %d", request.ID, m.ID)
				}
				push := d.dialect.AppendPush([]byte("before"), codec.PushQuote, 9, tt.body)
				m, used, err = codec.Decode(d.dialect, push[len("before"):], most)
				if err != nil || used != len(push)-len("before") || m.Command != codec.PushQuote || string(m.Body) != tt.want {
					t.Errorf("push is %v %q, %d, %v", m.Command, m.Body, used, err)
				}
			})
		}
	})
}
