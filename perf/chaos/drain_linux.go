package chaos

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
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
		Promise: "every reply to an accepted order reaches a client that reads; the second signal ends the server at once, and its data is consistent",
		Long:    Size{Rounds: 20, Size: 64}, Gate: Size{Rounds: 2, Size: 16},
		RoundsHelp: "rounds",
		SizeHelp:   "clients with queued replies",
		Run:        runDrain,
	}
}

// drainTraders is how many customers trade all the time; the crowd uses the customers
// after them.
const drainTraders = 16

// drainQueue is how many bytes are queued for each of the crowd: below the hard
// limit, and 32 MiB for 64 of them.
const drainQueue = 512 << 10

func runDrain(ctx context.Context, r *Run) error {
	r.Size = min(r.Size, customers-drainTraders) // one customer for each reader
	d := &drainRun{Run: r, data: filepath.Join(r.Scratch, "drained"), traders: r.newTraders(drainTraders)}
	d.args = r.shallowSeed(d.traders)
	d.start(ctx, "--drain", "10s")
	rememberAll(ctx, d.server.Addr, d.traders)
	r.rounds(ctx, func(round int) {
		d.once(ctx, round)
		d.twice(ctx)
		d.start(ctx, "--drain", "10s")
	})
	verifyAll(ctx, d.server.Addr, d.traders, true)
	sum := countAll(d.traders)
	sum.figures(r)
	r.Figure("orders acknowledged to clients with queued replies", d.queuedOrders, "")
	r.Figure("largest amount of queued replies", d.queued>>10, "KiB")
	r.Figure("longest drain", d.longest, "")
	r.Figure("longest time from the second signal to the end", d.longestSecond, "")
	if sum.acked == 0 {
		return ErrTooLittle
	}
	return nil
}

// drainRun is a data folder used by several servers in turn.
type drainRun struct {
	*Run
	data    string
	args    []string // of each server
	server  *Server
	traders []*trader

	queuedOrders           int
	queued                 int // bytes delivered to the crowd in the best round
	longest, longestSecond time.Duration
}

func (d *drainRun) start(ctx context.Context, args ...string) {
	d.server = must(d.Start(ctx, ServerOptions{Data: d.data, Args: slices.Concat(d.args, args)}))
}

// trade starts the traders, which trade until the server is gone. wait waits for that.
func (d *drainRun) trade(ctx context.Context) (wait func()) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	var all sync.WaitGroup
	all.Go(func() { tradeAll(ctx, d.server.Addr, d.traders) })
	return func() { all.Wait(); cancel() }
}

// once stops the server with one signal.
func (d *drainRun) once(ctx context.Context, round int) {
	wait := d.trade(ctx)
	q := newQueue(d.server.Addr, d.Size, round)
	defer q.crowd.close()
	start := time.Now()
	check(d.server.Terminate())
	q.listen()
	wait()
	d.exits(ctx, d.server, "the drained server", 0, patience)
	d.longest = max(d.longest, time.Since(start))
	d.queued = max(d.queued, q.judge(d.Run, d.server.LastWords()))
	d.queuedOrders += d.Size
	d.askAgain(ctx, q)
}

// askAgain restarts the server and sends every order without an answer again: none of
// them may have been executed.
func (d *drainRun) askAgain(ctx context.Context, q *queue) {
	d.start(ctx, "--drain", "10m")
	before := countAll(d.traders).done
	check(resendAll(ctx, d.server.Addr, d.traders))
	if n := countAll(d.traders).done - before; n > 0 {
		d.Broken("%d orders were executed without a reply, although the client read", n)
	}
	q.compare(ctx, d.Run, d.server.Addr)
	verifyAll(ctx, d.server.Addr, d.traders, false)
}

// twice stops a server, which would wait minutes for its readers, with a second signal.
func (d *drainRun) twice(ctx context.Context) {
	wait := d.trade(ctx)
	q := newQueue(d.server.Addr, d.Size, -1)
	defer q.crowd.close()
	check(d.server.Terminate())
	sleep(ctx, 300*time.Millisecond)
	if d.server.Gone() {
		d.Broken("the server did not wait for readers with %d KiB of unsent output", drainQueue>>10)
	}
	start := time.Now()
	_ = d.server.Terminate() // if it is gone, that was reported
	ended := d.exits(ctx, d.server, "after the second signal", exitTerminated, patience)
	d.longestSecond = max(d.longestSecond, time.Since(start))
	if !ended {
		d.server.Kill()
	}
	wait()
	d.start(ctx, "--drain", "10s")
	defer d.server.Kill()
	check(resendAll(ctx, d.server.Addr, d.traders))
	verifyAll(ctx, d.server.Addr, d.traders, false)
}

