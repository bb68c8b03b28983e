package scenario_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"holdfast/biz/history"
	"holdfast/biz/journal"
	"holdfast/biz/seed"
	"holdfast/biz/trading"
	"holdfast/engine"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startServer starts a whole server with the shipped seed and returns its
// address; it ends with the test.
func startServer(t *testing.T, simulation trading.Simulation) string {
	t.Helper()
	dir := t.TempDir()
	events, err := journal.Open(t.Context(), journal.Options{Dir: filepath.Join(dir, "journal")})
	must(t, err)
	executions, err := history.Open(t.Context(), history.Options{Path: filepath.Join(dir, "history.db")})
	must(t, err)
	shipped, err := seed.Default()
	must(t, err)
	service, err := trading.New(t.Context(), trading.Config{
		Seed: shipped, Journal: events, History: executions, Simulation: simulation, Version: "test",
		Fatal: func(err error) { t.Error(err) }, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	core, err := service.Start(engine.Limits{})
	must(t, err)
	reactor, err := core.NewReactor(engine.ReactorConfig{Listen: "127.0.0.1:0", Loops: 2, OnDrain: service.Drain})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- reactor.Run(ctx) }()
	<-reactor.Booted()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		for _, end := range []func(context.Context) error{service.Close, core.Close, events.Close} {
			if err := end(context.Background()); err != nil {
				t.Error(err)
			}
		}
		if err := executions.Close(); err != nil {
			t.Error(err)
		}
	})
	return reactor.Addr()
}
