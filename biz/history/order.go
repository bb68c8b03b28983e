package history

import (
	"fmt"

	"zombiezen.com/go/sqlite"
)

// Order is the newest state of an order. Its id is customer<<32 | n, where n counts from 1
// per customer. The enumerations have the numbers of the ledger; prices and values are in
// 1/10000 of the currency, quantities in shares, times in Unix nanoseconds. It has no
// pointers, like Fill.
type Order struct {
	ID    uint64
	Event uint64 // number of the newest event that changed it
	// FirstEvent is the number of its first event, LastPlacingEvent that of the last event of
	// the command that accepted it.
	FirstEvent       uint64
	LastPlacingEvent uint64
	Quantity         int64
	Filled           int64
	FilledValue      int64 // sum of quantity x price of its executions
	Price            int64 // the limit; 0 without one
	Stop             int64 // the stop price; 0 without one
	Priority         uint64
	Time             int64 // when it was accepted
	Expires          int64 // 0: never
	Updated          int64 // time of Event
	Instrument       uint32
	ClientOrderID    [ClientOrderIDSize]byte
	PlacedAs         [ClientOrderIDSize]byte // the client order id before any replacement
	Side             uint8
	Type             uint8
	TimeInForce      uint8
	Status           uint8
	Cause            uint8
	Triggered        bool
	Held             bool
}

// PutOrder adds an order to the transaction, or replaces its state. FirstEvent and
// LastPlacingEvent of the row stay those of the first PutOrder of this order, and PlacedAs its
// ClientOrderID; those of later ones are ignored. Several states of an order in one
// transaction are written once. It does not retain o. It fails with ErrInvalid; what Insert
// says about errors applies.
//
// A market order that one execution fills wholly should have no row: its order follows from
// the execution. If such an execution is busted or corrected later, the order is put for the
// first time then, with the event of the execution (ExecutionEvent) as FirstEvent and
// LastPlacingEvent.
func (s *Store) PutOrder(o *Order) error {
	w := s.write
	if !w.open {
		return ErrNoTransaction
	}
	if (o.Side != Buy && o.Side != Sell) || o.Quantity < 0 {
		return fmt.Errorf("%w: order %d has side %d, quantity %d", ErrInvalid, o.ID, o.Side, o.Quantity)
	}
	w.pending.orders = append(w.pending.orders, *o)
	if !w.pending.full() {
		return nil
	}
	if err := w.flush(); err != nil {
		return s.damaged.set(fmt.Errorf("history: put order: %w", damage(err)))
	}
	return nil
}

// putOrder writes the newest of the pending states of an order. first is the oldest of them.
func (w *writer) putOrder(first, newest *Order) error {
	row, found, err := w.findOrder(newest.ID)
	if err != nil {
		return err
	}
	o := *newest
	o.FirstEvent, o.LastPlacingEvent, o.PlacedAs = first.FirstEvent, first.LastPlacingEvent, first.ClientOrderID
	if found {
		o.FirstEvent, o.LastPlacingEvent, o.PlacedAs = row.FirstEvent, row.LastPlacingEvent, row.PlacedAs
	}
	s := w.setOrder
	for i, n := range [...]int64{
		int64(o.ID), int64(o.Event), int64(o.FirstEvent), int64(o.LastPlacingEvent), 0, int64(o.Instrument),
		int64(o.Side), int64(o.Type), int64(o.TimeInForce), int64(o.Status), int64(o.Cause), int64(bit(o.Triggered)),
		int64(bit(o.Held)), o.Quantity, o.Filled, o.FilledValue, o.Price, o.Stop, int64(o.Priority), o.Time,
		o.Expires, o.Updated, 0, int64(o.checksum(&w.space)),
	} {
		s.BindInt64(i+1, n)
	}
	s.BindBytes(5, trimmed(&o.ClientOrderID))
	s.BindBytes(23, trimmed(&o.PlacedAs))
	return run(s)
}

// findOrder returns the row of an order, if there is one.
func (w *writer) findOrder(id uint64) (o Order, found bool, err error) {
	s := w.order
	idRange{first: id, last: id, limit: 1}.bind(s)
	if found, err = s.Step(); err != nil {
		return o, false, err
	}
	if found {
		o, err = scanOrder(s, &w.space)
	}
	s.Reset()
	return o, found, err
}

// scanOrder reads a result row and verifies its checksum.
func scanOrder(row *sqlite.Stmt, space *scratch) (Order, error) {
	o := Order{
		ID:               uint64(row.ColumnInt64(0)),
		Event:            uint64(row.ColumnInt64(1)),
		FirstEvent:       uint64(row.ColumnInt64(2)),
		LastPlacingEvent: uint64(row.ColumnInt64(3)),
		Instrument:       uint32(row.ColumnInt64(5)),
		Side:             uint8(row.ColumnInt64(6)),
		Type:             uint8(row.ColumnInt64(7)),
		TimeInForce:      uint8(row.ColumnInt64(8)),
		Status:           uint8(row.ColumnInt64(9)),
		Cause:            uint8(row.ColumnInt64(10)),
		Triggered:        row.ColumnInt64(11) != 0,
		Held:             row.ColumnInt64(12) != 0,
		Quantity:         row.ColumnInt64(13),
		Filled:           row.ColumnInt64(14),
		FilledValue:      row.ColumnInt64(15),
		Price:            row.ColumnInt64(16),
		Stop:             row.ColumnInt64(17),
		Priority:         uint64(row.ColumnInt64(18)),
		Time:             row.ColumnInt64(19),
		Expires:          row.ColumnInt64(20),
		Updated:          row.ColumnInt64(21),
	}
	row.ColumnBytes(4, o.ClientOrderID[:])
	row.ColumnBytes(22, o.PlacedAs[:])
	if row.ColumnLen(4) > ClientOrderIDSize || row.ColumnLen(22) > ClientOrderIDSize || row.ColumnInt64(23) != int64(o.checksum(space)) {
		return Order{}, fmt.Errorf("%w: order %d", ErrDamaged, o.ID)
	}
	return o, nil
}
