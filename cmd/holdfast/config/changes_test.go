package config_test

import (
	"slices"
	"testing"
	"time"

	"holdfast/cmd/holdfast/config"
)

func TestChanged(t *testing.T) {
	before := config.Default()
	if keys := config.Default().Changed(before); len(keys) != 0 {
		t.Errorf("two defaults differ in %q", keys)
	}
	c := config.Default()
	c.Drain, c.SeedFile, c.Limits.LoginWait = time.Second, "other.json", time.Minute
	c.Listeners = []config.Listener{{Address: ":1"}}
	if keys, want := c.Changed(before), []string{"listeners", "seed_file", "drain", "limits.login_wait"}; !slices.Equal(keys, want) {
		t.Errorf("changed %q, want %q", keys, want)
	}
}
