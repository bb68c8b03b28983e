package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Rate is a number per second; 0 means never.
type Rate float64

// MaxRate is the largest rate that is accepted.
const MaxRate Rate = 10_000_000

// ParseRate reads "250/s", "0.5/s" or a plain number, which is also per second.
func ParseRate(text string) (Rate, error) {
	number, _ := strings.CutSuffix(text, "/s")
	f, err := strconv.ParseFloat(number, 64)
	rate := Rate(f)
	if err != nil || !(rate >= 0 && rate <= MaxRate) {
		return 0, fmt.Errorf("wants a rate from 0/s to %s, got %q", MaxRate, text)
	}
	return rate, nil
}

// String returns the rate as ParseRate reads it.
func (r Rate) String() string {
	return strconv.FormatFloat(float64(r), 'f', -1, 64) + "/s"
}
