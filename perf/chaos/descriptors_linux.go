package chaos

import (
	"context"
	"errors"
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
		Promise: "the server lives, serves those it has, refuses the others with a notice, and recovers",
		Long:    Size{Rounds: 100, Size: 600}, Gate: Size{Rounds: 2, Size: 600},
		Run: runDescriptors,
	}
}

func runDescriptors(ctx context.Context, r *Run) error {
	d := &descriptorRun{Run: r, random: r.Random()}
	for round := range r.Rounds {
		limit := 64 + d.random.IntN(193)
		if err := d.round(ctx, limit); err != nil {
			return fmt.Errorf("limit %d: %w", limit, err)
		}
		r.Progress(round+1, r.Rounds, "rounds")
	}
	r.Figure("connections tried", d.tried, "")
	r.Figure("served", d.served, "")
	r.Figure("refused with a notice", d.refused, "")
	r.Figure("without one", d.unnoticed, "")
	r.Figure("orders beside", d.orders, "")
	return nil
}

type descriptorRun struct {
	*Run
	random *rand.Rand

	tried, served, refused, unnoticed, orders int
}

// round starts a server with that limit of open files and comes with everybody
// twice, with a trader who was there before.
func (d *descriptorRun) round(ctx context.Context, limit int) error {
	s, err := d.Start(ctx, ServerOptions{Nofile: limit})
	if err != nil {
		d.Broken("limit %d: %v", limit, err)
		return nil
	}
	defer s.Kill()
	trader, err := client.Dial(ctx, s.Addr, client.Options{})
	if err != nil {
		return err
	}
	defer trader.Close()
	if _, err := trader.Login(ctx, firstCustomer, client.DemoToken(firstCustomer)); err != nil {
		return err
	}
	for range 2 {
		if err := d.siege(ctx, s, trader, limit); err != nil {
			return err
		}
	}
	d.afterwards(ctx, s, trader, limit)
	return nil
}

// siege brings the crowd, has the trader trade beside it and the metrics read, and
// takes the crowd away.
func (d *descriptorRun) siege(ctx context.Context, s *Server, trader *client.Client, limit int) error {
	c, err := newCrowd(s.Addr, 5)
	if err != nil {
		return err
	}
	defer c.close()
	hello := repeat(codec.CommandConn, 1)
	ended := 0
	c.onOpen = func(m *member) { c.send(m, hello) }
	c.onEnd = func(*member) { ended++ }
	for range d.Size {
		if _, err := c.join(false); err != nil {
			return err
		}
		c.turn(0)
	}
	answered := func() int {
		n := 0
		for _, m := range c.members {
			if m.answers > 0 {
				n++
			}
		}
		return n
	}
	// Who is in the kernel's queue only is refused when his turn comes.
	if !c.until(patience, func() bool { return answered()+ended >= d.Size }) {
		d.Broken("limit %d: of %d connections %d were served, %d refused, the others left alone", limit, d.Size, answered(), ended)
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
		d.Broken("limit %d: nobody was served", limit)
	}
	return nil
}

// trade has an order placed while descriptors are short, and reads the metrics:
// that port may have no descriptor left either, which must not harm.
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

// afterwards says whether everything works again.
func (d *descriptorRun) afterwards(ctx context.Context, s *Server, trader *client.Client, limit int) {
	if !waitConnected(ctx, s, 1) {
		d.Broken("limit %d: sessions are left, or the metrics do not answer", limit)
	}
	if _, err := trader.PlaceOrder(ctx, anOrder(d.random)); err != nil {
		d.Broken("limit %d: an order afterwards: %v", limit, err)
	}
	fresh, err := client.Dial(ctx, s.Addr, client.Options{})
	if err != nil {
		d.Broken("limit %d: a connection afterwards: %v", limit, err)
		return
	}
	defer fresh.Close()
	if _, err := fresh.Login(ctx, firstCustomer+1, client.DemoToken(firstCustomer+1)); err != nil {
		d.Broken("limit %d: a login afterwards: %v", limit, err)
	}
	d.end(ctx, s, limit)
}

// end stops the server, which has to end well.
func (d *descriptorRun) end(ctx context.Context, s *Server, limit int) {
	if err := s.Terminate(); err != nil {
		d.Broken("limit %d: the server is gone: %v; %s", limit, err, s.LastWords())
		return
	}
	code, err := s.WaitFor(ctx, patience)
	if err != nil || code != 0 {
		d.Broken("limit %d: exit code %d, %v: %s", limit, code, err, s.LastWords())
	}
	if strings.Contains(s.Stderr(), "panic") {
		d.Broken("limit %d: %v", limit, errors.New(s.LastWords()))
	}
}

// anOrder buys a few of something.
func anOrder(random *rand.Rand) client.Order {
	i := instrument(random.IntN(20))
	return client.Order{
		ClientOrderID: fmt.Sprintf("%016x", random.Uint64()), Side: client.Buy,
		Key: client.Key{Market: i[0], Code: i[1]}, Quantity: client.Quantity(1 + random.IntN(9)),
	}
}
