package history_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"holdfast/biz/history"
)

func ExampleStore() {
	dir, err := os.MkdirTemp("", "history")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	s, err := history.Open(ctx, history.Options{Path: filepath.Join(dir, "history.db")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	if err := projectTwo(ctx, s); err != nil {
		fmt.Println(err)
		return
	}
	page, next, err := s.Executions(ctx, history.Query{Customer: 100001, Limit: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range page {
		fmt.Printf("%d-%d: %d at %d, busted %v %q\n", e.ID>>32, uint32(e.ID), e.Quantity, e.Price, e.Busted, e.BustReason)
	}
	fmt.Println("next:", next)
	// Output:
	// 100001-2: 200 at 100100, busted true "mistaken price"
	// 100001-1: 100 at 100000, busted false ""
	// next: 0
}

// projectTwo is a batch of two fills and a bust.
func projectTwo(ctx context.Context, s *history.Store) error {
	if err := s.Begin(ctx); err != nil {
		return err
	}
	defer s.Rollback() // does nothing after Commit
	const customer = uint64(100001) << 32
	for _, e := range []history.Fill{
		{ID: customer | 1, OrderID: customer | 1, Event: 1, Side: history.Buy, Quantity: 100, Price: 100000},
		{ID: customer | 2, OrderID: customer | 2, Event: 2, Side: history.Buy, Quantity: 200, Price: 100100},
	} {
		if err := s.Insert(&e); err != nil {
			return err
		}
	}
	if err := s.Bust(customer|2, "mistaken price", 1_764_000_000_000_000_000); err != nil {
		return err
	}
	return s.Commit(1, 0)
}
