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
		Promise: "an order is executed completely or not at all; if it is sent again with its client order id, it is answered and not executed twice",
		Long:    Size{Rounds: 1000, Size: 16}, Gate: Size{Rounds: 20, Size: 8},
		RoundsHelp: "rounds",
		SizeHelp:   "customers who trade",
		Run:        runReset,
	}
}

// runReset does r.Rounds rounds with r.Size customers. In each, every connection is torn
// at a random byte, and orders without an answer are sent again.
func runReset(ctx context.Context, r *Run) error {
	s := must(r.Start(ctx, ServerOptions{}))
	traders := r.newTraders(r.Size)
	rememberAll(ctx, s.Addr, traders)
	tears := &tears{}
	for _, t := range traders {
		random := r.Random()
		t.options.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return tears.dial(ctx, network, addr, random)
		}
	}
	r.rounds(ctx, func(int) { tradeFor(ctx, s.Addr, traders, patience) })
	for _, t := range traders {
		t.options = client.Options{}
	}
	resendAndVerify(ctx, s.Addr, traders)
	if !s.waitConnected(ctx, 0) {
		r.Broken("sessions are left")
	}
	sum := countAll(traders)
	r.Figure("orders acknowledged", sum.acked, "")
	r.Figure("orders sent again without a first reply", sum.resent, "")
	r.Figure("of these executed before", sum.done, "")
	r.Figure("connections reset", int(tears.resets.Load()), "")
	r.Figure("connections closed", int(tears.closes.Load()), "")
	r.Figure("connections half closed", int(tears.halves.Load()), "")
	if sum.resent == 0 || sum.done == 0 || sum.done == sum.resent {
		return ErrTooLittle // every kind must have happened
	}
	return nil
}

// tears counts torn connections by kind.
type tears struct{ resets, closes, halves atomic.Int64 }

// tearMost is the most bytes that a connection writes before it is torn: about 150
// orders.
const tearMost = 8 << 10

// dial returns a connection that is torn after a random number of bytes. No other
// goroutine may use random meanwhile.
func (t *tears) dial(ctx context.Context, network, addr string, random *rand.Rand) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &tornConn{TCPConn: conn.(*net.TCPConn), tears: t, left: 200 + random.IntN(tearMost), how: random.IntN(3)}, nil
}

// tornConn is a connection that is torn in the middle of a write.
type tornConn struct {
	*net.TCPConn
	tears *tears
	left  int // bytes left to write
	how   int
}

var errTorn = errors.New("torn on purpose")

// Write implements net.Conn. Goroutine: one at a time.
func (c *tornConn) Write(b []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTorn
	}
	n := min(len(b), c.left)
	if c.how == 2 { // a complete request, then the FIN
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
		_ = c.SetLinger(0) // so the close is a reset
		_ = c.Close()
	case 1:
		c.tears.closes.Add(1)
		_ = c.Close()
	default:
		c.tears.halves.Add(1)
		_ = c.CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(patience)) // the server answers and closes
	}
}
