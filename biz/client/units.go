package client

import "strconv"

// Money is an amount in 1/10000 of a currency unit.
type Money int64

// Price is a price per share in 1/10000 of a currency unit.
type Price int64

// Quantity is a number of shares.
type Quantity int64

// unit is one currency unit.
const unit = 10_000

// String returns the amount with separators and two decimals, or four if needed:
// "1,234.50", "-0.0001".
func (m Money) String() string { return string(appendFixed(nil, int64(m))) }

// String returns the price in the format of Money.
func (p Price) String() string { return Money(p).String() }

// String returns the number with separators: "12,000".
func (q Quantity) String() string {
	magnitude, sign := split(int64(q))
	return string(appendGrouped(append([]byte(nil), sign...), magnitude))
}

// Value returns quantity x price. It overflows above 2^63-1, which values from a server
// never reach.
func Value(q Quantity, p Price) Money { return Money(int64(q) * int64(p)) }

func appendFixed(dst []byte, v int64) []byte {
	magnitude, sign := split(v)
	dst = append(dst, sign...)
	dst = append(appendGrouped(dst, magnitude/unit), '.')
	fraction, digits := magnitude%unit, 4
	if fraction%100 == 0 {
		fraction, digits = fraction/100, 2
	}
	text := strconv.FormatUint(fraction, 10)
	for range digits - len(text) {
		dst = append(dst, '0')
	}
	return append(dst, text...)
}

// split returns the magnitude and the sign of v, for every int64.
func split(v int64) (magnitude uint64, sign string) {
	if v < 0 {
		return uint64(-(v + 1)) + 1, "-"
	}
	return uint64(v), ""
}

func appendGrouped(dst []byte, v uint64) []byte {
	digits := strconv.FormatUint(v, 10)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, digits[i])
	}
	return dst
}
