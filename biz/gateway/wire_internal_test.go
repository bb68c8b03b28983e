package gateway

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/codec/websocket"
)

// TestWire: the bodies of a simple fill are to the byte what the encoder of their messages writes,
// and a session that speaks JSON gets the same content.
func TestWire(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	b := new(bodies)
	b.init()
	for round := range 20_000 {
		// As in the gateway, the memory of the bodies before is reused.
		for _, m := range []proto.Message{&b.execution, &b.position, &b.placed, &b.update} {
			setScalars(random, m.ProtoReflect(), round)
		}
		b.encodeParts()
		check := func(wired codec.Body, plain codec.Body) {
			t.Helper()
			w, p := appendBody(t, wired), appendBody(t, plain)
			if !bytes.Equal(w, p) {
				t.Fatalf("round %d: %T is\n%x, the encoder writes\n%x", round, plain, w, p)
			}
			decoded := plain.(proto.Message).ProtoReflect().New().Interface()
			if err := proto.Unmarshal(w, decoded); err != nil || !proto.Equal(decoded, plain.(proto.Message)) {
				t.Fatalf("round %d: %v is decoded as %v, %v", round, plain, decoded, err)
			}
			if round%100 > 0 {
				return
			}
			w = websocket.JSON{}.AppendPush(nil, codec.PushExecution, 7, wired)
			p = websocket.JSON{}.AppendPush(nil, codec.PushExecution, 7, plain)
			if !bytes.Equal(w, p) {
				t.Fatalf("round %d: JSON %q, want %q", round, w, p)
			}
		}
		check(b.wirePlaced(), &b.placed)
		check(&b.wire.execution, &b.execution)
		check(b.wireUpdate(), &b.update)
		check(&b.wire.execution, &b.execution) // the update has left it as it was
	}
}

func appendBody(t *testing.T, body codec.Body) []byte {
	t.Helper()
	b := make([]byte, body.SizeVT())
	if n, err := body.MarshalToSizedBufferVT(b); err != nil || n != len(b) {
		t.Fatalf("%T: %d of %d bytes, %v", body, n, len(b), err)
	}
	return b
}

// setScalars sets every field of m that is not a message: in round 0 to zero, in round 1 to -1,
// then to random values, often zero or at a limit.
func setScalars(random *rand.Rand, m protoreflect.Message, round int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Message() != nil {
			continue
		}
		v := []uint64{0, math.MaxUint64}[min(round, 1)]
		if round > 1 {
			v = []uint64{0, 1, 127, 128, math.MaxInt64, math.MaxUint64, 1 << 63, random.Uint64(), -random.Uint64N(1 << 20), random.Uint64N(1 << 40)}[random.IntN(10)]
		}
		switch f.Kind() {
		case protoreflect.Uint64Kind:
			m.Set(f, protoreflect.ValueOfUint64(v))
		case protoreflect.Uint32Kind:
			m.Set(f, protoreflect.ValueOfUint32(uint32(v)))
		case protoreflect.Int64Kind:
			m.Set(f, protoreflect.ValueOfInt64(int64(v)))
		case protoreflect.EnumKind:
			m.Set(f, protoreflect.ValueOfEnum(protoreflect.EnumNumber(v)))
		case protoreflect.BoolKind:
			m.Set(f, protoreflect.ValueOfBool(v%2 == 1))
		case protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString([]string{"", "é", "my order", strings.Repeat("x", 200)}[v%4]))
		default:
			panic("a field of another kind: " + f.FullName())
		}
	}
}

// TestWireKnowsAllFields: a field that is added to a message must be added to its encoding, too.
func TestWireKnowsAllFields(t *testing.T) {
	for m, want := range map[proto.Message]int{&pb.PlaceOrderReply{}: 8, &pb.PositionUpdate{}: 7, &pb.Execution{}: 15, &pb.Position{}: 10} {
		if n := m.ProtoReflect().Descriptor().Fields().Len(); n != want {
			t.Errorf("%T has %d fields, the encoding %d", m, n, want)
		}
	}
}
