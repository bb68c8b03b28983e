package fix_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"holdfast/codec"
	"holdfast/codec/fix"
)

// scan returns the frames of a stream, which arrives in pieces that end at the cuts, with "|" for SOH,
// the bytes after the last frame, and the error after them.
func scan(stream []byte, most int, cuts ...int) (frames []string, rest []byte, err error) {
	start := 0
	for _, end := range append(cuts, len(stream)) {
		for {
			m, used, err := codec.Decode(fix.Dialect{}, stream[start:end], most)
			if err != nil || used == 0 {
				if err != nil || end == len(stream) {
					return frames, stream[start:], err
				}
				break
			}
			if m.Command != codec.CommandFIX || len(m.Body) != used {
				return nil, nil, errors.New("the body is not the frame")
			}
			frames = append(frames, strings.ReplaceAll(string(m.Body), "\x01", "|"))
			start += used
		}
	}
	return frames, nil, nil
}

// merged returns the frames with those that are next to each other and no messages as one.
func merged(frames []string) (joined []string) {
	garbled := false
	for _, frame := range frames {
		var m fix.Message
		err := m.Parse([]byte(soh(frame)))
		if err != nil && garbled {
			joined[len(joined)-1] += frame
			continue
		}
		joined = append(joined, frame)
		garbled = err != nil
	}
	return joined
}

func everyByte(stream []byte) (cuts []int) {
	for i := range stream {
		cuts = append(cuts, i)
	}
	return cuts
}

const most = 300

