package market

import (
	"strconv"
	"strings"

	"holdfast/biz/ledger"
)

// onePercent is a rate of 1 %.
const (
	onePercent      = ledger.MaxRate / 100
	percentDecimals = 6
)

// ParsePercent parses a rate from "0%" to "100%" with at most six decimals, such as "0.025%",
// exactly. ok is false for everything else.
func ParsePercent(s string) (r ledger.Rate, ok bool) {
	number, found := strings.CutSuffix(s, "%")
	whole, decimals, point := strings.Cut(number, ".")
	if !found || point && decimals == "" || len(decimals) > percentDecimals || len(whole) > 1 && whole[0] == '0' {
		return 0, false
	}
	for i := range len(whole) + len(decimals) {
		if c := (whole + decimals)[i]; c < '0' || c > '9' {
			return 0, false
		}
	}
	v, err := strconv.ParseUint(whole+decimals+strings.Repeat("0", percentDecimals-len(decimals)), 10, 32)
	if err != nil || whole == "" || v > uint64(ledger.MaxRate) {
		return 0, false
	}
	return ledger.Rate(v), true
}

// FormatPercent returns a rate as ParsePercent reads it, without needless zeros.
func FormatPercent(r ledger.Rate) string {
	sign := ""
	if r < 0 {
		sign, r = "-", -r
	}
	text := strconv.FormatInt(int64(r/onePercent), 10)
	if rest := int64(r % onePercent); rest != 0 {
		digits := strconv.FormatInt(int64(onePercent)+rest, 10)[1:]
		text += "." + strings.TrimRight(digits, "0")
	}
	return sign + text + "%"
}
