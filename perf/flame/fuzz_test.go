package flame_test

import (
	"errors"
	"testing"

	"holdfast/perf/flame"
)

// FuzzParse: Parse refuses any bytes with ErrProfile, or returns a profile whose stacks
// add up to its total.
func FuzzParse(f *testing.F) {
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1 && data[0] == 0x1f && data[1] == 0x8b {
			t.Skip("compressed input only adds a library's reader")
		}
		p, err := flame.Parse(data, flame.Samples)
		if err != nil {
			if p != nil || !errors.Is(err, flame.ErrProfile) {
				t.Fatalf("%v, %v", p, err)
			}
			return
		}
		sum := int64(0)
		for _, s := range p.Stacks {
			sum += s.Value
		}
		if sum != p.Total {
			t.Errorf("the stacks add up to %d of %d", sum, p.Total)
		}
	})
}
