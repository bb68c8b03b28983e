package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/codec"
)

// Heartbeat sends a heartbeat and waits for the reply. The client also sends heartbeats
// by itself, at the interval of Hello.
func (c *Client) Heartbeat(ctx context.Context) error {
	return c.send(ctx, codec.CommandHeartbeat, nil, nil)
}

// beat sends heartbeats until the connection has ended. It ends the connection if a
// heartbeat gets no reply in time.
func (c *Client) beat(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-ticker.C:
		}
		if err := c.Heartbeat(context.Background()); errors.Is(err, ErrTimeout) {
			c.end(fmt.Errorf("%s: %w", c.addr, err))
			return
		}
	}
}
