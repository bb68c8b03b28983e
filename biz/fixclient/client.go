package fixclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/fix"
	codecfix "holdfast/codec/fix"
)

const (
	maxMessage = 1 << 20
	// writeTime is how long the server may take to read a message.
	writeTime = 10 * time.Second
)

// Options are the identity and the settings of a client.
type Options struct {
	// Session has the CompIDs: Ours is that of the client, Theirs that of the server.
	Session fix.Config
	// Password (554) is a password or a token in hexadecimal; "": the Logon has no Password.
	Password string
	// Heartbeat is HeartBtInt, in whole seconds; 0: there are no heartbeats.
	Heartbeat time.Duration
	// Reset starts the numbers at 1 again.
	Reset bool
	// Next sends NextExpectedMsgSeqNum.
	Next bool
	// Store has the numbers; nil: they are in memory. The caller closes it after the client.
	Store *Store
	// After is the address of a connection that was lost: of several addresses, Dial begins with the
	// next one. "": with the first.
	After string
	// TLS is how the connection is encrypted; nil: it is not.
	TLS *tls.Config
	// Message is called with each application message, in order; it may send. The message is valid
	// during the call.
	Message func(m *codecfix.Message)
	// Log is called with each message in both directions, whatever it is. The frame is valid during the
	// call.
	Log func(sent bool, frame []byte)
}

// Client is a session with a server that is logged on.
type Client struct {
	o    Options
	addr string
	conn net.Conn
	read sync.WaitGroup
	done chan struct{} // closed when the connection has ended

	mu      sync.Mutex
	session *fix.Session
	store   *Store
	online  chan struct{}       // closed when the client is logged on
	arrived []*codecfix.Message // by the message that is handled
	cause   error               // why it has ended
}

// Dial connects to a server and logs on. addr is as for client.Dial, without WebSocket. Of several
// addresses it takes the first where the Logon succeeds, beginning with the one after that of
// Options.After; each has client.DefaultTimeout. If all fail, the error is a *client.AddressesError.
func Dial(ctx context.Context, addr string, o Options) (c *Client, err error) {
	addrs, err := client.ParseAddresses(addr)
	if err != nil {
		return nil, err
	}
	if o.Store == nil {
		o.Store = NewStore()
	}
	err = client.TryAddresses(ctx, addrs, slices.Index(addrs, o.After)+1, func(n int) (err error) {
		c, err = dialOne(ctx, addrs[n], o)
		return err
	})
	return c, err
}

// dialOne is Dial with one address.
func dialOne(ctx context.Context, addr string, o Options) (*Client, error) {
	network, address := "tcp", addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, address = "unix", path
	}
	ctx, cancel := context.WithTimeout(ctx, client.DefaultTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil && o.TLS != nil {
		conn, err = client.Encrypt(ctx, conn, addr, o.TLS)
	}
	if err != nil {
		return nil, &client.ConnectionError{Op: "connect to", Addr: addr, Err: err}
	}
	c := &Client{o: o, addr: addr, conn: conn, done: make(chan struct{}), online: make(chan struct{}), store: o.Store}
	c.session = fix.New(&c.o.Session)
	c.session.NextIn, c.session.NextOut = c.store.Next()
	c.do(func(now int64) {
		c.session.Initiate(fix.Initiation{Interval: int64(o.Heartbeat / time.Second), Reset: o.Reset, Next: o.Next, Fields: c.credential}, now, c)
	})
	c.read.Go(c.run)
	select {
	case <-c.online:
		return c, nil
	case <-c.done:
		c.Close()
		return nil, c.cause
	case <-ctx.Done():
		c.Close()
		return nil, ctx.Err()
	}
}

func (c *Client) credential(w *codecfix.Writer) {
	if c.o.Password != "" {
		w.Text(codecfix.Password, c.o.Password)
	}
}

