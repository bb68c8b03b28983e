package fix

import "math"

// Decimal returns a price, quantity or amount as n / 10^places, exactly. It takes digits with a
// decimal point or none, after a minus or none; ok is false for anything else, for more places other
// than zeros, and for what int64 does not hold.
func Decimal(v []byte, places int) (n int64, ok bool) {
	negative := len(v) > 0 && v[0] == '-'
	if negative {
		v = v[1:]
	}
	var u uint64
	digits, point := 0, false
	for _, c := range v {
		switch {
		case c == '.' && !point:
			point = true
			continue
		case c < '0' || c > '9':
			return 0, false
		}
		digits++
		if point && places == 0 {
			if c != '0' {
				return 0, false
			}
			continue
		}
		if point {
			places--
		}
		if u, ok = timesTen(u, c-'0'); !ok {
			return 0, false
		}
	}
	for ; places > 0 && u > 0; places-- {
		if u, ok = timesTen(u, 0); !ok {
			return 0, false
		}
	}
	switch {
	case digits == 0:
		return 0, false
	case negative:
		return -int64(u), true
	}
	return int64(u), true
}

// timesTen returns 10*u + digit if int64 holds it.
func timesTen(u uint64, digit byte) (uint64, bool) {
	if u > math.MaxInt64/10 {
		return 0, false
	}
	u = 10*u + uint64(digit)
	return u, u <= math.MaxInt64
}
