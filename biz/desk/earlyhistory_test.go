package desk_test

import (
	"path/filepath"
	"testing"

	"holdfast/biz/desk"
	"holdfast/biz/history"
	"holdfast/biz/ledger"
)

// An order of a release without orders is in the history once, also after its execution was busted
// there: that changed nothing of the order.
func TestEarlyOrdersInHistory(t *testing.T) {
	h, err := history.Open(t.Context(), history.Options{Path: filepath.Join(t.TempDir(), "history.db")})
	must(t, err)
	defer func() { must(t, h.Close()) }()
	const customer = ledger.Customer(100001)
	must(t, h.Begin(t.Context()))
	var executions []ledger.Execution
	for n := range uint32(3) {
		x := ledger.Execution{
			ID: ledger.NewExecutionID(customer, n+1), Order: ledger.NewOrderID(customer, n+1), Side: ledger.Buy, Instrument: 1,
			Quantity: 100, Price: 5_0000, Time: int64(n) + 1,
		}
		executions = append(executions, x)
		e := ledger.Event{Kind: ledger.KindFill, Early: true, Number: uint64(n) + 1, Time: x.Time, Execution: x, Order: ledger.SimpleOrder(&x)}
		must(t, desk.InsertEvent(h, &e, e.Number))
	}
	x := executions[1]
	bust := ledger.Event{Kind: ledger.KindBust, Early: true, Number: 4, Time: 9, Text: "price", Execution: x, Order: ledger.SimpleOrder(&x)}
	must(t, desk.InsertEvent(h, &bust, 4))
	must(t, h.Commit(1, 1))

	orders, next, err := h.Orders(t.Context(), history.Query{Customer: uint32(customer)})
	must(t, err)
	if len(orders) != 3 || next != 0 {
		t.Fatalf("%d orders, next %d: %+v", len(orders), next, orders)
	}
	for i := range orders {
		if o := &orders[i]; o.ID != uint64(executions[2-i].Order) || o.Status != uint8(ledger.Filled) || o.FirstEvent != uint64(3-i) {
			t.Errorf("order %d: %+v", 3-i, o)
		}
	}
}
