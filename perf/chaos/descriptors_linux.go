package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

func descriptors() Fault {
	return Fault{
		Name: "descriptors", ID: "C4", Short: "more connections than open files, with limits of 64 to 256",
		How:     "far more connections than open files, with limits of 64 to 256",
		Promise: "the server does not end, serves open sessions, refuses other connections with a Notice, and accepts connections again afterwards",
		Long:    Size{Rounds: 100, Size: 600}, Gate: Size{Rounds: 2, Size: 600},
		RoundsHelp: "rounds, each with another limit",
		SizeHelp:   "connections in each round",
		Run:        runDescriptors,
	}
}

func runDescriptors(ctx context.Context, r *Run) error {
	d := &descriptorRun{Run: r, random: r.Random()}
	r.rounds(ctx, func(int) { d.round(ctx, 64+d.random.IntN(193)) })
	r.Figure("connections tried", d.tried, "")
	r.Figure("connections served", d.served, "")
	r.Figure("connections refused with a Notice", d.refused, "")
	r.Figure("connections refused without a Notice", d.unnoticed, "")
	r.Figure("orders executed meanwhile", d.orders, "")
	return nil
}

type descriptorRun struct {
	*Run
	random *rand.Rand

	tried, served, refused, unnoticed, orders int
}

// round starts a server with that limit of open files and sends the crowd twice, beside a
// trader who connected earlier.
func (d *descriptorRun) round(ctx context.Context, limit int) {
	s, err := d.Start(ctx, ServerOptions{Nofile: limit})
	if err != nil {
		d.Broken("limit %d: %v", limit, err)
		return
	}
	defer s.Kill()
	trader, _, err := login(ctx, s.Addr, firstCustomer, client.Options{})
	check(err)
	defer trader.Close()
	for range 2 {
		d.siege(ctx, s, trader, limit)
	}
	d.afterwards(ctx, s, trader, limit)
}

// siege connects the crowd, places an order and reads the metrics beside it, and
// disconnects the crowd.
func (d *descriptorRun) siege(ctx context.Context, s *Server, trader *client.Client, limit int) {
	c := newCrowd(s.Addr, 5)
	defer c.close()
	hello := repeat(codec.CommandConn, 1)
	ended := 0
	c.onOpen = func(m *member) { c.send(m, hello) }
	c.onEnd = func(*member) { ended++ }
	c.joinAll(d.Size)
	answered := func() (n int) {
		for _, m := range c.members {
			n += min(m.answers, 1)
		}
		return n
	}
	// A connection in the kernel's queue is refused only when the server accepts it.
	if !c.until(patience, func() bool { return answered()+ended >= d.Size }) {
		d.Broken("limit %d: of %d connections %d were served, %d refused, the others ignored", limit, d.Size, answered(), ended)
	}
	d.trade(ctx, s, trader, limit)
	for _, m := range c.members {
		d.tried++
		switch {
		case m.answers > 0 && m.over:
			d.Broken("limit %d: a connection that was served was closed: notice %v, %v", limit, m.notice, m.err)
		case m.answers > 0:
			d.served++
		case m.notice == pb.NoticeCode_NOTICE_CODE_TOO_MANY_CONNECTIONS:
			d.refused++
		default:
			d.unnoticed++
		}
	}
	if answered() == 0 {
		d.Broken("limit %d: no connection was served", limit)
	}
}

// trade places an order and reads the metrics while descriptors are short. The metrics
// port may have no descriptor left either, which must do no harm.
func (d *descriptorRun) trade(ctx context.Context, s *Server, trader *client.Client, limit int) {
	_, err := trader.PlaceOrder(ctx, anOrder(d.random))
	if err != nil {
		d.Broken("limit %d: the trader's order: %v; %s", limit, err, s.LastWords())
		return
	}
	d.orders++
	for range 20 {
		_, _ = s.Metrics(ctx) // refused or not
	}
}

// afterwards checks that everything works again, and that the server ends cleanly.
func (d *descriptorRun) afterwards(ctx context.Context, s *Server, trader *client.Client, limit int) {
	if !s.waitConnected(ctx, 1) {
		d.Broken("limit %d: sessions are left, or the metrics do not answer", limit)
	}
	if _, err := trader.PlaceOrder(ctx, anOrder(d.random)); err != nil {
		d.Broken("limit %d: an order afterwards: %v", limit, err)
	}
	fresh, _, err := login(ctx, s.Addr, firstCustomer+1, client.Options{})
	if err != nil {
		d.Broken("limit %d: a login afterwards: %v", limit, err)
	} else {
		defer fresh.Close()
	}
	if err := s.Terminate(); err != nil {
		d.Broken("limit %d: the server is gone: %v; %s", limit, err, s.LastWords())
		return
	}
	d.exits(ctx, s, fmt.Sprint("limit ", limit), 0, patience)
	if strings.Contains(s.Stderr(), "panic") {
		d.Broken("limit %d: %s", limit, s.LastWords())
	}
}

// anOrder returns an order that buys a few shares.
func anOrder(random *rand.Rand) client.Order {
	i := instrument(random.IntN(20))
	return client.Order{
		ClientOrderID: fmt.Sprintf("%016x", random.Uint64()), Side: client.Buy,
		Key: client.Key{Market: i[0], Code: i[1]}, Quantity: client.Quantity(1 + random.IntN(9)),
	}
}
