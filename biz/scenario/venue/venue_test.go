package venue_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/scenario"
	"holdfast/biz/scenario/venue"
	"holdfast/biz/seed"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start parses a scenario's head and starts its server.
func start(t *testing.T, v venue.Venues, head string) (*scenario.Server, scenario.Running) {
	t.Helper()
	s, err := scenario.Parse("x", []byte("scenario \"x\"\n"+head+"\nalice: pulls\n"))
	must(t, err)
	s.Server.Accounts[0].Customer = 100007
	running, err := v.Start(t.Context(), s.Server)
	must(t, err)
	return s.Server, running
}

// TestStart: the server has the accounts, rules, clock and prices of its description, and its
// folder is removed when it stops.
func TestStart(t *testing.T) {
	v := venue.Venues{Folder: t.TempDir(), Version: "v1", Log: slog.New(slog.DiscardHandler)}
	_, running := start(t, v, "server seed mainland clock stepped start 2026-01-05T10:00:00+08:00 depth 200 preset frictionless\n"+
		"clients alice\naccount alice cash 5000.00 directives EAST/601100 300 at 9.90")
	c, err := client.Dial(t.Context(), running.Addr, client.Options{})
	must(t, err)
	defer func() { must(t, c.Close()) }()
	if c.Hello().ServerVersion != "v1" {
		t.Errorf("version %q", c.Hello().ServerVersion)
	}
	account, err := c.Login(t.Context(), 100007, client.DemoToken(100007))
	must(t, err)
	if p := account.Positions; len(p) != 1 || account.Account.Cash != 5000*10_000 || p[0].Quantity != 300 || p[0].AverageCost != 99_000 || p[0].Sellable != 300 {
		t.Errorf("account %+v", account)
	}
	clock, err := c.Operate(t.Context(), client.Clock{})
	must(t, err)
	if got := clock.Time.UTC().Format("2006-01-02 15:04:05"); got != "2026-01-05 02:00:00" {
		t.Errorf("time %s", got)
	}
	if entries, err := os.ReadDir(v.Folder); err != nil || len(entries) != 1 {
		t.Errorf("folder has %v, %v", entries, err)
	}
	must(t, c.Close())
	must(t, running.Stop())
	if entries, err := os.ReadDir(v.Folder); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestWrongServers(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.json")
	must(t, os.WriteFile(bad, []byte("{}"), 0o600))
	for name, tc := range map[string]struct {
		server scenario.Server
		want   string
	}{
		"no seed file":       {scenario.Server{Seed: filepath.Join(dir, "none.json")}, "no such file"},
		"a bad seed file":    {scenario.Server{Seed: bad}, "bad.json:1:"},
		"unknown instrument": {scenario.Server{Seed: "default", Accounts: []scenario.Account{{Holdings: []scenario.Holding{{Instrument: "x"}}}}}, `unknown instrument "x"`},
		"too large": {scenario.Server{Seed: "default", Accounts: []scenario.Account{
			{Holdings: []scenario.Holding{{Instrument: "600100", Quantity: 1 << 62, Cost: 1 << 62}}},
		}}, "the position in 600100 is too large"},
		"unknown preset": {scenario.Server{Seed: "default", Preset: "thick"}, "thick"},
	} {
		t.Run(name, func(t *testing.T) {
			v := venue.Venues{Folder: t.TempDir()}
			if _, err := v.Start(t.Context(), &tc.server); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
			if entries, err := os.ReadDir(v.Folder); err != nil || len(entries) != 0 {
				t.Errorf("left: %v, %v", entries, err)
			}
		})
	}
	if _, err := (venue.Venues{Folder: filepath.Join(dir, "none")}).Start(t.Context(), &scenario.Server{Seed: "default"}); err == nil {
		t.Error("started without a folder")
	}
}

func TestInstruments(t *testing.T) {
	keys, err := venue.Instruments(&scenario.Server{Seed: "mainland"})
	must(t, err)
	mainland, err := seed.Mainland()
	must(t, err)
	if len(keys) != len(mainland.Instruments) || keys[0] != (client.Key{Market: "EAST", Code: "601100"}) {
		t.Errorf("got %v", keys)
	}
	if _, err := venue.Instruments(&scenario.Server{Seed: "none.json"}); err == nil {
		t.Error("no error")
	}
}
