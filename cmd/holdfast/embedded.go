package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"holdfast/cmd/holdfast/config"
)

// embeddedOptions are the settings of a server inside another command.
type embeddedOptions struct {
	Simulate config.Rate // orders a second that it places itself
	Quiet    bool        // nothing is logged
	// DefaultPorts takes the ports that clients try first, not free ones.
	DefaultPorts bool
}

// embeddedServer is a server on free ports with a data folder that goes away
// with it.
type embeddedServer struct {
	*server
	dir string
}

// startEmbedded starts one with default settings and the shipped seed.
func (p *Program) startEmbedded(ctx context.Context, o embeddedOptions) (*embeddedServer, error) {
	dir, err := os.MkdirTemp("", "holdfast-")
	if err != nil {
		return nil, err
	}
	c := config.Default()
	c.Data = dir
	if !o.DefaultPorts {
		c.Listen, c.Admin = "127.0.0.1:0", "127.0.0.1:0"
	}
	c.Simulate = o.Simulate
	if o.Simulate > 0 {
		c.PriceMoves = 10
	}
	out := p.Stderr
	if o.Quiet {
		out = io.Discard
	}
	s, err := startServer(ctx, c, serverOptions{}, newLogger(out, slog.LevelWarn))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &embeddedServer{server: s, dir: dir}, nil
}

// Stop ends the server and removes its data.
func (e *embeddedServer) Stop() error {
	return errors.Join(e.server.Stop(), os.RemoveAll(e.dir))
}

// newLogger writes lines for people.
func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}
