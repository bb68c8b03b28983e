package websocket

import (
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"
)

// protojson adds spaces in some builds only, so that the tests of JSON may not see them.
func TestCompact(t *testing.T) {
	tests := map[string]string{
		`{"a":1, "b": [1, 2],  "c":{ }}`: `{"a":1,"b":[1,2],"c":{}}`,
		`{"a b": "c, \" d: \\", "e": 1}`: `{"a b":"c, \" d: \\","e":1}`,
		`{"\\": " "}`:                    `{"\\":" "}`,
	}
	for text, want := range tests {
		if got := compact([]byte("a b"+text), 3); string(got) != "a b"+want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}

// No body has a list of strings so far.
func TestReplaceInvalidInLists(t *testing.T) {
	m := &descriptorpb.FileDescriptorProto{Dependency: []string{"a\xff", "b"}}
	replaceInvalid(m.ProtoReflect())
	if m.Dependency[0] != "a\uFFFD" || m.Dependency[1] != "b" {
		t.Errorf("got %q", m.Dependency)
	}
}
