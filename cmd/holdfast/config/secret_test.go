package config_test

import (
	"strings"
	"testing"

	"holdfast/cmd/holdfast/config"
)

// TestPasswordsOfListsAreNotShown: of the servers of the journal, of each of them.
func TestPasswordsOfListsAreNotShown(t *testing.T) {
	const secret, token = "tiger4711", "s3cr3tt0k3n"
	urls := "nats://holdfast:" + secret + "@a:4222,tls://" + token + "@b:4222,nats://c:4222"
	monitors := "http://u:" + secret + "@a:8222,https://b:8222"
	c, err := config.Load(config.Sources{Environ: []string{"HOLDFAST_JOURNAL_URL=" + urls, "HOLDFAST_JOURNAL_MONITOR_URLS=" + monitors}})
	if err != nil {
		t.Fatal(err)
	}
	if c.JournalURL != urls || c.JournalMonitor != monitors {
		t.Errorf("they are %s and %s", c.JournalURL, c.JournalMonitor)
	}
	printed := texts(t, c)
	if strings.Contains(printed, secret) || strings.Contains(printed, token) {
		t.Errorf("printed as\n%s", printed)
	}
	for _, want := range []string{`"nats://holdfast:xxxxx@a:4222,tls://xxxxx@b:4222,nats://c:4222"`, `"http://u:xxxxx@a:8222,https://b:8222"`} {
		if !strings.Contains(printed, want) {
			t.Errorf("%s is not in\n%s", want, printed)
		}
	}
	if _, err := config.Load(config.Sources{File: write(t, printed)}); err == nil || !strings.Contains(err.Error(), "put the real one in") {
		t.Errorf("the printed settings read back: %v", err)
	}
	for _, wrong := range []string{"http://u:" + secret + "@a", "nats://u:" + secret + "@a:port", "nats://a:1,nats://u:" + secret + "%zz@b:1", secret} {
		for _, from := range []config.Sources{
			{Environ: []string{"HOLDFAST_JOURNAL_URL=" + wrong}},
			{Flags: parsed(t, "--journal-url="+wrong)},
			{File: write(t, `{"journal_url": "`+wrong+`"}`)},
		} {
			if _, err := config.Load(from); err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v", wrong, err)
			}
		}
	}
}

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
