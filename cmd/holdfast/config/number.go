package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseWhole reads a whole number from smallest to largest: only digits, so no sign, no
// separators and no exponent. Its error continues a sentence that starts with the name of
// the number.
func ParseWhole(text string, smallest, largest uint64) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n < smallest || n > largest {
		return 0, fmt.Errorf("wants a whole number from %d to %s", smallest, limit(largest))
	}
	return n, nil
}

// limit returns n as people read it.
func limit(n uint64) string {
	switch n {
	case math.MaxUint32:
		return "2^32-1"
	case math.MaxUint64:
		return "2^64-1"
	}
	return strconv.FormatUint(n, 10)
}

// ParseDecimal reads a number from smallest to largest, such as 250 or 0.5: only digits,
// and a point between digits.
func ParseDecimal(text string, smallest, largest float64) (float64, error) {
	whole, fraction, hasPoint := strings.Cut(text, ".")
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !areDigits(whole) || hasPoint && !areDigits(fraction) || !(f >= smallest && f <= largest) {
		return 0, fmt.Errorf("wants a number from %s to %s such as 250 or 0.5", plain(smallest), plain(largest))
	}
	return f, nil
}

// plain returns f without an exponent.
func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func areDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
