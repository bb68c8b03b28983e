package gateway_test

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/gateway"
	"holdfast/biz/ledger"
	"holdfast/biz/market"
	"holdfast/codec"
	"holdfast/codec/pb"
	"holdfast/engine"
)

// operate executes a command of an operator.
func (tr *trader) operate(o client.Operation) client.Operated {
	tr.t.Helper()
	done, err := tr.Operate(tr.t.Context(), o)
	must(tr.t, err)
	return done
}

// step moves the clock of a stepped server.
func (tr *trader) step(d time.Duration) {
	tr.t.Helper()
	tr.operate(client.Step{Duration: d})
}

// delayed returns an order that waits for that long.
func delayed(name string, d time.Duration) codec.Body {
	return order(func(r *pb.PlaceOrderRequest) { r.ClientOrderId = fmt.Sprintf("%s!delay=%s", name, d) })
}

// waits waits until that many requests are delayed.
func (s *server) waits(n int) {
	s.t.Helper()
	eventually(s.t, "the requests to be delayed", func() bool { return s.service.Delayed() == n })
}

// TestStopAnswersDelayed stops the server while requests are delayed: each is answered before the
// Notice, has no effect, and nothing of it is left.
func TestStopAnswersDelayed(t *testing.T) {
	with := worldOf(t, []string{"directives"})
	with.listeners = tlvListener(engine.Listener{})
	s := start(t, with)
	packet, tlv := s.wire(), s.wireAt(0)
	packet.login(alice)
	tlv.login(alice)
	for id := range uint64(5) {
		packet.send(codec.CommandPlaceOrder, 10+id, delayed(fmt.Sprint(id), time.Hour))
		tlv.send(codec.CommandPlaceOrder, 10+id, delayed(fmt.Sprint("tlv ", id), time.Hour))
	}
	packet.send(codec.CommandSubmit, 99, nil)
	if r, _ := packet.reply(codec.CommandSubmit, 99); r != codec.ResultOK { // it does not wait
		t.Errorf("submit: %s", r)
	}
	s.waits(10)
	before := s.service.StateHash()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop()
	}()
	for _, w := range []*wire{packet, tlv} {
		answered := 0
		for m := w.next(); m.Command != codec.PushNotice; m = w.next() {
			var e pb.Error
			must(t, e.UnmarshalVT(m.Body[1:]))
			if m.Command != codec.CommandPlaceOrder.Reply() || codec.Result(m.Body[0]) != codec.ResultUnavailable || !strings.Contains(e.Message, "stopping") {
				t.Errorf("%s %s %q", m.Command, codec.Result(m.Body[0]), e.Message)
			}
			answered++
		}
		if answered != 5 {
			t.Errorf("%d answers before the notice, want 5", answered)
		}
	}
	<-stopped
	if s.service.Delayed() != 0 || s.service.Waiting(ledger.Customer(alice)) != 0 {
		t.Errorf("%d requests are left", s.service.Delayed())
	}
	if s.service.StateHash() != before {
		t.Error("the account has changed")
	}
}

// TestStopWhileDelayedAreExecuted stops the server while a fast clock executes delayed orders:
// each is answered once, by an execution or a refusal, and exactly the executed ones exist.
func TestStopWhileDelayedAreExecuted(t *testing.T) {
	for range 5 {
		s := start(t, setup{seed: edited(t, `"name": "Alice"`, `"name": "Alice", "directives": true`)})
		w := s.wire()
		w.login(alice)
		const orders = 400
		var frames []byte
		for id := range uint64(orders) {
			frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id, delayed(fmt.Sprint(id), time.Duration(id)*100*time.Microsecond))
		}
		w.write(frames)
		w.next() // the first one is answered
		go s.stop()
		results := map[codec.Result]int{}
		seen := map[uint64]bool{}
		for m := w.next(); m.Command != codec.PushNotice; m = w.next() {
			if !m.Command.IsReply() {
				continue
			}
			if seen[m.ID] {
				t.Errorf("request %d is answered twice", m.ID)
			}
			seen[m.ID] = true
			results[codec.Result(m.Body[0])]++
		}
		if len(seen) != orders-1 || results[codec.ResultOK]+results[codec.ResultUnavailable] != orders-1 {
			t.Errorf("%d answers: %v", len(seen), results)
		}
		s.stop()
		s = start(t, s.setup)
		if now := s.dial().login(alice); now.Sequence != executionPushes*uint64(1+results[codec.ResultOK]) {
			t.Errorf("%d executed, push %d", 1+results[codec.ResultOK], now.Sequence)
		}
		s.stop()
	}
}

