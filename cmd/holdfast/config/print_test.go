package config_test

import (
	"strings"
	"testing"

	"holdfast/cmd/holdfast/config"
)

func TestPrintedConfigReadsBack(t *testing.T) {
	cases := []struct {
		name string
		args []string
	}{
		{"defaults", nil},
		{"awkward text", []string{"--data", "a \"b\"\\\x01ü<", "--simulate=0.25/s", "--drain=1h", "--heartbeat=1m", "--seed=18446744073709551615"}},
		{"listeners", []string{"--listener=tlv=[::1]:0,greet", "--listener=packet=<&\"\\:1"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, err := config.Load(config.Sources{Flags: parsed(t, tc.args...)})
			if err != nil {
				t.Fatal(err)
			}
			again, err := config.Load(config.Sources{File: write(t, texts(t, c))})
			if err != nil {
				t.Fatal(err)
			}
			if texts(t, c) != texts(t, again) {
				t.Errorf("printed\n%s\nread back as\n%s", texts(t, c), texts(t, again))
			}
		})
	}
}

func TestOrigins(t *testing.T) {
	c, err := config.Load(config.Sources{
		File:    write(t, "{\n\"listen\": \":9000\"}"),
		Environ: []string{"HOLDFAST_RECENT_EVENTS=8", "HOLDFAST_LISTENERS=tlv=:1,greet packet=:2"},
		Flags:   parsed(t, "--in-flight-bytes=2000000"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.WriteOrigins(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`listen ":9000" serve.json:2`,
		`recent_events 8 HOLDFAST_RECENT_EVENTS`,
		`limits.in_flight_bytes 2000000 --in-flight-bytes`,
		`listeners ["tlv=:1,greet","packet=:2"] HOLDFAST_LISTENERS`,
		`limits.sessions_per_account 1024 default`,
		`data "holdfast-data" default`,
	} {
		if !strings.Contains(squeeze(b.String()), want) {
			t.Errorf("no line %q in\n%s", want, b.String())
		}
	}
}

// squeeze makes every run of blanks one blank.
func squeeze(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ")
	}
	return strings.Join(lines, "\n")
}
