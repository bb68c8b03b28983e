package gateway_test

import (
	"slices"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
	"holdfast/codec/pb"
)

// TestFilters: History and Orders return what matches, in pages of any size, whether it is in memory
// or only in the database; the customer and an operator see the same.
func TestFilters(t *testing.T) {
	for _, recent := range []int{1, 100} {
		s := start(t, setup{recent: recent})
		op, tr := s.login(operator), s.login(alice)
		var all []client.Execution // newest first
		for n := range client.Quantity(12) {
			key := tin
			if n%3 == 1 {
				key = rail
			}
			all = append([]client.Execution{tr.buy(key, n+1)}, all...)
		}
		all[2] = op.bust(all[2].ID, "wrong").Execution
		all[9] = op.bust(all[9].ID, "wrong").Execution
		for _, limit := range []int{1, 5, 0} {
			for name, q := range map[string]client.HistoryQuery{
				"all": {}, "rail": {Key: rail}, "buys": {Side: client.Buy}, "sells": {Side: client.Sell},
				"standing": {State: client.StandingExecution}, "busted": {State: client.BustedExecution},
				"a span": {From: all[8].Time, To: all[3].Time}, "standing rail of a span": {From: all[9].Time, Key: rail, State: client.StandingExecution},
			} {
				var want []client.Execution
				for _, x := range all {
					if (q.Key == (client.Key{}) || x.Key == q.Key) && (q.Side == 0 || x.Side == q.Side) && (q.State == 0 || x.Busted == (q.State == client.BustedExecution)) &&
						(q.From.IsZero() || !x.Time.Before(q.From)) && (q.To.IsZero() || x.Time.Before(q.To)) {
						want = append(want, x)
					}
				}
				q.Limit = limit
				for _, who := range []*trader{tr, op} {
					q.Customer = alice
					var got []client.Execution
					for x, err := range who.Executions(t.Context(), q) {
						must(t, err)
						got = append(got, x)
					}
					if !slices.Equal(got, want) {
						t.Errorf("%s in pages of %d: %+v, want %+v", name, limit, got, want)
					}
				}
			}
			for name, c := range map[string]struct {
				query client.OrderQuery
				want  int
			}{
				"all": {client.OrderQuery{}, 12}, "rail": {client.OrderQuery{Key: rail}, 4}, "sells": {client.OrderQuery{Side: client.Sell}, 0},
				"filled":    {client.OrderQuery{Statuses: []client.OrderStatus{client.StatusFilled}}, 10},
				"cancelled": {client.OrderQuery{Statuses: []client.OrderStatus{client.StatusCancelled, client.StatusExpired}}, 2},
				"a span":    {client.OrderQuery{From: all[8].Time, To: all[3].Time}, 5},
			} {
				c.query.Limit, c.query.Customer = limit, alice
				for _, who := range []*trader{tr, op} {
					before, found := client.OrderID(1<<63), 0
					for o, err := range who.AllOrders(t.Context(), c.query) {
						if must(t, err); o.ID >= before {
							t.Errorf("%s: order %s after %s", name, o.ID, before)
						}
						before = o.ID
						found++
					}
					if found != c.want {
						t.Errorf("%s in pages of %d: %d orders, want %d", name, limit, found, c.want)
					}
				}
			}
		}
	}
}

// TestWrongFilters: filters that make no sense are refused, with the reason.
func TestWrongFilters(t *testing.T) {
	s := start(t, setup{})
	w := s.wire()
	w.login(alice)
	for name, c := range map[string]struct {
		command codec.Command
		body    codec.Body
		result  codec.Result
		reason  pb.Reason
		message string
	}{
		"history from the end":     {codec.CommandHistory, &pb.HistoryRequest{FromTime: 5, ToTime: 5}, codec.ResultMalformed, 0, "malformed History body: from_time must be before to_time"},
		"history of a side":        {codec.CommandHistory, &pb.HistoryRequest{Side: 3}, codec.ResultRejected, pb.Reason_REASON_BAD_SIDE, ""},
		"history in a state":       {codec.CommandHistory, &pb.HistoryRequest{State: 3}, codec.ResultMalformed, 0, "malformed History body: unknown state 3"},
		"orders of a side":         {codec.CommandOrders, &pb.OrdersRequest{History: true, Side: -1}, codec.ResultRejected, pb.Reason_REASON_BAD_SIDE, ""},
		"orders of an instrument":  {codec.CommandOrders, &pb.OrdersRequest{History: true, Market: "X"}, codec.ResultRejected, pb.Reason_REASON_UNKNOWN_INSTRUMENT, ""},
		"orders in a state":        {codec.CommandOrders, &pb.OrdersRequest{History: true, Statuses: []pb.OrderStatus{1, 6}}, codec.ResultMalformed, 0, "malformed Orders body: unknown status 6"},
		"orders without a state":   {codec.CommandOrders, &pb.OrdersRequest{History: true, Statuses: []pb.OrderStatus{0}}, codec.ResultMalformed, 0, "malformed Orders body: unknown status 0"},
		"orders from the end":      {codec.CommandOrders, &pb.OrdersRequest{History: true, FromTime: 6, ToTime: 5}, codec.ResultMalformed, 0, "malformed Orders body: from_time must be before to_time"},
		"both directions":          {codec.CommandOrders, &pb.OrdersRequest{History: true, AfterOrderId: 1}, codec.ResultMalformed, 0, "malformed Orders body: with history, before_order_id says where a page starts, not after_order_id"},
		"a filter without history": {codec.CommandOrders, &pb.OrdersRequest{Side: 1}, codec.ResultMalformed, 0, "malformed Orders body: before_order_id and filters need history"},
	} {
		result, body := w.ask(c.command, 1, c.body)
		var e pb.Error
		must(t, e.UnmarshalVT(body))
		if result != c.result || e.Reason != c.reason || c.message != "" && e.Message != c.message {
			t.Errorf("%s: %s, %s, %q", name, result, e.Reason, e.Message)
		}
	}
}

// TestCustomers: an operator lists the customers in pages, and nobody else does.
func TestCustomers(t *testing.T) {
	s := start(t, setup{})
	op := s.login(operator)
	all, err := op.Operate(t.Context(), client.Customers{})
	must(t, err)
	if len(all.Customers) < 3 || all.More || !slices.IsSortedFunc(all.Customers, func(x, y client.CustomerEntry) int { return int(x.Customer) - int(y.Customer) }) {
		t.Fatalf("%+v", all)
	}
	var paged []client.CustomerEntry
	for request := (client.Customers{Limit: 2}); ; {
		page, err := op.Operate(t.Context(), request)
		must(t, err)
		if len(page.Customers) > 2 {
			t.Fatalf("%+v", page)
		}
		if paged = append(paged, page.Customers...); !page.More {
			break
		}
		request.After = page.Customers[1].Customer
	}
	if !slices.Equal(paged, all.Customers) || !slices.ContainsFunc(paged, func(c client.CustomerEntry) bool { return c.Customer == operator && c.Operator && c.Name != "" }) {
		t.Errorf("%+v, want %+v", paged, all.Customers)
	}
	if _, err := s.login(alice).Operate(t.Context(), client.Customers{}); refused(t, err).Result != codec.ResultForbidden {
		t.Errorf("a customer: %v", err)
	}
}
