package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

func drain() Fault {
	return Fault{
		Name: "drain", ID: "C9", Short: "SIGTERM under load with replies queued, and SIGTERM twice",
		How:     "SIGTERM under load with replies queued for every reader, and SIGTERM twice",
		Promise: "every reply to an accepted order reaches a reader; the second signal ends it at once, still consistent",
		Long:    Size{Rounds: 20, Size: 64}, Gate: Size{Rounds: 2, Size: 16},
		Run: runDrain,
	}
}

// drainTraders is how many customers trade all the time; the crowd's customers
// come behind them.
const drainTraders = 16

// drainQueue is how many bytes are queued for each of the crowd: below the hard
// limit, and 32 MiB for 64 of them.
const drainQueue = 512 << 10

func runDrain(ctx context.Context, r *Run) error {
	r.Size = min(r.Size, customers-drainTraders) // one customer for each reader
	d := &drainRun{Run: r, data: filepath.Join(r.Scratch, "drained"), traders: r.newTraders(drainTraders)}
	if err := d.start(ctx, "--drain", "10s"); err != nil {
		return err
	}
	if err := rememberAll(ctx, d.server.Addr, d.traders); err != nil {
		return err
	}
	for round := range r.Rounds {
		if err := d.once(ctx, round); err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		if err := d.twice(ctx); err != nil {
			return fmt.Errorf("round %d, twice: %w", round+1, err)
		}
		if err := d.start(ctx, "--drain", "10s"); err != nil {
			return err
		}
		r.Progress(round+1, r.Rounds, "rounds")
	}
	if err := verifyAll(ctx, d.server.Addr, d.traders, true); err != nil {
		return err
	}
	sum := countAll(d.traders)
	r.Figure("orders acknowledged", sum.acked, "")
	r.Figure("orders of queued readers, each acknowledged", d.queuedOrders, "")
	r.Figure("most queued", d.queued>>10, "KiB")
	r.Figure("longest drain", d.longest, "")
	r.Figure("longest end after the second signal", d.longestSecond, "")
	if sum.acked == 0 {
		return ErrTooLittle
	}
	return nil
}

// drainRun is a data folder that outlives its servers.
type drainRun struct {
	*Run
	data    string
	server  *Server
	traders []*trader

	queuedOrders           int
	queued                 int // bytes delivered to the crowd in the best round
	longest, longestSecond time.Duration
}

func (d *drainRun) start(ctx context.Context, args ...string) (err error) {
	d.server, err = d.Start(ctx, ServerOptions{Data: d.data, Args: args})
	return err
}

// trade lets the traders trade until the server is gone; call the result to wait
// for that.
func (d *drainRun) trade(ctx context.Context) (wait func()) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	var all sync.WaitGroup
	all.Go(func() { tradeAll(ctx, d.server.Addr, d.traders) })
	return func() { all.Wait(); cancel() }
}

// once stops the server with one signal.
func (d *drainRun) once(ctx context.Context, round int) error {
	wait := d.trade(ctx)
	q := &queue{addr: d.server.Addr, size: d.Size, round: round}
	if err := q.fill(); err != nil {
		return err
	}
	defer q.crowd.close()
	begin := time.Now()
	if err := d.server.Terminate(); err != nil {
		return err
	}
	q.listen()
	wait()
	code, err := d.server.WaitFor(ctx, patience)
	d.longest = max(d.longest, time.Since(begin))
	if err != nil || code != 0 {
		d.Broken("the drained server: exit code %d, %v: %s", code, err, d.server.LastWords())
	}
	d.queued = max(d.queued, q.judge(d.Run, d.server.LastWords()))
	d.queuedOrders += d.Size
	return d.settle(ctx, q)
}

// settle starts the server again and asks once more for every order that has no
// answer: none of those may have been executed.
func (d *drainRun) settle(ctx context.Context, q *queue) error {
	if err := d.start(ctx, "--drain", "10m"); err != nil {
		return err
	}
	before := countAll(d.traders).known
	if err := settleAll(ctx, d.server.Addr, d.traders); err != nil {
		return err
	}
	if n := countAll(d.traders).known - before; n > 0 {
		d.Broken("%d orders were executed and the reply never came, although the client read", n)
	}
	if err := q.compare(ctx, d.Run, d.server.Addr); err != nil {
		return err
	}
	return verifyAll(ctx, d.server.Addr, d.traders, false)
}

// twice stops a server that would wait for its readers for minutes with a second
// signal.
func (d *drainRun) twice(ctx context.Context) error {
	wait := d.trade(ctx)
	q := &queue{addr: d.server.Addr, size: d.Size, round: -1}
	if err := q.fill(); err != nil {
		return err
	}
	defer q.crowd.close()
	if err := d.server.Terminate(); err != nil {
		return err
	}
	pause(ctx, 300*time.Millisecond)
	select {
	case <-d.server.Ended():
		d.Broken("the server did not wait for readers who have %d KiB to read", drainQueue>>10)
	default:
	}
	begin := time.Now()
	_ = d.server.Terminate() // it may be gone, and that was told
	code, err := d.server.WaitFor(ctx, patience)
	d.longestSecond = max(d.longestSecond, time.Since(begin))
	if err != nil || code != exitInterrupted {
		d.Broken("after the second signal: exit code %d, %v: %s", code, err, d.server.LastWords())
		d.server.Kill()
	}
	wait()
	if err := d.start(ctx, "--drain", "10s"); err != nil {
		return err
	}
	defer d.server.Kill()
	if err := settleAll(ctx, d.server.Addr, d.traders); err != nil {
		return err
	}
	return verifyAll(ctx, d.server.Addr, d.traders, false)
}

