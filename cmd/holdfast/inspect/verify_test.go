package inspect_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/ledger"
	"holdfast/biz/server"
	"holdfast/cmd/holdfast/inspect"
	"holdfast/engine"
)

// Two customers of the shipped seed: one starts with nothing, one with positions in the
// instruments 0 and 1.
const (
	empty  = 100010
	holder = 100007
)

// rebuilt reports whether the position after an event is folded from executions.
func rebuilt(e *ledger.Event) bool {
	return e.Kind == ledger.KindBust || e.Kind == ledger.KindCorrect
}

// TestVerifyFoldsEveryBust verifies random journals. Then it changes the cost in one bust or
// correction: verify names the record.
func TestVerifyFoldsEveryBust(t *testing.T) {
	s := shippedSeed(t)
	for n := range uint64(20) {
		r := rand.New(rand.NewPCG(n, 1))
		var records [][]byte
		traders := []*trader{newTrader(t, s, empty, &records), newTrader(t, s, holder, &records)}
		for range 300 {
			traders[r.IntN(2)].random(r)
		}
		var busts []int // their records
		count := uint64(0)
		for i := range records {
			events := eventsOf(t, records[i])
			for k := range events {
				if rebuilt(&events[k]) {
					count++
				}
			}
			if rebuilt(&events[len(events)-1]) {
				busts = append(busts, i)
			}
		}
		v, err := inspect.Verify(t.Context(), write(t, s, records), s, unseen)
		must(t, err)
		if v.Refolded != count || count < 10 || v.EarlyBusts != 0 || v.StateHash == "" {
			t.Errorf("seed %d: %d refolded of %d: %v", n, v.Refolded, count, v)
		}
		at := busts[r.IntN(len(busts))]
		wrong := altered(t, records, at, func(events []ledger.Event) { events[len(events)-1].Position.Cost++ })
		_, err = inspect.Verify(t.Context(), write(t, s, wrong), s, unseen)
		if want := fmt.Sprintf("record %d, batch 1: ", at+2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("seed %d: %v; want %q", n, err, want)
		}
	}
}

// TestVerifyFindsAlteredBusts changes one field of a bust or correction, in a record with the
// right checksum.
func TestVerifyFindsAlteredBusts(t *testing.T) {
	s := shippedSeed(t)
	var records [][]byte
	x := newTrader(t, s, empty, &records)
	at := ledger.Offer{Quantity: 10, Price: 10_0000}
	x.place(x.order(ledger.Buy, 0, 10), at) // record 2
	at.Price = 20_0000
	x.place(x.order(ledger.Buy, 0, 10), at)
	at.Price = 30_0000
	x.place(x.order(ledger.Sell, 0, 10), at)
	at.Price = 5_0000
	x.place(x.order(ledger.Buy, 0, 10), at)
	list := x.alive[0]
	if _, err := x.correct(&list[1], 8, 21_0000, &ledger.Fees{PerShare: 100}); err != nil { // record 6
		t.Fatal(err)
	}
	events, err := x.bust(x.alive[0][:1], false, true, false) // record 7, with the sell
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	correction, bust := len(records)-2, len(records)-1
	for name, tc := range map[string]struct {
		record int
		change func(events []ledger.Event)
		want   string
	}{
		"cost of a correction":     {correction, func(e []ledger.Event) { e[0].Position.Cost-- }, "event 5: the position is 18 shares, cost 169.1110, realised 151.1111; the executions make 18 shares, cost 169.1111, realised 151.1111"},
		"realised of a correction": {correction, func(e []ledger.Event) { e[0].Position.Realised++ }, "event 5: the position is"},
		"shares of a correction":   {correction, func(e []ledger.Event) { e[0].Position.Quantity-- }, "event 5: the position is 17 shares"},
		"cash of a correction":     {correction, func(e []ledger.Event) { e[0].Amount++ }, "event 5 does not follow from execution 100010-2"},
		"fee of a correction":      {correction, func(e []ledger.Event) { e[0].FeeChange++ }, "event 5 does not follow from execution 100010-2"},
		"change of a correction":   {correction, func(e []ledger.Event) { e[0].QuantityChange++ }, "event 5 does not follow from execution 100010-2"},
		"what it corrects":         {correction, func(e []ledger.Event) { e[0].Execution.Corrects = 1 }, "event 5: there is no execution 1"},
		"cost of the first bust":   {bust, func(e []ledger.Event) { e[0].Position.Cost++ }, "event 6: the position is"},
		"realised of the second":   {bust, func(e []ledger.Event) { e[1].Position.Realised++ }, "event 7: the position is"},
		"cash of a bust":           {bust, func(e []ledger.Event) { e[1].Amount++ }, "event 7 does not take back execution 100010-1 as it was"},
		"price of what is busted":  {bust, func(e []ledger.Event) { e[0].Execution.Price++ }, "event 6 does not take back execution 100010-3 as it was"},
		"a bust is missing": {bust, func(e []ledger.Event) {
			e[1].Execution, e[1].Order = e[0].Execution, e[0].Order // two of the same
		}, "event 7"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inspect.Verify(t.Context(), write(t, s, altered(t, records, tc.record, tc.change)), s, unseen)
			if where := fmt.Sprintf("record %d, batch 1: ", tc.record+2); err == nil || !strings.Contains(err.Error(), where) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v; want %q and %q", err, where, tc.want)
			}
		})
	}
	if v, err := inspect.Verify(t.Context(), write(t, s, records), s, unseen); err != nil || v.Refolded != 3 {
		t.Errorf("unaltered: %v, %v", v, err)
	}
}

