package table

import (
	"fmt"
	"math"
	"strconv"

	"github.com/dustin/go-humanize"
)

// Format prints one figure.
type Format func(v float64) string

// Count prints 10000 as 10,000, and values below 10 with up to two decimals.
func Count(v float64) string {
	if math.Abs(v) < 10 {
		return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	}
	return humanize.Comma(int64(math.Round(v)))
}

// Value prints three decimals below 100, none above, and 0 as "0".
func Value(v float64) string {
	switch {
	case v == 0:
		return "0"
	case math.Abs(v) < 100:
		return fmt.Sprintf("%.3f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}

// Signed prints v with its sign, or without one if it rounds to 0.
func Signed(v float64, decimals int) string {
	if math.Round(v*math.Pow10(decimals)) == 0 {
		return fmt.Sprintf("%.*f", decimals, 0.0)
	}
	return fmt.Sprintf("%+.*f", decimals, v)
}

// Ratio prints a ratio as 1.26x, or 26x if it is at least 10.
func Ratio(v float64) string {
	if v >= 10 {
		return fmt.Sprintf("%.0fx", v)
	}
	return fmt.Sprintf("%.2fx", v)
}

// Microseconds prints a time in microseconds with at most three significant digits: 20
// us, 1.5 ms, 3 s.
func Microseconds(us float64) string {
	v, unit := us, " us"
	switch {
	case us >= 1e6*0.9999:
		v, unit = us/1e6, " s"
	case us >= 1e3*0.9999:
		v, unit = us/1e3, " ms"
	}
	if math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64) + unit
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + unit
}

// Latency prints a time in microseconds with a fixed number of decimals per unit, for
// columns: 20 us, 1.50 ms, 3.00 s.
func Latency(us float64) string {
	switch {
	case us >= 1e6:
		return fmt.Sprintf("%.2f s", us/1e6)
	case us >= 1e3:
		return fmt.Sprintf("%.2f ms", us/1e3)
	default:
		return fmt.Sprintf("%.0f us", us)
	}
}

// Mebibytes prints bytes as 8.0 MiB.
func Mebibytes(bytes float64) string { return fmt.Sprintf("%.1f MiB", bytes/(1<<20)) }
