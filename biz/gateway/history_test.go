package gateway_test

import (
	"slices"
	"testing"

	"holdfast/biz/client"
	"holdfast/codec"
)

// TestHistoryPages reads a history that is partly in memory and partly in the database, in
// pages of many sizes: nothing is missing or repeated, and busts are marked.
func TestHistoryPages(t *testing.T) {
	for _, tc := range []struct {
		name   string
		recent int
	}{{"nearly nothing in memory", 1}, {"some in memory", 7}, {"all in memory", 100}} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{recent: tc.recent})
			op, tr := s.login(operator), s.login(alice)
			var all []client.Execution // newest first
			for n := range client.Quantity(23) {
				key := tin
				if n%3 == 1 {
					key = rail
				}
				all = append([]client.Execution{tr.buy(key, n+1)}, all...)
			}
			checkPages(t, tr, all)
			for _, at := range []int{0, 5, 22} {
				all[at] = op.bust(all[at].ID, "wrong").Execution
				checkPages(t, tr, all)
			}
			s = s.restart()
			checkPages(t, s.login(alice), all)
		})
	}
}

func checkPages(t *testing.T, tr *trader, all []client.Execution) {
	t.Helper()
	of := func(key client.Key) (list []client.Execution) {
		for _, x := range all {
			if key == (client.Key{}) || x.Key == key {
				list = append(list, x)
			}
		}
		return list
	}
	for _, key := range []client.Key{{}, tin, rail, mills} {
		for _, limit := range []int{1, 2, 7, 8, 22, 23, 24, 0} {
			got := pages(t, tr, client.HistoryQuery{Key: key, Limit: limit})
			if want := of(key); !slices.Equal(got, want) {
				t.Fatalf("%s in pages of %d:\n%+v\nwant\n%+v", key, limit, got, want)
			}
		}
	}
}

// pages reads a whole history.
func pages(t testing.TB, tr *trader, q client.HistoryQuery) (list []client.Execution) {
	t.Helper()
	for {
		page := tr.history(q)
		if q.Limit > 0 && len(page.Executions) > q.Limit {
			t.Fatalf("a page of %d, at most %d were asked for", len(page.Executions), q.Limit)
		}
		if len(page.Executions) > 0 && q.Before != 0 && page.Executions[0].ID >= q.Before {
			t.Fatalf("the page before %s begins with %s", q.Before, page.Executions[0].ID)
		}
		list = append(list, page.Executions...)
		if !page.More {
			return list
		}
		if len(page.Executions) == 0 {
			t.Fatal("an empty page says that there is more")
		}
		q.Before = page.Executions[len(page.Executions)-1].ID
	}
}

func TestHistoryOfOthers(t *testing.T) {
	s := start(t, setup{})
	op, tr, other := s.login(operator), s.login(alice), s.login(bob)
	x := tr.buy(tin, 1)
	cases := []struct {
		name     string
		from     *trader
		customer client.Customer
		want     codec.Result
		rows     int
	}{
		{"own", tr, 0, codec.ResultOK, 1},
		{"own by number", tr, alice, codec.ResultOK, 1},
		{"own, empty", other, 0, codec.ResultOK, 0},
		{"another's", other, alice, codec.ResultForbidden, 0},
		{"of nobody", other, 424242, codec.ResultForbidden, 0},
		{"operator, own", op, 0, codec.ResultOK, 0},
		{"operator, another's", op, alice, codec.ResultOK, 1},
		{"operator, of nobody", op, 424242, codec.ResultRejected, 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			page, err := tc.from.History(t.Context(), client.HistoryQuery{Customer: tc.customer})
			if tc.want != codec.ResultOK {
				if e := refused(t, err); e.Result != tc.want {
					t.Errorf("%s, want %s", e.Result, tc.want)
				}
				return
			}
			must(t, err)
			if len(page.Executions) != tc.rows || page.More || tc.rows == 1 && page.Executions[0] != x {
				t.Errorf("%+v", page)
			}
		})
	}
}

func TestHistoryLimits(t *testing.T) {
	const orders = 1010
	for _, tc := range []struct {
		name   string
		recent int
	}{{"from the database", 2}, {"from memory", 2000}} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, setup{recent: tc.recent})
			w := s.wire()
			w.login(alice)
			var frames []byte
			for id := range uint64(orders) {
				frames = codec.AppendRequest(frames, codec.CommandPlaceOrder, id+2, buyOne())
			}
			w.write(frames)
			expectInOrder(t, w, orders)
			tr := s.login(alice)
			for _, limit := range []struct{ asked, got int }{{0, 100}, {1, 1}, {1000, 1000}, {1001, 1000}, {1<<32 - 1, 1000}} {
				page := tr.history(client.HistoryQuery{Limit: limit.asked})
				if len(page.Executions) != limit.got || !page.More || page.Executions[0].ID.Number() != orders {
					t.Errorf("limit %d gives %d from %s, more %t", limit.asked, len(page.Executions), page.Executions[0].ID, page.More)
				}
			}
			before := client.NewExecutionID(alice, 11)
			if page := tr.history(client.HistoryQuery{Before: before, Limit: 1000}); len(page.Executions) != 10 || page.More {
				t.Errorf("%d below %s, more %t", len(page.Executions), before, page.More)
			}
			for _, end := range []client.ExecutionID{client.NewExecutionID(alice, 1), client.NewExecutionID(alice-1, 5), 1} {
				if page := tr.history(client.HistoryQuery{Before: end}); len(page.Executions) != 0 || page.More {
					t.Errorf("%d below %s, more %t", len(page.Executions), end, page.More)
				}
			}
			if page := tr.history(client.HistoryQuery{Before: client.NewExecutionID(bob, 5)}); len(page.Executions) != 100 {
				t.Errorf("%d below an id of a later customer", len(page.Executions))
			}
		})
	}
}