// TestVerifyFindsAlteredOrders changes the order in one event, in a record with the right
// checksum.
func TestVerifyFindsAlteredOrders(t *testing.T) {
	s := shippedSeed(t)
	var records [][]byte
	x := newTrader(t, s, empty, &records)
	at := func(q ledger.Quantity) ledger.Offer { return ledger.Offer{Quantity: q, Price: 10_0000} }
	limit := func(q ledger.Quantity) ledger.OrderID {
		return x.place(x.limit(ledger.Buy, 0, q, 10_0000))[0].Order.ID
	}
	first := limit(10) // record 2
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) {
		terms := x.terms()
		return x.account.Fill(dst, first, []ledger.Offer{at(4)}, &terms)
	})
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) {
		return x.account.Replace(dst, &ledger.Replacement{
			Order: first, Quantity: 8, Price: 11_0000, TimeInForce: ledger.GoodTillCancelled, Terms: x.terms(),
		}, nil)
	})
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) {
		return x.account.Cancel(dst, first, ledger.ByClient, x.now)
	})
	order, _, _ := x.account.FindOrder(first)
	x.do(func(dst []ledger.Event) ([]ledger.Event, error) {
		terms := x.terms()
		return x.account.FillLate(dst, &order, at(1), &terms)
	})
	limit(5)                                  // record 7
	x.place(x.order(ledger.Buy, 0, 3), at(3)) // record 8
	_, err := x.bust(x.alive[0][:1], false, false, false)
	must(t, err)
	_, err = x.bust(x.alive[0][1:], false, false, false) // record 10
	must(t, err)
	for name, tc := range map[string]struct {
		record int
		change func(*ledger.Order)
	}{
		"filled before the first event":  {2, func(o *ledger.Order) { o.Filled++ }},
		"value of a fill":                {3, func(o *ledger.Order) { o.FilledValue++ }},
		"limit at a fill":                {3, func(o *ledger.Order) { o.Price++ }},
		"filled at a replacement":        {4, func(o *ledger.Order) { o.Filled++ }},
		"type at a replacement":          {4, func(o *ledger.Order) { o.Type = ledger.StopLimit }},
		"quantity at a cancel":           {5, func(o *ledger.Order) { o.Quantity++ }},
		"end of a cancelled order":       {5, func(o *ledger.Order) { o.Status = ledger.Expired }},
		"state at a late execution":      {6, func(o *ledger.Order) { o.Status = ledger.Expired }},
		"another order is accepted":      {7, func(o *ledger.Order) { o.ID-- }},
		"value after a bust":             {9, func(o *ledger.Order) { o.FilledValue++ }},
		"quantity after a bust":          {9, func(o *ledger.Order) { o.Quantity-- }},
		"time of an order without a row": {10, func(o *ledger.Order) { o.Time++ }},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := altered(t, records, tc.record-2, func(e []ledger.Event) { tc.change(&e[0].Order) })
			_, err := inspect.Verify(t.Context(), write(t, s, wrong), s, unseen)
			where := fmt.Sprintf("record %d, batch 1: ", tc.record)
			if err == nil || !strings.Contains(err.Error(), where) {
				t.Errorf("%v; want %q", err, where)
			}
		})
	}
	if _, err := inspect.Verify(t.Context(), write(t, s, records), s, unseen); err != nil {
		t.Errorf("unaltered: %v", err)
	}
}

