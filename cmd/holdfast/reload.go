package main

import (
	"log/slog"

	"holdfast/cmd/holdfast/config"
)

// loadConfig loads the settings of the command line, the environment and the file.
type loadConfig func() (*config.Config, error)

// reloading changes the settings of a running server.
type reloading struct {
	load  loadConfig
	apply func(*config.Config) error // changes what the server can change; nil: nothing
	level *slog.LevelVar
	log   *slog.Logger
}

// reload loads the settings and applies them, or none of them after an error.
func (r *reloading) reload() {
	c, err := r.load()
	if err == nil && r.apply != nil {
		err = r.apply(c)
	}
	if err != nil {
		r.log.Error("the settings were not reloaded: everything stays as it was", "error", err)
		return
	}
	before := r.level.Level()
	r.level.Set(c.LogLevel)
	r.log.Info("the settings were reloaded", "log_level", c.LogLevel, "before", before)
}
