package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast/codec"
)

// Heartbeat asks the server for a sign of life. The client does so by itself in
// the interval of Hello.
func (c *Client) Heartbeat(ctx context.Context) error {
	return c.send(ctx, codec.CommandHeartbeat, nil, nil)
}

func (c *Client) heartbeatInterval() time.Duration {
	if c.options.HeartbeatInterval != 0 {
		return c.options.HeartbeatInterval
	}
	return c.hello.HeartbeatInterval
}

// beat sends heartbeats until the connection is over, and ends it when one is
// not answered.
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