// TestDelayedOfGoneSession: an order whose session has gone meanwhile is executed, other
// sessions get its pushes, and a retry gets its answer.
func TestDelayedOfGoneSession(t *testing.T) {
	s := start(t, worldOf(t, []string{"directives"}))
	op, watching, w := s.login(operator), s.login(alice), s.wire()
	w.login(alice)
	w.send(codec.CommandPlaceOrder, 5, delayed("gone", time.Second))
	s.waits(1)
	sessions := s.core.Len()
	must(t, w.conn.(*net.TCPConn).SetLinger(0)) // a reset: a mere end of the stream waits for the reply
	w.close()
	eventually(t, "the session to be gone", func() bool { return s.core.Len() == sessions-1 })
	op.step(time.Second)
	x, ok := watching.push().Event.(client.Execution)
	if !ok || x.ClientOrderID != "gone!delay=1s" {
		t.Errorf("push %+v", x)
	}
	again := s.wire()
	again.login(alice)
	again.send(codec.CommandPlaceOrder, 6, delayed("gone", time.Second))
	s.waits(1)
	op.step(time.Second)
	if r, _ := again.reply(codec.CommandPlaceOrder, 6); r != codec.ResultDuplicate {
		t.Errorf("a retry: %s", r)
	}
}

// TestDelayedOfRevokedLogin: an order that is delayed when the login is revoked has no effect.
func TestDelayedOfRevokedLogin(t *testing.T) {
	with := worldOf(t, []string{"slow"})
	s := start(t, with)
	op, tr := s.login(operator), s.login(alice)
	placed := make(chan client.Placed, 1)
	go func() {
		p, err := tr.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 5, Price: 9_0000})
		if err != nil {
			t.Error(err)
		}
		placed <- p
	}()
	s.waits(1)
	op.step(time.Second)
	rests := <-placed
	w := s.wire()
	w.login(alice)
	w.send(codec.CommandPlaceOrder, 5, buyOne())
	w.send(codec.CommandCancelOrder, 6, &pb.CancelOrderRequest{OrderId: uint64(rests.Order)})
	w.send(codec.CommandCancelOrder, 7, &pb.CancelOrderRequest{All: true})
	s.waits(3)
	before := s.service.StateHash()
	s.reload("ALICE", newTokenHash())
	op.step(time.Second)
	if s.service.StateHash() != before || s.service.Delayed() != 0 {
		t.Errorf("the account has changed, or %d requests wait", s.service.Delayed())
	}
}

// TestDelayLimit: an account may have a limited number of delayed requests; a further one is
// refused, also over several sessions, and the others are executed.
func TestDelayLimit(t *testing.T) {
	s := start(t, worldOf(t, []string{"directives"}))
	op := s.login(operator)
	var sessions []*wire
	for n := range 2 {
		w := s.wire()
		w.login(alice)
		var frames []byte
		for id := range uint64(gateway.MaxWaiting / 2) {
			frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id, delayed(fmt.Sprint(n, id), time.Second))
		}
		w.write(frames)
		sessions = append(sessions, w)
	}
	s.waits(gateway.MaxWaiting)
	over := s.wire()
	over.login(alice)
	for id, body := range []codec.Body{delayed("over", time.Second), order(func(r *pb.PlaceOrderRequest) { r.ClientOrderId = "over!bust=1s" })} {
		if r, _ := over.ask(codec.CommandPlaceOrder, uint64(id), body); r != codec.ResultOverloaded {
			t.Errorf("over the limit: %s", r)
		}
	}
	if r, _ := over.ask(codec.CommandPlaceOrder, 5, buyOne()); r != codec.ResultOK { // nothing of it waits
		t.Errorf("an ordinary order: %s", r)
	}
	op.step(time.Second)
	for _, w := range sessions {
		for replies := 0; replies < gateway.MaxWaiting/2; {
			if m := w.next(); m.Command.IsReply() {
				if replies++; codec.Result(m.Body[0]) != codec.ResultOK {
					t.Fatalf("%s", codec.Result(m.Body[0]))
				}
			}
		}
	}
	if n := s.service.Waiting(ledger.Customer(alice)); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// TestLateOrdersAreForgotten: an order with a late execution that is filled, or reset away, does