// TestVerifyEarlyBusts: the busts of a release without limit orders are counted, not computed
// again. Later busts of the same positions are.
func TestVerifyEarlyBusts(t *testing.T) {
	s, data := shippedSeed(t), unpacked(t, "a819a6c-killed.tar.gz")
	v, err := inspect.Verify(t.Context(), data, s, unseen)
	if err != nil || v.Refolded != 0 || v.EarlyBusts != 6 || !strings.Contains(v.String(), "; 6 after busts of an earlier release were not\n") {
		t.Errorf("%v, %v", v, err)
	}
	running, err := server.Start(t.Context(), server.Config{
		Data: data, Seed: s, Listeners: []engine.Listener{{Address: "127.0.0.1:0"}}, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	bust := func(number uint32, cascade bool) {
		t.Helper()
		d := running.Desk
		ids := []ledger.ExecutionID{ledger.NewExecutionID(empty, number)}
		must(t, d.WithPast(context.Background(), d.Account(empty), d.NewTurn(), ids, func(visit *desk.Turn, past ledger.Past) {
			b := ledger.Bust{Executions: ids, Cascade: cascade, Reason: "now", Past: past, Terms: ledger.Terms{Time: 2_000_000_000_000_000_000}}
			if _, err := visit.Bust(&b); err != nil {
				t.Error(err)
			}
		}))
	}
	bust(3, false) // a sell, before and after early busts
	bust(9, true)  // an early bust has left the sell 100010-8 without shares
	hash := running.Desk.StateHash()
	must(t, running.Stop())
	v, err = inspect.Verify(t.Context(), data, s, unseen)
	if err != nil || v.Refolded != 3 || v.EarlyBusts != 6 || v.StateHash != hex.EncodeToString(hash[:]) {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestVerifyBustOfAWholePosition: nothing is left of a position. The event may have the profit
// of the position before, as it has when a bust names an older execution that is busted already.
func TestVerifyBustOfAWholePosition(t *testing.T) {
	s := shippedSeed(t)
	for _, whole := range []bool{false, true} {
		var records [][]byte
		x := newTrader(t, s, empty, &records)
		x.place(x.order(ledger.Buy, 0, 10), ledger.Offer{Quantity: 10, Price: 10_0000})
		x.place(x.order(ledger.Sell, 0, 10), ledger.Offer{Quantity: 10, Price: 12_0000})
		x.place(x.order(ledger.Buy, 0, 5), ledger.Offer{Quantity: 5, Price: 11_0000})
		events, err := x.bust(x.alive[0][2:], whole, false, false)
		must(t, err)
		if (events[0].Position.Realised != 0) != whole {
			t.Errorf("%+v", events[0].Position)
		}
		if v, err := inspect.Verify(t.Context(), write(t, s, records), s, unseen); err != nil || v.Refolded != 1 {
			t.Errorf("whole %v: %v, %v", whole, v, err)
		}
	}
}
