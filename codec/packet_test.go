package codec_test

import (
	"bytes"
	"fmt"
	"testing"

	"holdfast/codec"
	"holdfast/codec/pb"
)

func TestSubmitReplyIsFourteenBytes(t *testing.T) {
	m := codec.Message{Command: codec.CommandSubmit, ID: 0x3030303030303031}
	got := codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultOK, nil)
	if want := "\x00\x00\x00\x0e\x8200000001\x00"; string(got) != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestReplyCarriesBody(t *testing.T) {
	m := codec.Message{Command: codec.CommandBust, ID: 7}
	sent := &pb.Error{Reason: pb.Reason_REASON_BUST_BLOCKED, Message: "sold since", BlockingExecutionIds: []uint64{1, 2}}
	frame := codec.Packet{}.AppendReply(nil, m.Command, m.ID, codec.ResultRejected, sent)
	reply, used, err := codec.Decode(codec.Packet{}, frame, codec.DefaultMaxFrame)
	if err != nil || used != len(frame) || reply.Command != codec.CommandBust.Reply() || reply.ID != 7 {
		t.Fatalf("%+v, %d, %v", reply, used, err)
	}
	var got pb.Error
	if reply.Body[0] != byte(codec.ResultRejected) || got.UnmarshalVT(reply.Body[1:]) != nil || got.Message != "sold since" {
		t.Fatalf("%v", &got)
	}
}

func TestNames(t *testing.T) {
	tests := map[string]string{
		codec.CommandPlaceOrder.String():         "PlaceOrder",
		codec.CommandPlaceOrder.Reply().String(): "PlaceOrderReply",
		codec.PushQuote.String():                 "Quote",
		codec.Command(0x3f).String():             "0x3f",
		codec.ResultDuplicate.String():           "DUPLICATE",
		codec.Result(77).String():                "77",
	}
	for got, want := range tests {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !codec.PushNotice.IsPush() || codec.CommandBust.IsPush() || codec.CommandBust.Reply().IsPush() {
		t.Error("IsPush is wrong about requests, pushes or replies")
	}
}

func FuzzPacket(f *testing.F) {
	f.Add(codec.AppendMessage(nil, codec.Message{Command: codec.CommandLogin, ID: 1, Body: []byte("x")}))
	f.Add([]byte{0, 0, 0, 12})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	const most = 1 << 16
	f.Fuzz(func(t *testing.T, b []byte) {
		end, frames, _ := codec.Scan(codec.Packet{}, b, most, 1024)
		var again []byte
		for rest := b[:end]; len(rest) > 0; frames-- {
			m, used, err := codec.Decode(codec.Packet{}, rest, most)
			if err != nil || used < codec.PacketHeaderLen {
				t.Fatalf("Scan passed what Decode refuses: %d, %v", used, err)
			}
			again = codec.AppendMessage(again, m)
			rest = rest[used:]
		}
		if frames != 0 || !bytes.Equal(again, b[:end]) {
			t.Fatalf("%d frames over, %q became %q", frames, b[:end], again)
		}
	})
}

func ExamplePacket() {
	frame := codec.AppendMessage(nil, codec.Message{Command: codec.CommandSubmit, ID: 42, Body: []byte("hello")})
	m, used, err := codec.Decode(codec.Packet{}, frame, codec.DefaultMaxFrame)
	fmt.Println(m.Command, m.ID, string(m.Body), used, err)
	// Output: Submit 42 hello 18 <nil>
}

func BenchmarkPacketSplitDecodeAppend(b *testing.B) {
	p := codec.Packet{}
	stream := bytes.Repeat(codec.AppendMessage(nil, codec.Message{Command: codec.CommandSubmit, ID: 9, Body: make([]byte, 64)}), 16)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		end, _, _ := codec.Scan(p, stream, codec.DefaultMaxFrame, 1024)
		dst = dst[:0]
		for rest := stream[:end]; len(rest) > 0; {
			var m codec.Message
			used, _ := p.Next(rest, &m)
			dst = p.AppendReply(dst, m.Command, m.ID, codec.ResultOK, nil)
			rest = rest[used:]
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/frame")
}
