package config

import (
	"fmt"
	"strings"
)

// Rate is a number per second; 0 means never.
type Rate float64

// MaxRate is the largest rate that is accepted.
const MaxRate Rate = 10_000_000

// ParseRate reads "250/s", "0.5/s" or a plain number, which is also per second.
func ParseRate(text string) (Rate, error) {
	number, _ := strings.CutSuffix(text, "/s")
	f, err := ParseDecimal(number, 0, float64(MaxRate))
	if err != nil {
		return 0, fmt.Errorf("wants a rate from 0/s to %s, got %q", MaxRate, text)
	}
	return Rate(f), nil
}

// String returns the rate as ParseRate reads it.
func (r Rate) String() string {
	return plain(float64(r)) + "/s"
}
