package plot

import (
	"math"
)

// scale maps values to coordinates, linear or logarithmic.
type scale struct {
	min, max float64
	log      bool
	from, to float64 // the coordinates of min and max
}

// newScale returns a scale with round ends that covers the values. A linear scale starts
// at 0. Values that it can't show are ignored; without values it covers 1 to 10.
func newScale(values []float64, log bool) scale {
	s := scale{min: math.Inf(1), max: math.Inf(-1), log: log}
	for _, v := range values {
		if s.shows(v) {
			s.min, s.max = math.Min(s.min, v), math.Max(s.max, v)
		}
	}
	switch {
	case s.min > s.max:
		s.min, s.max = 1, 10
	case log:
		s.min, s.max = roundDown(s.min), roundUp(s.max)
	default:
		s.min = 0
		step := roundUp(s.max / 5)
		s.max = step * math.Ceil(s.max/step-1e-9)
	}
	if s.max <= s.min { // all values are the same round number
		s.max = s.min*10 + 1
		if log {
			s.max = s.min * 10
		}
	}
	if !log {
		s.min = 0
	}
	return s
}

// shows reports whether the scale can show a value.
func (s scale) shows(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && v >= 0 && (!s.log || v > 0)
}

// at returns the coordinate of v, limited to the ends of the scale. shows(v) must be
// true.
func (s scale) at(v float64) float64 {
	v = math.Min(math.Max(v, s.min), s.max)
	share := (v - s.min) / (s.max - s.min)
	if s.log {
		share = math.Log(v/s.min) / math.Log(s.max/s.min)
	}
	return s.from + share*(s.to-s.from)
}

// ticks returns round values between the ends: powers of ten on a long logarithmic scale,
// and also 2 and 5 times those on a short one.
func (s scale) ticks() []float64 {
	if !s.log {
		return s.linearTicks()
	}
	var ticks []float64
	steps := []float64{1, 2, 5}
	if s.max/s.min > 100 {
		steps = steps[:1]
	}
	for exponent := math.Floor(math.Log10(s.min)); math.Pow(10, exponent) <= s.max*1.0001; exponent++ {
		for _, step := range steps {
			if v := step * math.Pow(10, exponent); v >= s.min*0.9999 && v <= s.max*1.0001 {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

func (s scale) linearTicks() []float64 {
	step := roundUp((s.max - s.min) / 6)
	var ticks []float64
	for i := range 8 {
		if v := s.min + float64(i)*step; v <= s.max*1.0001 {
			ticks = append(ticks, v)
		}
	}
	return ticks
}

// roundUp returns the next of 1, 2, 5 times a power of ten.
func roundUp(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 2, 5} {
		if step*power >= v*0.9999 {
			return step * power
		}
	}
	return 10 * power
}

// roundDown returns the previous one.
func roundDown(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{5, 2} {
		if step*power <= v*1.0001 {
			return step * power
		}
	}
	return power
}