func TestFrames(t *testing.T) {
	const beat = "8=FIX.4.4|9=10|35=0|34=2|10=181|"
	tests := []struct {
		name, stream string
		want         []string
		rest         string
		err          error
	}{
		{name: "nothing"},
		{name: "one", stream: beat, want: []string{beat}},
		{name: "three", stream: beat + beat + beat, want: []string{beat, beat, beat}},
		{name: "incomplete", stream: beat + beat[:20], want: []string{beat}, rest: beat[:20]},
		{name: "without the last SOH", stream: beat[:len(beat)-1], rest: beat[:len(beat)-1]},
		{name: "another version", stream: "8=FIX.4.2|9=5|35=0|10=161|" + beat, want: []string{"8=FIX.4.2|9=5|35=0|10=161|", beat}},
		{name: "garbage in front", stream: "35=0|108=30|" + beat, want: []string{"35=0|108=30|", beat}},
		{name: "garbage alone", stream: "GET / HTTP/1.1\r\n", want: []string{"GET / HTTP/1.1\r\n"}},
		{name: "garbage that may start a message", stream: "garbage8=FI", want: []string{"garbage"}, rest: "8=FI"},
		{name: "garbage that starts no message", stream: "8=FOX" + beat, want: []string{"8=FOX", beat}},
		{name: "2t BeginString second", stream: "35=0|" + beat, want: []string{"35=0|", beat}},
		{name: "2t BodyLength third", stream: "8=FIX.4.4|35=0|9=5|10=161|" + beat, want: []string{"8=FIX.4.4|", "35=0|9=5|10=161|", beat}},
		{name: "2m too short, in the body", stream: "8=FIX.4.4|9=3|35=0|34=2|10=181|" + beat, want: []string{"8=FIX.4.4|9=3|35=0|34=2|10=181|", beat}},
		{name: "2m too long", stream: "8=FIX.4.4|9=12|35=0|34=2|10=181|" + beat + beat, want: []string{"8=FIX.4.4|9=12|35=0|34=2|10=181|" + beat, beat}},
		{name: "2m too long by all of the next", stream: "8=FIX.4.4|9=42|35=0|34=2|10=181|" + beat + beat, want: []string{"8=FIX.4.4|9=42|35=0|34=2|10=181|" + beat, beat}},
		{name: "2m too long, alone", stream: "8=FIX.4.4|9=12|35=0|34=2|10=181|", rest: "8=FIX.4.4|9=12|35=0|34=2|10=181|"},
		{name: "3b wrong CheckSum", stream: "8=FIX.4.4|9=5|35=0|10=000|" + beat, want: []string{"8=FIX.4.4|9=5|35=0|10=000|", beat}},
		{name: "3c garbled field", stream: "8=FIX.4.4|9=10|35=0|3garbl|10=0|" + beat, want: []string{"8=FIX.4.4|9=10|35=0|3garbl|10=0|", beat}},
		{name: "empty CheckSum at the end", stream: "8=FIX.4.4|9=5|35=0|10=|", want: []string{"8=FIX.4.4|9=5|35=0|10=|"}},
		{name: "leading zeros", stream: "8=FIX.4.4|9=0000005|35=0|10=195|" + beat, want: []string{"8=FIX.4.4|9=0000005|35=0|10=195|", beat}},
		{name: "BodyLength of letters", stream: "8=FIX.4.4|9=abc|35=0|10=161|" + beat, want: []string{"8=FIX.4.4|9=", "abc|35=0|10=161|", beat}},
		{name: "BodyLength negative", stream: "8=FIX.4.4|9=-5|35=0|10=161|" + beat, want: []string{"8=FIX.4.4|9=", "-5|35=0|10=161|", beat}},
		{name: "BodyLength 0", stream: "8=FIX.4.4|9=0|35=0|10=161|" + beat, want: []string{"8=FIX.4.4|9=", "0|35=0|10=161|", beat}},
		{name: "BodyLength empty", stream: "8=FIX.4.4|9=|35=0|10=161|" + beat, want: []string{"8=FIX.4.4|9=", "|35=0|10=161|", beat}},
		{name: "BodyLength is a message", stream: "8=FIX.4.4|9=" + beat, want: []string{"8=FIX.4.4|9=", beat}},
		{name: "BodyLength 10^9", stream: beat + "8=FIX.4.4|9=1000000000|", want: []string{beat}, rest: "8=FIX.4.4|9=1000000000|", err: codec.ErrTooLarge},
		{name: "BodyLength 10^9, unfinished", stream: "8=FIX.4.4|9=1000000000", rest: "8=FIX.4.4|9=1000000000", err: codec.ErrTooLarge},
		{name: "endless zeros", stream: "8=FIX.4.4|9=" + strings.Repeat("0", most), rest: "8=FIX.4.4|9=" + strings.Repeat("0", most), err: codec.ErrTooLarge},
		{name: "endless BeginString", stream: "8=FIX" + strings.Repeat("x", most) + "|", rest: "8=FIX" + strings.Repeat("x", most) + "|", err: codec.ErrTooLarge},
		{name: "endless body", stream: "8=FIX.4.4|9=5|" + strings.Repeat("35=0|", most/5) + "10=000|" + beat, rest: "8=FIX.4.4|9=5|" + strings.Repeat("35=0|", most/5) + "10=000|" + beat, err: codec.ErrTooLarge},
		{name: "garbage that may start a message, then a message", stream: "88=8=FIX.4", want: []string{"88="}, rest: "8=FIX.4"},
		{name: "garbage like the start of a message, again and again", stream: strings.Repeat("8=", 140), want: []string{strings.Repeat("8=", 127), strings.Repeat("8=", 12)}, rest: "8="},
		{name: "BeginString alone", stream: "8=FIX.4.4|88=FIX", want: []string{"8=FIX.4.4|", "8"}, rest: "8=FIX"},
		{name: "BodyLength without a value", stream: "8=FIX.4.4|9=8=FIX", want: []string{"8=FIX.4.4|9="}, rest: "8=FIX"},
		{name: "endless garbage", stream: strings.Repeat("x", 513) + beat, want: []string{strings.Repeat("x", 256), strings.Repeat("x", 256), "x", beat}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stream := []byte(soh(tt.stream))
			frames, rest, err := scan(stream, most)
			if !slices.Equal(frames, tt.want) || string(rest) != soh(tt.rest) || !errors.Is(err, tt.err) {
				t.Fatalf("%q, rest %q, %v; want %q, rest %q, %v", frames, rest, err, tt.want, tt.rest, tt.err)
			}
			checkBatches(t, stream, most)
			checkPieces(t, stream, most, everyByte(stream))
			for i := range stream {
				checkPieces(t, stream, most, []int{i})
			}
		})
	}
}

