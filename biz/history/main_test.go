package history_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"holdfast/biz/history"
)

// TestMain runs the tests, or acts as the process that a test kills.
func TestMain(m *testing.M) {
	if path := os.Getenv("HISTORY_PROJECT"); path != "" {
		projectUntilKilled(path)
		return
	}
	goleak.VerifyTestMain(m)
}

func newPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "history.db")
}

func open(t testing.TB, path string) *history.Store {
	t.Helper()
	s, err := history.Open(context.Background(), history.Options{Path: path})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func id(customer uint32, number uint32) uint64 { return uint64(customer)<<32 | uint64(number) }

func customerOf(e history.Execution) uint32 { return uint32(e.ID >> 32) }

// made returns a plausible execution with this id, always the same: odd numbers buy, even
// numbers sell, and the instruments alternate between three.
func made(customer, number uint32) history.Execution {
	e := history.Execution{Fill: history.Fill{
		ID: id(customer, number), OrderID: id(customer, number), Event: uint64(number),
		Side: history.Buy, Instrument: number % 3,
		Quantity: int64(number) * 100, Price: 100_000 + int64(number), Time: 1_764_000_000_000_000_000 + int64(number),
	}}
	if number%2 == 0 {
		e.Side, e.Cost = history.Sell, e.Quantity*99_999
	}
	if number%5 == 0 {
		e.OrderID = id(customer, number+7)
	}
	copy(e.ClientOrderID[:], fmt.Sprintf("order-%d", number))
	return e
}

// madeTrade is made with a fee, a settlement, and as a correction of the execution before.
func madeTrade(customer, number uint32) history.Execution {
	e := made(customer, number)
	e.Fee, e.Settlement, e.FeeInCost = int64(number)+1, e.Time+int64(number), true
	e.Corrects, e.Place = number-1, 1
	return e
}

// madeOrder returns a plausible order with this id, always the same. Its newest event is its
// first one.
func madeOrder(customer, number uint32) history.Order {
	o := history.Order{
		ID: id(customer, number), Event: uint64(number) * 10, FirstEvent: uint64(number) * 10, LastPlacingEvent: uint64(number)*10 + 2,
		Quantity: int64(number) * 100, Filled: 50, FilledValue: 50 * 100_001, Price: 100_001, Stop: 99_000, Priority: uint64(number) + 7,
		Time: 1_764_000_000_000_000_000 + int64(number), Expires: 1_765_000_000_000_000_000, Updated: 1_764_000_000_000_000_001 + int64(number),
		Instrument: number % 3, Side: 1 + uint8(number%2), Type: 4, TimeInForce: 3, Status: 3, Cause: 13, Triggered: true, Held: true,
	}
	copy(o.ClientOrderID[:], fmt.Sprintf("order-%d", number))
	o.PlacedAs, o.PlacedQuantity = o.ClientOrderID, o.Quantity
	return o
}

// put writes the orders from..to of a customer as one batch.
func put(t testing.TB, s *history.Store, batch uint64, customer, from, to uint32) {
	t.Helper()
	must(t, s.Begin(context.Background()))
	for n := from; n <= to; n++ {
		o := madeOrder(customer, n)
		must(t, s.PutOrder(&o))
	}
	must(t, s.Commit(batch, 0))
}

// project writes the executions from..to of a customer as one batch.
func project(t testing.TB, s *history.Store, batch uint64, customer, from, to uint32) {
	t.Helper()
	must(t, s.Begin(context.Background()))
	for n := from; n <= to; n++ {
		e := made(customer, n)
		must(t, s.Insert(&e.Fill))
	}
	must(t, s.Commit(batch, 0))
}

// all reads the entire history of a customer in pages of this size.
func all(t testing.TB, s *history.Store, q history.Query) []history.Execution {
	t.Helper()
	list, err := readAll(s, q)
	must(t, err)
	return list
}

func readAll(s *history.Store, q history.Query) ([]history.Execution, error) {
	var list []history.Execution
	for {
		page, next, err := s.Executions(context.Background(), q)
		if err != nil {
			return nil, err
		}
		list = append(list, page...)
		if next == 0 {
			return list, nil
		}
		q.Before = next
	}
}
