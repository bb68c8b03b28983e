package config_test

import (
	"testing"

	"holdfast/cmd/holdfast/config"
)

func TestParseRate(t *testing.T) {
	cases := []struct {
		name, text string
		want       config.Rate
		ok         bool
	}{
		{"per second", "100/s", 100, true},
		{"plain", "4", 4, true},
		{"fraction", "0.5/s", 0.5, true},
		{"never", "0/s", 0, true},
		{"largest", "10000000/s", config.MaxRate, true},
		{"too large", "10000001/s", 0, false},
		{"negative", "-1/s", 0, false},
		{"not a number", "NaN", 0, false},
		{"infinite", "Inf", 0, false},
		{"empty", "", 0, false},
		{"per minute", "1/m", 0, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := config.ParseRate(tc.text)
			if got != tc.want || (err == nil) != tc.ok {
				t.Errorf("got %v, error %v", got, err)
			}
			again, err := config.ParseRate(got.String())
			if err != nil || again != got {
				t.Errorf("%q reads back as %v, %v", got, again, err)
			}
		})
	}
}
