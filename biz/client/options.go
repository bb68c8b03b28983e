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

// Options are the settings of a Client; the zero value is good.
type Options struct {
	// Timeout bounds each request, connecting included, beside the deadline of
	// its context; 0 means DefaultTimeout.
	Timeout time.Duration
	// HeartbeatInterval overrides the one that the server asks for; below 0 sends
	// none. A heartbeat that is not answered within Timeout ends the connection.
	HeartbeatInterval time.Duration
	// OnPush, where it is not nil, gets every push, in order, on a goroutine of its
	// own: it may call the client's methods, except Close.
	OnPush func(Push)
	// PushBuffer is how many pushes may wait for OnPush; 0 means
	// DefaultPushBuffer. When it is full, pushes outside of the sequence (quotes,
	// repriced positions, notices) are dropped and counted, and a numbered one ends
	// the connection with ErrPushOverflow. The view misses nothing either way.
	PushBuffer int
	// MaxFrame is the largest frame in bytes, sent or received; 0 means
	// codec.DefaultMaxFrame.
	MaxFrame int
	// Dial makes the connection; nil means that of a net.Dialer.
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
