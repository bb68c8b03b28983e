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

// Execution is one row of the history. Ids are customer<<32 | n with n counted
// per customer from 1; Price and Cost are in 1/10000 of the currency, Quantity
// in shares, times in Unix nanoseconds.
type Execution struct {
	ID            uint64
	OrderID       uint64
	Event         uint64 // the account's number of the event that made it
	ClientOrderID [ClientOrderIDSize]byte
	Side          uint8
	Instrument    uint32
	Quantity      int64
	Price         int64
	Cost          int64 // cost basis that a sell removed, 0 for a buy
	Time          int64

	Busted     bool
	BustReason string
	BustTime   int64 // 0 unless Busted
}

// Customer returns the customer whose execution this is.
func (e *Execution) Customer() uint32 { return uint32(e.ID >> 32) }

// fill is an execution without its bust: what a row holds. It has no pointers,
// so that the collector need not look through rows that wait.
type fill struct {
	id, orderID, event uint64
	signed             int64 // quantity, negative for a sell
	price, cost, time  int64
	instrument         uint32
	clientOrderID      [ClientOrderIDSize]byte
}

func newFill(e *Execution) fill {
	f := fill{
		id: e.ID, orderID: e.OrderID, event: e.Event,
		signed: e.Quantity, price: e.Price, cost: e.Cost, time: e.Time,
		instrument: e.Instrument, clientOrderID: e.ClientOrderID,
	}
	if e.Side == Sell {
		f.signed = -f.signed
	}
	return f
}

func (f *fill) execution() Execution {
	e := Execution{
		ID: f.id, OrderID: f.orderID, Event: f.event,
		ClientOrderID: f.clientOrderID, Side: Buy, Instrument: f.instrument,
		Quantity: f.signed, Price: f.price, Cost: f.cost, Time: f.time,
	}
	if f.signed < 0 {
		e.Side, e.Quantity = Sell, -f.signed
	}
	return e
}

// trimmedID is the client order id without its padding; it aliases f.
func (f *fill) trimmedID() []byte {
	if n := bytes.IndexByte(f.clientOrderID[:], 0); n >= 0 {
		return f.clientOrderID[:n]
	}
	return f.clientOrderID[:]
}
