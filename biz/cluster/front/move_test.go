package front_test

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"holdfast/biz/client"
	"holdfast/biz/cluster/link"
	"holdfast/biz/ledger"
	"holdfast/engine"
)

// held returns how many shares of tin a customer of a venue holds.
func (v *venue) held(customer ledger.Customer) (n ledger.Quantity) {
	for _, a := range v.Desk.Accounts() {
		if a.Customer() != customer {
			continue
		}
		a.View(func(l *ledger.Account) {
			for id := range v.Desk.Market().Len() {
				if i := v.Desk.Market().At(ledger.InstrumentID(id)); i.Market == tin.Market && i.Code == tin.Code {
					row, _ := l.Position(ledger.InstrumentID(id))
					n = row.Quantity
				}
			}
		})
	}
	return n
}

// flow places orders from several goroutines until end is called, which waits for all replies and returns how many
// orders were executed.
func (tr *trader) flow() (end func() uint64, some func(n uint64)) {
	var stop atomic.Bool
	var done atomic.Uint64
	var running sync.WaitGroup
	for range 16 {
		running.Go(func() {
			for !stop.Load() {
				p, err := tr.PlaceOrder(tr.t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 1})
				if err != nil || p.Duplicate || p.Status != client.StatusFilled {
					tr.t.Errorf("order %d: %+v, %v", done.Load(), p, err)
					return
				}
				done.Add(1)
			}
		})
	}
	end = func() uint64 {
		stop.Store(true)
		running.Wait()
		return done.Load()
	}
	some = func(n uint64) {
		tr.t.Helper()
		deadline := time.Now().Add(patience)
		for until := done.Load() + n; done.Load() < until; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				tr.t.Fatalf("no replies: %v", tr.Err())
			}
		}
	}
	return end, some
}

// TestMove: a venue stops under load, and another one goes on with its data. The client gets every reply and
// every push, and each order is executed once.
func TestMove(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	tr := c.login(n.packet, holder)
	before := v.held(holder)
	end, some := tr.flow()
	for epoch := range uint64(2) {
		some(100)
		v.stop(t)
		v = c.startVenue(0, epoch+2)
		some(100)
	}
	orders := end()
	tr.hasPushes(1, 2*orders)
	if bought := v.held(holder) - before; bought != ledger.Quantity(orders) {
		t.Errorf("%d shares bought with %d orders", bought, orders)
	}
}

// TestUnanswered: a venue that no longer owns its stream has executed orders and can't answer. They are sent
// again to the next owner, which has them in its journal.
func TestUnanswered(t *testing.T) {
	c := newCluster(t, 1)
	const (
		opened = iota
		shut
		failing
	)
	var gate atomic.Int32
	c.gate = func(ctx context.Context) error {
		for gate.Load() == shut {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
		if gate.Load() == failing {
			return errors.New("not the owner")
		}
		return nil
	}
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	tr := c.login(n.packet, holder)
	before := v.held(holder)
	tr.buy(1)
	resting, taken, taking := tr.rest(), tr.rest(), tr.rest()
	op := c.login(n.packet, operator)
	cancelled, err := op.CancelOrder(t.Context(), client.OrderRef{ID: taken.Order, Customer: holder})
	must(t, err)
	gate.Store(shut)
	const orders = 10
	var asked sync.WaitGroup
	for range orders {
		asked.Go(func() {
			if p, err := tr.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 1}); err != nil || p.Duplicate {
				t.Errorf("order: %+v, %v", p, err)
			}
		})
	}
	asked.Go(func() {
		if o, err := tr.CancelOrder(t.Context(), client.OrderRef{ID: resting.Order}); err != nil || o.Order.Status != client.StatusCancelled {
			t.Errorf("cancel: %+v, %v", o, err)
		}
	})
	asked.Go(func() { // an operator was faster
		if o, err := tr.CancelOrder(t.Context(), client.OrderRef{ID: taken.Order}); !errors.Is(err, client.ErrRejected) {
			t.Errorf("cancel of a cancelled order: %+v, %v", o, err)
		}
	})
	asked.Go(func() {
		o, err := op.CancelOrder(t.Context(), client.OrderRef{ID: taking.Order, Customer: holder})
		if err != nil || o.Order.Cause != cancelled.Order.Cause {
			t.Errorf("cancel by an operator: %+v, %v", o, err)
		}
	})
	for deadline := time.Now().Add(patience); v.held(holder)-before < (orders+1) || working(v) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the orders are not executed")
		}
	}
	gate.Store(failing)
	v.stop(t)
	gate.Store(opened)
	v = c.startVenue(0, 2)
	asked.Wait()
	tr.hasPushes(1, 2*(orders+1)+6)
	if bought := v.held(holder) - before; bought != (orders + 1) {
		t.Errorf("%d shares bought", bought)
	}
}

// working returns how many orders of the holder work.
func working(v *venue) (n int) {
	for _, a := range v.Desk.Accounts() {
		if a.Customer() == holder {
			a.View(func(l *ledger.Account) { n = l.WorkingOrders() })
		}
	}
	return n
}

// TestLostMessage: a message of a lane is lost under load, in either direction. What came after it is sent
// again.
func TestLostMessage(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	spy := c.connect()
	var mu sync.Mutex
	var last *nats.Msg // of the front
	_, err := spy.Subscribe(link.VenueSubject(0, 1), func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		last = m
	})
	must(t, err)
	must(t, spy.Flush())
	tr := c.login(n.packet, holder)
	before := v.held(holder)
	end, some := tr.flow()
	for i := range 6 {
		some(50)
		mu.Lock()
		b := make([]byte, 24)
		copy(b, last.Data[:8])
		binary.BigEndian.PutUint64(b[8:], 1<<40) // as if all before it were lost
		to, from := last.Subject, last.Reply
		mu.Unlock()
		if i%2 == 0 {
			to, from = from, to
		}
		must(t, spy.PublishRequest(to, from, b))
	}
	some(50)
	orders := end()
	tr.hasPushes(1, 2*orders)
	if bought := v.held(holder) - before; bought != ledger.Quantity(orders) {
		t.Errorf("%d shares bought with %d orders", bought, orders)
	}
}

// TestMoveQuotes: a subscription to quotes survives a move.
func TestMoveQuotes(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	tr := c.login(n.packet, holder)
	_, err := tr.Quotes(t.Context(), []client.Key{tin}, true)
	must(t, err)
	v.stop(t)
	v = c.startVenue(0, 2)
	deadline := time.After(patience)
	for price := ledger.Price(10_0100); ; price += 100 {
		must(t, v.Desk.SetPrice(t.Context(), 0, price, time.Now().UnixNano()))
		select {
		case p := <-tr.pushes:
			if q, is := p.Event.(client.Quote); is && q.LastPrice >= 10_0100 {
				return
			}
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatal("no quote")
		}
	}
}

// TestNotResumable: if the new owner does not have the missed pushes, the client is closed.
func TestNotResumable(t *testing.T) {
	c := newCluster(t, 1)
	v := c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	tr := c.login(n.packet, holder)
	folder := t.TempDir()
	must(t, copyFolder(folder, c.dirs[0])) // before its first orders
	tr.buy(1)
	tr.hasPushes(1, 2)
	v.stop(t)
	c.dirs[0] = folder
	c.startVenue(0, 2)
	select {
	case <-tr.Done():
	case <-time.After(patience):
		t.Fatal("still open")
	}
	var notice *client.NoticeError
	if !errors.As(tr.Err(), &notice) || notice.Notice.Code != client.NoticeUnavailable {
		t.Errorf("closed with %v", tr.Err())
	}
}
