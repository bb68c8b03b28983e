package client

import (
	"context"
	"net"
	"time"

	"holdfast/codec"
)

// Defaults of Options.
const (
	DefaultTimeout    = 10 * time.Second
	DefaultPushBuffer = 4096
)

// Options are the settings of a Client. The zero value is usable.
type Options struct {
	// Timeout bounds each request and the connect, in addition to the deadline of the
	// context; 0 means DefaultTimeout.
	Timeout time.Duration
	// HeartbeatInterval overrides the server's interval; a negative value turns
	// heartbeats off. A heartbeat without a reply within Timeout ends the connection.
	HeartbeatInterval time.Duration
	// OnPush is called with every push, in order, on a separate goroutine; nil means
	// never. It may call the client's methods, except Close and Reconnect.
	OnPush func(Push)
	// PushBuffer is how many pushes may wait for OnPush; 0 means DefaultPushBuffer.
	// When the buffer is full, pushes without a number (quotes, repriced positions,
	// notices) are dropped and counted; a numbered push ends the connection with
	// ErrPushOverflow. The view receives every push in both cases.
	PushBuffer int
	// MaxFrame is the largest frame in bytes, in both directions; 0 means
	// codec.DefaultMaxFrame.
	MaxFrame int
	// Dial opens the connection; nil means net.Dialer.DialContext.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.PushBuffer <= 0 {
		o.PushBuffer = DefaultPushBuffer
	}
	if o.MaxFrame <= 0 {
		o.MaxFrame = codec.DefaultMaxFrame
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return o
}
