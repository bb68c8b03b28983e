package peers_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// fields holds the values of a message by field number, in the order of the message.
type fields map[protowire.Number][]value

// value is a varint or bytes.
type value struct {
	number uint64
	bytes  []byte
}

// number returns the first value of a field, or 0.
func (f fields) number(n protowire.Number) uint64 {
	if len(f[n]) == 0 {
		return 0
	}
	return f[n][0].number
}

// bytes returns the first value of a field, or nil.
func (f fields) bytes(n protowire.Number) []byte {
	if len(f[n]) == 0 {
		return nil
	}
	return f[n][0].bytes
}

func decode(t *testing.T, b []byte) fields {
	t.Helper()
	all := fields{}
	for len(b) > 0 {
		number, kind, used := protowire.ConsumeTag(b)
		if used < 0 {
			t.Fatal(protowire.ParseError(used))
		}
		b = b[used:]
		var v value
		switch kind {
		case protowire.VarintType:
			v.number, used = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			v.bytes, used = protowire.ConsumeBytes(b)
		default:
			t.Fatalf("field %d has wire type %d", number, kind)
		}
		if used < 0 {
			t.Fatal(protowire.ParseError(used))
		}
		all[number] = append(all[number], v)
		b = b[used:]
	}
	return all
}

// okBody decodes the body of a reply with the result OK.
func okBody(t *testing.T, data []byte) fields {
	t.Helper()
	if len(data) == 0 || data[0] != resultOK {
		t.Fatalf("a reply without the result OK: %q", data)
	}
	return decode(t, data[1:])
}

func appendNumber(dst []byte, n protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(dst, n, protowire.VarintType), v)
}

func appendText(dst []byte, n protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(dst, n, protowire.BytesType), v)
}
