package load

import (
	"fmt"
	"strings"
	"time"
)

// Interval is a think time, drawn evenly from Min to Max. The zero value means no pause.
type Interval struct {
	Min time.Duration `json:"min_ns"`
	Max time.Duration `json:"max_ns"`
}

// String returns e.g. "1s-2s", "100ms" when both ends are the same, or "none".
// ParseInterval reads it back.
func (i Interval) String() string {
	switch {
	case i.Max == 0:
		return "none"
	case i.Min == i.Max:
		return i.Max.String()
	default:
		return i.Min.String() + "-" + i.Max.String()
	}
}

// ParseInterval parses the output of String. The error is ErrOptions.
func ParseInterval(text string) (Interval, error) {
	if text == "" || text == "none" {
		return Interval{}, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if !isRange {
		to = from
	}
	least, err := time.ParseDuration(from)
	if err == nil {
		var most time.Duration
		if most, err = time.ParseDuration(to); err == nil && most >= least && least >= 0 {
			return Interval{Min: least, Max: most}, nil
		}
	}
	return Interval{}, fmt.Errorf("%w: interval %q is not a pause such as 1s-2s (the shorter first), 100ms or none", ErrOptions, text)
}
