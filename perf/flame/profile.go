package flame

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

// Kinds of values that Parse can read.
const (
	// Samples of a CPU profile: one for each 10 ms of CPU time.
	Samples = "samples"
	// AllocatedBytes of an allocation profile.
	AllocatedBytes = "alloc_space"
)

// Profile is what the stacks of one profile cost.
type Profile struct {
	// Unit of the values: "samples" or "bytes".
	Unit string
	// Seconds that the profile covers; 0 if unknown.
	Seconds float64
	// Total of all stacks.
	Total int64
	// Stacks are distinct and in alphabetical order.
	Stacks []Stack
}

// Stack is a chain of calls.
type Stack struct {
	// Frames are function names, root first, inlined ones included.
	Frames []string
	Value  int64
}

// Parse reads a profile as a pprof port sends it, compressed or not, and returns one kind
// of its values (Samples, AllocatedBytes), without the cost of profiling. The error is
// ErrProfile.
func Parse(data []byte, values string) (*Profile, error) {
	p, err := parseProfile(data)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(p.SampleType, func(t *profile.ValueType) bool { return t.Type == values })
	if at < 0 {
		return nil, fmt.Errorf("%w: it has no values of type %q", ErrProfile, values)
	}
	result := &Profile{Unit: unitOf(values, p.SampleType[at].Unit), Seconds: float64(p.DurationNanos) / 1e9}
	result.add(p.Sample, at)
	return result, nil
}

func parseProfile(data []byte) (*profile.Profile, error) {
	p, err := profile.ParseData(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	return p, nil
}

func unitOf(values, unit string) string {
	if values == Samples {
		return Samples // the profile says "count"
	}
	return unit
}

// add sums the samples with the same stack. It leaves out the cost of profiling, which
// would be a large share on an idle server.
func (p *Profile) add(samples []*profile.Sample, value int) {
	const separator = "\x00" // sorts a caller before its callees
	sums, frames := make(map[string]int64), make(map[string][]string)
	for _, s := range samples {
		stack := framesOf(s)
		if s.Value[value] == 0 || slices.ContainsFunc(stack, isProfiling) {
			continue
		}
		key := strings.Join(stack, separator)
		sums[key] += s.Value[value]
		frames[key] = stack
		p.Total += s.Value[value]
	}
	for key, sum := range sums {
		p.Stacks = append(p.Stacks, Stack{Frames: frames[key], Value: sum})
	}
	slices.SortFunc(p.Stacks, func(a, b Stack) int { return slices.Compare(a.Frames, b.Frames) })
}

func isProfiling(name string) bool {
	return strings.HasPrefix(name, "net/http/pprof.") || strings.HasPrefix(name, "runtime/pprof.")
}

// framesOf returns the frames of a sample, root first; a sample has the leaf and the
// innermost inlined function first.
func framesOf(s *profile.Sample) []string {
	var frames []string
	for _, location := range s.Location {
		if len(location.Line) == 0 {
			frames = append(frames, fmt.Sprintf("%#x", location.Address))
		}
		for _, line := range location.Line {
			frames = append(frames, nameOf(line, location))
		}
	}
	slices.Reverse(frames)
	return frames
}

func nameOf(line profile.Line, location *profile.Location) string {
	if line.Function == nil || line.Function.Name == "" {
		return fmt.Sprintf("%#x", location.Address)
	}
	return line.Function.Name
}

// WithoutPaths returns the profile with the paths of files and programs cut to their last
// element, so that it does not reveal folders. The error is ErrProfile.
func WithoutPaths(data []byte) ([]byte, error) {
	p, err := parseProfile(data)
	if err != nil {
		return nil, err
	}
	for _, f := range p.Function {
		f.Filename = path.Base(f.Filename)
	}
	for _, m := range p.Mapping {
		m.File = path.Base(m.File)
	}
	return encode(p)
}

func encode(p *profile.Profile) ([]byte, error) {
	var text bytes.Buffer
	if err := p.Write(&text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	return text.Bytes(), nil
}

// Since returns the difference between two allocation profiles of the same process, both
// as a pprof port sends them. The error is ErrProfile.
func Since(earlier, later []byte) ([]byte, error) {
	before, err := parseProfile(earlier)
	if err != nil {
		return nil, err
	}
	after, err := parseProfile(later)
	if err != nil {
		return nil, err
	}
	before.Scale(-1)
	merged, err := profile.Merge([]*profile.Profile{before, after})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProfile, err)
	}
	merged.TimeNanos, merged.DurationNanos = after.TimeNanos, after.TimeNanos-before.TimeNanos
	return encode(merged)
}
