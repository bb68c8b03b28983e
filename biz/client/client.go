package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/codec"
	"holdfast/codec/pb"
)

// Client is one connection to a server. All methods are safe from any goroutine.
//
// Goroutines: a reader, which handles replies and updates the view; one that calls
// OnPush; one that sends heartbeats; and a short-lived one that requests the account
// again after a SequenceBreak. All have ended when Close returns.
type Client struct {
	options Options
	addrs   []string  // of the server
	at      int       // the one that the connection is with
	addr    string    // addrs[at]
	since   time.Time // when it was opened
	conn    net.Conn
	hello   Hello
	view    *View
	unknown *outcomes
	rooms   *rooms
	pushes  chan Push
	dropped atomic.Uint64
	pulling atomic.Bool
	ended   chan struct{} // closed when the connection has ended
	work    sync.WaitGroup

	writing sync.Mutex // one frame at a time
	frame   []byte     // guarded by writing

	mu      sync.Mutex
	lastID  RequestID
	waiting map[RequestID]*call
	notice  *Notice // the last notice received
	unsent  error   // error of the first failed write
	cause   error   // why the connection has ended; nil while it is open
}

// Hello is what the server said on connecting.
type Hello struct {
	// UID is the session id.
	UID               uint64
	HeartbeatInterval time.Duration
	ServerVersion     string
	// History names the server's history; zero if the server does not name it.
	History HistoryID
}

// Dial connects to the listener at addr and sends the first request, Conn. ctx bounds only
// these two steps. addr is "HOST:PORT" or "unix:PATH" for a listener of the packet dialect,
// and "ws://HOST:PORT/PATH" for a WebSocket listener. Options.TLS, or "wss://" as the start of the
// address, asks for TLS. The caller must call Close.
//
// addr can be a list of addresses, separated by commas, of the nodes of a cluster: Dial tries them in
// this order, each for Options.Timeout at most, and Reconnect goes on with the next one.
//
// Errors are ErrBadAddress, *ConnectionError (around a *HandshakeError if the WebSocket
// handshake failed, or around an error of Encrypt), *NoticeError (the server refuses further connections), *CloseError,
// ErrTimeout and ErrProtocol; with several addresses an *AddressesError around these. Explain says
// what to do about each, and Retry tries again while the server is busy.
func Dial(ctx context.Context, addr string, options Options) (c *Client, err error) {
	addrs, err := ParseAddresses(addr)
	if err != nil {
		return nil, err
	}
	err = TryAddresses(ctx, addrs, 0, func(n int) (err error) {
		c, err = connect(ctx, addrs, n, options.withDefaults(), NewView(), newOutcomes(), newRooms())
		return err
	})
	return c, err
}

// connect connects to one of addrs, with what remains of an earlier connection: the view, the unknown
// outcomes and the chat rooms. After an error the client is nil.
func connect(ctx context.Context, addrs []string, at int, options Options, view *View, unknown *outcomes, chats *rooms) (*Client, error) {
	addr := addrs[at]
	to, err := parseAddress(addr)
	if err != nil {
		return nil, err
	}
	dialing, cancel := context.WithTimeout(ctx, options.Timeout)
	defer cancel()
	conn, err := options.open(dialing, to)
	if err != nil {
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			err = fmt.Errorf("%w: %w", ErrTimeout, err)
		}
		return nil, &ConnectionError{Op: "connect to", Addr: addr, Err: err}
	}
	c := &Client{
		options: options, addrs: addrs, at: at, addr: addr, since: time.Now(), conn: conn,
		view: view, unknown: unknown, rooms: chats, pushes: make(chan Push, options.PushBuffer), ended: make(chan struct{}),
		lastID: firstRequestID, waiting: make(map[RequestID]*call),
	}
	c.work.Go(c.read)
	c.work.Go(c.deliver)
	if c.hello, err = c.sayHello(dialing); err != nil {
		c.shut(err)
		return nil, err
	}
	if every := cmp.Or(options.HeartbeatInterval, c.hello.HeartbeatInterval); every > 0 {
		c.work.Go(func() { c.beat(every) })
	}
	return c, nil
}

func (c *Client) sayHello(ctx context.Context) (Hello, error) {
	var reply pb.ConnReply
	err := c.send(ctx, codec.CommandConn, nil, &reply)
	if errors.Is(err, context.DeadlineExceeded) { // the connect took all the time
		err = late(ctx, codec.CommandConn)
	}
	if errors.Is(err, ErrTimeout) {
		err = fmt.Errorf("%s: %w", c.addr, err)
	}
	if err != nil {
		return Hello{}, err
	}
	history, err := decodeHistoryID(reply.HistoryId)
	return Hello{reply.Uid, time.Duration(reply.HeartbeatInterval), reply.ServerVersion, history}, err
}

// Hello returns what the server said on connecting.
func (c *Client) Hello() Hello { return c.hello }

// Addr returns the address that the connection is with, one of those passed to Dial.
func (c *Client) Addr() string { return c.addr }

// View returns the account as a screen shows it. The client updates it from Login on.
func (c *Client) View() *View { return c.view }

// Dropped returns how many pushes were dropped because OnPush was too slow.
func (c *Client) Dropped() uint64 { return c.dropped.Load() }

// Done returns a channel that is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.ended }

// Err returns why the connection has ended: a *ConnectionError, *NoticeError, *CloseError,
// ErrClosedByServer, ErrProtocol, ErrTimeout (a heartbeat without a reply),
// ErrPushOverflow, or ErrClosed after Close. It is nil while the connection is open.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// Close closes the connection and waits until the client's goroutines have ended, so
// OnPush must not call it. Pending calls fail with ErrClosed. A second Close does
// nothing. The error is always nil.
func (c *Client) Close() error {
	c.shut(ErrClosed)
	return nil
}

func (c *Client) shut(cause error) {
	c.end(cause)
	c.work.Wait()
}

// end ends the connection with this cause, unless it has already ended.
func (c *Client) end(cause error) {
	if c.endCalls(cause) {
		_ = c.conn.Close() // cause already says why the connection ended
	}
}

// endCalls records the cause and ends the calls with it; false: there is a cause already.
func (c *Client) endCalls(cause error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return false
	}
	c.cause = cause
	for id, waiting := range c.waiting {
		delete(c.waiting, id)
		waiting.done <- cause
	}
	close(c.ended)
	return true
}

// lost turns an error of the reader into the cause that callers see. After a notice
// the cause is always that notice.
func (c *Client) lost(op string, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.cause != nil:
		return c.cause
	case c.notice != nil:
		return &NoticeError{*c.notice}
	case c.unsent != nil && errors.Is(err, os.ErrDeadlineExceeded):
		op, err = "write to", c.unsent
	case errors.Is(err, ErrClosedByServer), errors.Is(err, ErrProtocol), errors.Is(err, ErrPushOverflow):
		return fmt.Errorf("%s: %w", c.addr, err)
	}
	return &ConnectionError{Op: op, Addr: c.addr, Err: err}
}
