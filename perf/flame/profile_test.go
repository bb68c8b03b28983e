package flame_test

import (
	"errors"
	"reflect"
	"testing"

	"holdfast/perf/flame"
)

func TestParse(t *testing.T) {
	p := samples(t, map[string]int64{"b;x+y;leaf": 2, "a": 3, "b;;x": 1, "b;x;y;leaf": 4,
		"runtime/pprof.profileWriter;b": 5, "net/http.(*conn).serve;net/http/pprof.Profile;b": 5})
	want := &flame.Profile{Unit: "samples", Seconds: 2, Total: 10, Stacks: []flame.Stack{
		{Frames: []string{"a"}, Value: 3},
		{Frames: []string{"b", "0x40", "x"}, Value: 1},
		{Frames: []string{"b", "x", "y", "leaf"}, Value: 6}, // inlined or not: one stack
	}}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v\nwant %+v", p, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"no profile": []byte("404 page not found"), "nothing": nil,
		"other values": encode(t, flame.AllocatedBytes, map[string]int64{"a": 1}),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := flame.Parse(data, flame.Samples); !errors.Is(err, flame.ErrProfile) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSince(t *testing.T) {
	earlier := encode(t, flame.AllocatedBytes, map[string]int64{"a": 100, "b;c": 50})
	later := encode(t, flame.AllocatedBytes, map[string]int64{"a": 100, "b;c": 80, "d": 7})
	data, err := flame.Since(earlier, later)
	if err != nil {
		t.Fatal(err)
	}
	p, err := flame.Parse(data, flame.AllocatedBytes)
	if err != nil {
		t.Fatal(err)
	}
	want := []flame.Stack{{Frames: []string{"b", "c"}, Value: 30}, {Frames: []string{"d"}, Value: 7}}
	if p.Unit != "bytes" || p.Total != 37 || !reflect.DeepEqual(p.Stacks, want) {
		t.Errorf("got %+v", p)
	}
	for _, pair := range [][2][]byte{{earlier, nil}, {nil, later}} {
		if _, err := flame.Since(pair[0], pair[1]); !errors.Is(err, flame.ErrProfile) {
			t.Errorf("got %v", err)
		}
	}
}
