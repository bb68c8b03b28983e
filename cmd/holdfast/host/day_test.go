package host_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/biz/seed"
	"holdfast/biz/simulation"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
)

// TestDay: the settings override those of the script.
func TestDay(t *testing.T) {
	dir := t.TempDir()
	write := func(name, keys string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(`{"format": 1, "start": "2026-01-05T09:00:00+08:00"`+keys+`}`), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	full := write("full.json", `, "speed": 60, "random": 9, "preset": "thin", "orders_per_second": 2, "price_moves_per_second": 3`)
	stepped, bare := write("stepped.json", `, "stepped": true`), write("bare.json", "")
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	for _, c := range []struct {
		name       string
		set        func(*config.Config)
		clock      string
		preset     string
		simulation simulation.Config
	}{
		{"nothing", func(*config.Config) {}, "", "", simulation.Config{Random: 1}},
		{"wall", func(c *config.Config) { c.Clock = "wall" }, "", "", simulation.Config{Random: 1}},
		{"stepped", func(c *config.Config) { c.Clock = "stepped" }, "stepped, at " + now.Format("2006-01-02 15:04:05 -07:00"), "", simulation.Config{Random: 1}},
		{"speed", func(c *config.Config) { c.Speed = 5 }, "virtual, 5 times as fast, at " + now.Format("2006-01-02 15:04:05 -07:00"), "", simulation.Config{Random: 1}},
		{"start", func(c *config.Config) { c.Start = now.Add(time.Hour) }, "virtual, 1 times as fast, at " + now.Add(time.Hour).Format("2006-01-02 15:04:05 -07:00"), "", simulation.Config{Random: 1}},
		{"preset", func(c *config.Config) { c.Preset, c.Simulate = "brutal", 7 }, "", "brutal", simulation.Config{Random: 1, Orders: 7}},
		{"script", func(c *config.Config) { c.Script = full }, "virtual, 60 times as fast, at 2026-01-05 09:00:00 +08:00", "thin", simulation.Config{Random: 9, Orders: 2, PriceMoves: 3}},
		{"bare script", func(c *config.Config) { c.Script = bare }, "virtual, 1 times as fast, at 2026-01-05 09:00:00 +08:00", "", simulation.Config{Random: 1}},
		{"stepped script", func(c *config.Config) { c.Script = stepped }, "stepped, at 2026-01-05 09:00:00 +08:00", "", simulation.Config{Random: 1}},
		{"stepped script that runs", func(c *config.Config) { c.Script, c.Clock, c.Speed = stepped, "virtual", 3 }, "virtual, 3 times as fast, at 2026-01-05 09:00:00 +08:00", "", simulation.Config{Random: 1}},
		{"script in steps", func(c *config.Config) { c.Script, c.Clock = full, "stepped" }, "stepped, at 2026-01-05 09:00:00 +08:00", "thin", simulation.Config{Random: 9, Orders: 2, PriceMoves: 3}},
		{"script with all else set", func(c *config.Config) {
			c.Script, c.Speed, c.Preset, c.RandomSeed, c.Simulate, c.PriceMoves = full, 2, "realistic", 4, 5, 6
		}, "virtual, 2 times as fast, at 2026-01-05 09:00:00 +08:00", "realistic", simulation.Config{Random: 4, Orders: 5, PriceMoves: 6}},
	} {
		settings := config.Default()
		c.set(settings)
		s, err := seed.Default()
		if err != nil {
			t.Fatal(err)
		}
		d, err := host.NewDay(settings, s, now)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if d.String() != c.clock || d.Preset.Name != c.preset || !reflect.DeepEqual(d.Simulation(), c.simulation) {
			t.Errorf("%s: clock %q, preset %q, simulation %+v", c.name, d, d.Preset.Name, d.Simulation())
		}
		if deep := s.Instruments[0].Depth; (deep != 0) != (c.preset != "") {
			t.Errorf("%s: depth %d", c.name, deep)
		}
	}
}

// TestFrictionless: the preset offers any number of shares, whatever the depth of the market.
func TestFrictionless(t *testing.T) {
	s, err := seed.Parse("seed.json", []byte(`{"format": 1, "markets": [{"market": "EAST", "depth": 10}],
		"instruments": [{"market": "EAST", "code": "1", "last": "10.00"}], "customers": [{"customer": 100001}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c := config.Default()
	c.Preset = "frictionless"
	if _, err := host.NewDay(c, s, time.Now()); err != nil {
		t.Fatal(err)
	}
	m, err := market.New(s.Instruments)
	if err != nil {
		t.Fatal(err)
	}
	if depth := m.At(0).Depth; depth != ledger.MaxQuantity {
		t.Errorf("depth %d", depth)
	}
}

// TestClockNeverGoesBack: the clock starts at the newest event of the data folder if that is
// later.
func TestClockNeverGoesBack(t *testing.T) {
	c := config.Default()
	c.Listen, c.Admin, c.Data, c.Clock = "127.0.0.1:0", "127.0.0.1:0", t.TempDir(), "stepped"
	c.Start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	c.Simulate = 1
	start := func() *host.Server {
		t.Helper()
		var log strings.Builder
		s, err := host.Start(t.Context(), c, host.Options{}, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if logged, again := strings.Contains(log.String(), "starts at the newest event"), c.Simulate == 0; logged != again {
			t.Errorf("the log: %s", &log)
		}
		return s
	}
	stop := func(s *host.Server) {
		t.Helper()
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	s := start()
	if got := time.Unix(0, s.Day.Clock.Now()); !got.Equal(c.Start) {
		t.Errorf("the clock starts at %s, want %s", got, c.Start)
	}
	operator, err := client.Dial(t.Context(), s.Addrs[0], client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	if _, err := operator.Login(t.Context(), 900001, client.Password(client.DemoPassword)); err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Operate(t.Context(), client.Step{Duration: time.Minute}); err != nil {
		t.Fatal(err)
	}
	stop(s)
	c.Simulate = 0
	s = start()
	if at := s.Desk.NewestEvent(); at == 0 || s.Day.Clock.Now() < at || time.Unix(0, s.Day.Clock.Now()).Equal(c.Start) {
		t.Errorf("the clock starts at %s, the newest event is from %s", time.Unix(0, s.Day.Clock.Now()), time.Unix(0, at))
	}
	stop(s)
}
