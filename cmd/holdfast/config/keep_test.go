package config_test

import (
	"strings"
	"testing"
	"time"

	"holdfast/cmd/holdfast/config"
)

func TestKeep(t *testing.T) {
	for text, want := range map[string]struct {
		keep  config.Keep
		print string
	}{
		"never":    {config.Keep{}, "never"},
		"72h":      {config.Keep{Age: 72 * time.Hour}, "3d"},
		"30d":      {config.Keep{Age: 720 * time.Hour}, "30d"},
		"1h30m":    {config.Keep{Age: 90 * time.Minute}, "1h30m"},
		"10s":      {config.Keep{Age: 10 * time.Second}, "10s"},
		"10GB":     {config.Keep{Bytes: 10e9}, "10GB"},
		"1000GB":   {config.Keep{Bytes: 1e12}, "1TB"},
		"512MiB":   {config.Keep{Bytes: 512 << 20}, "512MiB"},
		"1234567B": {config.Keep{Bytes: 1234567}, "1234567B"},
	} {
		keep, err := config.ParseKeep(text)
		if err != nil || keep != want.keep || keep.String() != want.print {
			t.Errorf("%s: %+v, printed as %s, %v", text, keep, keep, err)
		}
		if again, err := config.ParseKeep(keep.String()); err != nil || again != keep {
			t.Errorf("%s, printed as %s, is read as %+v, %v", text, keep, again, err)
		}
	}
	for _, text := range []string{
		"", "always", "0", "0d", "-1d", "1.5d", "36501d", "10ms", "-5h", "5", "1KB", "999999B", "-1GB", "1.5GB", "10gb", "10 GB", "99999999TB", "+1d", "1e3MB",
	} {
		if keep, err := config.ParseKeep(text); err == nil || !strings.Contains(err.Error(), "72h") {
			t.Errorf("%q: %+v, %v", text, keep, err)
		}
	}
}
