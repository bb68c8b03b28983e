package flame_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"holdfast/perf/flame"
)

// encode returns a profile of stacks like "root;caller;leaf", where "a+b" is one location
// with b inlined into a. It has the values under valueType, and 1000 times the values
// under "other".
func encode(t *testing.T, valueType string, stacks map[string]int64) []byte {
	t.Helper()
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "other", Unit: "count"}, {Type: valueType, Unit: unitOf(valueType)}},
		PeriodType: &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}, Period: 1e7, DurationNanos: 2e9,
	}
	functions := make(map[string]*profile.Function)
	for stack, value := range stacks {
		sample := &profile.Sample{Value: []int64{1000 * value, value}}
		for place := range strings.SplitSeq(stack, ";") {
			location := &profile.Location{ID: uint64(len(p.Location) + 1), Address: 0x40}
			for name := range strings.SplitSeq(place, "+") {
				if name == "" {
					continue
				}
				if functions[name] == nil {
					functions[name] = &profile.Function{ID: uint64(len(functions) + 1), Name: name}
					p.Function = append(p.Function, functions[name])
				}
				// The innermost inlined function is the first line, the leaf the first location.
				location.Line = append([]profile.Line{{Function: functions[name]}}, location.Line...)
			}
			p.Location = append(p.Location, location)
			sample.Location = append([]*profile.Location{location}, sample.Location...)
		}
		p.Sample = append(p.Sample, sample)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unitOf(valueType string) string {
	if valueType == flame.AllocatedBytes {
		return "bytes"
	}
	return "count"
}

// samples returns a parsed CPU profile of such stacks.
func samples(t *testing.T, stacks map[string]int64) *flame.Profile {
	t.Helper()
	p, err := flame.Parse(encode(t, flame.Samples, stacks), flame.Samples)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
