package scenario_test

import (
	"log/slog"
	"testing"
	"time"

	"holdfast/biz/gateway"
	"holdfast/biz/scenario"
	"holdfast/biz/scenario/venue"
	"holdfast/biz/seed"
	"holdfast/biz/server"
	"holdfast/biz/simulation"
	"holdfast/engine"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startServer starts a complete server with the shipped seed and returns its
// address; it ends with the test.
func startServer(t *testing.T, s simulation.Config) string {
	t.Helper()
	shipped, err := seed.Default()
	must(t, err)
	running, err := server.Start(t.Context(), server.Config{
		Data: t.TempDir(), Seed: shipped, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, EventLoops: 2,
		Gateway: gateway.Config{Version: "test"}, Simulation: s, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { must(t, running.Stop()) })
	return running.Addrs[0]
}

// own are options for scenarios that need a server for themselves.
func own(t *testing.T) scenario.Options {
	t.Helper()
	v := venue.Venues{Folder: t.TempDir(), Version: "test", Log: slog.New(slog.DiscardHandler)}
	return scenario.Options{Start: v.Start, Instruments: venue.Instruments, Timeout: 20 * time.Second}
}

// parse parses a scenario that has no mistakes.
func parse(t *testing.T, text string) *scenario.Scenario {
	t.Helper()
	s, err := scenario.Parse("test.scenario", []byte(text))
	must(t, err)
	return s
}
