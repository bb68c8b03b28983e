package host_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
)

const seedFile = `{"format": 1,
  "instruments": [{"market": "ALFA", "code": "1", "name": "Tin", "last": "10.00"}],
  "customers": [{"customer": 1, "name": "Ann", "cash": "5.00"}, {"customer": 2, "cash": "5.00"}]}`

func writeSeed(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestReload: the seed file of the new settings is applied, and the log says what has changed and
// what needs a restart. After an error the server continues as before.
func TestReload(t *testing.T) {
	settings := func(seedFile string) *config.Config {
		c := config.Default()
		c.Listen, c.Admin, c.Data, c.SeedFile = "127.0.0.1:0", "127.0.0.1:0", "", seedFile
		return c
	}
	var log bytes.Buffer
	first := settings(writeSeed(t, seedFile))
	first.Data = t.TempDir()
	s, err := host.Start(t.Context(), first, host.Options{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	reload := func(c *config.Config, says ...string) error {
		t.Helper()
		c.Data = first.Data
		log.Reset()
		_, err := s.Reload(c)
		for _, want := range says {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%q is missing from %s", want, &log)
			}
		}
		return err
	}
	other := settings(writeSeed(t, strings.NewReplacer(
		`"Tin"`, `"Iron"`, `"instruments": [`, `"instruments": [{"market": "BETA", "code": "2", "last": "1.00"}, `,
		`"Ann"`, `"Ann", "token_sha256": "`+strings.Repeat("ab", 32)+`"`, `, {"customer": 2,`, `, {"customer": 3,`,
	).Replace(seedFile)))
	other.Drain, other.Limits.LoginQueue, other.LogLevel = 1e9, 9, slog.LevelDebug
	if err := reload(other, "new_instruments=1 new_customers=1 changed_credentials=1 ended_sessions=0", "settings=\"drain, limits.login_queue\"\n",
		"the next start removes them\" customers=2\n", "at the next start\" instruments=ALFA/1\n"); err != nil {
		t.Error(err)
	}
	if s.Desk.Market().Len() != 2 || s.Desk.Account(3) == nil {
		t.Error("the additions are missing")
	}
	for name, tc := range map[string]struct {
		c  *config.Config
		is error
	}{
		"an instrument is missing": {settings(writeSeed(t, seedFile)), desk.ErrForeignData},
		"the demo seed":            {settings(""), desk.ErrForeignData},
		"no file":                  {settings("nowhere.json"), os.ErrNotExist},
		"no seed file":             {settings(writeSeed(t, "{")), nil},
	} {
		if err := reload(tc.c); err == nil || tc.is != nil && !errors.Is(err, tc.is) || log.Len() > 0 {
			t.Errorf("%s: %v and %s", name, err, &log)
		}
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// TestReloadOfTheDemoSeed: a server without a seed file keeps the demo seed.
func TestReloadOfTheDemoSeed(t *testing.T) {
	c := config.Default()
	c.Listen, c.Admin, c.Data = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
	var log bytes.Buffer
	s, err := host.Start(t.Context(), c, host.Options{}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	log.Reset()
	if _, err := s.Reload(c); err != nil || log.Len() > 0 {
		t.Errorf("%v and %s", err, &log)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}