// not count any more.
func TestLateOrdersAreForgotten(t *testing.T) {
	s := start(t, worldOf(t, []string{"directives"}))
	op, tr := s.login(operator), s.login(alice)
	for n := range 3 {
		tr.place(client.Order{ClientOrderID: fmt.Sprint(n, "!late=1s"), Side: client.Buy, Key: tin, Quantity: 1, Price: 9_0000})
	}
	tr.place(client.Order{ClientOrderID: "filled!late=1s", Side: client.Buy, Key: tin, Quantity: 1})
	waiting := func(want int) {
		t.Helper()
		if n := s.service.Waiting(ledger.Customer(alice)); n != want {
			t.Errorf("%d wait, want %d", n, want)
		}
	}
	waiting(3)
	op.operate(client.Fill{Order: client.NewOrderID(alice, 1)})
	waiting(2)
	if _, err := tr.CancelOrder(t.Context(), client.OrderRef{ID: client.NewOrderID(alice, 2)}); err != nil {
		t.Fatal(err)
	}
	waiting(2)
	op.step(time.Second)
	waiting(1)
	op.operate(client.Reset{Customer: alice})
	waiting(0)
}

// TestLateAfterABust: the late execution is one of the order as it is by then.
func TestLateAfterABust(t *testing.T) {
	s := start(t, worldOf(t, []string{"directives", "thin"}))
	op, tr := s.login(operator), s.login(alice)
	placed := tr.place(client.Order{ClientOrderID: "a!late=5s", Side: client.Buy, Key: tin, Quantity: 80, Price: 10_0000})
	if _, err := tr.CancelOrder(t.Context(), client.OrderRef{ID: placed.Order}); err != nil {
		t.Fatal(err)
	}
	op.bust(placed.Executions[0].ID, "first")
	op.step(5 * time.Second)
	o, err := tr.FindOrder(t.Context(), client.OrderRef{ID: placed.Order})
	must(t, err)
	if o.Filled != 80 || o.Status != client.StatusCancelled || o.AveragePrice != 10_0000 {
		t.Errorf("%+v", o)
	}
	now := tr.positions()
	if p, _ := now.Find(tin); p.Quantity != 80 {
		t.Errorf("%d shares", p.Quantity)
	}
}

// TestLateFillsAtTheSameTime: many late executions of one order at the same time never exceed it.
func TestLateFillsAtTheSameTime(t *testing.T) {
	for _, recent := range []int{0, 1} { // with 1, the order is soon only in the history
		s := start(t, setup{recent: recent})
		tr := s.login(alice)
		placed := tr.place(client.Order{Side: client.Buy, Key: tin, Quantity: 100, Price: 9_0000})
		if _, err := tr.CancelOrder(t.Context(), client.OrderRef{ID: placed.Order}); err != nil {
			t.Fatal(err)
		}
		tr.buy(rail, 1)
		var operators []*wire
		for range 15 {
			operators = append(operators, s.wire())
			operators[len(operators)-1].login(operator)
		}
		s.service.Account(ledger.Customer(alice)).View(func(*ledger.Account) { // they wait for her lock
			for _, op := range operators {
				for id := range uint64(2) {
					op.send(codec.CommandOperate, id, &pb.OperateRequest{Command: &pb.OperateRequest_Fill{
						Fill: &pb.FillCommand{OrderId: uint64(placed.Order), Quantity: 10, Late: true},
					}})
				}
				if r, _ := op.ask(codec.CommandSubmit, 99, nil); r != codec.ResultOK {
					t.Errorf("submit: %s", r)
				}
			}
		})
		filled := 0
		for n := range 2 * len(operators) {
			switch r := codec.Result(operators[n/2].next().Body[0]); r {
			case codec.ResultOK:
				filled++
			case codec.ResultRejected, codec.ResultUnavailable:
			default:
				t.Errorf("%s", r)
			}
		}
		o, err := tr.FindOrder(t.Context(), client.OrderRef{ID: placed.Order})
		must(t, err)
		if int(o.Filled) != 10*filled || o.Filled > 100 || recent == 0 && filled != 10 {
			t.Errorf("%d executions, the order has %d", filled, o.Filled)
		}
	}
}

// TestPresetRejects: the same seed rejects the same orders.
func TestPresetRejects(t *testing.T) {
	outcomes := func(random uint64) (text string) {
		s := start(t, setup{preset: market.Preset{Name: "half", RejectRate: ledger.MaxRate / 2}, random: random})
		tr := s.login(alice)
		for range 100 {
			_, err := tr.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 1})
			if err == nil {
				text += "+"
				continue
			}
			if e := refused(t, err); e.Reason != client.ReasonSimulated || !strings.Contains(e.Message, "the preset half") {
				t.Fatalf("%s %q", e.Reason, e.Message)
			}
			text += "-"
		}
		s.stop()
		return text
	}
	first := outcomes(1)
	if n := strings.Count(first, "-"); n < 30 || n > 70 {
		t.Errorf("%d of 100 rejected: %s", n, first)
	}
	if again, other := outcomes(1), outcomes(2); again != first || other == first {
		t.Errorf("%s\n%s\n%s", first, again, other)
	}
}

