package host

import (
	"context"
	"log/slog"

	"holdfast/cmd/holdfast/config"
)

// Temporary is a server inside another command, with the demo seed and a simulation.
type Temporary struct {
	*Server
	Busy string // the default address that is in use, if that is why others were chosen
}

// StartTemporary starts a server with the settings of c, whose data is in an empty folder that the
// caller removes after the stop. It listens on free ports, or with defaultPorts on those of c if they
// are free.
func StartTemporary(ctx context.Context, c *config.Config, o Options, defaultPorts bool, log *slog.Logger) (*Temporary, error) {
	busy := ""
	if defaultPorts {
		if busy = firstInUse(c.Listen, c.Admin); busy == "" {
			s, err := Start(ctx, c, o, log)
			if err == nil {
				return &Temporary{Server: s}, nil
			}
			if busy = firstInUse(c.Listen, c.Admin); busy == "" { // another program was not faster
				return nil, err
			}
		}
	}
	c.Listen, c.Admin = "127.0.0.1:0", "127.0.0.1:0"
	s, err := Start(ctx, c, o, log)
	if err != nil {
		return nil, err
	}
	return &Temporary{Server: s, Busy: busy}, nil
}