// checkPieces compares the frames of a stream in pieces with those of the stream at once.
func checkPieces(t *testing.T, stream []byte, most int, cuts []int) {
	t.Helper()
	want, wantRest, wantErr := scan(stream, most)
	got, rest, err := scan(stream, most, cuts...)
	if !slices.Equal(merged(got), merged(want)) || !bytes.Equal(rest, wantRest) || !errors.Is(err, wantErr) {
		t.Fatalf("cut at %d: %v after %q, %d bytes left; at once %v after %q, %d bytes left", cuts, err, got, len(rest), wantErr, want, len(wantRest))
	}
}

// checkBatches compares the frames that Scan finds in each part of a stream with those that Next takes,
// which does not see what follows them.
func checkBatches(t *testing.T, stream []byte, most int) {
	t.Helper()
	for end := range min(len(stream), 600) {
		batch, found, _ := codec.Scan(fix.Dialect{}, stream[:end+1], most, math.MaxInt)
		for used, left := 0, found; used < batch || left > 0; left-- {
			var m codec.Message
			want, _ := fix.Dialect{}.FrameLen(stream[used:end+1], most)
			n, err := fix.Dialect{}.Next(stream[used:batch], &m)
			if err != nil || n != want || n == 0 || left == 0 {
				t.Fatalf("%q: Next takes %d bytes, %v; Scan found %d in one of %d frames", stream[used:end+1], n, err, want, found)
			}
			used += n
		}
	}
}

// A frame that may be exactly as long as the limit, and no longer.
func TestFrameLimit(t *testing.T) {
	frame := message("35=0", "112="+strings.Repeat("x", 100))
	for _, tt := range []struct {
		most int
		err  error
	}{{len(frame), nil}, {len(frame) - 1, codec.ErrTooLarge}} {
		if n, err := (fix.Dialect{}).FrameLen(frame, tt.most); !errors.Is(err, tt.err) || err == nil && n != len(frame) {
			t.Errorf("limit %d: %d, %v", tt.most, n, err)
		}
	}
}

// Streams of messages and faults, cut anywhere.
func TestFramesInPieces(t *testing.T) {
	parts := [][]byte{
		message("35=0", "34=2"), message("35=D", "55=8=FIX.4.4"), message("35=0"), []byte("\x01"), []byte("8=FIX.4.4\x01"), []byte("9=5\x01"), []byte("10=000\x01"),
		[]byte("8=FI"), bytes.Repeat([]byte("garbage"), 40), []byte("108=30\x01"), []byte("8=FIX.4.4\x019=30\x01"), []byte("8=FIX.4.1\x019="), []byte("8"), []byte("8="),
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var stream []byte
		for range r.IntN(30) {
			stream = append(stream, parts[r.IntN(len(parts))]...)
		}
		var cuts []int
		for at := 0; at < len(stream); at += 1 + r.IntN(40) {
			cuts = append(cuts, at)
		}
		limit := 256 + r.IntN(100)
		checkBatches(t, stream, limit)
		checkPieces(t, stream, limit, cuts)
	}
}

func TestDialect(t *testing.T) {
	d := fix.Dialect{}
	if d.String() != "fix" || d.Shared() || !d.Ordered() {
		t.Errorf("%v, shared %v, ordered %v", d, d.Shared(), d.Ordered())
	}
	frame := message("35=0")
	for name, got := range map[string][]byte{
		"reply":          d.AppendReply(nil, codec.CommandFIX, 0, codec.ResultOK, fix.Raw(frame)),
		"push":           d.AppendPush(nil, codec.CommandFIX, 0, fix.Raw(frame)),
		"reply and push": d.AppendPush(d.AppendReply(nil, codec.CommandFIX, 0, codec.ResultOK, nil), codec.CommandFIX, 0, fix.Raw(frame)),
	} {
		if !bytes.Equal(got, frame) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := d.AppendPush(nil, codec.CommandHeartbeat, 0, nil); len(got) > 0 {
		t.Errorf("an empty push is %q", got)
	}
}
