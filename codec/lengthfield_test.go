package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"holdfast/codec"
)

func mustLengthField(t testing.TB, c codec.LengthFieldConfig) codec.LengthField {
	t.Helper()
	l, err := codec.NewLengthField(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNewLengthFieldRefuses(t *testing.T) {
	tests := map[string]codec.LengthFieldConfig{
		"negative offset":     {Offset: -1, Size: 4, Max: 100},
		"size 5":              {Size: 5, Max: 100},
		"size 0":              {Max: 100},
		"maximum below head":  {Offset: 2, Size: 4, Max: 5},
		"maximum below min":   {Size: 4, Min: 20, Max: 19},
		"strip over header":   {Size: 4, Strip: 5, Max: 100},
		"negative strip":      {Size: 4, Strip: -1, Max: 100},
		"strange byte order":  {Size: 4, Max: 100, Order: oddOrder{}},
		"negative maximum":    {Size: 1, Max: -1},
		"everything is wrong": {Offset: -4, Size: 9, Strip: 40},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := codec.NewLengthField(c); !errors.Is(err, codec.ErrConfig) {
				t.Fatalf("got %v, want ErrConfig", err)
			}
		})
	}
}

type oddOrder struct{ binary.ByteOrder }

func TestSplit(t *testing.T) {
	tests := []struct {
		name   string
		config codec.LengthFieldConfig
		in     string
		frame  string
		used   int
		err    error
	}{
		{"content length", codec.LengthFieldConfig{Size: 2, Max: 64}, "\x00\x03abcX", "\x00\x03abc", 5, nil},
		{"stripped", codec.LengthFieldConfig{Size: 2, Strip: 2, Max: 64}, "\x00\x03abcX", "abc", 5, nil},
		{"whole length", codec.LengthFieldConfig{Size: 4, Adjustment: -4, Max: 64}, "\x00\x00\x00\x06ab", "\x00\x00\x00\x06ab", 6, nil},
		{"little endian 3", codec.LengthFieldConfig{Size: 3, Order: binary.LittleEndian, Max: 64}, "\x01\x00\x00z", "\x01\x00\x00z", 4, nil},
		{"offset", codec.LengthFieldConfig{Offset: 2, Size: 1, Max: 64}, "hd\x01x", "hd\x01x", 4, nil},
		{"positive adjustment", codec.LengthFieldConfig{Size: 4, Adjustment: 4, Order: binary.LittleEndian, Max: 64}, "\x01\x00\x00\x00IDIDx", "\x01\x00\x00\x00IDIDx", 9, nil},
		{"size 8", codec.LengthFieldConfig{Size: 8, Max: 64}, "\x00\x00\x00\x00\x00\x00\x00\x01q", "\x00\x00\x00\x00\x00\x00\x00\x01q", 9, nil},
		{"empty content", codec.LengthFieldConfig{Size: 1, Max: 64}, "\x00", "\x00", 1, nil},
		{"no header yet", codec.LengthFieldConfig{Size: 4, Max: 64}, "\x00\x00\x00", "", 0, nil},
		{"content missing", codec.LengthFieldConfig{Size: 1, Max: 64}, "\x02a", "", 0, nil},
		{"too large", codec.LengthFieldConfig{Size: 1, Max: 64}, "\x40", "", 0, codec.ErrTooLarge},
		{"4 GiB", codec.LengthFieldConfig{Size: 4, Max: 64}, "\xff\xff\xff\xff", "", 0, codec.ErrTooLarge},
		{"2^64-1", codec.LengthFieldConfig{Size: 8, Max: 64}, "\xff\xff\xff\xff\xff\xff\xff\xff", "", 0, codec.ErrTooLarge},
		{"2^63", codec.LengthFieldConfig{Size: 8, Max: 64}, "\x80\x00\x00\x00\x00\x00\x00\x00", "", 0, codec.ErrTooLarge},
		{"below itself", codec.LengthFieldConfig{Size: 4, Adjustment: -4, Max: 64}, "\x00\x00\x00\x03", "", 0, codec.ErrTooShort},
		{"below minimum", codec.LengthFieldConfig{Size: 4, Adjustment: -4, Min: 13, Max: 64}, "\x00\x00\x00\x0c", "", 0, codec.ErrTooShort},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frame, used, err := mustLengthField(t, tt.config).Split([]byte(tt.in))
			if !errors.Is(err, tt.err) || string(frame) != tt.frame || used != tt.used {
				t.Fatalf("got %q, %d, %v; want %q, %d, %v", frame, used, err, tt.frame, tt.used, tt.err)
			}
		})
	}
}

