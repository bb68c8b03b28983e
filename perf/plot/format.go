package plot

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Format prints a value for an axis or beside a bar.
type Format func(v float64) string

// Count prints 10,000 for 10000; below 10 with up to two decimals.
func Count(v float64) string {
	if math.Abs(v) < 10 {
		return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	}
	digits := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	sign, digits, _ := cutSign(digits)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), ",")
}

func cutSign(digits string) (sign, rest string, negative bool) {
	if rest, negative = strings.CutPrefix(digits, "-"); negative {
		return "-", rest, true
	}
	return "", digits, false
}

// Ratio prints 1.26x, and 26x from 10 on.
func Ratio(v float64) string {
	if v >= 10 {
		return fmt.Sprintf("%.0fx", v)
	}
	return fmt.Sprintf("%.2fx", v)
}

// Microseconds prints a time that is given in microseconds: 20 us, 1.5 ms, 3 s.
func Microseconds(v float64) string {
	for _, unit := range []struct {
		name string
		us   float64
	}{{"s", 1e6}, {"ms", 1e3}} {
		if v >= unit.us*0.9999 {
			return threeDigits(v/unit.us) + " " + unit.name
		}
	}
	return threeDigits(v) + " us"
}

// threeDigits prints at most three digits that mean something, no empty decimals.
func threeDigits(v float64) string {
	if math.Abs(v) >= 100 || v == 0 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	text := strconv.FormatFloat(v, 'f', min(decimals, 6), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
