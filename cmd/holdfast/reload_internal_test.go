package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"

	"holdfast/biz/gateway"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
)

// TestReloadAppliesAllOrNothing: an error of the settings or of the server changes nothing.
func TestReloadAppliesAllOrNothing(t *testing.T) {
	debug := config.Default()
	debug.LogLevel = slog.LevelDebug
	load := func() (*config.Config, error) { return debug, nil }
	bad := errors.New("the seed file is damaged")
	cases := []struct {
		name  string
		load  loadConfig
		apply func(*config.Config) (gateway.Reloaded, error)
		level slog.Level
		says  string
	}{
		{"only the level", load, nil, slog.LevelDebug, "the settings were reloaded"},
		{"all", load, func(*config.Config) (gateway.Reloaded, error) { return gateway.Reloaded{}, nil }, slog.LevelDebug, "the settings were reloaded"},
		{"bad settings", func() (*config.Config, error) { return nil, bad }, func(*config.Config) (gateway.Reloaded, error) {
			t.Error("bad settings were applied")
			return gateway.Reloaded{}, nil
		}, slog.LevelInfo, bad.Error()},
		{"refused by the server", load, func(*config.Config) (gateway.Reloaded, error) { return gateway.Reloaded{}, bad }, slog.LevelInfo, bad.Error()},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var level slog.LevelVar
			var said strings.Builder
			r := reloading{load: tc.load, apply: tc.apply, level: &level, log: newLogger(&said, &level)}
			_, _ = r.reload()
			if level.Level() != tc.level || !strings.Contains(said.String(), tc.says) {
				t.Errorf("level %v, want %v: %s", level.Level(), tc.level, &said)
			}
		})
	}
}

// TestReloadDoesNotDelayAStop: a stop does not wait for a reload, of which one runs at a
// time.
func TestReloadDoesNotDelayAStop(t *testing.T) {
	c := config.Default()
	c.Listen, c.Admin, c.Data = "127.0.0.1:0", "127.0.0.1:0", t.TempDir()
	var level slog.LevelVar
	log := slog.New(slog.DiscardHandler)
	s, err := host.Start(t.Context(), c, host.Options{}, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	loads, finish := make(chan struct{}), make(chan struct{})
	hangups := make(chan os.Signal)
	r := reloading{level: &level, log: log, load: func() (*config.Config, error) {
		loads <- struct{}{}
		<-finish
		return c, nil
	}}
	p := &Program{Hangups: hangups}
	p.defaultStreams()
	stopped := make(chan error)
	go func() { stopped <- p.serveUntil(ctx, s, &r) }()
	hangups <- syscall.SIGHUP
	<-loads
	select {
	case hangups <- syscall.SIGHUP:
		t.Error("two reloads run")
	default:
	}
	finish <- struct{}{}
	hangups <- syscall.SIGHUP // the next one
	<-loads
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	finish <- struct{}{}
}