// exitInterrupted is holdfast's exit code after a second signal.
const exitInterrupted = 130

// queue is a crowd for whom the server holds replies that they do not read yet,
// the last of them the reply to an order.
type queue struct {
	addr  string
	size  int
	round int
	crowd *crowd
	acked map[int]bool // by member
	last  map[int]codec.Command
}

func (q *queue) orderID() string { return fmt.Sprintf("queue %d", q.round) }

func (q *queue) customer(m *member) uint32 {
	return uint32(firstCustomer + drainTraders + m.number%(customers-drainTraders))
}

// fill connects everybody, asks for all prices many times and places an order
// behind that.
func (q *queue) fill() (err error) {
	if q.crowd, err = newCrowd(q.addr, 8); err != nil {
		return err
	}
	c := q.crowd
	q.acked, q.last = map[int]bool{}, map[int]codec.Command{}
	sized := 0
	c.onOpen = func(m *member) {
		c.send(m, loginOf(int(q.customer(m))-firstCustomer))
		c.send(m, repeat(codec.CommandQuotes, 1))
	}
	c.onFrame = func(m *member, message codec.Message) {
		q.last[m.number] = message.Command
		switch {
		case message.Command == codec.CommandQuotes.Reply() && m.sent == 0:
			m.deaf = true // from here on it asks and does not read
			m.sent = drainQueue/(len(message.Body)+codec.PacketHeaderLen) + 1
			sized++
			c.watch(m)
			c.send(m, append(repeat(codec.CommandQuotes, m.sent), q.order()...))
		case message.Command == codec.CommandPlaceOrder.Reply() && len(message.Body) > 0 && message.Body[0] == 0:
			q.acked[m.number] = true
		}
	}
	for range q.size {
		if _, err := c.join(false); err != nil {
			return err
		}
	}
	if !c.until(patience, func() bool { return sized == q.size }) {
		return fmt.Errorf("%w: %d of %d readers came", ErrTooLittle, sized, q.size)
	}
	c.until(500*time.Millisecond, func() bool { return false }) // the server executes it
	return nil
}

func (q *queue) order() []byte {
	i := instrument(q.round & 7)
	return codec.AppendRequest(nil, codec.CommandPlaceOrder, 99, &pb.PlaceOrderRequest{
		ClientOrderId: q.orderID(), Side: pb.Side_SIDE_BUY, Market: i[0], Code: i[1], Quantity: 1,
	})
}

// What every second reader takes: its queue in some two seconds.
const (
	sipBytes = 64 << 10
	sipEvery = 250 * time.Millisecond
)

// listen has everybody read until the server closes: some as fast as they can,
// some sip by sip.
func (q *queue) listen() {
	c := q.crowd
	for end := time.Now().Add(patience); c.living > 0 && time.Now().Before(end); {
		for _, m := range c.members {
			if !m.over {
				m.deaf = false
				m.sip = m.number % 2 * sipBytes
				c.watch(m)
			}
		}
		c.until(sipEvery, func() bool { return c.living == 0 })
	}
}

// judge says whether everybody got the reply, and the notice last. It gives the
// bytes that came.
func (q *queue) judge(r *Run, words string) (received int) {
	for _, m := range q.crowd.members {
		received += m.received
		switch {
		case !q.acked[m.number]:
			r.Broken("reader %d was not told of the order (notice %v, %v, %d of %d answers): %s", m.number, m.notice, m.err, m.answers, m.sent+3, words)
		case !m.over || m.err != nil || m.notice != pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN || q.last[m.number] != codec.PushNotice:
			r.Broken("reader %d: over %v, %v, notice %v, last frame %v", m.number, m.over, m.err, m.notice, q.last[m.number])
		}
	}
	return received
}

// compare looks for the orders in the histories.
func (q *queue) compare(ctx context.Context, r *Run, addr string) error {
	for _, m := range q.crowd.members {
		c, err := client.Dial(ctx, addr, client.Options{})
		if err != nil {
			return err
		}
		found, err := q.count(ctx, c, client.Customer(q.customer(m)))
		c.Close()
		if err != nil {
			return err
		}
		if found != 1 {
			r.Broken("reader %d: its order is %d times in the history", m.number, found)
		}
	}
	return nil
}

func (q *queue) count(ctx context.Context, c *client.Client, customer client.Customer) (n int, err error) {
	if _, err := c.Login(ctx, customer, client.DemoToken(customer)); err != nil {
		return 0, err
	}
	page, err := c.History(ctx, client.HistoryQuery{Limit: 1000})
	for _, x := range page.Executions {
		if x.ClientOrderID == q.orderID() {
			n++
		}
	}
	return n, err
}
