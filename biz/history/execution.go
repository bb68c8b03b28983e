package history

import "bytes"

// ClientOrderIDSize is the largest client order id in bytes; shorter ones are
// padded with zero bytes.
const ClientOrderIDSize = 36

// The sides of an execution, as the ledger numbers them.
const (
	Buy  uint8 = 1
	Sell uint8 = 2
)

// Fill is an execution without its bust. Ids are customer<<32 | n, where n counts from 1
// per customer. Price and Cost are in 1/10000 of the currency, Quantity in shares, Time in
// Unix nanoseconds. It has no pointers, so that the garbage collector need not scan
// waiting rows.
type Fill struct {
	ID            uint64
	OrderID       uint64
	Event         uint64 // number of the event in the account
	Quantity      int64
	Price         int64
	Cost          int64 // cost that a sell removed from the position; 0 for a buy
	Time          int64
	Instrument    uint32
	ClientOrderID [ClientOrderIDSize]byte
	Side          uint8
}

// Execution is one row of the history: a fill, and its bust if there is one.
type Execution struct {
	Fill
	Busted     bool
	BustReason string
	BustTime   int64 // 0 unless Busted
}

// signed returns the quantity as stored: negative for a sell.
func (f *Fill) signed() int64 {
	if f.Side == Sell {
		return -f.Quantity
	}
	return f.Quantity
}

// trimmedID returns the client order id without its padding. It aliases f.
func (f *Fill) trimmedID() []byte {
	if n := bytes.IndexByte(f.ClientOrderID[:], 0); n >= 0 {
		return f.ClientOrderID[:n]
	}
	return f.ClientOrderID[:]
}
