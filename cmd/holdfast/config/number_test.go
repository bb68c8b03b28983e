package config_test

import (
	"math"
	"testing"

	"holdfast/cmd/holdfast/config"
)

// notNumbers are texts that strconv accepts in some function, but that are no numbers for
// people, and other texts.
var notNumbers = []string{
	"", " ", "+5", "-5", "-0", " 5", "5 ", "5\n", "1e3", "1E3", "0x10", "0b1", "0o7", "1_000", "1,000", "1'000", "1.", ".5", ".", "1.5.2",
	"NaN", "nan", "Inf", "-Inf", "infinity", "５", "٣", "5a", "a",
}

func TestNumbersAreDigits(t *testing.T) {
	for _, text := range notNumbers {
		if n, err := config.ParseWhole(text, 0, math.MaxUint64); err == nil {
			t.Errorf("whole number %q: %d", text, n)
		}
		if f, err := config.ParseDecimal(text, 0, math.MaxFloat64); err == nil {
			t.Errorf("number %q: %v", text, f)
		}
		if _, err := config.ParseRate(text + "/s"); err == nil {
			t.Errorf("rate %q", text)
		}
		for _, flag := range []string{"--event-loops=", "--seed=", "--simulate="} {
			if _, err := config.Load(config.Sources{Flags: parsed(t, flag+text)}); err == nil {
				t.Errorf("accepted %s%q", flag, text)
			}
		}
	}
	for text, want := range map[string]uint64{"0": 0, "7": 7, "010": 10, "18446744073709551615": math.MaxUint64} {
		if n, err := config.ParseWhole(text, 0, math.MaxUint64); err != nil || n != want {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for text, want := range map[string]float64{"0": 0, "0.5": 0.5, "250": 250, "12.25": 12.25} {
		if f, err := config.ParseDecimal(text, 0, 250); err != nil || f != want {
			t.Errorf("%s: %v, %v", text, f, err)
		}
	}
}

func TestNumbersHaveLimits(t *testing.T) {
	for _, text := range []string{"1", "11", "18446744073709551616"} {
		if n, err := config.ParseWhole(text, 2, 10); err == nil || err.Error() != "wants a whole number from 2 to 10" {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"0.5", "10000000.5"} {
		if f, err := config.ParseDecimal(text, 1, 1e7); err == nil || err.Error() != "wants a number from 1 to 10000000 such as 250 or 0.5" {
			t.Errorf("%s: %v, %v", text, f, err)
		}
	}
}
