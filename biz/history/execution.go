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
// per customer. Price, Cost and Fee are in 1/10000 of the currency, Quantity in shares, Time
// and Settlement in Unix nanoseconds. It has no pointers, so that the garbage collector need
// not scan waiting rows.
type Fill struct {
	ID            uint64
	OrderID       uint64
	Event         uint64 // number of the event in the account
	Quantity      int64
	Price         int64
	Cost          int64 // cost that a sell removed from the position; 0 for a buy
	Time          int64
	Fee           int64
	Settlement    int64  // when its shares or proceeds can be used; 0: at once
	Corrects      uint32 // number of the execution that it replaces; 0: it corrects nothing
	Place         uint32 // number of the first in its chain of corrections; 0 as with Corrects
	Instrument    uint32
	ClientOrderID [ClientOrderIDSize]byte
	Side          uint8
	FeeInCost     bool // the fee is a part of the position's cost
	// Simple means that its order has no row as long as the execution is not busted: a market order
	// that this execution alone has filled. See Store.Orders.
	Simple bool
}

// Execution is one row of the history: a fill, and its bust if there is one. An execution
// that was corrected is busted, too.
type Execution struct {
	Fill
	Busted      bool
	BustReason  string
	BustTime    int64  // 0 unless Busted
	CorrectedBy uint64 // id of the execution that replaces it; 0: it was only busted
}

// trimmed returns a client order id without its padding. It aliases id.
func trimmed(id *[ClientOrderIDSize]byte) []byte { return bytes.TrimRight(id[:], "\x00") }
