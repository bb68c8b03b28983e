package doctor

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
)

// grouped returns 1,048,576 for 1048576.
func grouped(n int64) string { return humanize.Comma(n) }

func orUnknown(n int64) string {
	if n == Unknown {
		return "an unknown number"
	}
	return grouped(n)
}

// bytesText returns a size in MiB or GiB.
func bytesText(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	default:
		return fmt.Sprintf("%d MiB", n>>20)
	}
}

// durationText returns a duration rounded to about three digits.
func durationText(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	default:
		return d.Round(100 * time.Nanosecond).String()
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
