package codec_test

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"holdfast/codec"
)

func TestTLVBytes(t *testing.T) {
	tests := []struct {
		name               string
		tlv                codec.TLV
		request            string
		command            codec.Command
		id                 uint64
		body, reply, frame string // frame: a push with the body
	}{
		{
			"little-endian", codec.TLV{}, "\x02\x00\x00\x00\x03\x00\x00\x00hi", codec.CommandHeartbeat, 3, "hi",
			"\x03\x00\x00\x00\x83\x00\x00\x00\x00hi", "\x02\x00\x00\x00\x45\x00\x00\x00hi",
		},
		{
			"big-endian", codec.TLV{BigEndian: true}, "\x00\x00\x00\x02\x00\x00\x00\x03hi", codec.CommandHeartbeat, 3, "hi",
			"\x00\x00\x00\x03\x00\x00\x00\x83\x00hi", "\x00\x00\x00\x02\x00\x00\x00\x45hi",
		},
		{
			"no data", codec.TLV{}, "\x00\x00\x00\x00\xff\x00\x00\x00", 0xFF, 0xFF, "",
			"\x01\x00\x00\x00\xff\x00\x00\x00\x00", "\x00\x00\x00\x00\x45\x00\x00\x00",
		},
		{
			"message id above 255", codec.TLV{}, "\x01\x00\x00\x00\x03\x01\x00\x00x", 0, 0x103, "x",
			"\x02\x00\x00\x00\x83\x01\x00\x00\x00x", "\x01\x00\x00\x00\x45\x00\x00\x00x",
		},
		{
			"largest message id", codec.TLV{BigEndian: true}, "\x00\x00\x00\x00\xff\xff\xff\xff", 0, 0xFFFFFFFF, "",
			"\x00\x00\x00\x01\xff\xff\xff\xff\x00", "\x00\x00\x00\x00\x00\x00\x00\x45",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m codec.Message
			used, _ := tt.tlv.Next([]byte(tt.request+"the next one"), &m)
			if m.Command != tt.command || m.ID != tt.id || string(m.Body) != tt.body || used != len(tt.request) {
				t.Errorf("decoded %v, %d, %q, used %d", m.Command, m.ID, m.Body, used)
			}
			if got := tt.tlv.AppendReply([]byte("x"), m.Command, m.ID, codec.ResultOK, codec.Raw(tt.body)); string(got) != "x"+tt.reply {
				t.Errorf("reply %q, want %q", got, tt.reply)
			}
			if got := tt.tlv.AppendPush([]byte("x"), codec.PushQuote, 99, codec.Raw(tt.body)); string(got) != "x"+tt.frame {
				t.Errorf("push %q, want %q", got, tt.frame)
			}
		})
	}
}

// Any messages in either byte order, cut anywhere, come out as they went in.
func TestTLVRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tlv := codec.TLV{BigEndian: rapid.Bool().Draw(t, "big")}
		bodies := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 200), 1, 8).Draw(t, "bodies")
		var stream []byte
		for i, body := range bodies {
			stream = tlv.AppendPush(stream, codec.Command(i), 0, codec.Raw(body))
		}
		end, frames, err := codec.Scan(tlv, stream[:rapid.IntRange(0, len(stream)).Draw(t, "cut")], 1<<10, 100)
		if err != nil {
			t.Fatal(err)
		}
		for i := range frames {
			var m codec.Message
			used, _ := tlv.Next(stream, &m)
			if m.Command != codec.Command(i) || m.ID != uint64(i) || !bytes.Equal(m.Body, bodies[i]) {
				t.Fatalf("message %d is %v, %d, %q", i, m.Command, m.ID, m.Body)
			}
			stream, end = stream[used:], end-used
		}
		if end != 0 {
			t.Fatalf("Scan's end is %d bytes off the frames", end)
		}
	})
}

func FuzzTLV(f *testing.F) {
	f.Add(false, codec.TLV{}.AppendPush(nil, codec.CommandLogin, 0, codec.Raw("x")))
	f.Add(true, []byte{0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0})
	f.Add(false, []byte{0xff, 0xff, 0xff, 0xff, 1})
	const most = 1 << 16
	f.Fuzz(func(t *testing.T, big bool, b []byte) {
		tlv := codec.TLV{BigEndian: big}
		end, frames, _ := codec.Scan(tlv, b, most, 1024)
		at := 0
		for ; frames > 0; frames-- {
			m, used, err := codec.Decode(tlv, b[at:end], most)
			if err != nil || used != codec.TLVHeaderLen+len(m.Body) {
				t.Fatalf("Scan passed what Decode refuses: used %d for %d, %v", used, len(m.Body), err)
			}
			if m.Command != 0 && uint64(m.Command) != m.ID || m.ID > 0xFFFFFFFF {
				t.Fatalf("message id %d is command %v", m.ID, m.Command)
			}
			if m.ID <= 0xFF {
				again := tlv.AppendPush(nil, m.Command, 0, codec.Raw(m.Body))
				if !bytes.Equal(again, b[at:at+used]) {
					t.Fatalf("%q became %q", b[at:at+used], again)
				}
			}
			at += used
		}
		if at != end {
			t.Fatalf("the frames end at %d, Scan says %d", at, end)
		}
	})
}

func ExampleTLV() {
	tlv := codec.TLV{} // little-endian
	request := []byte("\x05\x00\x00\x00\x02\x00\x00\x00hello")
	m, used, err := codec.Decode(tlv, request, codec.DefaultMaxFrame)
	fmt.Println(m.Command, m.ID, string(m.Body), used, err)
	fmt.Printf("%q\n", tlv.AppendReply(nil, m.Command, m.ID, codec.ResultOK, nil))
	// Output:
	// Submit 2 hello 13 <nil>
	// "\x01\x00\x00\x00\x82\x00\x00\x00\x00"
}