func TestAppendFrameRefuses(t *testing.T) {
	one := mustLengthField(t, codec.LengthFieldConfig{Size: 1, Max: 1000})
	if got, err := one.AppendFrame([]byte("x"), nil, make([]byte, 256)); !errors.Is(err, codec.ErrLength) || string(got) != "x" {
		t.Errorf("256 bytes behind one byte of length: %q, %v", got, err)
	}
	if _, err := one.AppendFrame(nil, nil, make([]byte, 1000)); !errors.Is(err, codec.ErrTooLarge) {
		t.Errorf("over the maximum: %v", err)
	}
	if _, err := one.AppendFrame(nil, []byte("p"), nil); !errors.Is(err, codec.ErrConfig) {
		t.Errorf("prefix without offset: %v", err)
	}
	behind := mustLengthField(t, codec.LengthFieldConfig{Size: 1, Adjustment: 4, Max: 100})
	if _, err := behind.AppendFrame(nil, nil, []byte("abc")); !errors.Is(err, codec.ErrLength) {
		t.Errorf("negative length: %v", err)
	}
}

// Any frames, in any framing, cut anywhere, come out as they went in.
func TestLengthFieldRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := codec.LengthFieldConfig{
			Offset:     rapid.IntRange(0, 5).Draw(t, "offset"),
			Size:       rapid.SampledFrom([]int{1, 2, 3, 4, 8}).Draw(t, "size"),
			Adjustment: rapid.IntRange(-8, 0).Draw(t, "adjustment"),
			Max:        1 << 16,
		}
		if rapid.Bool().Draw(t, "little") {
			c.Order = binary.LittleEndian
		}
		l, err := codec.NewLengthField(c)
		if err != nil {
			t.Fatal(err)
		}
		contents := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 200), 1, 8).Draw(t, "contents")
		var stream []byte
		prefix := bytes.Repeat([]byte{0xEE}, c.Offset)
		for _, content := range contents {
			if stream, err = l.AppendFrame(stream, prefix, content); err != nil {
				t.Fatal(err)
			}
		}
		cut := rapid.IntRange(0, len(stream)).Draw(t, "cut")
		end, frames, err := l.Scan(stream[:cut])
		if err != nil {
			t.Fatal(err)
		}
		for i := range frames {
			frame, used, err := l.Split(stream)
			if err != nil || !bytes.Equal(frame[c.Offset+c.Size:], contents[i]) {
				t.Fatalf("frame %d: %q, %v", i, frame, err)
			}
			stream, end = stream[used:], end-used
		}
		if end != 0 {
			t.Fatalf("Scan's end is %d bytes off the frames", end)
		}
	})
}

func FuzzLengthField(f *testing.F) {
	f.Add(uint8(0), uint8(4), int8(-4), []byte("\x00\x00\x00\x0ehello"))
	f.Add(uint8(3), uint8(8), int8(0), bytes.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, offset, size uint8, adjustment int8, b []byte) {
		l, err := codec.NewLengthField(codec.LengthFieldConfig{
			Offset: int(offset), Size: int(size), Adjustment: int(adjustment), Strip: int(offset) / 2, Max: 1 << 12,
		})
		if err != nil {
			return
		}
		end, frames, scanErr := l.Scan(b)
		at := 0
		for range frames {
			frame, used, err := l.Split(b[at:])
			if err != nil || used == 0 || len(frame) > used {
				t.Fatalf("Split at %d: %d bytes, used %d, %v", at, len(frame), used, err)
			}
			at += used
		}
		_, used, err := l.Split(b[at:])
		if at != end || used != 0 || !errors.Is(err, scanErr) {
			t.Fatalf("Scan stopped at %d with %v; Split at %d with used %d, %v", end, scanErr, at, used, err)
		}
	})
}

func ExampleLengthField_Split() {
	// Two bytes of length that count themselves, as many message buses have it.
	frames, err := codec.NewLengthField(codec.LengthFieldConfig{Size: 2, Adjustment: -2, Strip: 2, Max: 1 << 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	stream := []byte("\x00\x05one\x00\x05two\x00\x07thr")
	for {
		frame, used, err := frames.Split(stream)
		if err != nil || used == 0 {
			fmt.Printf("%d bytes wait for more\n", len(stream))
			return
		}
		fmt.Printf("%s\n", frame)
		stream = stream[used:]
	}
	// Output:
	// one
	// two
	// 5 bytes wait for more
}
