package host

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"holdfast/cmd/holdfast/config"
)

// Temporary is a server inside another command, with the demo seed, a simulation and a
// data folder that Stop removes.
type Temporary struct {
	*Server
	Busy string // the default address that is in use, if that is why others were chosen
	dir  string
}

// StartTemporary starts a server with this rate of simulated orders. It listens on free
// ports, or with defaultPorts on the default ones if they are free.
func StartTemporary(ctx context.Context, version string, orders config.Rate, defaultPorts bool, log *slog.Logger) (*Temporary, error) {
	c, busy := config.Default(), ""
	if defaultPorts {
		busy = firstInUse(c.Listen, c.Admin)
	}
	dir, err := os.MkdirTemp("", "holdfast-")
	if err != nil {
		return nil, err
	}
	c.Data, c.Simulate, c.PriceMoves = dir, orders, 10
	if !defaultPorts || busy != "" {
		c.Listen, c.Admin = "127.0.0.1:0", "127.0.0.1:0"
	}
	s, err := Start(ctx, c, Options{Version: version, Carrier: Reactor}, log)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &Temporary{Server: s, Busy: busy, dir: dir}, nil
}

// Stop stops the server and removes its data.
func (t *Temporary) Stop() error { return errors.Join(t.Server.Stop(), os.RemoveAll(t.dir)) }