// do lets the session do something, and stores its numbers.
func (c *Client) do(something func(now int64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	something(time.Now().UnixNano())
	c.keep()
	if c.session.Online() {
		select {
		case <-c.online:
		default:
			close(c.online)
		}
	}
	deadline := time.Time{}
	if at := c.session.Deadline(); at != math.MaxInt64 {
		deadline = time.Unix(0, at)
	}
	_ = c.conn.SetReadDeadline(deadline) // it fails only on a closed connection, whose read fails, too
}

// keep stores the numbers, if they have changed.
func (c *Client) keep() {
	in, out := c.store.Next()
	var l line
	if c.session.NextIn != in {
		l.In = c.session.NextIn
	}
	if c.session.NextOut != out {
		l.Out = c.session.NextOut
	}
	if l != (line{}) {
		c.store.record(&l)
	}
}

// run reads until the connection ends.
func (c *Client) run() {
	defer close(c.done)
	defer c.conn.Close()
	var b []byte
	chunk := make([]byte, 16<<10)
	for {
		n, err := c.conn.Read(chunk)
		b = append(b, chunk[:n]...)
		used, bad := c.handle(b)
		b = b[used:]
		if err = errors.Join(bad, ignoreTimeout(err)); err != nil {
			c.end(err)
			return
		}
		c.do(func(now int64) {
			c.session.Tick(now, c)
			c.session.Resume(fix.DefaultResendPiece, now, c)
		})
		if c.over() {
			return
		}
	}
}

func ignoreTimeout(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// handle handles the complete messages of b.
func (c *Client) handle(b []byte) (used int, err error) {
	for !c.over() {
		n, err := codecfix.Dialect{}.FrameLen(b[used:], maxMessage)
		if err != nil || n == 0 || n > len(b)-used {
			return used, err
		}
		c.message(b[used : used+n])
		used += n
	}
	return used, nil
}

func (c *Client) message(frame []byte) {
	var m codecfix.Message
	garbled := m.Parse(frame)
	var arrived []*codecfix.Message
	c.do(func(now int64) {
		if c.o.Log != nil {
			c.o.Log(false, frame)
		}
		if garbled != nil {
			c.session.Garbled(now, c)
		} else {
			c.session.Receive(&m, now, c)
		}
		arrived, c.arrived = c.arrived, nil
	})
	if c.o.Message != nil {
		for _, m := range arrived {
			c.o.Message(m)
		}
	}
}

// end records why the connection has ended, unless something else was the reason.
func (c *Client) end(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		err = fmt.Errorf("%w: the server has closed the connection", ErrEnded)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = err
	}
	c.session.Disconnected()
}

func (c *Client) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause != nil
}

// sessionTypes are the types of messages that can't be sent again.
const sessionTypes = "012345A"

// Send sends a message, whose body is what body appends, and returns its number. Application messages
// are stored.
func (c *Client) Send(msgType string, body func(w *codecfix.Writer)) (number uint64, err error) {
	c.do(func(now int64) {
		if !c.session.Online() {
			err = ErrNotLoggedOn
			return
		}
		number = c.session.NextOut
		w := c.session.Start(nil, msgType, now)
		from := w.Len()
		if body != nil {
			body(&w)
		}
		if !strings.Contains(sessionTypes, msgType) {
			c.store.record(&line{Out: c.session.NextOut, Sent: &sent{number, now, msgType, append([]byte(nil), w.Since(from)...)}})
		}
		c.session.Send(w.End(), now, c)
	})
	return number, err
}

// Logout logs out, and waits until the server has answered, or ctx ends.
func (c *Client) Logout(ctx context.Context, text string) {
	c.do(func(now int64) { c.session.Logout(text, now, c) })
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	c.Close()
}

// Close ends the connection without a Logout.
func (c *Client) Close() {
	c.end(ErrEnded)
	_ = c.conn.Close() // nothing is lost that could be saved
	c.read.Wait()
}

// Addr returns the address that the connection is with, one of those passed to Dial.
func (c *Client) Addr() string { return c.addr }

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the connection has ended, nil while it has not.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// Write implements fix.Host.
func (c *Client) Write(message []byte, _ bool) {
	c.keep() // before anybody can have seen the number
	if c.o.Log != nil {
		c.o.Log(true, message)
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTime)) // as above
	if _, err := c.conn.Write(message); err != nil && c.cause == nil {
		c.cause = fmt.Errorf("%w: %w", ErrEnded, err)
		_ = c.conn.Close() // the reader ends
	}
}

// Execute implements fix.Host.
func (c *Client) Execute(m *codecfix.Message) { c.arrived = append(c.arrived, m) }

// Resend implements fix.Host.
func (c *Client) Resend(from, to uint64, each func(seq uint64, sent int64, msgType string, body func(*codecfix.Writer)) bool) {
	for i := range c.store.sent {
		m := &c.store.sent[i]
		if m.Number >= from && m.Number <= to && !each(m.Number, m.Time, m.Type, func(w *codecfix.Writer) { w.Raw(m.Body) }) {
			return
		}
	}
}

// Logon implements fix.Host.
func (c *Client) Logon(*codecfix.Message) (text string, ok bool) { return "", false }

// Reset implements fix.Host.
func (c *Client) Reset() { c.store.record(&line{Reset: true}) }

// Disconnect implements fix.Host.
func (c *Client) Disconnect(why string) {
	if c.cause == nil {
		c.cause = fmt.Errorf("%w: %s", ErrEnded, why)
	}
	_ = c.conn.Close() // the reader ends
}