// TestLatenciesInOrder: whatever the latency of each request is, those of an account are
// executed in their order; another account does not wait.
func TestLatenciesInOrder(t *testing.T) {
	s := start(t, worldOf(t, []string{"slow"}))
	op, w, other := s.login(operator), s.wire(), s.wire()
	w.login(alice)
	other.login(bob)
	const orders = 50
	var frames []byte
	for id := range uint64(orders) {
		frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id, order(func(r *pb.PlaceOrderRequest) { r.Quantity = int64(id + 1) }))
	}
	w.write(frames)
	other.send(codec.CommandPlaceOrder, 1, buyOne())
	s.waits(orders + 1)
	op.step(200 * time.Millisecond)
	for n := range uint64(orders) {
		m := w.next()
		for !m.Command.IsReply() {
			m = w.next()
		}
		if m.ID != n {
			t.Errorf("reply %d comes as number %d", m.ID, n)
		}
	}
	if r, _ := other.reply(codec.CommandPlaceOrder, 1); r != codec.ResultOK {
		t.Errorf("bob's order: %s", r)
	}
}

// TestDelayedPanic: a panic in a delayed request costs its session, and others go on.
func TestDelayedPanic(t *testing.T) {
	s := start(t, worldOf(t, []string{"directives"}))
	op, w, good := s.login(operator), s.wire(), s.login(alice)
	w.login(alice)
	w.send(codec.CommandPlaceOrder, 5, delayed("bad", time.Second))
	s.waits(1)
	repair := s.service.BreakDelayed()
	op.step(time.Second)
	for m := w.next(); m.Command != codec.PushNotice; m = w.next() {
		t.Errorf("%s", m.Command)
	}
	repair()
	if n := s.core.Stats.Panics.Swap(0); n != 1 {
		t.Errorf("%d panics", n)
	}
	good.buy(tin, 1)
	w = s.wire()
	w.login(alice)
	w.send(codec.CommandPlaceOrder, 5, delayed("good", time.Second))
	s.waits(1)
	op.step(time.Second)
	if r, _ := w.reply(codec.CommandPlaceOrder, 5); r != codec.ResultOK {
		t.Errorf("the next one: %s", r)
	}
}

// TestDelayedDuplicateOfOld: a delayed order whose first answer is only in the history.
func TestDelayedDuplicateOfOld(t *testing.T) {
	with := worldOf(t, []string{"directives", "few"})
	s := start(t, with)
	op, tr, w := s.login(operator), s.login(alice), s.wire()
	w.login(alice)
	w.send(codec.CommandPlaceOrder, 5, delayed("old", time.Second))
	s.waits(1)
	op.step(time.Second)
	w.reply(codec.CommandPlaceOrder, 5)
	for range 10 {
		tr.buy(rail, 1)
	}
	w = s.wire()
	w.login(alice)
	w.send(codec.CommandPlaceOrder, 6, delayed("old", time.Second))
	s.waits(1)
	op.step(time.Second)
	r, body := w.reply(codec.CommandPlaceOrder, 6)
	var reply pb.PlaceOrderReply
	must(t, reply.UnmarshalVT(body))
	if r != codec.ResultDuplicate || len(reply.Executions) != 1 || reply.Executions[0].Quantity != 10 {
		t.Errorf("%s %v", r, &reply)
	}
}

