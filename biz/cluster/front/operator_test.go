package front_test

import (
	"errors"
	"testing"
	"time"

	"holdfast/biz/client"
	"holdfast/biz/ledger"
	"holdfast/engine"
)

// TestOperator: an operator asks for customers of other venues, and commands all venues at once.
func TestOperator(t *testing.T) {
	c := newCluster(t, 2) // the dealer and the operator at 1, the holder at 0
	venues := []*venue{c.startVenue(0, 1), c.startVenue(1, 1)}
	n := c.startFront(engine.Limits{})
	op, customers := c.login(n.packet, operator), []*trader{c.login(n.packet, holder), c.login(n.packet, dealer)}
	from := time.Now().Add(-time.Hour)
	for i, customer := range []client.Customer{holder, dealer} {
		tr := customers[i]
		tr.buy(1)
		tr.rest()
		tr.hasPushes(1, 3)
		of, err := op.PositionsOf(t.Context(), customer)
		must(t, err)
		if of.Sequence != 3 {
			t.Errorf("customer %d of stream %d: push %d", of.Account.Customer, i, of.Sequence)
		}
		deposited, err := op.Operate(t.Context(), client.Deposit{Customer: of.Account.Customer, Amount: 5_0000, Text: "gift"})
		must(t, err)
		if deposited.Account.Cash != of.Account.Cash+5_0000 {
			t.Errorf("cash %v after %v", deposited.Account.Cash, of.Account.Cash)
		}
		tr.hasPushes(4, 4)
	}
	busted, err := op.BustRange(t.Context(), client.ExecutionRange{Key: tin, From: from, To: time.Now().Add(time.Hour)}, "all", client.BustOptions{DryRun: true})
	must(t, err)
	if busted.Count != 2 || busted.Accounts != 2 || len(busted.Executions) != 2 {
		t.Errorf("%d busted in %d accounts", busted.Count, busted.Accounts)
	}
	cancelled, err := op.CancelAll(t.Context(), client.OrderScope{Everyone: true})
	must(t, err)
	if cancelled.Count != 2 {
		t.Errorf("%d orders cancelled", cancelled.Count)
	}
	_, err = op.Operate(t.Context(), client.Halt{Key: tin})
	must(t, err)
	for stream, v := range venues {
		if !v.Desk.Market().Halted(idOf(t, v)) {
			t.Errorf("stream %d is not halted", stream)
		}
	}
	audit, err := op.Operate(t.Context(), client.AuditQuery{Limit: 4})
	must(t, err)
	if len(audit.Entries) != 4 || !audit.More || audit.Entries[0].Command != "halt" || audit.Entries[1].Command != "halt" {
		t.Errorf("audit %+v", audit)
	}
	_, err = customers[0].PositionsOf(t.Context(), dealer)
	if !errors.Is(err, client.ErrForbidden) {
		t.Errorf("a customer reads another's positions: %v", err)
	}
}

// idOf returns the number of tin.
func idOf(t *testing.T, v *venue) ledger.InstrumentID {
	t.Helper()
	for id := range v.Desk.Market().Len() {
		if i := v.Desk.Market().At(ledger.InstrumentID(id)); i.Market == tin.Market && i.Code == tin.Code {
			return ledger.InstrumentID(id)
		}
	}
	t.Fatal("no tin")
	return 0
}

// TestNotLoggedIn: what needs a login is refused without asking a venue; a wrong credential by the venue.
func TestNotLoggedIn(t *testing.T) {
	c := newCluster(t, 2)
	for stream := range 2 {
		c.startVenue(stream, 1)
	}
	n := c.startFront(engine.Limits{})
	tr := c.dial(n.packet)
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, client.ErrUnauthenticated) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := tr.PlaceOrder(t.Context(), client.Order{Side: client.Buy, Key: tin, Quantity: 1})
	refused("order", err)
	_, err = tr.Positions(t.Context())
	refused("positions", err)
	_, err = tr.Login(t.Context(), holder, client.Password("wrong"))
	refused("password", err)
	_, err = tr.Positions(t.Context())
	refused("positions after a wrong password", err)
	_, err = tr.Login(t.Context(), dealer, client.Password(client.DemoPassword)) // at the other venue
	must(t, err)
	_, err = tr.Login(t.Context(), holder, client.DemoToken(holder))
	if !errors.Is(err, client.ErrForbidden) {
		t.Errorf("a second customer: %v", err)
	}
	must(t, tr.Logout(t.Context()))
	_, err = tr.Login(t.Context(), holder, client.DemoToken(holder))
	must(t, err)
	tr.buy(1)
	tr.hasPushes(1, 2)
}

// TestChat: clients of different venues are in the same rooms.
func TestChat(t *testing.T) {
	c := newCluster(t, 2)
	for stream := range 2 {
		c.startVenue(stream, 1)
	}
	n := c.startFront(engine.Limits{})
	one, other := c.login(n.packet, holder), c.login(n.packet, dealer)
	must(t, one.JoinRoom(t.Context(), "room"))
	must(t, other.Say(t.Context(), "room", "hello"))
	for deadline := time.After(patience); ; {
		select {
		case p := <-one.pushes:
			if m, is := p.Event.(client.ChatMessage); is && m.Text == "hello" {
				if m.Sender != "100001" {
					t.Errorf("from %q", m.Sender)
				}
				return
			}
		case <-deadline:
			t.Fatal("no message")
		}
	}
}
