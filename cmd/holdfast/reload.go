package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"holdfast/biz/client"
	"holdfast/biz/gateway"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/perf/table"
)

// loadConfig loads the settings of the command line, the environment and the file.
type loadConfig func() (*config.Config, error)

// reloading changes the settings of a running server. Goroutine: any.
type reloading struct {
	load  loadConfig
	apply func(*config.Config) (gateway.Reloaded, error) // changes what the server can change; nil: nothing
	level *slog.LevelVar
	log   *slog.Logger

	mu sync.Mutex // held by reload, and until the server has started
}

// reload loads the settings and applies them, or none of them after an error.
func (r *reloading) reload() (changed gateway.Reloaded, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, err := r.load()
	if err == nil && r.apply != nil {
		changed, err = r.apply(c)
	}
	if err != nil {
		r.log.Error("the settings were not reloaded: everything stays as it was", "error", err)
		return changed, err
	}
	before := r.level.Level()
	r.level.Set(c.LogLevel)
	r.log.Info("the settings were reloaded", "log_level", c.LogLevel, "before", before)
	return changed, nil
}

// start starts the server that is to be changed. A reload waits for that.
func (r *reloading) start(start func() (*host.Server, error)) (*host.Server, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := start()
	if err == nil {
		r.apply = s.Reload
	}
	return s, err
}

// errDemoSeed refuses a reload that can't change anybody.
var errDemoSeed = errors.New("the server runs with the demo seed, which is part of the program: start it with --seed-file")

// reloadFor is reload for an operator.
func (r *reloading) reloadFor(c *config.Config) func() (gateway.Reloaded, error) {
	return func() (gateway.Reloaded, error) {
		if c.SeedFile == "" {
			if again, err := r.load(); err == nil && again.SeedFile == "" {
				return gateway.Reloaded{}, errDemoSeed
			}
		}
		return r.reload()
	}
}

const reloadLong = `reload makes a running server read its settings and its seed file again, as an operator, and
shows what has changed. It does what the signal SIGHUP does, also from another machine, and
reports why the server refuses the file: then everything stays as it was.

The log level, names, roles and credentials of customers change, new instruments and customers
come, and revoked logins end. Other settings need a restart.`

func newReloadCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "reload", Short: "make a running server read its seed file again, as an operator", Args: noArgs, Long: reloadLong,
		Example: `  holdfast reload
  holdfast reload --addr 192.0.2.7:8888 --operator 900001 --password -`,
	}
	return newOperating(p, cmd, nil, func(ctx context.Context, c *client.Client, _ []string) error {
		return p.reloadServer(ctx, c)
	}).addAccess()
}

// reloadServer makes the server reload and shows what has changed.
func (p *Program) reloadServer(ctx context.Context, c *client.Client) error {
	reply, err := c.Operate(ctx, client.Reload{})
	if err != nil {
		return err
	}
	return p.operated(reply, "the server has reloaded: %s", reloadText(&reply.Reloaded))
}

func reloadText(r *client.Reloaded) string {
	var parts []string
	for _, part := range []struct {
		count int
		noun  string
	}{
		{r.ChangedCustomers, "changed customer"}, {r.ChangedCredentials, "changed login"}, {r.WithdrawnCustomers, "withdrawn customer"},
		{r.NewCustomers, "new customer"}, {r.NewInstruments, "new instrument"}, {r.EndedSessions, "ended session"},
		{len(r.Later), "instrument to change at the next start"},
	} {
		if part.count > 0 {
			parts = append(parts, counted(part.count, part.noun))
		}
	}
	if len(parts) == 0 {
		return "nothing has changed"
	}
	return table.Escape(strings.Join(parts, ", "))
}
