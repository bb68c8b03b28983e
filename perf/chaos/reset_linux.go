package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"holdfast/biz/client"
)

func reset() Fault {
	return Fault{
		Name: "reset", ID: "C6", Short: "connections reset in mid-write, or closed after a request",
		How:     "connections reset in the middle of a write, or closed right after a request",
		Promise: "an order is there or not, never half; asking again with its client order id answers, and does nothing twice",
		Long:    Size{Rounds: 1000, Size: 16}, Gate: Size{Rounds: 20, Size: 8},
		Run: runReset,
	}
}

// runReset makes r.Rounds rounds with r.Size customers; in each, everybody's
// connection is torn at a random byte, and all that has no answer is asked again.
func runReset(ctx context.Context, r *Run) error {
	s, err := r.Start(ctx, ServerOptions{})
	if err != nil {
		return err
	}
	traders := r.newTraders(r.Size)
	if err := rememberAll(ctx, s.Addr, traders); err != nil {
		return err
	}
	tears := &tears{}
	for _, t := range traders {
		random := r.Random()
		t.options.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return tears.dial(ctx, network, addr, random)
		}
	}
	for round := range r.Rounds {
		trading, cancel := context.WithTimeout(ctx, patience)
		tradeAll(trading, s.Addr, traders)
		cancel()
		if err := ctx.Err(); err != nil {
			return err
		}
		r.Progress(round+1, r.Rounds, "rounds")
	}
	for _, t := range traders {
		t.options = client.Options{}
	}
	if err := settleAll(ctx, s.Addr, traders); err != nil {
		return err
	}
	if err := verifyAll(ctx, s.Addr, traders, true); err != nil {
		return err
	}
	return finishReset(ctx, r, s, traders, tears)
}

func finishReset(ctx context.Context, r *Run, s *Server, traders []*trader, tears *tears) error {
	if !waitConnected(ctx, s, 0) {
		r.Broken("sessions are left")
	}
	sum := countAll(traders)
	r.Figure("orders acknowledged", sum.acked, "")
	r.Figure("sent again without an answer", sum.resent, "")
	r.Figure("of those, done before", sum.known, "")
	r.Figure("resets", int(tears.resets.Load()), "")
	r.Figure("closes", int(tears.closes.Load()), "")
	r.Figure("half closes", int(tears.halves.Load()), "")
	if sum.resent == 0 || sum.known == 0 || sum.known == sum.resent {
		return ErrTooLittle // neither kind may be missing
	}
	return nil
}

// tears counts how connections were torn.
type tears struct{ resets, closes, halves atomic.Int64 }

// tearMost is how many bytes a connection writes before it is torn, at most: some
// 150 orders.
const tearMost = 8 << 10

// dial makes a connection that is torn after a random number of bytes. random is
// used by nobody else meanwhile.
func (t *tears) dial(ctx context.Context, network, addr string, random *rand.Rand) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &tornConn{TCPConn: conn.(*net.TCPConn), tears: t, left: 200 + random.IntN(tearMost), how: random.IntN(3)}, nil
}

// tornConn is torn in the middle of a write.
type tornConn struct {
	*net.TCPConn
	tears *tears
	left  int // bytes that are still written
	how   int
}

var errTorn = errors.New("torn on purpose")

// Write implements net.Conn. Goroutine: one at a time.
func (c *tornConn) Write(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTorn
	}
	n := min(len(b), c.left)
	if c.how == 2 { // a request that is whole, and then the FIN
		n = len(b)
	}
	n, err := c.TCPConn.Write(b[:n])
	c.left -= n
	if err != nil || c.left > 0 {
		return n, err
	}
	c.tear()
	if n < len(b) {
		return n, errTorn
	}
	return n, nil
}

func (c *tornConn) tear() {
	switch c.how {
	case 0:
		c.tears.resets.Add(1)
		_ = c.SetLinger(0) // the close is a reset then
		_ = c.Close()
	case 1:
		c.tears.closes.Add(1)
		_ = c.Close()
	default:
		c.tears.halves.Add(1)
		_ = c.CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(patience)) // the server answers, and closes
	}
}
