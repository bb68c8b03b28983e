package front_test

import (
	"testing"

	"holdfast/biz/client"
	"holdfast/engine"
)

func TestPlainWay(t *testing.T) {
	c := newCluster(t, 1)
	c.startVenue(0, 1)
	n := c.startFront(engine.Limits{})
	tr := c.login(n.packet, holder)
	before, err := tr.Positions(t.Context())
	must(t, err)
	if p := tr.buy(100); p.Status != client.StatusFilled {
		t.Errorf("status %v", p.Status)
	}
	tr.hasPushes(1, 2)
	after, err := tr.Positions(t.Context())
	must(t, err)
	if after.Account.Cash >= before.Account.Cash {
		t.Errorf("cash %v, before %v", after.Account.Cash, before.Account.Cash)
	}
	o := tr.rest()
	_, err = tr.ReplaceOrder(t.Context(), client.Replacement{ID: o.Order, Quantity: 200})
	must(t, err)
	cancelled, err := tr.CancelOrder(t.Context(), client.OrderRef{ID: o.Order})
	must(t, err)
	if cancelled.Count != 1 {
		t.Errorf("%d cancelled", cancelled.Count)
	}
	tr.hasPushes(3, 5)
	_, err = tr.Quotes(t.Context(), nil, true)
	must(t, err)
	must(t, tr.Submit(t.Context(), []byte("x")))
	must(t, tr.Heartbeat(t.Context()))
	must(t, tr.Logout(t.Context()))
}
