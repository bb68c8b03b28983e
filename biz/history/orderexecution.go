package history

import (
	"context"

	"zombiezen.com/go/sqlite"
)

// ExecutionOfOrder returns the oldest execution of an order; found is false if it has none.
//
// There is no index by order: it reads the customer's executions, some 0.5 us each.
func (s *Store) ExecutionOfOrder(ctx context.Context, order uint64) (e Execution, found bool, err error) {
	first, last := numbers(uint32(order >> 32))
	r := idRange{query: upQuery, first: first, last: last, limit: -1}
	err = s.query(ctx, func(c *sqlite.Conn) error {
		return eachIn(c, r, scan, func(x *Execution) error {
			if x.OrderID != order {
				return nil
			}
			e, found = *x, true
			return errEnough
		})
	})
	return e, found, err
}
