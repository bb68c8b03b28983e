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
	PlacedQuantity   int64                   // the quantity before any replacement, bust or correction; 0: an earlier release wrote the order
	Side             uint8
	Type             uint8
	TimeInForce      uint8
	Status           uint8
	Cause            uint8
	Triggered        bool
	Held             bool
}

// setPlaced copies what stays as it was when the order was placed.
func (o *Order) setPlaced(first *Order) {
	o.FirstEvent, o.LastPlacingEvent = first.FirstEvent, first.LastPlacingEvent
	o.PlacedAs, o.PlacedQuantity = first.PlacedAs, first.PlacedQuantity
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
		PlacedQuantity:   row.ColumnInt64(24),
	}
	row.ColumnBytes(4, o.ClientOrderID[:])
	row.ColumnBytes(22, o.PlacedAs[:])
	if row.ColumnLen(4) > ClientOrderIDSize || row.ColumnLen(22) > ClientOrderIDSize || row.ColumnInt64(23) != int64(o.checksum(space)) {
		return Order{}, fmt.Errorf("%w: order %d", ErrDamaged, o.ID)
	}
	return o, nil
}
