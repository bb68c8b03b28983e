package ledger

import (
	"fmt"
	"math/bits"
)

// Price is the price of one share in 1/10000 of a currency unit.
type Price int64

// Money is an amount in 1/10000 of a currency unit.
type Money int64

// Quantity is a number of shares.
type Quantity int64

// Limits. The sum of two amounts within them can't overflow int64.
const (
	// MaxQuantity limits an order and a position, in shares.
	MaxQuantity Quantity = 1_000_000_000_000
	// MaxPrice is 1,000,000,000 currency units.
	MaxPrice Price = 10_000_000_000_000
	// MaxMoney limits cash, cost, realised profit and quantity x price.
	MaxMoney Money = 4_000_000_000_000_000_000
)

const (
	decimals = 4
	unit     = 10_000 // 10 to the power of decimals
)

// String returns the price with four decimals, such as "10.5000".
func (p Price) String() string { return string(appendDecimal(nil, int64(p))) }

// String returns the amount with four decimals, such as "-0.2500".
func (m Money) String() string { return string(appendDecimal(nil, int64(m))) }

// ParsePrice parses a decimal such as "10", "10.5" or "-0.0001" exactly. It is ASCII digits,
// with a "-" first if it is negative, and a point with one to four digits if it has
// decimals. All other forms are ErrMalformed: "007", "-0", ".5", "1.", "+1", "1,5", "1e3",
// blanks, and values beyond int64. The caller checks the limits.
func ParsePrice(s string) (Price, error) {
	v, err := parseDecimal(s)
	return Price(v), err
}

// ParseMoney parses an amount in the format of ParsePrice.
func ParseMoney(s string) (Money, error) {
	v, err := parseDecimal(s)
	return Money(v), err
}

// Value returns quantity x price. ok is false if one is negative or the product exceeds
// MaxMoney.
func Value(q Quantity, p Price) (m Money, ok bool) {
	if q < 0 || p < 0 {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(q), uint64(p))
	if hi != 0 || lo > uint64(MaxMoney) {
		return 0, false
	}
	return Money(lo), true
}

// share returns cost*part/whole rounded half even, for 0 < part < whole, cost >= 0.
func share(cost Money, part, whole Quantity) Money {
	high, low := bits.Mul64(uint64(cost), uint64(part))
	return Money(divide(high, low, uint64(whole)))
}

// divide returns (high:low)/by rounded half even, for high < by.
func divide(high, low, by uint64) uint64 {
	q, r := bits.Div64(high, low, by)
	if rest := by - r; r > rest || r == rest && q&1 == 1 {
		q++
	}
	return q
}

func withinMoney(m Money) bool { return m <= MaxMoney && m >= -MaxMoney }

func appendDecimal(dst []byte, v int64) []byte {
	u := uint64(v)
	if v < 0 {
		dst = append(dst, '-')
		u = -u
	}
	return fmt.Appendf(dst, "%d.%04d", u/unit, u%unit)
}

func parseDecimal(s string) (int64, error) {
	digits, negative := s, false
	if len(s) > 0 && s[0] == '-' {
		digits, negative = s[1:], true
	}
	u, ok := parseFixed(digits)
	switch {
	case !ok || u > 1<<63 || (u == 1<<63 && !negative) || (u == 0 && negative):
		return 0, fmt.Errorf("%w: %q is not a decimal number such as 10 or 10.5 with at most %d decimals", ErrMalformed, s, decimals)
	case negative:
		return int64(-u), nil
	}
	return int64(u), nil
}

// parseFixed parses digits with an optional point and up to four decimals.
func parseFixed(s string) (uint64, bool) {
	var u uint64
	whole, point, places := 0, false, 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.' && !point && whole > 0:
			point = true
			continue
		case c < '0' || c > '9' || places == decimals:
			return 0, false
		case point:
			places++
		default:
			whole++
		}
		hi, lo := bits.Mul64(u, 10)
		sum, carry := bits.Add64(lo, uint64(c-'0'), 0)
		if hi != 0 || carry != 0 {
			return 0, false
		}
		u = sum
	}
	if whole == 0 || (whole > 1 && s[0] == '0') || (point && places == 0) {
		return 0, false
	}
	for range decimals - places {
		hi, lo := bits.Mul64(u, 10)
		if hi != 0 {
			return 0, false
		}
		u = lo
	}
	return u, true
}
