package history

import (
	"context"

	"zombiezen.com/go/sqlite"
)

const (
	orderColumns = `SELECT id, event, first_event, last_placing_event, client_order_id, instrument, side, type,
	time_in_force, status, cause, triggered, held, quantity, filled, filled_value, price, stop, priority, time,
	expires, updated, placed_as, checksum
FROM orders
WHERE id BETWEEN ?1 AND ?2 `
	ordersQuery   = orderColumns + "ORDER BY id DESC " + limited
	ordersUpQuery = orderColumns + "ORDER BY id " + limited
)

// Order returns the order with this id; ok is false if it has no row.
func (s *Store) Order(ctx context.Context, id uint64) (o Order, ok bool, err error) {
	found, err := s.OrdersWith(ctx, []uint64{id})
	if err != nil || len(found) == 0 {
		return Order{}, false, err
	}
	return found[0], true, nil
}

// OrdersWith returns the orders with these ids that have a row, in the order of ids.
func (s *Store) OrdersWith(ctx context.Context, ids []uint64) ([]Order, error) {
	return listIDs(ctx, s, ordersQuery, ids, scanOrder)
}

// OrderNamed returns the customer's oldest order with an id from first to last that has
// exactly this client order id as PlacedAs; ok is false if no row has it. The rows before it are
// verified, too, so that damage does not look like a new client order id.
func (s *Store) OrderNamed(ctx context.Context, customer uint32, first, last uint64, clientOrderID [ClientOrderIDSize]byte) (o Order, ok bool, err error) {
	lowest, highest := numbers(customer)
	r := idRange{query: ordersUpQuery, first: max(first, lowest), last: min(last, highest), limit: -1}
	err = s.query(ctx, func(c *sqlite.Conn) error {
		return eachIn(c, r, scanOrder, func(found *Order) error {
			if found.PlacedAs != clientOrderID {
				return nil
			}
			o, ok = *found, true
			return errEnough
		})
	})
	if err != nil {
		return Order{}, false, err
	}
	return o, ok, nil
}
