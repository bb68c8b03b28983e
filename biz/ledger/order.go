package ledger

// Order is the command to trade at once at a given price.
type Order struct {
	ClientOrderID ClientOrderID
	Side          Side
	Instrument    InstrumentID
	Quantity      Quantity
	// Price is the price of the execution. The caller decides it.
	Price Price
	// Lot is the instrument's lot size; 0 and 1 allow any quantity.
	Lot Quantity
	// Time is the time of the execution, in nanoseconds since the Unix epoch.
	Time int64
}

// check refuses an order that is wrong for every account.
func (o *Order) check() error {
	switch {
	case o.Side != Buy && o.Side != Sell:
		return ErrBadSide
	case o.Quantity <= 0:
		return ErrBadQuantity
	case o.Price <= 0:
		return ErrBadPrice
	case o.Lot > 1 && o.Quantity%o.Lot != 0:
		return ErrBadLot
	}
	return nil
}

// Bust is the command to take an execution back.
type Bust struct {
	// Execution is the execution to bust, with all its fields: the account may no longer
	// have it in memory.
	Execution Execution
	// Reason is for people; see ValidReason.
	Reason string
	// Time is the time of the bust, in nanoseconds since the Unix epoch.
	Time int64
}

// Busted is what an account stores about a bust.
type Busted struct {
	// Number is the bust's event number.
	Number uint64
	Time   int64
	Reason string
}
