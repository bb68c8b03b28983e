package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"time"

	"holdfast/codec"
)

// Defaults of Options.
const (
	DefaultTimeout      = 10 * time.Second
	DefaultLoginTimeout = 45 * time.Second
	DefaultPushBuffer   = 4096
)

// Options are the settings of a Client. The zero value is usable.
type Options struct {
	// Timeout bounds each request and the connect, in addition to the deadline of the
	// context; 0 means DefaultTimeout.
	Timeout time.Duration
	// LoginTimeout is the Timeout of a login: a server lets passwords wait for their turn.
	// 0 means DefaultLoginTimeout, or Timeout if that is set.
	LoginTimeout time.Duration
	// HeartbeatInterval overrides the server's interval; a negative value turns
	// heartbeats off. A heartbeat without a reply within Timeout ends the connection.
	HeartbeatInterval time.Duration
	// OnPush is called with every push, in order, on a separate goroutine; nil means
	// never. It may call the client's methods, except Close and Reconnect.
	OnPush func(Push)
	// PushBuffer is how many pushes may wait for OnPush; 0 means DefaultPushBuffer.
	// When the buffer is full, pushes without a number (quotes, repriced positions, chat
	// messages, notices) are dropped and counted; a numbered push ends the connection with
	// ErrPushOverflow. The view receives every push in both cases.
	PushBuffer int
	// MaxFrame is the largest frame in bytes, in both directions; 0 means
	// codec.DefaultMaxFrame.
	MaxFrame int
	// Dial opens the connection; nil means net.Dialer.DialContext. network is "tcp", or
	// "unix" with the path of the socket as addr.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS is how to speak TLS over that connection; nil means not to, except to an address
	// that starts with "wss://": then the system's authorities are trusted. See Encrypt.
	TLS *tls.Config
}

// open opens the connection to a listener.
func (o *Options) open(ctx context.Context, to target) (net.Conn, error) {
	dial := o.Dial
	if o.TLS != nil || to.secure {
		dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := o.Dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return overTLS(ctx, conn, to, o.TLS)
		}
	}
	if to.path != "" {
		return dialWebSocket(ctx, to, dial, o.MaxFrame)
	}
	return dial(ctx, to.network, to.address)
}

// timeoutOf returns the time limit of a request.
func (o *Options) timeoutOf(c codec.Command) time.Duration {
	if c == codec.CommandLogin {
		return o.LoginTimeout
	}
	return o.Timeout
}

func (o Options) withDefaults() Options {
	if o.LoginTimeout <= 0 {
		o.LoginTimeout = cmp.Or(max(o.Timeout, 0), DefaultLoginTimeout)
	}
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