// exitTerminated is holdfast's exit code after a second SIGTERM.
const exitTerminated = 143

// queue is a crowd with unsent output at the server, which ends with the reply to an
// order.
type queue struct {
	round int
	crowd *crowd
	acked map[int]bool // by member
	last  map[int]codec.Command
}

func (q *queue) orderID() string { return fmt.Sprintf("queue %d", q.round) }

func (q *queue) customer(m *member) uint32 {
	return uint32(firstCustomer + drainTraders + m.number%(customers-drainTraders))
}

// newQueue connects all members; each requests all prices many times, then places an
// order.
func newQueue(addr string, size, round int) *queue {
	c := newCrowd(addr, 8)
	q := &queue{round: round, crowd: c, acked: map[int]bool{}, last: map[int]codec.Command{}}
	sized := 0
	c.onOpen = func(m *member) {
		c.send(m, loginOf(int(q.customer(m))-firstCustomer))
		c.send(m, repeat(codec.CommandQuotes, 1))
	}
	c.onFrame = func(m *member, message codec.Message) {
		q.last[m.number] = message.Command
		switch {
		case message.Command == codec.CommandQuotes.Reply() && m.sent == 0:
			m.deaf = true // from here on it sends requests and does not read
			m.sent = drainQueue/(len(message.Body)+codec.PacketHeaderLen) + 1
			sized++
			c.watch(m)
			c.send(m, append(repeat(codec.CommandQuotes, m.sent), q.order()...))
		case message.Command == codec.CommandPlaceOrder.Reply() && len(message.Body) > 0 && message.Body[0] == 0:
			q.acked[m.number] = true
		}
	}
	c.joinAll(size)
	if !c.until(patience, func() bool { return sized == size }) {
		c.close()
		check(fmt.Errorf("%w: %d of %d readers came", ErrTooLittle, sized, size))
	}
	c.until(500*time.Millisecond, func() bool { return false }) // the server executes it
	return q
}

func (q *queue) order() []byte {
	i := instrument(q.round & 7)
	return codec.AppendRequest(nil, codec.CommandPlaceOrder, 99, &pb.PlaceOrderRequest{
		ClientOrderId: q.orderID(), Side: pb.Side_SIDE_BUY, Market: i[0], Code: i[1], Quantity: 1,
	})
}

// Every second reader reads in sips: its queue in about two seconds.
const (
	sipBytes = 64 << 10
	sipEvery = 250 * time.Millisecond
)

// listen reads on all members until the server closes: some as fast as they can, some sip
// by sip.
func (q *queue) listen() {
	c := q.crowd
	for deadline := time.Now().Add(patience); c.living > 0 && time.Now().Before(deadline); {
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

// judge checks that every member got the reply, and the Notice last. It returns the bytes
// received.
func (q *queue) judge(r *Run, words string) (received int) {
	for _, m := range q.crowd.members {
		received += m.received
		switch {
		case !q.acked[m.number]:
			r.Broken("reader %d got no reply to its order (notice %v, %v, %d of %d answers): %s", m.number, m.notice, m.err, m.answers, m.sent+3, words)
		case !m.over || m.err != nil || m.notice != pb.NoticeCode_NOTICE_CODE_SHUTTING_DOWN || q.last[m.number] != codec.PushNotice:
			r.Broken("reader %d: over %v, %v, notice %v, last frame %v", m.number, m.over, m.err, m.notice, q.last[m.number])
		}
	}
	return received
}

// compare searches the histories for the orders.
func (q *queue) compare(ctx context.Context, r *Run, addr string) {
	for _, m := range q.crowd.members {
		c, _, err := login(ctx, addr, client.Customer(q.customer(m)), client.Options{})
		check(err)
		page, err := c.History(ctx, client.HistoryQuery{Limit: 1000})
		c.Close()
		check(err)
		found := 0
		for _, x := range page.Executions {
			if x.ClientOrderID == q.orderID() {
				found++
			}
		}
		if found != 1 {
			r.Broken("reader %d: its order is %d times in the history", m.number, found)
		}
	}
}