// TestOrdersRaceWithSteps: orders, cancels and replacements of two sessions with latencies, while
// the clock runs: each request is answered once, and a restart has the same state.
func TestOrdersRaceWithSteps(t *testing.T) {
	s := start(t, setup{preset: market.Preset{Name: "quick", LatencyMax: int64(2 * time.Millisecond)}})
	var work sync.WaitGroup
	for n := range 2 {
		w := s.wire()
		w.login(alice)
		work.Go(func() {
			const rounds = 200
			var frames []byte
			for i := range uint64(rounds) {
				name := fmt.Sprint(n, "-", i)
				frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, 3*i, order(func(r *pb.PlaceOrderRequest) { r.ClientOrderId, r.Price, r.Quantity = name, 9_0000, 1 }))
				frames = codec.AppendRequest(frames, codec.CommandReplaceOrder, 3*i+1, &pb.ReplaceOrderRequest{ClientOrderId: name, Quantity: 2})
				frames = codec.AppendRequest(frames, codec.CommandCancelOrder, 3*i+2, &pb.CancelOrderRequest{ClientOrderId: name})
			}
			if _, err := w.conn.Write(frames); err != nil {
				t.Error(err)
			}
			seen := map[uint64]bool{}
			for len(seen) < 3*rounds {
				m, err := w.read()
				if err != nil || m.Command.IsReply() && seen[m.ID] {
					t.Errorf("%s %d: %v, after %d", m.Command, m.ID, err, len(seen))
					return
				}
				if m.Command.IsReply() {
					seen[m.ID] = true
				}
			}
		})
	}
	work.Wait()
	if n := s.service.Delayed(); n != 0 || s.service.Waiting(ledger.Customer(alice)) != 0 {
		t.Errorf("%d wait", n)
	}
	want := s.service.StateHash()
	if s = s.restart(); s.service.StateHash() != want {
		t.Error("another state after the restart")
	}
}

// TestRevokedOperator: once a reload has returned, the operator whose login it revokes executes
// nothing, whatever the command is. The reload waits for the command that is executed meanwhile,
// and the sessions of the event loops do not wait for that.
func TestRevokedOperator(t *testing.T) {
	s := start(t, worldOf(t, nil))
	tr := s.login(alice)
	tr.place(client.Order{Side: client.Buy, Key: tin, Quantity: 1, Price: 9_0000})
	op := s.wire()
	op.login(operator)
	before := s.service.StateHash()
	release := s.service.Operating(ledger.Customer(operator))
	reloaded := make(chan struct{})
	go func() {
		defer close(reloaded)
		s.reload("OPERATOR", newTokenHash())
	}()
	for s.service.LoggedIn(ledger.Customer(operator)) > 0 {
		runtime.Gosched()
	}
	op.close()
	eventually(t, "the end of its session", func() bool { return s.core.Len() == 1 })
	select {
	case <-reloaded:
		t.Error("the reload does not wait")
	default:
	}
	release()
	<-reloaded
	if s.service.StateHash() != before {
		t.Error("an account has changed")
	}
}

// TestRevokedWhileItOperates sends all kinds of an operator's commands while the login is revoked:
// none has an effect after the reload.
func TestRevokedWhileItOperates(t *testing.T) {
	s := start(t, setup{})
	tr := s.login(alice)
	x := tr.buy(tin, 1_000)
	rests := tr.place(client.Order{Side: client.Buy, Key: tin, Quantity: 1000, Price: 9_0000})
	commands := []struct {
		cmd  codec.Command
		body codec.Body
	}{
		{codec.CommandOperate, depositOf(alice, 1)},
		{codec.CommandOperate, &pb.OperateRequest{Command: &pb.OperateRequest_Fill{Fill: &pb.FillCommand{OrderId: uint64(rests.Order), Quantity: 1}}}},
		{codec.CommandBust, &pb.BustRequest{Market: tin.Market, Code: tin.Code, To: 1 << 62, DryRun: true}},
		{codec.CommandCorrect, &pb.CorrectRequest{ExecutionId: uint64(x.ID), Quantity: 1_000, Price: 1}},
		{codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Customer: uint32(alice)}},
		{codec.CommandCancelOrder, &pb.CancelOrderRequest{All: true, Everyone: true}},
		{codec.CommandOperate, &pb.OperateRequest{Command: &pb.OperateRequest_Jump{Jump: &pb.JumpCommand{Market: tin.Market, Code: tin.Code, Price: 10_0000}}}},
	}
	var frames []byte
	for id := range uint64(60) {
		c := commands[id%uint64(len(commands))]
		frames = codec.AppendRequest(frames, c.cmd, id, c.body)
	}
	tokens := []string{"OPERATOR", newTokenHash()}
	for round := range 40 {
		w := s.wire()
		if r, _ := w.ask(codec.CommandLogin, 1, loginWith(operator, round%2)); r != codec.ResultOK {
			t.Fatalf("login: %s", r)
		}
		w.write(frames)
		w.next()
		with := edited(t, "OPERATOR", tokens[(round+1)%2])
		_, err := s.service.Gateway.Reload(with)
		after := s.service.StateHash()
		must(t, err)
		must(t, s.core.WaitOffLane(t.Context()))
		w.close()
		eventually(t, "the end of the session", func() bool { return s.core.Len() == 1 })
		if s.service.StateHash() != after {
			t.Fatalf("round %d: an account has changed after the reload", round)
		}
	}
}
