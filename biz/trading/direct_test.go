package trading_test

import (
	"errors"
	"sync"
	"testing"

	"holdfast/biz/client"
	"holdfast/biz/history"
	"holdfast/biz/ledger"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// Several sessions of one account trade at once: each reply and push shows what
// is in the database, and each session gets all pushes in their order.
func TestTransactionPerOrder(t *testing.T) {
	s := start(t, setup{transactions: true})
	const sessions, orders = 3, 20
	var wg sync.WaitGroup
	for range sessions {
		w := s.wire()
		w.login(alice)
		wg.Go(func() {
			pushes, replies := uint64(0), 0
			w.send(codec.CommandPlaceOrder, 2, buyOne())
			for pushes < 2*sessions*orders || replies < orders {
				m := w.next()
				switch m.Command {
				case codec.CommandPlaceOrder.Reply():
					var placed pb.PlaceOrderReply
					must(t, placed.UnmarshalVT(m.Body[1:]))
					s.inDatabase(placed.Executions[0].ExecutionId)
					if replies++; replies < orders {
						w.send(codec.CommandPlaceOrder, m.ID+1, buyOne())
					}
				case codec.PushExecution, codec.PushPositionUpdate:
					if m.ID <= pushes || pushes > 0 && m.ID != pushes+1 {
						t.Errorf("push %d after %d", m.ID, pushes)
					}
					pushes = m.ID
				}
			}
		})
	}
	wg.Wait()
	if n := s.durableFills(alice); n != 0 {
		t.Errorf("the journal has %d of the orders", n)
	}
}

func (s *server) inDatabase(id uint64) {
	_, ok, err := s.history.Execution(s.t.Context(), id)
	if err != nil || !ok {
		s.t.Errorf("execution %d is shown and not in the database (%v)", id, err)
	}
}

func TestTransactionPerBust(t *testing.T) {
	s := start(t, setup{transactions: true})
	tr, op := s.login(alice), s.login(operator)
	x := tr.buy(tin, 1)
	op.bust(x.ID, "typing error")
	row, ok, err := s.history.Execution(t.Context(), uint64(x.ID))
	if err != nil || !ok || !row.Busted || row.BustReason != "typing error" {
		t.Errorf("the database has %+v, %v, %v", row, ok, err)
	}
	for range 3 { // executed, its position, busted
		tr.push()
	}
	if page := tr.history(client.HistoryQuery{}); len(page.Executions) != 1 || !page.Executions[0].Busted {
		t.Errorf("history %+v", page)
	}
}

// An order whose transaction fails is never shown, the sessions and the caller are
// told, and nothing is taken any more.
func TestTransactionFails(t *testing.T) {
	s := start(t, setup{transactions: true})
	placing, watching := s.wire(), s.wire()
	placing.login(alice)
	watching.login(alice)
	if r, _ := placing.ask(codec.CommandPlaceOrder, 2, buyOne()); r != codec.ResultOK {
		t.Fatalf("first order: %s", r)
	}
	inTheWay := history.Execution{ID: uint64(ledger.NewExecutionID(ledger.Customer(alice), 2)), Side: history.Buy, Quantity: 1}
	must(t, s.history.InsertNow(t.Context(), &inTheWay))
	placing.send(codec.CommandPlaceOrder, 3, buyOne())
	for m := placing.next(); m.Command != codec.PushNotice; m = placing.next() {
		if m.Command.IsReply() {
			t.Errorf("reply to %d", m.ID)
		}
	}
	if pushed := executionsUntilNotice(t, watching); pushed != 1 {
		t.Errorf("%d executions pushed", pushed)
	}
	if err := <-s.fatal; !errors.Is(err, history.ErrDuplicate) || s.service.Ready() == nil {
		t.Errorf("told %v, ready: %v", err, s.service.Ready())
	}
	w := s.wire()
	w.login(alice)
	if r, _ := w.ask(codec.CommandPlaceOrder, 2, buyOne()); r != codec.ResultUnavailable {
		t.Errorf("an order afterwards: %s", r)
	}
	if err := s.service.Drain(t.Context()); err == nil {
		t.Error("drained")
	}
	if len(s.fatal) > 0 {
		t.Errorf("told once more: %v", <-s.fatal)
	}
}
