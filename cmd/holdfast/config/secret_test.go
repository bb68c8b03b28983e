package config_test

import (
	"strings"
	"testing"

	"holdfast/cmd/holdfast/config"
)

// TestPasswordsAreNotShown: neither in what is printed nor in errors, wherever they are in the URL.
func TestPasswordsAreNotShown(t *testing.T) {
	const secret = "tiger4711"
	for _, from := range []string{
		"postgres://holdfast:" + secret + "@db:5432/holdfast?sslmode=disable",
		"postgresql://db/holdfast?user=x&password=" + secret,
		"postgres:///holdfast?host=%2Frun&sslpassword=" + secret + "&password=" + secret,
	} {
		c, err := config.Load(config.Sources{Environ: []string{"HOLDFAST_HISTORY_URL=" + from}})
		if err != nil {
			t.Fatal(err)
		}
		if c.HistoryURL != from {
			t.Errorf("it is %s", c.HistoryURL)
		}
		printed := texts(t, c)
		if strings.Contains(printed, secret) || !strings.Contains(printed, "xxxxx") || !strings.Contains(printed, "holdfast?") {
			t.Errorf("printed as\n%s", printed)
		}
		if _, err := config.Load(config.Sources{File: write(t, printed)}); err == nil || !strings.Contains(err.Error(), "put the real one in") {
			t.Errorf("the printed settings read back: %v", err)
		}
		if changed := c.Changed(config.Default()); len(changed) != 1 || changed[0] != "history_url" {
			t.Errorf("changed: %v", changed)
		}
	}
	for _, wrong := range []string{
		"mysql://holdfast:" + secret + "@db/holdfast", "holdfast:" + secret + "@db/holdfast", "postgres://holdfast:" + secret + "@db:port/x",
		"host=db password=" + secret, "postgres://holdfast:" + secret + "%zz@db/x", "://" + secret,
	} {
		for _, from := range []config.Sources{
			{Environ: []string{"HOLDFAST_HISTORY_URL=" + wrong}},
			{Flags: parsed(t, "--history-url="+wrong)},
			{File: write(t, `{"history_url": "`+wrong+`"}`)},
		} {
			if _, err := config.Load(from); err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", wrong, err)
			}
		}
	}
	if config.WithoutPassword("") != "" || config.WithoutPassword("postgres://holdfast@db/x?sslmode=disable&a=b") != "postgres://holdfast@db/x?sslmode=disable&a=b" {
		t.Error("a URL without a password is changed")
	}
	if shown := config.WithoutPassword("postgres://u:" + secret + "%zz@db"); strings.Contains(shown, secret) {
		t.Errorf("shown as %s", shown)
	}
}
